#include "kvmem/tasks/qa/store_read.hpp"

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "store/twin.hpp"

#include <catch2/catch.hpp>

#include <mutex>

using namespace kvmem;
using namespace kvmem::test;

namespace {

struct Pass {
    Matrix value, gradient;
};

// A read, and the gradient of the query of the sum of the read's squares.
template <class ReadOp>
Pass pass(const Matrix& query, ReadOp read) {
    Parameters parameters;
    const Parameter& parameter = parameters.add("query", query);
    Tape tape;
    const Var out = read(tape, tape.parameter(parameter));
    Pass result{Matrix(out.rows(), out.cols()), Matrix(query.rows(), query.cols())};
    std::copy_n(out.value().data, out.value().size(), result.value.data());
    tape.backward(sum(multiply(out, out)));
    const View gradient = tape.gradient(parameter).dense();
    std::copy_n(gradient.data, gradient.size(), result.gradient.data());
    return result;
}

}  // namespace

TEST_CASE("a read of a store has the value and the gradient of attention", "[store][read]") {
    const Matrix keys = normal(300, 12, 1, 0.4), values = normal(300, 5, 2), query = normal(6, 12, 3, 0.5);
    for (const KeyEncoding encoding : {KeyEncoding::float32, KeyEncoding::int8})
        for (const Index top_k : {Index{1}, Index{9}, Index{300}, Index{100000}})
            for (const bool indexed : {false, true}) {
                CAPTURE(top_k, indexed);
                MemoryStore memory({.key_width = 12, .value_width = 5, .encoding = encoding});
                memory.add(keys, {values}, ids_from(7, 300));
                if (indexed) memory.index({.lists = 10});
                store::SearchOptions all_lists;
                all_lists.probes = indexed ? 10 : 0;
                const Pass from_store =
                    pass(query, [&](Tape&, Var q) { return read_store(q, memory, top_k, 1.3f, all_lists); });
                const std::vector<Index> query_offsets{0, 6}, slot_offsets{0, 300};
                const Pass exact = pass(query, [&](Tape& tape, Var q) {
                    AttendOptions options;
                    options.scale = 1.3f;
                    if (top_k < 300) options.normalizer = Normalizer::top_k, options.top_k = top_k;
                    return attend(q, tape.constant(keys), tape.constant(values), {query_offsets, slot_offsets}, options)
                        .read;
                });
                CHECK(distance(from_store.value, exact.value) < 1e-5);
                CHECK(distance(from_store.gradient, exact.gradient) < 1e-4);
            }
}

TEST_CASE("a read's value and gradient are of one state of the store", "[store][read]") {
    const Matrix keys = normal(50, 6, 1, 0.4), values = normal(50, 3, 2), query = normal(2, 6, 3, 0.5);
    MemoryStore memory({.key_width = 6, .value_width = 3});
    memory.add(keys, {values}, ids_from(0, 50));
    const auto read = [&](const store::SearchOptions& search) {
        return pass(query, [&](Tape&, Var q) { return read_store(q, memory, 9, 1, search); });
    };
    // A writer comes while the read goes on: all of what was to be read is another, or gone.
    for (const bool removes : {false, true}) {
        std::once_flag once;
        store::SearchOptions changing;
        changing.where = [&](store::Id) {
            std::call_once(once, [&] {
                if (removes)
                    memory.remove(ids_from(0, 50));
                else
                    memory.upsert(normal(50, 6, 8), {normal(50, 3, 9)}, ids_from(0, 50));
            });
            return true;
        };
        const Pass wanted = read({}), meanwhile = read(changing);
        CHECK(same_bits(meanwhile.value, wanted.value));
        CHECK(same_bits(meanwhile.gradient, wanted.gradient));
        CHECK_FALSE(same_bits(read({}).value, wanted.value));
    }
}

TEST_CASE("a read of a store that cannot be is refused", "[store][read]") {
    const Matrix query = normal(2, 4, 1);
    Tape tape;
    MemoryStore dot({.key_width = 4, .value_width = 2}),
        cosine({.key_width = 4, .value_width = 2, .metric = Similarity::cosine}), no_values({.key_width = 4});
    CHECK(read_store(tape.constant(query), dot, 3).value()(1, 1) == 0);  // nothing there
    CHECK_THROWS_AS(read_store(tape.constant(query), dot, 0), Error);
    CHECK_THROWS_AS(read_store(tape.constant(query), dot, 3, 0), Error);
    CHECK_THROWS_AS(read_store(tape.constant(query), cosine, 3), Error);
    CHECK_THROWS_AS(read_store(tape.constant(query), no_values, 3), Error);
    const Matrix narrow = normal(2, 3, 1);
    CHECK_THROWS_AS(read_store(tape.constant(narrow), dot, 3), Error);
}
