#include "kvmem/core/matrix.hpp"

#include "kvmem/core/eigen.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/ragged.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

using namespace kvmem;

TEST_CASE("a new matrix is zero and aligned to a cache line", "[matrix]") {
    for (const Index cols : {1, 3, 17, 1000}) {
        const Matrix m(3, cols);
        CHECK(reinterpret_cast<std::uintptr_t>(m.data()) % 64 == 0);
        CHECK(as_eigen(m).isZero(0));
    }
}

TEST_CASE("a matrix is copied in depth and moved without a copy", "[matrix]") {
    Matrix a = test::normal(3, 4, 1);
    Matrix b = a;
    CHECK(test::same_bits(a, b));
    b(1, 2) += 1;
    CHECK(a(1, 2) != b(1, 2));

    const Real* data = a.data();
    const Matrix c = std::move(a);
    CHECK(c.data() == data);
    CHECK(a.rows() == 0);  // NOLINT: moved from means empty, and we say so
    CHECK(a.size() == 0);

    b = c;
    CHECK(test::same_bits(b, c));
    Matrix& itself = b;
    b = itself;
    CHECK(test::same_bits(b, c));
}

TEST_CASE("an empty matrix of any shape can be copied, filled and viewed", "[matrix]") {
    for (const auto& [rows, cols] : {std::pair<Index, Index>{0, 0}, {0, 5}, {5, 0}}) {
        Matrix m(rows, cols);
        m.fill(1);
        const Matrix copy = m;
        CHECK(copy.rows() == rows);
        CHECK(copy.cols() == cols);
        CHECK(copy.view().empty());
        CHECK(copy.view().span().empty());
        CHECK(as_eigen(copy).size() == 0);
        CHECK(m.view().middle_rows(0, rows).rows == rows);
    }
}

TEST_CASE("a matrix of a size that cannot be addressed is an error", "[matrix]") {
    const Index most = std::numeric_limits<Index>::max();
    CHECK_THROWS_AS(Matrix(-1, 2), Error);
    CHECK_THROWS_AS(Matrix(2, -1), Error);
    CHECK_THROWS_AS(Matrix(most, 2), Error);
    CHECK_THROWS_AS(Matrix(2, most), Error);
    CHECK_THROWS_AS(Matrix(Index{1} << 32, Index{1} << 32), Error);
    CHECK_THROWS_WITH(Matrix(-1, 2), "Matrix: cannot make a matrix: expected a size that can be addressed, got -1 x 2");
}

#ifdef KVMEM_ASSERTIONS
TEST_CASE("an index outside of what is there breaks an assertion", "[matrix]") {
    const Matrix m(2, 3);
    CHECK_THROWS_AS(m(2, 0), std::logic_error);
    CHECK_THROWS_AS(m(0, -1), std::logic_error);
    CHECK_THROWS_AS(m.row(3), std::logic_error);
    CHECK_NOTHROW(m.row(2));
    CHECK_THROWS_AS(m.view().middle_rows(1, 2), std::logic_error);
    CHECK_THROWS_AS(Ragged<Token>()[0], std::logic_error);
}
#endif

TEST_CASE("a view's rows lie one after the other", "[matrix]") {
    Matrix m = test::normal(4, 3, 2);
    const View v = m;
    CHECK(v.row(2) == m.row(2));
    CHECK(&v(2, 1) == &m(2, 1));
    const ConstView middle = ConstView(m).middle_rows(1, 2);
    CHECK(middle.rows == 2);
    CHECK(middle(1, 2) == m(2, 2));
    CHECK(as_eigen(m)(3, 1) == m(3, 1));
}

namespace {
template <class T>
concept Viewable = requires(T&& numbers) {
    view_of(std::forward<T>(numbers), 2);
};
}  // namespace

TEST_CASE("numbers in vectors, arrays and spans are viewed in rows, and temporaries are not", "[matrix]") {
    std::vector<Real> numbers{1, 2, 3, 4, 5, 6};
    const View v = view_of(numbers, 3);
    CHECK((v.rows == 2 && v.cols == 3 && v.data == numbers.data()));
    const std::array<Real, 4> fixed{1, 2, 3, 4};
    const ConstView constant = view_of(fixed, 2);
    CHECK((constant.rows == 2 && constant(1, 0) == 3));
    CHECK(view_of(std::span<const Real>(numbers).first(2), 1).rows == 2);
    CHECK(view_of(std::span<Real>(), 5).rows == 0);
    for (const Index cols : {0, -1, 4}) CHECK_THROWS_AS(view_of(numbers, cols), Error);
    STATIC_REQUIRE(Viewable<std::vector<Real>&>);
    STATIC_REQUIRE(Viewable<std::span<const Real>>);
    STATIC_REQUIRE_FALSE(Viewable<std::vector<Real>>);
}

TEST_CASE("nested rows of one length are copied to a matrix", "[matrix]") {
    const Matrix m = matrix_of({{1, 2}, {3, 4}, {5, 6}});
    CHECK((m.rows() == 3 && m.cols() == 2 && m(2, 0) == 5));
    CHECK(matrix_of({}).size() == 0);
    CHECK_THROWS_AS(matrix_of({{1, 2}, {3}}), Error);
}

TEST_CASE("matrices of Eigen with contiguous rows are viewed, and all others copied", "[matrix]") {
    RowMajor own(3, 4);
    own << 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;
    const View v = view_of(own);
    CHECK((v.data == own.data() && v.rows == 3 && v.cols == 4));
    const RowMajor& constant = own;
    CHECK(ConstView(view_of(constant)).data == own.data());
    CHECK(view_of(own.middleRows(1, 2)).data == own.data() + 4);
    const Eigen::Ref<RowMajor> whole(own), left(own.leftCols(2));
    CHECK(view_of(whole)(2, 3) == 12);
    CHECK(view_of(own.leftCols(2).topRows(1)).cols == 2);  // a single row has no stride
    CHECK_THROWS_WITH(view_of(left), Catch::Contains("rows that lie one after the other"));
    CHECK(test::same_bits(matrix_of(left), matrix_of({{1, 2}, {5, 6}, {9, 10}})));

    const Eigen::Matrix<Real, 2, 2> columns{{1, 2}, {3, 4}};
    const Matrix copy = matrix_of(2 * columns);
    CHECK(test::same_bits(copy, matrix_of({{2, 4}, {6, 8}})));
    CHECK(as_eigen(copy) == 2 * columns);
}
