// Packed copies of parameters, for tapes that do not train.
#pragma once

#include "kvmem/autograd/parameter.hpp"
#include "kvmem/kernels/packed_weights.hpp"

#include <memory>
#include <shared_mutex>
#include <unordered_map>

namespace kvmem {

// Each parameter is packed by the first product that reads it. Several threads and tapes may share an object. The
// parameters must outlive it, and must not change.
class PackedParameters {
  public:
    // Packs nothing yet.
    explicit PackedParameters(WeightForm form) : form_(form) {}

    // The form of all weights, and the packed copy of one. The reference is valid for the life of the object.
    WeightForm form() const { return form_; }
    const PackedWeights& of(const Parameter& parameter) const;

  private:
    WeightForm form_;
    mutable std::shared_mutex mutex_;
    mutable std::unordered_map<const Parameter*, std::unique_ptr<const PackedWeights>> all_;
};

}  // namespace kvmem
