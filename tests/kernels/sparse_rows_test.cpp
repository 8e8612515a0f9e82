#include "kvmem/kernels/sparse_rows.hpp"

#include "random.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

TEST_CASE("a touched row is zero at first and keeps what is added", "[sparse_rows]") {
    SparseRows rows(5, 3);
    CHECK(rows.rows() == 5);
    CHECK(rows.cols() == 3);
    CHECK(rows.find(4) == nullptr);
    for (Index j = 0; j < 3; ++j) CHECK(rows.touch(4)[j] == 0);
    rows.touch(4)[1] = 7;
    rows.touch(0)[0] = 5;
    rows.touch(4)[1] += 1;
    CHECK(rows.find(4)[1] == 8);
    CHECK(rows.find(0)[0] == 5);
    CHECK(rows.find(1) == nullptr);
    CHECK(std::vector<Index>(rows.touched().begin(), rows.touched().end()) == std::vector<Index>{4, 0});
}

TEST_CASE("dense rows lie in their order, whatever was touched before", "[sparse_rows]") {
    // None, some, and all of them one by one in another order.
    for (const std::vector<Index>& order : {std::vector<Index>{}, {2, 0}, {2, 0, 3, 1}, {0, 1, 2, 3}}) {
        SparseRows rows(4, 2);
        Matrix expected(4, 2);
        for (const Index row : order) expected(row, 1) = rows.touch(row)[1] = static_cast<Real>(10 + row);
        const View all = rows.dense();
        CHECK(test::same_bits(all, expected));
        CHECK(rows.touched().size() == 4);
        // Afterwards both ways lead to the same numbers, and nothing moves.
        rows.touch(3)[0] = 1;
        CHECK(all(3, 0) == 1);
        CHECK(rows.dense().data == all.data);
        CHECK(rows.find(3) == all.row(3));
    }
}

TEST_CASE("cleared rows are untouched, zero again and use the same memory", "[sparse_rows]") {
    SparseRows rows(4, 2);
    for (int round = 0; round < 3; ++round) {
        CHECK(rows.touched().empty());
        CHECK(rows.find(1) == nullptr);
        CHECK(rows.touch(1)[0] == 0);
        rows.touch(1)[0] = 1;
        if (round != 1) rows.dense()(3, 1) = 5;
        rows.clear();
    }
    const View first = rows.dense();
    CHECK(test::distance(first, Matrix(4, 2)) == 0);
    first(0, 0) = 3;
    rows.clear();
    CHECK(rows.dense().data == first.data);
    CHECK(rows.dense()(0, 0) == 0);
}

TEST_CASE("rows of no columns and no rows at all are fine", "[sparse_rows]") {
    SparseRows narrow(3, 0), none(0, 3), nothing;
    narrow.touch(1);
    CHECK(narrow.touched().size() == 1);
    CHECK(narrow.dense().rows == 3);
    CHECK(none.dense().rows == 0);
    CHECK(nothing.dense().empty());
    nothing.clear();
}
