#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/check_gradients.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace kvmem;
using test::check_gradients;
using test::normal;

namespace {
struct Arrays {
    Parameters p;
    Index n, heads = 2, d = 3, e = 4;
    Arrays(Index rows, Index sequences) : n(rows) {
        for (const char* name : {"query", "key"}) p.add(name, normal(n, heads * d, 1 + p.size(), 0.5));
        p.add("value", normal(n, heads * e, 3));
        for (const char* name : {"decay", "strength"}) p.add(name, normal(n, heads, 4 + p.size()));
        p.add("memory", normal(sequences, heads * d * e, 6));
    }
    DeltaRuleArrays<std::optional<Var>> on(Tape& t) const {
        const auto var = [&](std::size_t i) { return t.parameter(p[i]); };
        return {var(0), var(1), var(2), sigmoid(var(3)), sigmoid(var(4)), var(5)};
    }
};
}  // namespace

static Var flat(Var x) { return reshape(x, x.value().size(), 1); }

TEST_CASE("the delta rule has the right gradients", "[delta-rule]") {
    Arrays all(75, 5);
    const auto offsets = test::offsets({1, 0, 33, 2, 39});
    check_gradients(all.p, [&](Tape& t) {
        const DeltaRuleOutput r = delta_rule(all.on(t), offsets);
        return concat_rows({flat(r.out), flat(r.last)});
    });
    check_gradients(all.p, [&](Tape& t) {
        auto in = all.on(t);
        in.memory = {};
        return delta_rule(in, offsets).out;
    });
    check_gradients(all.p, [&](Tape& t) { return delta_rule(all.on(t), offsets).last; });
}

TEST_CASE("the delta rule has the right gradients where decays are zero or one, and by any of its inputs alone",
          "[delta-rule]") {
    Arrays all(40, 2);
    const auto offsets = test::offsets({37, 3});
    Matrix decay(40, 2);
    for (Index i = 0; i < 80; ++i) decay.data()[i] = i % 7 == 0 ? Real{0} : Real{1};
    all.p[3].value = decay;
    const auto rule = [&](Tape& t) {
        auto in = all.on(t);
        in.decay = t.parameter(all.p[3]);
        return delta_rule(in, offsets).out;
    };
    check_gradients(all.p, rule);
    for (Parameter& one : all.p) {
        for (Parameter& p : all.p) p.trainable = &p == &one;
        check_gradients(all.p, rule);
    }
}

TEST_CASE("steps of the delta rule have the right gradients", "[delta-rule]") {
    Arrays all(3, 3);
    const auto offsets = test::offsets({1, 1, 1});
    check_gradients(all.p, [&](Tape& t) {
        auto in = all.on(t);
        Var sum = delta_rule(in, offsets).out;
        for (int i = 0; i < 3; ++i) {
            const DeltaRuleOutput r = delta_rule(in, offsets);
            in.memory = take_rows(r.last, std::vector<Index>{2, 0, 0});
            sum = sum + r.out;
        }
        return sum;
    });
}

TEST_CASE("a delta rule without all of its inputs is refused", "[delta-rule]") {
    const Arrays all(3, 1);
    Tape t;
    auto in = all.on(t);
    in.key = {};
    CHECK_THROWS_AS(delta_rule(in, test::offsets({3})), Error);
    CHECK_THROWS_AS(delta_rule(all.on(t), test::offsets({2})), Error);
}
