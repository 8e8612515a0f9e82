#include "kvmem/autograd/average.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace kvmem;
using test::normal;

TEST_CASE("a running mean follows its formula, and early ones forget the first values", "[average]") {
    for (const double decay : {0.0, 0.5, 0.999}) {
        Parameters p;
        Parameter& w = p.add("w", normal(3, 5, 1));
        ParameterAverage average(p, decay);
        Matrix mean(3, 5);
        for (Index t = 1; t <= 30; ++t) {
            w.value = normal(3, 5, static_cast<std::uint64_t>(t));
            average.add(t);
            const double d = std::min(decay, static_cast<double>(t - 1) / static_cast<double>(t + 8));
            for (Index i = 0; i < mean.size(); ++i) mean.data()[i] = d * mean.data()[i] + (1 - d) * w.value.data()[i];
        }
        const Matrix value = w.value;
        average.swap();
        CHECK(test::distance(w.value, mean) < 1e-12);
        average.swap();
        CHECK(test::same_bits(w.value, value));
        REQUIRE(average.state().size() == 1);
        CHECK(average.state()[0].name == "average/w");
        CHECK(test::distance(*average.state()[0].matrix, mean) < 1e-12);
    }
    Parameters none;
    ParameterAverage(none, 0.5).swap();
    CHECK_THROWS_AS(ParameterAverage(none, 1), Error);
    CHECK_THROWS_AS(ParameterAverage(none, -0.1), Error);
}

TEST_CASE("a mean leaves out what is not trainable, and rows that are frozen keep their bits", "[average]") {
    Parameters p;
    Parameter &fixed = p.add("fixed", normal(2, 3, 1)), &rows = p.add("rows", normal(2, 3, 2));
    fixed.trainable = false;
    const Matrix fixed_before = fixed.value, rows_before = rows.value;
    ParameterAverage average(p, 0.9);
    for (Index t = 1; t <= 5; ++t) {
        rows.value(0, 0) += 1;
        average.add(t);
    }
    average.swap();
    CHECK(test::same_bits(fixed.value, fixed_before));
    CHECK(std::equal(rows.value.row(1), rows.value.row(1) + 3, rows_before.row(1)));
    CHECK(rows.value(0, 0) > rows_before(0, 0) + 1);
}

TEST_CASE("a mean has the same bits on any number of threads", "[average]") {
    const auto mean_of = [](int threads) {
        const ThreadLimit limit(threads);
        Parameters p;
        Parameter& w = p.add("w", normal(300, 301, 1));
        ParameterAverage average(p, 0.9);
        for (Index t = 1; t <= 3; ++t) {
            w.value = normal(300, 301, static_cast<std::uint64_t>(t));
            average.add(t);
        }
        return *average.state()[0].matrix;
    };
    CHECK(test::same_bits(mean_of(1), mean_of(4)));
}
