// BLEU and chrF.
#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/sequences/metrics.hpp"
#include "kvmem/version.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

namespace kvmem {

using NgramCounts = std::map<std::string, Index>;

// The counts of runs of n symbols.
static NgramCounts ngrams_of(const Symbols& symbols, std::size_t n) {
    NgramCounts counts;
    for (std::size_t at = 0; at + n <= symbols.size(); ++at) {
        std::string ngram;
        for (std::size_t i = at; i < at + n; ++i) ngram += symbols[i] + ' ';
        ++counts[ngram];
    }
    return counts;
}

static Index shared(const NgramCounts& a, const NgramCounts& b) {
    Index sum = 0;
    for (const auto& [ngram, count] : a)
        if (const auto found = b.find(ngram); found != b.end()) sum += std::min(count, found->second);
    return sum;
}

// "1", or "var" when lines have different numbers of references.
static std::string reference_count(std::span<const std::string> outputs,
                                   std::span<const std::vector<std::string>> references) {
    require_shape(outputs.size() == references.size(), "bleu, chrf", "references for each output");
    for (const auto& texts : references) require_shape(!texts.empty(), "bleu, chrf", "a reference for each output");
    for (const auto& texts : references)
        if (texts.size() != references.front().size()) return "var";
    return references.empty() ? "1" : std::to_string(references.front().size());
}

std::span<const char* const> choices(BleuTokens) {
    static constexpr const char* names[] = {"none", "13a"};
    return names;
}

static std::string replaced(std::string text, std::string_view part, std::string_view other) {
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += other.size())
        text.replace(at, part.size(), other);
    return text;
}

static bool is_point(char c) { return c == '.' || c == ','; }
// Whether mteval-v13a makes a word of it.
static bool is_punctuation(char c) {
    return c > ' ' && static_cast<unsigned char>(c) < 127 && !is_digit(c) && !is_point(c) && c != '\'' && c != '-' &&
           !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z');
}

// Each rule goes through the text once, as a regular expression would, without overlaps.
template <class Fits>
static std::string spaced(const std::string& text, Fits fits, std::string_view before, std::string_view between,
                          std::string_view after) {
    std::string result;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (at + 1 < text.size() && fits(text[at], text[at + 1])) {
            result.append(before).append(1, text[at]).append(between).append(1, text[at + 1]).append(after);
            ++at;
        } else
            result += text[at];
    }
    return result;
}

std::vector<std::string> bleu_tokens(std::string_view text, BleuTokens tokens) {
    if (tokens == BleuTokens::none) return words_of(text);
    std::string line = replaced(std::string(text), "<skipped>", "");
    for (const auto& [entity, character] :
         {std::pair{"-\n", ""}, {"\n", " "}, {"&quot;", "\""}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}})
        line = replaced(line, entity, character);
    std::string apart = " ";
    for (const char c : line) apart += is_punctuation(c) ? std::string{' ', c, ' '} : std::string{c};
    apart += ' ';
    apart = spaced(
        apart, [](char a, char b) { return !is_digit(a) && is_point(b); }, "", " ", " ");
    apart = spaced(
        apart, [](char a, char b) { return is_point(a) && !is_digit(b); }, " ", " ", "");
    apart = spaced(
        apart, [](char a, char b) { return is_digit(a) && b == '-'; }, "", " ", " ");
    return words_of(apart);
}

namespace {

struct BleuCounts {
    std::array<Index, 4> right{}, all{};
    Index length = 0, reference_length = 0;

    void add(const Symbols& output, std::span<const Symbols> references) {
        length += std::ssize(output);
        const auto distance = [&](const Symbols& r) {
            return std::pair(std::abs(std::ssize(r) - std::ssize(output)), std::ssize(r));
        };
        reference_length += std::ssize(*std::ranges::min_element(references, {}, distance));
        for (std::size_t n = 1; n <= 4; ++n) {
            NgramCounts most;
            for (const Symbols& reference : references)
                for (const auto& [ngram, count] : ngrams_of(reference, n)) most[ngram] = std::max(most[ngram], count);
            right[n - 1] += shared(ngrams_of(output, n), most);
            all[n - 1] += std::max<Index>(0, std::ssize(output) - static_cast<Index>(n) + 1);
        }
    }
    Bleu bleu() const {
        Bleu result{.length = length, .reference_length = reference_length};
        if (length < reference_length)
            result.brevity_penalty =
                length == 0 ? 0 : std::exp(1 - static_cast<double>(reference_length) / static_cast<double>(length));
        if (std::ranges::all_of(right, [](Index count) { return count == 0; })) return result;
        double logs = 0, smoothing = 1;
        for (std::size_t n = 0; n < 4; ++n) {
            if (all[n] == 0) return result;  // texts of fewer than four words have no BLEU
            if (right[n] == 0) smoothing *= 2;
            const double count = right[n] == 0 ? 1 / smoothing : static_cast<double>(right[n]);
            result.precisions[n] = 100 * count / static_cast<double>(all[n]);
            logs += std::log(result.precisions[n]);
        }
        result.score = result.brevity_penalty * std::exp(logs / 4);
        return result;
    }
};

}  // namespace

