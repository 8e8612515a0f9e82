#include "kvmem/nn/key_value_memory.hpp"

#include "kvmem/core/error.hpp"

namespace kvmem {

KeyValueMemory::KeyValueMemory(Parameters& parameters, const std::string& name, Index width,
                               const KeyValueMemoryOptions& options)
    : width_(width),
      hops_(options.hops),
      lookup_(options.lookup),
      slopes_(options.lookup.slopes.begin(), options.lookup.slopes.end()) {
    lookup_.slopes = {};  // the caller's array; lookup() sets our copy
    require_shape(width >= 0 && hops_ >= 0, "KeyValueMemory", "a width and a number of hops that are not negative");
    require_shape(lookup_.heads >= 1 && width % lookup_.heads == 0, "KeyValueMemory", "heads that divide the width");
    const auto add_map = [&](const std::string& map) {
        Matrix identity(width, width);
        for (Index i = 0; i < width; ++i) identity(i, i) = 1;
        maps_.push_back(&parameters.add(name + map, std::move(identity)));
    };
    if (options.map == HopMap::shared) add_map(".R");
    if (options.map == HopMap::separate)
        for (Index j = 1; j <= hops_; ++j) add_map(".R" + std::to_string(j));
}

AttendOptions KeyValueMemory::lookup() const {
    AttendOptions options = lookup_;
    options.slopes = slopes_;
    return options;
}

KeyValueMemory::Result KeyValueMemory::read(Var query, Var key, Var value, const Segments& segments) const {
    const auto hops = static_cast<std::size_t>(hops_);
    return read(query, std::vector<Var>(hops, key), std::vector<Var>(hops, value), segments);
}

KeyValueMemory::Result KeyValueMemory::read(Var query, std::span<const Var> keys, std::span<const Var> values,
                                            const Segments& segments) const {
    const auto hops = static_cast<std::size_t>(hops_);
    require_shape(keys.size() == hops && values.size() == hops, "KeyValueMemory", "keys and values for each hop");
    require_shape(query.cols() == width_, "KeyValueMemory", "a query [B, width]");
    const AttendOptions how = lookup();
    Result result{query, {}};
    for (std::size_t j = 0; j < hops; ++j) {
        const Lookup lookup = attend(result.state, keys[j], values[j], segments, how);
        result.hops.push_back({result.state, lookup});
        result.state = result.state + lookup.read;
        if (!maps_.empty())
            result.state = linear(result.state, query.tape->parameter(*maps_[maps_.size() == 1 ? 0 : j]));
    }
    return result;
}

}  // namespace kvmem
