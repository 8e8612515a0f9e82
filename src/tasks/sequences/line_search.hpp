// The search for one line's results. generate() steps many lines together.
#pragma once

#include "kvmem/tasks/sequences/generate.hpp"
#include "tasks/sequences/group_decoding.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace kvmem {

class LineSearch {
  public:
    // `options` and the spans must outlive the object.
    LineSearch(const GenerateOptions& options, bool weights, std::span<const Token> source,
               std::span<const Token> prefix);

    // The tokens that the growing hypotheses ended with last. Empty when the search is over.
    std::span<const Token> tokens() const { return tokens_; }
    double log_probability() const { return nodes_[growing_.front().node].log_probability; }  // of tokens()[0] alone
    bool in_prefix() const { return steps_ <= std::ssize(prefix_); }  // whether tokens() are forced

    // Chooses what follows the hypotheses, which are rows [first, first + tokens().size()) of the decoding. The rows of
    // the scores may be changed. Appends to `rows` the old row of each hypothesis that grows on.
    void advance(const Decoding& decoding, const StepScores& scores, Index first, std::vector<Index>& rows);
    // Ends the search with the hypotheses as they are.
    void cut();
    std::vector<Generated> results(bool weights) const;

  private:
    struct Node {  // a token behind a path of others
        Index parent;
        Token token;
        double log_probability;
        std::size_t weights;  // offset into weights_
    };
    struct Hypothesis {
        Index node = 0;
        double log_probability = 0;
        double search = 0;         // log_probability with the repetition penalty
        std::uint64_t sample = 0;  // its number
        double score = 0;          // once it has ended or is cut
        Index row = 0;             // of its parent among the growing ones
    };
    struct Candidate {
        std::size_t row;
        Token token;
        double search;
        double log_probability;  // of the token by the model
        std::uint64_t sample = 0;
        double penalized = 0;  // log_probability with the repetition penalty
    };

    bool is_full() const { return steps_ - std::ssize(prefix_) == options_.max_length; }
    bool may_end() const { return steps_ - std::ssize(prefix_) >= options_.min_length; }
    bool forbids_repetitions() const { return options_.no_repeat > 0 || options_.repetition_penalty != 1; }
    void force(ConstView log_probabilities);
    void extend(const StepScores& scores);
    void draw(const StepScores& scores);
    std::span<const Real> allowed(std::span<const Real> log_probabilities, std::size_t row);
    std::vector<Candidate> best_of(const StepScores& scores, std::size_t row, Index k);
    const Candidate* drawn(std::span<const Candidate> best, std::uint64_t sample) const;
    void grow(const Candidate& candidate);
    void cut(std::size_t row, std::uint64_t sample);
    void record_weights(const Decoding& decoding, Index first);
    bool is_over() const;
    double score_of(const Hypothesis& hypothesis, Index length) const;
    double coverage_of(Index node) const;
    std::vector<Index> path_of(Index node) const;
    std::vector<Token> tokens_of(Index node) const;
    Generated result_of(const Hypothesis& hypothesis, bool ended, bool weights) const;

    const GenerateOptions& options_;
    bool weights_wanted_;
    std::span<const Token> prefix_;
    Index slots_, heads_ = 0;
    std::uint64_t stream_;  // names the line's random numbers
    Index steps_ = 0;       // the length of the growing hypotheses
    std::vector<Node> nodes_;
    std::vector<Real> weights_;
    std::vector<std::size_t> row_weights_;  // of the last step, for each growing hypothesis
    std::vector<Hypothesis> growing_, next_, ended_, cut_;
    std::vector<Token> tokens_;
    std::vector<Real> allowed_;
};

}  // namespace kvmem
