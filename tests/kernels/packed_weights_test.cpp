#include "kvmem/kernels/packed_weights.hpp"

#include "kvmem/core/bfloat16.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/gemm.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

using namespace kvmem;
using namespace kvmem::test;

namespace {

Matrix product_of(ConstView x, const PackedWeights& weights) {
    Arena scratch;
    Matrix y(x.rows, weights.out());
    y.fill(std::numeric_limits<Real>::quiet_NaN());  // need not be initialised
    weights.multiply(x, false, y, scratch);
    return y;
}
Matrix product_of(ConstView x, ConstView weight, WeightForm form) { return product_of(x, PackedWeights(weight, form)); }

Matrix exact_product(ConstView x, ConstView weight) {
    Matrix y(x.rows, weight.rows);
    gemm(1, x, Transpose::no, weight, Transpose::yes, 0, y);
    return y;
}

// Row i of x as int8 numbers, and its scale.
std::vector<int> codes_of(ConstView x, Index i, float& scale) {
    float largest = 0;
    for (Index k = 0; k < x.cols; ++k) largest = std::max(largest, std::abs(x(i, k)));
    scale = largest / 127;
    const float inverse = scale < 1e-37f ? 0 : 1 / scale;
    if (inverse == 0) scale = 0;
    std::vector<int> codes;
    for (Index k = 0; k < x.cols; ++k) codes.push_back(static_cast<int>(std::round(x(i, k) * inverse)));
    return codes;
}

// The product of int8 numbers, one after the other.
Matrix naive_int8_product(ConstView x, ConstView weight) {
    Matrix y(x.rows, weight.rows);
    for (Index i = 0; i < x.rows; ++i)
        for (Index o = 0; o < weight.rows; ++o) {
            float of_row, of_output;
            const std::vector<int> a = codes_of(x, i, of_row), b = codes_of(weight, o, of_output);
            int sum = 0;
            for (std::size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
            y(i, o) = static_cast<float>(sum) * (of_output * of_row);
        }
    return y;
}

struct Shape {
    Index rows, in, out;
};
const Shape shapes[] = {{1, 1, 1},     {1, 64, 64},  {2, 3, 65},   {3, 7, 5},     {4, 33, 63},
                        {5, 300, 200}, {6, 16, 130}, {7, 31, 128}, {13, 257, 70}, {0, 5, 3},
                        {25, 128, 1},  {2, 5, 0},    {3, 0, 4},    {1, 512, 300}, {40, 40, 40}};

}  // namespace

TEST_CASE("packed weights of floats have the bits of a matrix product", "[packed_weights]") {
    for (const auto& [rows, in, out] : shapes) {
        CAPTURE(rows, in, out);
        const Matrix x = normal(rows, in, 1), weight = normal(out, in, 2);
        CHECK(same_bits(product_of(x, weight, WeightForm::f32), exact_product(x, weight)));
        Matrix sum = normal(rows, out, 3), expected = sum;
        gemm(1, x, Transpose::no, weight, Transpose::yes, 1, expected);
        Arena scratch;
        PackedWeights(weight, WeightForm::f32).multiply(x, true, sum, scratch);
        CHECK(same_bits(sum, expected));
    }
}

TEST_CASE("packed weights of bfloat16 are products with rounded weights", "[packed_weights]") {
    for (const auto& [rows, in, out] : shapes) {
        CAPTURE(rows, in, out);
        const Matrix x = normal(rows, in, 1), weight = normal(out, in, 2);
        Matrix rounded = weight;
        for (Real& w : rounded.view().span()) w = static_cast<float>(Bfloat16(w));
        CHECK(distance(product_of(x, weight, WeightForm::bf16), exact_product(x, rounded)) < 2e-4);
    }
}

TEST_CASE("packed weights of int8 equal their naive twin to the bit, whatever the instruction set",
          "[packed_weights]") {
    for (const auto& [rows, in, out] : shapes) {
        CAPTURE(rows, in, out);
        const Matrix x = normal(rows, in, 1), weight = normal(out, in, 2);
        CHECK(same_bits(product_of(x, weight, WeightForm::int8), naive_int8_product(x, weight)));
    }
}

TEST_CASE("products with int8 weights are near to the exact ones, and added to what is there", "[packed_weights]") {
    const Matrix x = normal(9, 256, 1), weight = normal(130, 256, 2);
    // Each number of both sides is off by at most half a step of some 3.5 / 127.
    const double error = 4 * 16 * (3.5 / 127) * 0.5;
    CHECK(distance(product_of(x, weight, WeightForm::int8), exact_product(x, weight)) < error);
    for (const WeightForm form : {WeightForm::bf16, WeightForm::int8}) {
        Matrix sum = normal(9, 130, 3), expected = sum;
        const Matrix product = product_of(x, weight, form);
        for (Index i = 0; i < sum.view().size(); ++i) expected.data()[i] += product.data()[i];
        Arena scratch;
        PackedWeights(weight, form).multiply(x, true, sum, scratch);
        CHECK(distance(sum, expected) < 1e-5);
    }
}

TEST_CASE("a product with packed weights has the same bits in any batch and on any threads", "[packed_weights]") {
    const Matrix x = normal(23, 384, 1), weight = normal(1000, 384, 2);
    for (const WeightForm form : {WeightForm::f32, WeightForm::bf16, WeightForm::int8}) {
        const PackedWeights packed(weight, form);
        const Matrix all = product_of(x, packed);
        for (Index i = 0; i < x.rows(); ++i)
            CHECK(same_bits(product_of(x.view().middle_rows(i, 1), packed), all.view().middle_rows(i, 1)));
        const ThreadLimit one(1);
        CHECK(same_bits(product_of(x, packed), all));
    }
}

TEST_CASE("int8 rows that are zero, tiny, huge or not finite harm no other row", "[packed_weights]") {
    Matrix x = normal(6, 40, 1);
    const Matrix weight = normal(70, 40, 2), usual = product_of(x, weight, WeightForm::int8);
    for (Index k = 0; k < 40; ++k) x(0, k) = 0, x(1, k) *= 1e-39f, x(2, k) *= 1e36f;
    x(3, 7) = std::numeric_limits<float>::quiet_NaN();
    x(4, 39) = -std::numeric_limits<float>::infinity();
    const Matrix y = product_of(x, weight, WeightForm::int8);
    for (Index o = 0; o < 70; ++o) {
        CHECK(y(0, o) == 0);
        CHECK(std::abs(y(1, o)) < 1e-30f);
        CHECK(std::isfinite(y(2, o)));
        CHECK(std::isnan(y(3, o)));
        CHECK(std::isnan(y(4, o)));
    }
    CHECK(same_bits(y.view().middle_rows(5, 1), usual.view().middle_rows(5, 1)));
}

TEST_CASE("packed weights refuse other shapes", "[packed_weights]") {
    const PackedWeights packed(normal(3, 4, 1), WeightForm::int8);
    Arena scratch;
    Matrix y(2, 3);
    CHECK_THROWS_AS(packed.multiply(normal(2, 5, 2), false, y, scratch), Error);
    CHECK_THROWS_AS(packed.multiply(normal(1, 4, 2), false, y, scratch), Error);
    CHECK(packed.bytes() == 256);
}
