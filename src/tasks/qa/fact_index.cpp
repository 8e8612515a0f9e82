#include "tasks/qa/fact_index.hpp"

#include <algorithm>

namespace kvmem {

static std::uint64_t id_of(Token entity, Token relation) {
    return static_cast<std::uint64_t>(entity) << 32 | static_cast<std::uint32_t>(relation);
}

FactIndex::FactIndex(const Slots& memory) {
    for (Index slot = 0; slot < memory.size(); ++slot) {
        const Token entity = memory.key[slot][0], relation = memory.key[slot][1];
        std::vector<Token>& values = values_[id_of(entity, relation)];
        if (values.empty()) keys_.emplace_back(entity, relation);
        values.push_back(memory.value[slot][0]);
    }
}

std::span<const Token> FactIndex::values(Token entity, Token relation) const {
    const auto found = values_.find(id_of(entity, relation));
    if (found == values_.end()) return {};
    return found->second;
}

std::vector<Token> FactIndex::follow(Token start, std::span<const Token> path, Index max_entities) const {
    std::vector<Token> reached{start};
    for (const Token relation : path) {
        std::vector<Token> next;
        for (const Token entity : reached) {
            const std::span<const Token> found = values(entity, relation);
            if (std::ssize(found) > max_entities + 1) return {};  // one may be the start
            next.insert(next.end(), found.begin(), found.end());
        }
        std::erase(next, start);
        std::sort(next.begin(), next.end());
        next.erase(std::unique(next.begin(), next.end()), next.end());
        if (std::ssize(next) > max_entities) return {};
        reached = std::move(next);
    }
    return reached;
}

}  // namespace kvmem
