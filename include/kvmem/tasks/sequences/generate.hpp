// Generation by any SequenceModel: greedy search, beam search, sampling and forced scoring.
//
// A line is a source with its prefix. Its result has the same bits whatever lines stand before and beside it, and with
// any batch and number of threads.
#pragma once

#include "kvmem/tasks/sequences/decoder.hpp"
#include "kvmem/train/settings.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace kvmem {

// Beam search keeps the `beam` most probable hypotheses of each length. Those that end among them are set aside. The
// search is over when none that still grows can become one of the n_best, or when beam * patience have ended (Kasai et
// al. 2022) and none that grows has a better score yet. A beam of 1 is greedy search.
//
// The score of an ended hypothesis is
//     log_probability / length^length_penalty + coverage_penalty * sum_i log min(1, coverage_i)
// with its tokens and end_token as the length, and coverage_i the sum over steps of what source token i was given, by
// the mean of the heads (Wu et al. 2016, equation 14).
struct GenerateOptions {
    // The width of beam search, and the results of a line: the best of the beam, or that many samples.
    Index beam = 1;
    Index n_best = 1;
    // What the score and the end of beam search depend on.
    double length_penalty = 1;
    double coverage_penalty = 0;
    double patience = 1;
    // Of targets: tokens at least and at most; the n of n-grams that do not occur twice, if not 0; a factor of the log
    // probability of tokens that were there before.
    Index min_length = 0;
    Index max_length = 256;
    Index no_repeat = 0;
    double repetition_penalty = 1;
    // Of sampling: whether to; 0 is the temperature of the most probable token, and top_k 0 is all tokens.
    bool sample = false;
    double temperature = 1;
    Index top_k = 0;
    double top_p = 1;
    std::uint64_t seed = 1;
    // Lines at once. No result depends on it.
    Index batch = 64;

    void check() const;  // Throws UsageError for values that do not fit together.

    // Lists the fields (train/settings.hpp).
    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("beam", c.beam, Range{1, 1000}, "hypotheses that beam search keeps; 1: greedy search");
        field("n_best", c.n_best, Range{1, 1000}, "results of a line: the best of the beam, or that many samples");
        field("length_penalty", c.length_penalty, Range{-10, 10},
              "a in score = log probability / length^a, of beam search");
        field("coverage_penalty", c.coverage_penalty, Range{0, 100}, "for source tokens that were read too little");
        field("patience", c.patience, Range{1e-3, 1e3}, "beam search waits for beam * patience ended hypotheses");
        field("min_length", c.min_length, Range{0, 1e9}, "tokens at least");
        field("max_length", c.max_length, Range{0, 1e9}, "tokens at most, where a hypothesis is cut");
        field("no_repeat", c.no_repeat, Range{0, 1000}, "no sequence of this many tokens occurs twice; 0: it may");
        field("repetition_penalty", c.repetition_penalty, Range{1e-3, 1e3},
              "factor of the log probability of tokens that were there before");
        field("sample", c.sample, "draw tokens by their probabilities");
        field("temperature", c.temperature, Range{0, 1e3}, "of sampling; 0: the most probable token");
        field("top_k", c.top_k, Range{0, 1e9}, "sample among this many most probable tokens; 0: all");
        field("top_p", c.top_p, Range{.min = 0, .max = 1, .min_is_open = true},
              "sample among the most probable tokens that have this probability together");
        field("seed", c.seed, "of sampling");
        field("batch", c.batch, Range{1, 1e6}, "lines at once; no result depends on it");
    }
};

// A result of generate().
struct Generated {
    std::vector<Token> tokens{};  // with the prefix, without begin_token and end_token
    bool ended = false;           // whether end_token came; otherwise max_length or the options cut the hypothesis
    double log_probability = 0;   // of the tokens and the end by the model, whatever the options change
    double score = 0;             // which orders the results of beam search; of a sample, log_probability
    Ragged<Real> weights{};       // row t * heads + h: what head h read for token t. Empty unless wanted.
    Index heads = 0;              // of the weights
};

// A token as soon as it is chosen. The prefix is left out.
struct NewToken {
    Index line;              // its number
    Token token;             // never end_token
    double log_probability;  // by the model
};

// What a call of generate() takes and tells beside its options.
struct GenerateExtras {
    RaggedView<Token> prefixes{};  // of each line, tokens that its target begins with; or no rows at all
    bool weights = false;          // whether to return attention weights
    // Called for each token of greedy search or of one sample, line by line on its own, never at once on two threads.
    // The line is cut when it returns false. Other searches throw UsageError, as their tokens may still change.
    std::function<bool(const NewToken&)> token{};
    // Called with the number of lines that are done, never at once on two threads.
    std::function<void(Index)> progress{};
};

// The results of each line: of a search the best first, those that ended before those that were cut; of sampling in the
// order of their numbers. A line has at most n_best, and at
// least one. min_length and max_length count tokens behind the prefix; length, repetitions and n-grams count it, too.
// A sample is drawn by numbers named by the seed, the line's source and prefix, and the sample's number. Groups of
// lines run on all threads. Log probabilities that are NaN count as -inf. Throws UsageError for options out of their
// range, and Error for prefixes that are no tokens or when a step gives no token a probability.
std::vector<std::vector<Generated>> generate(const SequenceModel& model, RaggedView<Token> sources,
                                             const GenerateOptions& options = {}, const GenerateExtras& extras = {});

// For each line, the log probabilities of the tokens of its target and of its end: a row of target length + 1. `batch`
// lines run at once. Throws Error unless each source has a target of the model's tokens.
Ragged<double> score(const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> targets,
                     Index batch = 64);

}  // namespace kvmem
