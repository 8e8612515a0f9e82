#include "kvmem/kernels/gated_scan.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <vector>

using namespace kvmem;
using test::normal;

static Matrix gates(Index rows, Index cols, std::uint64_t seed) {
    Matrix z = normal(rows, cols, seed);
    for (Real& x : z.view().span()) x = 1 / (1 + std::exp(-3 * x));
    return z;
}

TEST_CASE("a gated scan equals the naive twin", "[gated-scan]") {
    const std::vector<Index> offsets{0, 0, 1, 4, 4, 37, 40, 40};
    for (const Index d : {0, 1, 3, 8, 17, 64, 100})
        for (const Direction direction : {Direction::forwards, Direction::backwards}) {
            const Matrix z = gates(40, d, 1), c = normal(40, d, 2);
            Matrix h(40, d), expected(40, d);
            h.fill(std::numeric_limits<Real>::quiet_NaN());
            gated_scan(z, c, offsets, direction, h);
            naive::gated_scan(z, c, offsets, direction, expected);
            CAPTURE(d, static_cast<int>(direction));
            CHECK(test::distance(h, expected) < 1e-6);
        }
}

TEST_CASE("open gates take what is new, closed ones keep what was", "[gated-scan]") {
    const std::vector<Index> offsets{0, 1000};
    Matrix z(1000, 2), c = normal(1000, 2, 1), h(1000, 2);
    for (Index t = 0; t < 1000; ++t) z(t, 0) = 1;
    z(0, 1) = 1;
    gated_scan(z, c, offsets, Direction::forwards, h);
    for (Index t = 0; t < 1000; ++t) {
        CHECK(h(t, 0) == Approx(c(t, 0)));
        CHECK(h(t, 1) == c(0, 1));
    }
    gated_scan(z, c, offsets, Direction::backwards, h);
    CHECK(h(500, 1) == 0);
    CHECK(h(0, 1) == c(0, 1));
}

TEST_CASE("shapes and offsets that do not fit a gated scan are refused", "[gated-scan]") {
    const Matrix z(4, 3), c(4, 3);
    Matrix h(4, 3), scratch(1, 3);
    const std::vector<Index> all{0, 4};
    for (const std::vector<Index>& offsets :
         {std::vector<Index>{}, {0}, {1, 4}, {0, 3}, {0, 5}, {0, 3, 2, 4}, {0, -1, 4}})
        CHECK_THROWS_AS(gated_scan(z, c, offsets, Direction::forwards, h), Error);
    CHECK_THROWS_AS(gated_scan(z, Matrix(4, 2), all, Direction::forwards, h), Error);
    CHECK_THROWS_AS(gated_scan(z, c, all, Direction::forwards, Matrix(3, 3)), Error);
    CHECK_THROWS_AS(gated_scan_backward(z, c, h, all, Direction::forwards, Matrix(4, 2), {}, {}, scratch.view().span()),
                    Error);
    CHECK_THROWS_AS(gated_scan_backward(z, c, h, all, Direction::forwards, h, {}, {}, {}), Error);
    CHECK_NOTHROW(gated_scan({}, {}, std::vector<Index>{0, 0}, Direction::forwards, {}));
}
