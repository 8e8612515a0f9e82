#include "autograd/operation.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

namespace {
// Adds weights[s] times row i of `vectors` to row tokens[s] of the table's gradient, for each token s of bag i.
void add_outer(Tape& tape, const Parameter& table, RaggedView<Token> bags, ConstView weights, ConstView vectors) {
    if (!table.trainable) return;
    Arena& arena = tape.arena();
    const ArenaScope scope(arena);
    const auto each = arena.take<Index>(std::ssize(bags.values) + 1);
    std::iota(each.begin(), each.end(), Index{0});
    const TokenLists lists = list_tokens({bags.values, each}, table.value.rows(), arena);
    const OuterProducts::Term term{weights.span(), vectors};
    embed_sum_backward(lists, BagScale::sum, {bags.offsets, {&term, 1}}, tape.gradient(table), arena, table.frozen);
}

struct EmbedWeighted {
    const Parameter* table;
    RaggedView<Token> bags;
    Var weights;

    void backward(Tape& tape, Var out) const {
        add_outer(tape, *table, bags, weights.value(), out.grad());
        if (!weights.needs_grad()) return;
        const ArenaScope scope(tape.arena());
        const View by_weight = tape.arena().matrix(weights.rows(), 1);
        dot_rows(out.grad(), table->value, bags, by_weight.span());
        accumulate(weights.grad(), 1, by_weight);
    }
};

struct DotRows {
    Var x;
    const Parameter* table;
    RaggedView<Token> bags;

    void backward(Tape& tape, Var out) const {
        add_outer(tape, *table, bags, out.grad(), x.value());
        if (!x.needs_grad()) return;
        const ArenaScope scope(tape.arena());
        const View by_x = tape.arena().matrix(x.rows(), x.cols());
        embed_weighted(table->value, bags, out.grad().span(), by_x);
        accumulate(x.grad(), 1, by_x);
    }
};
}  // namespace

static bool needs_grad(const Tape& tape, Var x, const Parameter& table) {
    return x.needs_grad() || (tape.training() && table.trainable);
}

Var embed_weighted(const Parameter& table, RaggedView<Token> bags, Var weights) {
    Tape& tape = Tape::of("embed_weighted", {weights});
    check_bags(bags, table.value.rows());
    require_shape(weights.rows() == std::ssize(bags.values) && weights.cols() == 1, "embed_weighted",
                  "weights [tokens, 1]");
    bags = copy(tape.arena(), bags);
    const Var out = tape.record(bags.size(), table.value.cols(), needs_grad(tape, weights, table),
                                EmbedWeighted{&table, bags, weights});
    embed_weighted(table.value, bags, weights.value().span(), out.mutable_value());
    return out;
}

Var dot_rows(Var x, const Parameter& table, RaggedView<Token> bags) {
    Tape& tape = Tape::of("dot_rows", {x});
    check_bags(bags, table.value.rows());
    require_shape(x.rows() == bags.size() && x.cols() == table.value.cols(), "dot_rows",
                  "x [bags, width of the table]");
    bags = copy(tape.arena(), bags);
    const Var out = tape.record(std::ssize(bags.values), 1, needs_grad(tape, x, table), DotRows{x, &table, bags});
    dot_rows(x.value(), table.value, bags, out.mutable_value().span());
    return out;
}

}  // namespace kvmem
