#include "kvmem/autograd/tape.hpp"

#include "kvmem/autograd/gradcheck.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

using namespace kvmem;
using test::normal;

// x * x, whose gradient is 2 x unless it is told otherwise.
static Var square(Var x, Real slope) {
    struct Square {
        Var x;
        Real slope;

        void backward(Tape&, Var out) const {
            for (Index i = 0; i < out.value().size(); ++i)
                x.grad().data[i] += slope * x.value().data[i] * out.grad().data[i];
        }
    };
    const Var out = x.tape->record(x.rows(), x.cols(), x.needs_grad(), Square{x, slope});
    for (Index i = 0; i < out.value().size(); ++i) out.mutable_value().data[i] = x.value().data[i] * x.value().data[i];
    return out;
}

TEST_CASE("gradcheck passes a right gradient of one's own and catches wrong ones", "[gradcheck]") {
    Parameters p;
    Parameter& x = p.add("x", normal(2, 3, 1));
    const Matrix before = x.value;
    const auto with = [&](Real slope) { return gradcheck([&](Tape& t) { return square(t.parameter(x), slope); }, p); };
    CHECK(with(2).error < 1e-8);
    CHECK(with(Real{2.001}).error > 1e-5);
    CHECK(with(0).error > 0.1);
    CHECK(with(3).where.find("x[") == 0);
    CHECK(with(std::numeric_limits<Real>::quiet_NaN()).error != 0);
    // A gradient that is right in all places but one.
    const auto crooked = gradcheck(
        [&](Tape& t) {
            const Var y = square(t.parameter(x), 2);
            if (t.training() && y.needs_grad()) t.gradient(x).dense()(1, 2) += 1;
            return y;
        },
        p);
    CHECK(crooked.where.find("x[1, 2]") == 0);
    CHECK(test::same_bits(x.value, before));
}

TEST_CASE("gradcheck sees one NaN wherever it is among the gradients", "[gradcheck]") {
    for (const Index place : {0, 3, 5}) {
        Parameters p;
        Parameter& x = p.add("x", normal(2, 3, 1));
        p.add("unused", normal(1, 2, 2));
        const auto result = gradcheck(
            [&](Tape& t) {
                t.gradient(x).dense().data[place] = std::numeric_limits<Real>::quiet_NaN();
                return square(t.parameter(x), 2);
            },
            p);
        CHECK(std::isnan(result.error));
        CHECK(result.where.find("x[" + std::to_string(place / 3) + ", " + std::to_string(place % 3) + "]") == 0);
    }
}

TEST_CASE("gradcheck leaves the parameters as they were when the function throws", "[gradcheck]") {
    Parameters p;
    Parameter& x = p.add("x", normal(1, 2, 1));
    const Matrix before = x.value;
    int calls = 0;
    CHECK_THROWS_AS(gradcheck(
                        [&](Tape& t) {
                            if (++calls == 3) require_shape(false, "third call", "none");
                            return t.parameter(x);
                        },
                        p),
                    Error);
    CHECK(test::same_bits(x.value, before));
}

TEST_CASE("a tape that was reset uses the same memory and forgets its gradients", "[tape]") {
    Parameters p;
    Parameter& x = p.add("x", normal(30, 20, 1));
    Tape t;
    const auto pass = [&] {
        const Var loss = sum(activate(dot_scores(t.parameter(x), t.parameter(x)), Activation::tanh));
        t.backward(loss);
        return t.find_gradient(x)->find(3)[4];
    };
    const double first = pass();
    t.reset();
    CHECK(t.find_gradient(x)->touched().empty());
    pass();
    const std::size_t held = t.arena().capacity();
    for (int i = 0; i < 5; ++i) {
        t.reset();
        CHECK(pass() == first);
        CHECK(t.arena().capacity() == held);
    }
}

TEST_CASE("a tape that is not training keeps no gradients and drops nothing out", "[tape]") {
    Parameters p;
    Parameter& x = p.add("x", normal(3, 2, 1));
    Ragged<Token> bags;
    bags.push_row(std::vector<Token>{1, 2});
    Tape t;
    t.set_training(false);
    const Var v = t.parameter(x);
    const Var read = dropout(embed_sum(t, x, bags, BagScale::sum), 0.9);
    const Var loss = sum(dot_scores(read, v));
    CHECK_FALSE(v.needs_grad());
    CHECK_FALSE(read.needs_grad());
    CHECK_FALSE(loss.needs_grad());
    CHECK_THROWS_WITH(t.backward(loss), Catch::Contains("not training"));
    CHECK(t.find_gradient(x) == nullptr);
    CHECK(read.value()(0, 1) == x.value(1, 1) + x.value(2, 1));
}

