#include "kvmem/kernels/paths.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

namespace kvmem {

// A number as wide as Real: a place as a Real would be rounded above 2^24.
using Place = std::conditional_t<sizeof(Real) == sizeof(std::int32_t), std::int32_t, std::int64_t>;

PathFinder::PathFinder(const Facts* facts, const FactSource* source, Index entities, Index relations,
                       std::span<Real> zeros)
    : facts_(facts), source_(source), entities_(entities), relations_(relations), place_(zeros) {
    require_shape(std::ssize(zeros) == entities, "PathFinder", "zeros for each entity");
}

PathFinder::PathFinder(const Facts& facts, std::span<Real> zeros)
    : PathFinder(&facts, nullptr, facts.entities(), facts.relations(), zeros) {}

PathFinder::PathFinder(const FactSource& source, std::span<Real> zeros)
    : PathFinder(nullptr, &source, source.entities(), source.relations(), zeros) {}

std::vector<Reached> PathFinder::follow(std::span<const Reached> before, std::span<const Token> starts,
                                        std::span<const Real> relations, const PathOptions& options) {
    const auto stay = static_cast<Token>(relations_);
    Real strongest = 0;
    for (const Reached& r : before) strongest = std::max(strongest, r.weight);
    const Real threshold = options.min_share * strongest * *std::ranges::max_element(relations);
    const Facts fetched = source_ ? source_->fetch(before, relations, threshold) : Facts();
    const Facts& facts = source_ ? fetched : *facts_;
    std::vector<Reached> after;
    const auto reach = [&](const Reached& by) {
        if (by.weight <= threshold) return;
        Real& place = place_[by.entity];
        const auto at = std::bit_cast<Place>(place);
        if (at == 0) {
            after.push_back(by);
            place = std::bit_cast<Real>(static_cast<Place>(after.size()));
        } else if (Reached& best = after[at - 1]; by.weight > best.weight) {
            best = by;
        }
    };
    for (Index from = 0; from < std::ssize(before); ++from) {
        const Reached& r = before[from];
        reach({r.entity, stay, from, r.weight * relations[stay]});
        const auto [first, last] = facts.keys_of(r.entity);
        for (Index key = first; key < last; ++key) {
            const Facts::Row row = facts.row(key);
            const Real weight = r.weight * relations[row.relation];
            if (weight <= threshold) continue;
            for (const Token object : row.objects) {
                const bool returns = std::ranges::find(starts, object) != starts.end();
                reach({object, row.relation, from, returns ? weight * options.gate : weight});
            }
        }
    }
    for (const Reached& r : after) place_[r.entity] = 0;
    return after;
}

std::vector<std::vector<Reached>> PathFinder::find(std::span<const Token> starts,
                                                   std::span<const std::span<const Real>> relations,
                                                   const PathOptions& options) {
    const auto is_entity = [&](Token t) { return t >= 0 && t < entities_; };
    require_shape(std::ranges::all_of(starts, is_entity), "PathFinder", "starts that are entities of the memory");
    const auto fits = [&](std::span<const Real> r) { return std::ssize(r) == relations_ + 1; };
    require_shape(std::ranges::all_of(relations, fits), "PathFinder", "relations [R + 1] for each hop");
    std::vector<std::vector<Reached>> hops(1);
    for (const Token start : starts) hops[0].push_back({start, -1, -1, Real{1} / static_cast<Real>(starts.size())});
    for (const std::span<const Real> followed : relations)
        hops.push_back(follow(hops.back(), starts, followed, options));
    return hops;
}

}  // namespace kvmem
