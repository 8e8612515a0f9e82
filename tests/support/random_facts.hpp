// Memories of random facts, and random hops through them.
#pragma once

#include "kvmem/core/rng.hpp"
#include "kvmem/kernels/facts.hpp"

#include <vector>

namespace kvmem::test {

inline Facts random_facts(Index entities, Index relations, Index count, std::uint64_t seed) {
    Rng rng(seed);
    std::vector<Fact> facts;
    const auto draw = [&](Index below) { return static_cast<Token>(rng.below(below)); };
    for (Index i = 0; i < count; ++i) facts.push_back({draw(entities), draw(relations), draw(entities)});
    return Facts(std::move(facts), entities, relations);
}

// Rows of up to `most` different entities.
inline Ragged<Token> random_entities(Index questions, Index entities, Index most, std::uint64_t seed) {
    Rng rng(seed);
    Ragged<Token> rows;
    for (Index b = 0; b < questions; ++b) {
        std::vector<Token> row;
        for (Index i = rng.below(most + 1); i > 0; --i) row.push_back(static_cast<Token>(rng.below(entities)));
        std::ranges::sort(row);
        row.erase(std::unique(row.begin(), row.end()), row.end());
        rows.push_row(row);
    }
    return rows;
}

// Positive numbers below 1.
inline Matrix random_weights(Index rows, Index cols, std::uint64_t seed) {
    Matrix m(rows, cols);
    Rng rng(seed);
    for (Real& x : m.view().span()) x = static_cast<Real>(0.05 + 0.9 * rng.uniform());
    return m;
}

}  // namespace kvmem::test
