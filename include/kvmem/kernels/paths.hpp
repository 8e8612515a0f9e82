// The strongest path through a memory of facts to each entity: by which facts a state (kernels/facts.hpp) came about.
#pragma once

#include "kvmem/kernels/facts.hpp"

#include <vector>

namespace kvmem {

class Arena;

// An entity that is reached after some hops by its path of most weight: the product of the weights of the relations
// followed and of the start's. Of equal paths the first one found.
struct Reached {
    Token entity;
    Token relation;  // followed last; R: stayed; -1: begins here
    Index from;      // what it was reached from, a place in the list of the hop before; -1: begins here
    Real weight;
};

struct PathOptions {
    Real gate = 1;                // of starts that are returned to, as in FactHop
    Real least = Real(1) / 1000;  // weights below this share of the largest that the hop could give are left
};

// Finds paths for one question after the other. One thread at a time.
class PathFinder {
  public:
    // The facts must outlive it, and the arena not be reset meanwhile.
    PathFinder(const Facts& facts, Arena& arena);

    // Element h is what is reached after h hops, the starts first, which share a weight of 1; hop h follows the
    // relations[h] [R + 1], as FactHop's. Touches only facts under keys that are followed. Throws Error when a start is
    // no entity of the memory or the relations do not fit.
    std::vector<std::vector<Reached>> find(std::span<const Token> starts,
                                           std::span<const std::span<const Real>> relations,
                                           const PathOptions& options = {});

  private:
    std::vector<Reached> follow(std::span<const Reached> before, std::span<const Token> starts,
                                std::span<const Real> relations, const PathOptions& options);

    const Facts& facts_;
    std::span<std::int32_t> place_;  // of each entity in the list under way, or -1
};

}  // namespace kvmem
