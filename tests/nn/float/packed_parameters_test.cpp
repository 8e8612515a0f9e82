#include "kvmem/autograd/packed_parameters.hpp"

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace kvmem;
using namespace kvmem::test;

namespace {
Matrix layer(const Parameter& weight, const Parameter& bias, ConstView x, const PackedParameters* packed,
             bool training = false) {
    Tape tape;
    tape.set_training(training);
    tape.use(packed);
    const Var y = linear(tape.constant(x), tape.parameter(weight), tape.parameter(bias));
    Matrix copy(y.rows(), y.cols());
    std::ranges::copy(y.value().span(), copy.data());
    return copy;
}
}  // namespace

TEST_CASE("a tape that uses packed floats computes the same bits", "[packed_parameters]") {
    const Parameter weight("w", normal(70, 33, 1)), bias("b", normal(1, 70, 2));
    const Matrix x = normal(5, 33, 3);
    const PackedParameters packed(WeightForm::f32), coarse(WeightForm::int8);
    const Matrix expected = layer(weight, bias, x, nullptr);
    CHECK(same_bits(layer(weight, bias, x, &packed), expected));
    CHECK_FALSE(same_bits(layer(weight, bias, x, &coarse), expected));
    CHECK(distance(layer(weight, bias, x, &coarse), expected) < 0.5);
}

TEST_CASE("a tape that trains computes with the parameters themselves", "[packed_parameters]") {
    const Parameter weight("w", normal(70, 33, 1)), bias("b", normal(1, 70, 2));
    const Matrix x = normal(5, 33, 3);
    const PackedParameters coarse(WeightForm::int8);
    CHECK(same_bits(layer(weight, bias, x, &coarse, true), layer(weight, bias, x, nullptr)));
}

TEST_CASE("a parameter is packed once, whichever thread is first", "[packed_parameters]") {
    const Parameter weight("w", normal(200, 100, 1));
    const PackedParameters packed(WeightForm::bf16);
    std::vector<const PackedWeights*> seen(64);
    parallel_for(64, 1, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) seen[static_cast<std::size_t>(i)] = &packed.of(weight);
    });
    for (const PackedWeights* p : seen) CHECK(p == seen[0]);
}
