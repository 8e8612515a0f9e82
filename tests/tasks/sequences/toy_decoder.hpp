// Models without parameters: the log probabilities of a next token are a function of the source and the tokens before.
#pragma once

#include "kvmem/core/parallel.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/tasks/sequences/generate.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace kvmem::test {

using Tokens = std::vector<Token>;

// The scores of all tokens behind `tokens`, for a source.
using NextScores = std::function<std::vector<double>(const Tokens& source, const Tokens& tokens)>;

inline constexpr Token begin = 1, end = 2;
inline constexpr double never = -std::numeric_limits<double>::infinity();

// Two heads: the first one reads the source token at the place of the next target token, the second one all alike.
class ToyModel : public SequenceModel {
  public:
    ToyModel(Index vocabulary, NextScores scores) : vocabulary_(vocabulary), scores_(std::move(scores)) {}

    // Random scores, whose generator is named by the seed, the source and the tokens before.
    static ToyModel random(Index vocabulary, std::uint64_t seed, double deviation = 2) {
        return {vocabulary, [=](const Tokens& source, const Tokens& tokens) {
                    std::uint64_t name = seed;
                    for (const Tokens& all : {source, tokens})
                        for (const Token token : all) name = Rng(name, {static_cast<std::uint64_t>(token)}).bits();
                    Rng rng(name);
                    std::vector<double> scores;
                    for (Index i = 0; i < vocabulary; ++i) scores.push_back(deviation * rng.normal());
                    return scores;
                }};
    }

    // What a step of this line gives.
    std::vector<Real> next(const Tokens& source, const Tokens& tokens) const {
        const std::vector<double> scores = scores_(source, tokens);
        double sum = 0;
        for (const double score : scores) sum += std::exp(score);
        std::vector<Real> log_probabilities;
        for (const double score : scores) log_probabilities.push_back(static_cast<Real>(score - std::log(sum)));
        return log_probabilities;
    }
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override {
        return std::make_unique<Rows>(*this, sources);
    }

    bool takes_sources = true;
    // Of all steps so far on one thread: the hypotheses, and the lines that had begun.
    struct Step {
        std::size_t rows;
        Index lines;
    };
    mutable std::vector<Step> steps{};

  private:
    struct Row {
        Tokens source, tokens;
        std::vector<Real> one, alike;  // weights
    };
    class Rows : public Decoding {
      public:
        Rows(const ToyModel& model, RaggedView<Token> sources) : model_(model) { add(sources); }
        bool takes_sources() const override { return model_.takes_sources; }
        void add(RaggedView<Token> sources) override {
            for (Index i = 0; i < sources.size(); ++i)
                rows_.push_back({Tokens(sources[i].begin(), sources[i].end()), {}, {}, {}});
        }
        Index vocabulary() const override { return model_.vocabulary_; }
        void step(std::span<const Token> tokens, View log_probabilities) override {
            if (tokens.size() != rows_.size()) throw Error({.what = "a token for each row"});
            if (thread_count() == 1) {
                const Index before = model_.steps.empty() ? 0 : model_.steps.back().lines;
                model_.steps.push_back({rows_.size(), before + std::ranges::count(tokens, test::begin)});
            }
            for (std::size_t i = 0; i < rows_.size(); ++i) {
                Row& row = rows_[i];
                if (tokens[i] != test::begin) row.tokens.push_back(tokens[i]);
                const std::vector<Real> next = model_.next(row.source, row.tokens);
                std::copy(next.begin(), next.end(), log_probabilities.row(static_cast<Index>(i)));
                row.one.assign(row.source.size(), 0);
                if (row.tokens.size() < row.one.size()) row.one[row.tokens.size()] = 1;
                row.alike.assign(row.source.size(), Real{1} / static_cast<Real>(row.source.size()));
            }
        }
        void reorder(std::span<const Index> rows) override {
            std::vector<Row> next;
            for (const Index row : rows) next.push_back(rows_.at(static_cast<std::size_t>(row)));
            rows_ = std::move(next);
        }
        Index heads() const override { return 2; }
        std::span<const Real> weights(Index row, Index head) const override {
            return head == 0 ? rows_[static_cast<std::size_t>(row)].one : rows_[static_cast<std::size_t>(row)].alike;
        }

      private:
        const ToyModel& model_;
        std::vector<Row> rows_;
    };

    Index vocabulary_;
    NextScores scores_;
};

inline Ragged<Token> rows_of(const std::vector<Tokens>& rows) {
    Ragged<Token> all;
    for (const Tokens& row : rows) all.push_row(row);
    return all;
}

// Sources of 0 to `max` tokens from 3 on.
inline Ragged<Token> random_sources(Index count, Index max, std::uint64_t seed) {
    Rng rng(seed);
    Ragged<Token> sources;
    for (Index i = 0; i < count; ++i) {
        for (Index left = rng.below(max + 1); left > 0; --left)
            sources.values.push_back(static_cast<Token>(3 + rng.below(5)));
        sources.end_row();
    }
    return sources;
}

}  // namespace kvmem::test
