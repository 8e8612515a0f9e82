// Facts by entity and relation, to follow paths of relations.
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
    // Of slots whose keys are (entity, relation) and whose values are single entities.
    explicit FactIndex(const Slots& memory);

    // Every (entity, relation) that has values, in the order of the slots, which no hash decides.
    const std::vector<std::pair<Token, Token>>& keys() const { return keys_; }

    // In the order of the slots; none for a key that is not there.
    std::span<const Token> values(Token entity, Token relation) const;

    // The entities that a path of relations leads to, rising. It never comes back to the entity that it starts from:
    // films that share a director with X do not include X. None when a step reaches more than `most` entities.
    std::vector<Token> follow(Token entity, std::span<const Token> path, Index most) const;

  private:
    std::vector<std::pair<Token, Token>> keys_;
    std::unordered_map<std::uint64_t, std::vector<Token>> values_;
};

}  // namespace kvmem
