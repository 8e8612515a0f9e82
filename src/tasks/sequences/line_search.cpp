#include "tasks/sequences/line_search.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/kernels/softmax.hpp"
#include "kvmem/kernels/top_k.hpp"
#include "kvmem/text/units.hpp"
#include "tasks/sequences/restrictions.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace kvmem {

static constexpr Real impossible = -std::numeric_limits<Real>::infinity();

// Names a stream of random numbers by a line's content.
static std::uint64_t stream_of(std::span<const Token> source, std::span<const Token> prefix) {
    std::uint64_t name = source.size();
    for (const auto& tokens : {source, prefix})
        for (const Token token : tokens) name = Rng(name, {static_cast<std::uint64_t>(token)}).bits();
    return name;
}

LineSearch::LineSearch(const GenerateOptions& options, bool weights, std::span<const Token> source,
                       std::span<const Token> prefix)
    : options_(options),
      weights_wanted_(weights || options.coverage_penalty != 0),
      prefix_(prefix),
      slots_(std::ssize(source)),
      stream_(stream_of(source, prefix)),
      nodes_{{-1, begin_token, 0, 0}},
      growing_{{}},
      tokens_{begin_token} {}

void LineSearch::record_weights(const Decoding& decoding, Index first) {
    row_weights_.assign(growing_.size(), weights_.size());
    if (!weights_wanted_) return;
    heads_ = decoding.heads();
    require_option(heads_ > 0 || options_.coverage_penalty == 0, "coverage_penalty", "0 for a model without attention");
    for (std::size_t i = 0; i < growing_.size(); ++i) {
        row_weights_[i] = weights_.size();
        for (Index head = 0; head < heads_; ++head) {
            const auto read = decoding.weights(first + static_cast<Index>(i), head);
            require_shape(std::ssize(read) == slots_, "Decoding::weights", "a weight for each token of the source");
            weights_.insert(weights_.end(), read.begin(), read.end());
        }
    }
}

void LineSearch::advance(const Decoding& decoding, const StepScores& scores, Index first, std::vector<Index>& rows) {
    StepScores own{scores.rows.middle_rows(first, std::ssize(growing_)), scores.are_log_probabilities};
    const bool in_prefix = steps_ < std::ssize(prefix_);
    if (!own.are_log_probabilities && (in_prefix || !may_end() || forbids_repetitions())) {
        log_softmax(own.rows);
        own.are_log_probabilities = true;
    }
    record_weights(decoding, first);
    next_.clear();
    if (in_prefix)
        force(own.rows);
    else if (options_.sample)
        draw(own);
    else
        extend(own);
    ++steps_;
    std::swap(growing_, next_);
    if (is_over()) growing_.clear();
    tokens_.clear();
    for (const Hypothesis& hypothesis : growing_) {
        tokens_.push_back(nodes_[hypothesis.node].token);
        rows.push_back(first + hypothesis.row);
    }
}

// Appends the token to the hypothesis, or ends it.
void LineSearch::grow(const Candidate& candidate) {
    Hypothesis child = growing_[candidate.row];
    child.log_probability += candidate.log_probability;
    child.search = candidate.search;
    child.sample = candidate.sample;
    child.row = static_cast<Index>(candidate.row);
    if (candidate.token == end_token) {
        child.score = score_of(child, steps_ + 1);
        ended_.push_back(child);
        return;
    }
    const Index parent = std::exchange(child.node, std::ssize(nodes_));
    nodes_.push_back({parent, candidate.token, candidate.log_probability, row_weights_[candidate.row]});
    next_.push_back(child);
}

void LineSearch::cut(std::size_t row, std::uint64_t sample) {
    Hypothesis& hypothesis = cut_.emplace_back(growing_[row]);
    hypothesis.sample = sample;
    hypothesis.score = score_of(hypothesis, std::max<Index>(steps_, 1));
}

void LineSearch::cut() {
    for (std::size_t row = 0; row < growing_.size(); ++row) cut(row, growing_[row].sample);
    growing_.clear();
    tokens_.clear();
}

static double number_or_impossible(Real log_probability) {
    return double{std::isnan(log_probability) ? impossible : log_probability};
}

void LineSearch::force(ConstView log_probabilities) {
    const Token token = prefix_[steps_];
    const double given = number_or_impossible(log_probabilities(0, token));
    grow({0, token, growing_[0].search + given, given});
}

