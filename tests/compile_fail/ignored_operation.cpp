// An operation changes none of its inputs, so that a call without a use of its result is a mistake.
// expected: ignoring return value
#include "kvmem/autograd/ops.hpp"

kvmem::Var twice(kvmem::Var x) {
#ifdef KVMEM_FAULT
    x + x;
    kvmem::tanh(x);
#endif
    return x + x;
}