TEST_CASE("several losses of one pass add their gradients", "[tape]") {
    Parameters p;
    Parameter& x = p.add("x", normal(2, 2, 1));
    Tape t;
    const Var y = square(t.parameter(x), 2);
    const Var first = sum(y);
    const Var second = sum(scale(y, 10));
    t.backward(first);
    t.backward(second, Real{0.5});
    for (Index i = 0; i < 2; ++i)
        for (Index j = 0; j < 2; ++j) CHECK(t.find_gradient(x)->find(i)[j] == Approx(12 * x.value(i, j)));
}

TEST_CASE("a tape that was rewound adds the gradients of the next part", "[tape]") {
    Parameters p;
    Parameter& x = p.add("x", normal(4, 3, 1));
    const Matrix rows = normal(6, 3, 2);
    const auto loss = [&](Tape& t, Index first, Index count) {
        return sum(multiply(dot_scores(t.constant(rows.view().middle_rows(first, count)), t.parameter(x)),
                            dot_scores(t.constant(rows.view().middle_rows(first, count)), t.parameter(x))));
    };
    Tape whole, parts;
    whole.backward(loss(whole, 0, 6));
    for (const Index first : {0, 2, 4}) {
        parts.rewind();
        parts.backward(loss(parts, first, 2));
    }
    for (Index i = 0; i < 4; ++i)
        for (Index j = 0; j < 3; ++j)
            CHECK(parts.find_gradient(x)->find(i)[j] == Approx(whole.find_gradient(x)->find(i)[j]));
    parts.reset();
    CHECK(parts.find_gradient(x)->touched().empty());
}

TEST_CASE("backward refuses what is not one number on its tape", "[tape]") {
    Parameters p;
    Parameter& x = p.add("x", normal(2, 2, 1));
    Tape t, other;
    CHECK_THROWS_AS(t.backward(t.parameter(x)), Error);
    CHECK_THROWS_AS(t.backward(sum(other.parameter(x))), Error);
    const Matrix fixed = normal(1, 1, 2);
    t.backward(t.constant(fixed));  // nothing to do
    const Var late = sum(t.parameter(x));
    t.reset();
    CHECK_THROWS_AS(t.backward(late), Error);
}

TEST_CASE("operations refuse matrices of another tape or of a pass that is over", "[tape]") {
    Parameters p;
    Parameter& x = p.add("x", normal(2, 2, 1));
    Tape t, other;
    const std::vector<Index> rows{0, 2};
    const auto refused = [&](Var a, Var b) {
        CHECK_THROWS_AS(add(a, b), Error);
        CHECK_THROWS_AS(multiply(a, b), Error);
        CHECK_THROWS_AS(linear(a, b), Error);
        CHECK_THROWS_AS(linear(a, a, b), Error);
        CHECK_THROWS_AS(layer_norm(a, a, b), Error);
        CHECK_THROWS_AS(gated_scan(a, b, rows), Error);
        CHECK_THROWS_AS(attend(a, a, b, {rows, rows}), Error);
        CHECK_THROWS_AS(attend_weights(a, b, {rows, rows}), Error);
        CHECK_THROWS_AS(attend(a, a, a, {rows, rows}, {}, {.pair = b}), Error);
        CHECK_THROWS_AS(concat_rows({a, b}), Error);
        CHECK_THROWS_AS(concat_cols({a, b}), Error);
        CHECK_THROWS_AS(subtract(a, b), Error);
        CHECK_THROWS_AS(mean_squared_error(a, b), Error);
    };
    const Var here = t.parameter(x), late = t.parameter(x);
    refused(here, other.parameter(x));
    refused(here, Var{});
    t.rewind();
    refused(t.parameter(x), late);
    for (const Var gone : {late, Var{}}) {
        CHECK_THROWS_AS(sum(gone), Error);
        CHECK_THROWS_AS(scale(gone, 2), Error);
        CHECK_THROWS_AS(activate(gone, Activation::tanh), Error);
        CHECK_THROWS_AS(dropout(gone, 0.5), Error);
        CHECK_THROWS_AS(normalize_rows(gone), Error);
        CHECK_THROWS_AS(take_rows(gone, rows), Error);
        CHECK_THROWS_AS(reshape(gone, 1, 4), Error);
        CHECK_THROWS_AS(slice_cols(gone, 0, 1), Error);
        CHECK_THROWS_AS(softmax(gone), Error);
        CHECK_THROWS_AS(log_softmax(gone), Error);
        CHECK_THROWS_AS(segment_mean(gone, rows), Error);
        CHECK_THROWS_AS(scatter_sum(gone, rows, 2, 2), Error);
        CHECK_THROWS_AS(cross_entropy(gone, rows), Error);
        CHECK_THROWS_AS(slice_rows(gone, 0, 1), Error);
    }
    CHECK_THROWS_AS(t.constant({nullptr, 1, 2}), Error);
}

