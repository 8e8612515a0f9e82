// A tape views the value of a parameter, so that a temporary would dangle.
// expected: deleted
#include "kvmem/autograd/tape.hpp"

kvmem::Var on(kvmem::Tape& tape, const kvmem::Parameter& parameter) {
#ifdef KVMEM_FAULT
    return tape.parameter(kvmem::Parameter("x", kvmem::Matrix(2, 3)));
#endif
    return tape.parameter(parameter);
}
