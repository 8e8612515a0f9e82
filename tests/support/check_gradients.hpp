// Gradients against numeric ones, for the tests that are built in double.
#pragma once

#include "kvmem/autograd/gradcheck.hpp"

#include <catch2/catch.hpp>

namespace kvmem::test {

inline void check_gradients(Parameters& parameters, const std::function<Var(Tape&)>& function) {
    const GradcheckResult result = gradcheck(function, parameters);
    INFO(result.where);
    CHECK(result.error < 1e-8);
}

}  // namespace kvmem::test
