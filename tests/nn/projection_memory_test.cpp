#include "kvmem/nn/projection_memory.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/nn/hopfield.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace kvmem;
using test::distance;
using test::normal;
using test::same_bits;

static Matrix signs(Index rows, Index cols, std::uint64_t seed) {
    Matrix m = normal(rows, cols, seed);
    for (Real& x : m.view().span()) x = x < 0 ? Real{-1} : Real{1};
    return m;
}

// With every n-th number turned over.
static Matrix damaged(const Matrix& patterns, Index n) {
    Matrix states = patterns;
    for (Index i = 0; i < states.size(); i += n) states.data()[i] *= -1;
    return states;
}

TEST_CASE("every stored pattern is a fixed point of the projection, however alike the patterns are", "[projection]") {
    Matrix patterns = normal(12, 40, 1);
    for (Index i = 1; i < 6; ++i)  // nearly the same as the first
        for (Index j = 0; j < 40; ++j) patterns(i, j) = patterns(0, j) + Real(0.01) * patterns(i, j);
    const ProjectionMemory memory(patterns);
    CHECK(memory.rank() == 12);
    CHECK(distance(memory.project(patterns), patterns) < 1e-6);
    const Matrix once = memory.project(normal(5, 40, 2));
    CHECK(distance(memory.project(once), once) < 1e-6);
}

TEST_CASE("what the projection leaves out is orthogonal to all patterns", "[projection]") {
    const Matrix patterns = normal(7, 30, 1), states = normal(4, 30, 2);
    const Matrix projected = ProjectionMemory(patterns).project(states);
    for (Index i = 0; i < 4; ++i)
        for (Index n = 0; n < 7; ++n) {
            double product = 0;
            for (Index j = 0; j < 30; ++j)
                product += (double{states(i, j)} - double{projected(i, j)}) * double{patterns(n, j)};
            CHECK(std::abs(product) < 1e-6);
        }
}

TEST_CASE("patterns that depend on others add nothing", "[projection]") {
    Matrix patterns(5, 6);
    const Matrix two = normal(2, 6, 1);
    for (Index j = 0; j < 6; ++j) {
        patterns(0, j) = two(0, j);
        patterns(1, j) = -2 * two(0, j);
        patterns(3, j) = two(1, j);
        patterns(4, j) = two(0, j) + two(1, j);  // and row 2 is zero
    }
    const ProjectionMemory memory(patterns);
    CHECK(memory.rank() == 2);
    CHECK(distance(memory.project(patterns), patterns) < 1e-6);
    CHECK(ProjectionMemory(Matrix(0, 3)).rank() == 0);
    CHECK(distance(ProjectionMemory(Matrix(0, 3)).project(normal(2, 3, 1)), Matrix(2, 3)) == 0);
    CHECK(ProjectionMemory(normal(9, 4, 1)).rank() == 4);  // all of the space
}

TEST_CASE("a projection memory and a modern Hopfield network recall the same patterns", "[projection]") {
    const Matrix patterns = signs(10, 100, 1), states = damaged(patterns, 10);
    const auto recalled = ProjectionMemory(patterns).recall(states);
    CHECK(same_bits(recalled.state, patterns));
    for (const Index steps : recalled.steps) CHECK(steps >= 2);
    Hopfield modern;
    modern.store(patterns);
    CHECK(distance(modern.recall(states).state, recalled.state) < 1e-3);
    const auto stored = ProjectionMemory(patterns).recall(patterns, 1);
    CHECK(same_bits(stored.state, patterns));
    CHECK(stored.steps == std::vector<Index>(10, 1));
    CHECK(ProjectionMemory(patterns).recall(states, 1).steps == std::vector<Index>(10, 0));
}

TEST_CASE("a projection memory has the same bits on any number of threads", "[projection]") {
    const Matrix patterns = normal(60, 300, 1), states = normal(200, 300, 2);
    const Matrix one = ProjectionMemory(patterns).project(states);
    for (const int threads : {1, 2, 8}) {
        const ThreadLimit limit(threads);
        CHECK(same_bits(ProjectionMemory(patterns).project(states), one));
    }
}

TEST_CASE("a projection memory refuses what it cannot store or recall", "[projection]") {
    CHECK_THROWS_AS(ProjectionMemory(Matrix(3, 0)), Error);
    Matrix broken = normal(2, 3, 1);
    broken(1, 2) = std::numeric_limits<Real>::quiet_NaN();
    CHECK_THROWS_AS(ProjectionMemory(broken), Error);
    const ProjectionMemory memory(normal(2, 3, 1));
    CHECK_THROWS_AS(memory.project(Matrix(1, 2)), Error);
    CHECK_THROWS_AS(memory.recall(Matrix(1, 3), 0), Error);
}
