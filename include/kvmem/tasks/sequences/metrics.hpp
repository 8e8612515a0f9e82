// How good outputs are: exact matches, symbol errors, BLEU, chrF and perplexity.
#pragma once

#include "kvmem/core/ragged.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// What errors are counted in: words between blanks, or characters.
using Symbols = std::vector<std::string>;

// The symbols of a text. They throw Error for text that is not UTF-8.
Symbols words_of(std::string_view text);
Symbols characters_of(std::string_view text);

// An output beside the nearest of its references, the one with the fewest edits, of several the first.
struct Match {
    Index edits = 0;      // symbols to insert, delete or replace (Levenshtein 1966); 0: the output is right
    Index length = 0;     // symbols of that reference
    Index reference = 0;  // its number
};
// Throws Error without references.
Match match(const Symbols& output, std::span<const Symbols> references);

// Matches together.
struct MatchReport {
    // Lines and those without edits; edits, and symbols of the nearest references.
    Index lines = 0, right = 0, edits = 0, symbols = 0;

    void add(const Match& match);  // one line more
    double exact() const;          // the share of right lines; 1 less the word error rate of pronunciations
    double symbol_error() const;   // edits for each symbol of the nearest references
};

// The matches of lines whose sources have from `min` to `max` symbols.
struct LengthBucket {
    // The symbols of their sources, and their matches.
    Index min, max;
    MatchReport report;
};
// Up to ten buckets of equal width, without empty ones. lengths[i] is the length of the source of match i.
std::vector<LengthBucket> by_length(std::span<const Match> matches, std::span<const Index> lengths);
// The numbers of up to `count` wrong lines: those with the most edits for each symbol of their reference first.
std::vector<Index> worst(std::span<const Match> matches, Index count);

// exp of the mean of -log probability of all values; 1 without values.
double perplexity(std::span<const double> log_probabilities);

// How BLEU cuts texts into words: at blanks, or also at punctuation as mteval-v13a does.
enum class BleuTokens { none, v13a };
// "none", "13a"
std::span<const char* const> choices(BleuTokens);
// The words of a text as BLEU counts them.
std::vector<std::string> bleu_tokens(std::string_view text, BleuTokens tokens);

// BLEU of a corpus (Papineni et al. 2002) as sacreBLEU 2 computes it (Post 2018): up to four words, exponential
// smoothing, and of several references the closest length.
struct Bleu {
    double score = 0;            // 0 to 100
    double precisions[4]{};      // of one to four words, in percent
    double brevity_penalty = 1;  // exp(1 - reference_length / length), at most 1
    Index length = 0;            // words of the outputs
    Index reference_length = 0;  // of the closest references
    std::string signature{};     // "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:kvmem-0.1.0"

    std::string text() const;  // "48.53 82.4/50.0/45.5/37.5 (BP = 0.943 ratio = 0.944 hyp_len = 17 ref_len = 18)"
};
// references[i] are those of outputs[i], one at least. Throws Error when the numbers differ.
Bleu bleu(std::span<const std::string> outputs, std::span<const std::vector<std::string>> references,
          BleuTokens tokens = BleuTokens::v13a);

// chrF2 of a corpus (Popovic 2015) as sacreBLEU 2 computes it: up to six characters without blanks, recall twice as
// important as precision, and of several references the one with the best score.
struct Chrf {
    double score = 0;         // 0 to 100
    std::string signature{};  // "nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:kvmem-0.1.0"
};
// references[i] are those of outputs[i], one at least. Throws Error when the numbers differ.
Chrf chrf(std::span<const std::string> outputs, std::span<const std::vector<std::string>> references);

}  // namespace kvmem
