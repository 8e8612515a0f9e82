// Facts by entity and relation, for paths of relations.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kvmem {

class FactIndex {
  public:
    // Indexes slots with keys (entity, relation) and values of one entity each.
    explicit FactIndex(const Slots& memory);

    // Every (entity, relation) with values, in the order of the slots, so that no hash decides an order.
    const std::vector<std::pair<Token, Token>>& keys() const { return keys_; }

    // The values of a key in the order of the slots; none for an unknown key.
    std::span<const Token> values(Token entity, Token relation) const;

    // The entities at the end of a path of relations, rising. A path never returns to its start: films that share a
    // director with X exclude X. Gives none if a step reaches more than `max_entities`.
    std::vector<Token> follow(Token entity, std::span<const Token> path, Index max_entities) const;

  private:
    std::vector<std::pair<Token, Token>> keys_;
    std::unordered_map<std::uint64_t, std::vector<Token>> values_;
};

}  // namespace kvmem