TEST_CASE("a tape that is moved between passes takes its gradients, memory and seeds along", "[tape]") {
    Parameters p;
    Parameter& x = p.add("x", normal(2, 2, 1));
    Tape first, same;
    for (Tape* t : {&first, &same}) {
        t->seed(3);
        t->backward(sum(square(t->parameter(x), 2)));
    }
    const std::size_t held = first.arena().capacity();
    Tape moved = std::move(first);
    CHECK(moved.find_gradient(x)->find(1)[1] == 2 * x.value(1, 1));
    CHECK(moved.arena().capacity() == held);
    CHECK(moved.next_seed() == same.next_seed());
    first = Tape();  // as good as new
    first.backward(sum(first.parameter(x)));
    CHECK(first.find_gradient(x)->find(0)[0] == 1);
    moved.rewind();
    moved.backward(sum(moved.parameter(x)));
    CHECK(moved.find_gradient(x)->find(1)[1] == 2 * x.value(1, 1) + 1);
    std::vector<Tape> several(2);
    several[0] = std::move(moved);
    several.resize(9);
    CHECK(several[0].find_gradient(x)->find(1)[1] == 2 * x.value(1, 1) + 1);
}

TEST_CASE("a constant views a matrix that stays and copies one that goes", "[tape]") {
    static_assert(std::is_same_v<decltype(Var().value()), ConstView>);
    const Matrix stays = normal(2, 3, 1);
    Tape t;
    CHECK(t.constant(stays).value().data == stays.data());
    const Var copied = t.constant(normal(2, 3, 1));
    (void)normal(2, 3, 9);  // would take the memory of one that has gone
    CHECK(test::same_bits(copied.value(), stays));
    CHECK_FALSE(copied.needs_grad());
    CHECK(t.constant(Matrix(0, 3)).cols() == 3);
}

TEST_CASE("parameters that are not trainable have no gradient", "[tape]") {
    Parameters p;
    Parameter &words = p.add("words", normal(3, 2, 1)), &starts = p.add("starts", normal(2, 2, 2)),
              &map = p.add("map", normal(2, 2, 3));
    Ragged<Token> bags;
    bags.push_row(std::vector<Token>{1, 2});
    const std::vector<Token> start{1};
    const SentenceTables tables{&words, &starts};
    const auto loss = [&](Tape& t) {
        const Var sentence = embed_sentences(t, {&tables, 1}, bags, {}, start)[0];
        return sum(linear(sentence + embed_sum(t, words, bags, BagScale::mean), t.parameter(map)));
    };
    for (Parameter* frozen : {&words, &starts, &map}) {
        CAPTURE(frozen->name);
        p.group(frozen->name).set_trainable(false);
        Tape t;
        t.backward(loss(t));
        for (const Parameter& q : p) CHECK((t.find_gradient(q) != nullptr) == q.trainable);
        CHECK(gradcheck(loss, p).error < 1e-8);
        frozen->trainable = true;
    }
    p.group("").set_trainable(false);
    Tape t;
    CHECK_FALSE(loss(t).needs_grad());
}

TEST_CASE("two tapes have gradients of their own", "[tape]") {
    Parameters p;
    Parameter& x = p.add("x", normal(1, 2, 1));
    Tape a, b;
    a.backward(sum(a.parameter(x)));
    CHECK(a.find_gradient(x)->find(0)[0] == 1);
    CHECK(b.find_gradient(x) == nullptr);
}

TEST_CASE("a tape's seed decides its dropout", "[tape]") {
    const Matrix ones = [] {
        Matrix m(10, 10);
        m.fill(1);
        return m;
    }();
    const auto dropped = [&](std::uint64_t seed) {
        Tape t;
        t.seed(seed, {3});
        Matrix out(2, 100);
        for (Index i = 0; i < 2; ++i) std::copy_n(dropout(t.constant(ones), 0.5).value().data, 100, out.row(i));
        return out;
    };
    const Matrix first = dropped(1);
    CHECK(test::same_bits(first, dropped(1)));
    CHECK_FALSE(test::same_bits(first, dropped(2)));
    CHECK_FALSE(std::equal(first.row(0), first.row(0) + 100, first.row(1)));
}