// Throws Error unless a token is possible: the options alone may forbid all.
static void require_possible(std::span<const Real> log_probabilities) {
    for (Token token = 0; token < std::ssize(log_probabilities); ++token)
        if (token != begin_token && log_probabilities[token] > impossible) return;
    throw Error({.what = "a model gives no token a probability",
                 .expected = "log probabilities",
                 .got = "-inf or NaN alone",
                 .where = "generate",
                 .hint = "are its parameters numbers?"});
}

// The log probabilities of what may follow a hypothesis, with the penalties for repetitions.
std::span<const Real> LineSearch::allowed(std::span<const Real> log_probabilities, std::size_t row) {
    if (may_end() && !forbids_repetitions()) return log_probabilities;
    allowed_.assign(log_probabilities.begin(), log_probabilities.end());
    if (!may_end()) allowed_[end_token] = impossible;
    if (!forbids_repetitions()) return allowed_;
    const std::vector<Token> tokens = tokens_of(growing_[row].node);
    if (options_.repetition_penalty != 1) penalize_repeated(tokens, options_.repetition_penalty, allowed_);
    if (options_.no_repeat > 0) forbid_repeated(tokens, options_.no_repeat, allowed_);
    return allowed_;
}

// The most probable k tokens that may follow a hypothesis, best first.
std::vector<LineSearch::Candidate> LineSearch::best_of(const StepScores& scores, std::size_t row, Index k) {
    const std::span<Real> own = scores.row(row);
    const bool normalized = scores.are_log_probabilities;
    // begin_token may be one more.
    const std::vector<Scored> scored = normalized ? top_k(allowed(own, row), k + 1) : top_k_log_softmax(own, k + 1);
    std::vector<Candidate> best;
    best.reserve(scored.size());
    for (const Scored& s : scored) {
        if (s.index == begin_token || s.score == impossible || std::ssize(best) == k) continue;
        const double given = normalized ? number_or_impossible(own[s.index]) : double{s.score};
        best.push_back(
            {row, static_cast<Token>(s.index), growing_[row].search + double{s.score}, given, 0, double{s.score}});
    }
    if (!best.empty()) return best;
    if (!normalized) log_softmax({own.data(), 1, std::ssize(own)});
    require_possible(own);
    return best;
}

void LineSearch::extend(const StepScores& scores) {
    std::vector<Candidate> candidates;
    std::vector<bool> goes_on(growing_.size());
    for (std::size_t row = 0; row < growing_.size(); ++row) {
        const std::vector<Candidate> best = best_of(scores, row, options_.beam + 1);
        candidates.insert(candidates.end(), best.begin(), best.end());
        goes_on[row] = !best.empty() && !is_full();
    }
    std::ranges::stable_sort(candidates, std::greater(), &Candidate::search);
    for (Index rank = 0; const Candidate& candidate : candidates) {
        const bool ends = candidate.token == end_token;
        if (ends ? rank < options_.beam : !is_full() && std::ssize(next_) < options_.beam) {
            grow(candidate);
            goes_on[candidate.row] = true;
        }
        ++rank;
    }
    for (std::size_t row = 0; row < growing_.size(); ++row)
        if (!goes_on[row]) cut(row, 0);
}

// A token drawn from the best ones, or null for none.
const LineSearch::Candidate* LineSearch::drawn(std::span<const Candidate> best, std::uint64_t sample) const {
    if (best.empty()) return nullptr;
    std::vector<double> sums;  // of weights relative to the first, running
    for (const Candidate& candidate : best) {
        const double weight = std::exp((candidate.penalized - best[0].penalized) / options_.temperature);
        sums.push_back((sums.empty() ? 0 : sums.back()) + (sums.empty() ? 1 : weight));
    }
    const double wanted = options_.top_p * sums.back();
    const auto last = std::ranges::find_if(sums, [&](double sum) { return sum >= wanted; });
    const double at = *last * Rng(options_.seed, {stream_, sample, static_cast<std::uint64_t>(steps_)}).uniform();
    return &best[static_cast<std::size_t>(std::ranges::upper_bound(sums, at) - sums.begin())];
}

void LineSearch::draw(const StepScores& scores) {
    const bool begins = steps_ == std::ssize(prefix_);  // with one hypothesis, from which all samples grow
    const Index count = begins ? options_.n_best : std::ssize(growing_);
    const Index k = options_.temperature == 0 ? 1 : options_.top_k == 0 ? scores.rows.cols : options_.top_k;
    for (Index i = 0; i < count; ++i) {
        const std::size_t row = begins ? 0 : static_cast<std::size_t>(i);
        const std::uint64_t sample = begins ? static_cast<std::uint64_t>(i) : growing_[row].sample;
        const std::vector<Candidate> best = best_of(scores, row, k);
        const Candidate* token = drawn(best, sample);
        if (!token || (is_full() && token->token != end_token))
            cut(row, sample);
        else
            grow({row, token->token, 0, token->log_probability, sample});
    }
}

