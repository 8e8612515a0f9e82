// Gradients against numeric ones, for the tests that are built in double.
#pragma once

#include "kvmem/autograd/gradcheck.hpp"

#include <catch2/catch.hpp>

namespace kvmem::test {

// Narrow rows that are normalised bend much, which takes a smaller step.
inline void check_gradients(Parameters& parameters, const std::function<Var(Tape&)>& function, double step = 1e-5) {
    const GradcheckResult result = gradcheck(function, parameters, step);
    INFO(result.where);
    CHECK(result.error < 1e-8);
}

}  // namespace kvmem::test
