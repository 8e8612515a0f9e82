#include "kernels/vector.hpp"

#include "random.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using test::normal;

TEST_CASE("dot and axpy equal plain loops for every length", "[vector]") {
    for (Index n = 0; n < 70; ++n) {
        const Matrix a = normal(1, n, 1), b = normal(1, n, 2);
        double dot = 0;
        for (Index i = 0; i < n; ++i) dot += double{a(0, i)} * double{b(0, i)};
        CHECK(detail::dot(a.data(), b.data(), n) == Approx(dot).margin(1e-5));
        Matrix y = b;
        detail::axpy(2, a.data(), y.data(), n);
        for (Index i = 0; i < n; ++i) REQUIRE(y(0, i) == Approx(b(0, i) + 2 * a(0, i)).margin(1e-5));
    }
}