double LineSearch::score_of(const Hypothesis& hypothesis, Index length) const {
    if (options_.sample) return hypothesis.log_probability;
    const double score = hypothesis.search / std::pow(static_cast<double>(length), options_.length_penalty);
    return options_.coverage_penalty == 0 ? score : score + options_.coverage_penalty * coverage_of(hypothesis.node);
}

// The sum over source tokens of log min(1, what they were given).
double LineSearch::coverage_of(Index node) const {
    constexpr double smallest = 1e-9;  // so that a token that was never read counts much, and not infinitely
    std::vector<double> given(static_cast<std::size_t>(slots_));
    for (; nodes_[node].parent >= 0; node = nodes_[node].parent)
        for (Index head = 0; head < heads_; ++head)
            for (Index slot = 0; slot < slots_; ++slot)
                given[slot] += double{weights_[nodes_[node].weights + static_cast<std::size_t>(head * slots_ + slot)]};
    double sum = 0;
    for (const double weight : given) sum += std::log(std::clamp(weight / static_cast<double>(heads_), smallest, 1.0));
    return sum;
}

bool LineSearch::is_over() const {
    if (options_.sample || growing_.empty() || std::ssize(ended_) < options_.n_best) return growing_.empty();
    std::vector<double> scores;
    for (const Hypothesis& hypothesis : ended_) scores.push_back(hypothesis.score);
    const auto worst = scores.begin() + (options_.n_best - 1);
    std::ranges::nth_element(scores, worst, std::greater());
    const Index longest = std::ssize(prefix_) + options_.max_length + 1;
    const Index best_length = options_.length_penalty > 0 ? longest : steps_ + 1;
    const bool waited = static_cast<double>(ended_.size()) >= static_cast<double>(options_.beam) * options_.patience;
    return std::ranges::all_of(growing_, [&](const Hypothesis& hypothesis) {
        const double bound =  // of what it can become
            hypothesis.search / std::pow(static_cast<double>(best_length), options_.length_penalty);
        return bound <= *worst || (waited && score_of(hypothesis, steps_) <= *worst);
    });
}

// The nodes behind the first, in order.
std::vector<Index> LineSearch::path_of(Index node) const {
    std::vector<Index> path;
    for (; nodes_[node].parent >= 0; node = nodes_[node].parent) path.push_back(node);
    std::ranges::reverse(path);
    return path;
}

std::vector<Token> LineSearch::tokens_of(Index node) const {
    std::vector<Token> tokens;
    for (const Index at : path_of(node)) tokens.push_back(nodes_[at].token);
    return tokens;
}

Generated LineSearch::result_of(const Hypothesis& hypothesis, bool ended, bool weights) const {
    Generated result{.tokens = tokens_of(hypothesis.node),
                     .ended = ended,
                     .log_probability = hypothesis.log_probability,
                     .score = hypothesis.score};
    if (!weights) return result;
    result.heads = heads_;
    for (const Index node : path_of(hypothesis.node))
        for (Index head = 0; head < heads_; ++head)
            result.weights.push_row(std::span(weights_).subspan(
                nodes_[node].weights + static_cast<std::size_t>(head * slots_), static_cast<std::size_t>(slots_)));
    return result;
}

std::vector<Generated> LineSearch::results(bool weights) const {
    std::vector<std::pair<const Hypothesis*, bool>> all;  // and whether it has ended
    for (const Hypothesis& hypothesis : ended_) all.emplace_back(&hypothesis, true);
    for (const Hypothesis& hypothesis : cut_) all.emplace_back(&hypothesis, false);
    std::ranges::stable_sort(all, [&](const auto& a, const auto& b) {
        if (options_.sample) return a.first->sample < b.first->sample;
        return a.second != b.second ? a.second : a.first->score > b.first->score;
    });
    all.resize(std::min(all.size(), static_cast<std::size_t>(options_.n_best)));
    std::vector<Generated> results;
    results.reserve(all.size());
    for (const auto& [hypothesis, ended] : all) results.push_back(result_of(*hypothesis, ended, weights));
    return results;
}

}  // namespace kvmem
