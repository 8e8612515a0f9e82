#include "kvmem/nn/layers.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

Linear::Linear(Parameters& parameters, const std::string& name, Index in, Index out, std::uint64_t seed)
    : weight_(&parameters.add_normal(name + ".weight", out, in,
                                     1 / std::sqrt(static_cast<double>(std::max<Index>(in, 1))), seed)),
      bias_(&parameters.add(name + ".bias", Matrix(1, out))) {}

LayerNorm::LayerNorm(Parameters& parameters, const std::string& name, Index width)
    : gain_(&parameters.add(name + ".gain", Matrix(1, width))),
      bias_(&parameters.add(name + ".bias", Matrix(1, width))) {
    gain_->value.fill(1);
}

}  // namespace kvmem
