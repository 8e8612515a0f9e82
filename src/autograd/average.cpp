#include "kvmem/autograd/average.hpp"

#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <utility>

namespace kvmem {

ParameterAverage::ParameterAverage(Parameters& parameters, double decay) : decay_(decay) {
    require_option(decay >= 0 && decay < 1, "average", "a decay from 0 to below 1");
    for (Parameter& p : parameters) entries_.push_back({&p, p.value});
}

void ParameterAverage::add(Index step) {
    const auto earlier = static_cast<double>(std::max<Index>(step - 1, 0));
    const auto weight = static_cast<Real>(1 - std::min(decay_, earlier / (earlier + 9)));
    for (Entry& entry : entries_) {
        if (!entry.parameter->trainable) continue;
        const Real* const value = entry.parameter->value.data();
        Real* const mean = entry.mean.data();
        parallel_for(entry.mean.size(), 16384, [&](Index first, Index last) {
            detail::move_toward(weight, value + first, mean + first, last - first);
        });
    }
}

void ParameterAverage::swap() {
    for (Entry& entry : entries_)
        if (entry.parameter->trainable) std::swap(entry.parameter->value, entry.mean);
}

std::vector<Optimizer::State> ParameterAverage::state() {
    std::vector<Optimizer::State> all;
    for (Entry& entry : entries_) all.push_back({"average/" + entry.parameter->name, &entry.mean});
    return all;
}

}  // namespace kvmem