Bleu bleu(std::span<const std::string> outputs, std::span<const std::vector<std::string>> references,
          BleuTokens tokens) {
    const std::string count = reference_count(outputs, references);
    BleuCounts counts;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        std::vector<Symbols> words;
        for (const std::string& text : references[i]) words.push_back(bleu_tokens(text, tokens));
        counts.add(bleu_tokens(outputs[i], tokens), words);
    }
    Bleu result = counts.bleu();
    result.signature = "nrefs:" + count +
                       "|case:mixed|eff:no|tok:" + choices(tokens)[static_cast<std::size_t>(tokens)] +
                       "|smooth:exp|version:kvmem-" KVMEM_VERSION;
    return result;
}

std::string Bleu::text() const {
    char text[160];
    const double ratio =
        reference_length == 0 ? 0 : static_cast<double>(length) / static_cast<double>(reference_length);
    std::snprintf(text, sizeof text, "%.2f %.1f/%.1f/%.1f/%.1f (BP = %.3f ratio = %.3f hyp_len = %lld ref_len = %lld)",
                  score, precisions[0], precisions[1], precisions[2], precisions[3], brevity_penalty, ratio,
                  static_cast<long long>(length), static_cast<long long>(reference_length));
    return text;
}

namespace {

struct ChrfCounts {
    static constexpr std::size_t order = 6;
    std::array<Index, order> ours{}, theirs{}, common{};

    ChrfCounts() = default;
    ChrfCounts(const Symbols& output, const Symbols& reference) {
        for (std::size_t n = 1; n <= order; ++n) {
            const auto count = [&](const Symbols& all) {
                return std::max<Index>(0, std::ssize(all) - static_cast<Index>(n) + 1);
            };
            theirs[n - 1] = count(reference);
            ours[n - 1] = theirs[n - 1] > 0 ? count(output) : 0;
            common[n - 1] = shared(ngrams_of(output, n), ngrams_of(reference, n));
        }
    }
    void add(const ChrfCounts& other) {
        for (std::size_t n = 0; n < order; ++n) {
            ours[n] += other.ours[n];
            theirs[n] += other.theirs[n];
            common[n] += other.common[n];
        }
    }
    double score() const {
        constexpr double factor = 4;  // beta^2
        double precision = 0, recall = 0, orders = 0;
        for (std::size_t n = 0; n < order; ++n) {
            if (ours[n] == 0 || theirs[n] == 0) continue;
            precision += static_cast<double>(common[n]) / static_cast<double>(ours[n]);
            recall += static_cast<double>(common[n]) / static_cast<double>(theirs[n]);
            ++orders;
        }
        if (precision + recall == 0) return 0;
        return 100 * (1 + factor) * precision * recall / (factor * precision + recall) / orders;
    }
};

}  // namespace

// Characters without blanks.
static Symbols letters_of(std::string_view text) {
    std::string joined;
    for (const std::string& word : words_of(text)) joined += word;
    return characters_of(joined);
}

Chrf chrf(std::span<const std::string> outputs, std::span<const std::vector<std::string>> references) {
    const std::string count = reference_count(outputs, references);
    ChrfCounts sum;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
        const Symbols output = letters_of(outputs[i]);
        ChrfCounts best;
        double best_score = -1;
        for (const std::string& reference : references[i]) {
            const ChrfCounts counts(output, letters_of(reference));
            if (const double score = counts.score(); score > best_score) {
                best_score = score;
                best = counts;
            }
        }
        sum.add(best);
    }
    return {sum.score(), "nrefs:" + count + "|case:mixed|eff:yes|nc:6|nw:0|space:no|version:kvmem-" KVMEM_VERSION};
}

}  // namespace kvmem
