// A const parameter on a tape is not written to: only the operation that records a matrix may fill it.
// expected: (assignment of read-only|cannot assign)
#include "kvmem/autograd/tape.hpp"

kvmem::Real first(kvmem::Tape& tape, const kvmem::Parameter& parameter) {
    const kvmem::Var x = tape.parameter(parameter);
#ifdef KVMEM_FAULT
    x.value()(0, 0) = 1;
#endif
    return x.value()(0, 0);
}
