// What backward passes do most. Not installed.
#pragma once

#include "kvmem/core/matrix.hpp"

namespace kvmem {

// into += factor * values, of one size
inline void accumulate(View into, Real factor, ConstView values) {
    for (Index i = 0; i < into.size(); ++i) into.data[i] += factor * values.data[i];
}

}  // namespace kvmem
