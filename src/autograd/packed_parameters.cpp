#include "kvmem/autograd/packed_parameters.hpp"

#include <mutex>

namespace kvmem {

const PackedWeights& PackedParameters::of(const Parameter& parameter) const {
    {
        const std::shared_lock lock(mutex_);
        if (const auto at = all_.find(&parameter); at != all_.end()) return *at->second;
    }
    // Packed before the lock: the work may run on several threads, and one that waits may take up another's.
    auto packed = std::make_unique<const PackedWeights>(parameter.value, form_);
    const std::unique_lock lock(mutex_);
    return *all_.try_emplace(&parameter, std::move(packed)).first->second;
}

}  // namespace kvmem
