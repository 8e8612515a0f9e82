#include "kvmem/nn/key_value_memory.hpp"

namespace kvmem {

KeyValueMemory::KeyValueMemory(Parameters& parameters, const std::string& name, Index width, Index hops) {
    for (Index j = 1; j <= hops; ++j) {
        Matrix identity(width, width);
        for (Index i = 0; i < width; ++i) identity(i, i) = 1;
        maps_.push_back(&parameters.add(name + ".R" + std::to_string(j), std::move(identity)));
    }
}

KeyValueMemory::Result KeyValueMemory::read(Var query, Var key, Var value, const Segments& segments) const {
    Result result{query, {}};
    for (const Parameter* map : maps_) {
        const Lookup lookup = attend(result.state, key, value, segments);
        result.hops.push_back({result.state, lookup});
        result.state = linear(add(result.state, lookup.read), query.tape->parameter(*map));
    }
    return result;
}

}  // namespace kvmem
