// The strongest path through a memory of facts to each entity, which explains a state (kernels/facts.hpp).
#pragma once

#include "kvmem/kernels/facts.hpp"

#include <vector>

namespace kvmem {

// An entity that is reached after some hops by its strongest path. The weight of a path is the product of its start's
// weight and of the weights of its relations. Of equal paths the first one found counts.
struct Reached {
    // The entity reached.
    Token entity;
    Token relation;  // followed last; R: stayed; -1: begins here
    Index from;      // its predecessor's place in the list of the hop before; -1: begins here
    // The weight of the path.
    Real weight;
};

// Which paths are followed.
struct PathOptions {
    Real gate = 1;                    // the factor of paths that return to a start, as in FactHop
    Real min_share = Real(1) / 1000;  // paths below this share of the largest possible weight of the hop are dropped
};

// Facts that lie elsewhere, such as in shards, and are fetched hop by hop.
class FactSource {
  public:
    virtual ~FactSource() = default;
    // The numbers of entities and of relations.
    [[nodiscard]] virtual Index entities() const = 0;
    [[nodiscard]] virtual Index relations() const = 0;
    // The facts that a hop reads: at least those of each entity, with its weight, whose relation's weight times the
    // entity's is above the threshold. `relations` [R + 1] are the weights of the hop.
    [[nodiscard]] virtual Facts fetch(std::span<const Reached> from, std::span<const Real> relations,
                                      Real threshold) const = 0;
};

// Finds paths for one question after the other. A finder serves one thread at a time.
class PathFinder {
  public:
    // The facts must outlive the finder. `zeros` [entities] is scratch that holds zeros before and after each question,
    // so that one costs what it touches and not what the memory holds; an exception may leave others.
    PathFinder(const Facts& facts, std::span<Real> zeros);
    // The same for facts that are fetched; the paths are those through all facts.
    PathFinder(const FactSource& source, std::span<Real> zeros);

    // Element h lists what is reached after h hops; element 0 lists the starts, which share a weight of 1. Hop h
    // follows relations[h] [R + 1] as FactHop does. Only the facts under followed keys are touched. Throws Error when a
    // start is no entity of the memory or the relations do not fit.
    [[nodiscard]] std::vector<std::vector<Reached>> find(std::span<const Token> starts,
                                                         std::span<const std::span<const Real>> relations,
                                                         const PathOptions& options = {});

  private:
    PathFinder(const Facts* facts, const FactSource* source, Index entities, Index relations, std::span<Real> zeros);
    std::vector<Reached> follow(std::span<const Reached> before, std::span<const Token> starts,
                                std::span<const Real> relations, const PathOptions& options);

    const Facts* facts_;        // or null
    const FactSource* source_;  // or null
    Index entities_, relations_;
    std::span<Real> place_;  // the bits of each entity's place in the list under way, from 1; 0: none
};

}  // namespace kvmem
