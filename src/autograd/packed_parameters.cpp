#include "kvmem/autograd/packed_parameters.hpp"

#include <mutex>

namespace kvmem {

const PackedWeights& PackedParameters::of(const Parameter& parameter) const {
    {
        const std::shared_lock lock(mutex_);
        if (const auto at = all_.find(&parameter); at != all_.end()) return *at->second;
    }
    const std::unique_lock lock(mutex_);
    std::unique_ptr<const PackedWeights>& packed = all_[&parameter];
    if (!packed) packed = std::make_unique<const PackedWeights>(parameter.value, form_);
    return *packed;
}

}  // namespace kvmem
