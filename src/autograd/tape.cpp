#include "kvmem/autograd/tape.hpp"

#include "kvmem/autograd/packed_parameters.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/embed.hpp"

#include <algorithm>

namespace kvmem {

Var Tape::constant(ConstView value) {
    require_shape(value.data || value.empty(), "Tape::constant", "numbers to view");
    return add_node({value, nullptr, {}, nullptr, nullptr, nodes_.size()});
}

Var Tape::constant(const Matrix&& value) {
    return constant({arena_.copy(value.view().span()).data(), value.rows(), value.cols()});
}

Var Tape::parameter(const Parameter& p) {
    const Var var = constant(p.value);
    nodes_.back().parameter = &p;
    // Operations add to the gradient as to any matrix, so all of its rows are touched.
    if (training_ && p.trainable) nodes_.back().grad = gradient(p).dense();
    return var;
}

const PackedWeights* Tape::packed(Var weight) const {
    const Parameter* parameter = nodes_[weight.node].parameter;
    return packed_ && !training_ && parameter ? &packed_->of(*parameter) : nullptr;
}

Var Tape::record_node(Index rows, Index cols, bool needs_grad, Backward run_backward, const void* operation) {
    // The gradient gets its place now and its numbers in the backward pass: materialise().
    const View value = arena_.matrix(rows, cols);
    return add_node({value, value.data, needs_grad ? arena_.matrix(rows, cols) : View{},
                     needs_grad ? run_backward : nullptr, operation, nodes_.size()});
}

Tape& Tape::of(const char* where, std::initializer_list<std::optional<Var>> inputs) {
    Tape* const tape = (*inputs.begin())->tape;
    for (const std::optional<Var>& x : inputs)
        require_shape(!x || (tape && x->tape == tape && x->node < tape->nodes_.size()), where,
                      "matrices of one tape and of its pass");
    return *tape;
}

static void set_zero(View x) {
    constexpr Index grain = Index{1} << 16;  // numbers worth a task of their own
    parallel_for(x.size(), grain, [&](Index first, Index last) { std::fill(x.data + first, x.data + last, Real{0}); });
}

void Tape::materialise(Node& node) {
    set_zero(node.grad);
    node.pending = false;
    if (!node.low_rank || node.low_rank->terms.empty()) return;
    add_outer_products(*node.low_rank, node.grad);
    *node.low_rank = {};
}

void Tape::backward(Var loss, Real seed) {
    require_shape(&of("Tape::backward", {loss}) == this && loss.rows() == 1 && loss.cols() == 1, "Tape::backward",
                  "a loss of one number on this tape");
    if (!training())
        throw Error({.what = "a tape that is not training has saved nothing for a backward pass",
                     .expected = "set_training(true) before the forward pass",
                     .where = "Tape::backward"});
    if (!loss.needs_grad()) return;
    // Parameters' gradients add up over losses; those of the pass begin anew.
    for (Node& node : nodes_) {
        node.pending = node.backward;
        if (node.low_rank) *node.low_rank = {};
    }
    loss.grad().data[0] += seed;
    for (std::size_t i = loss.node + 1; i-- > 0;)
        if (nodes_[i].backward) nodes_[i].backward(*this, {this, i}, nodes_[i].operation);
}

SparseRows& Tape::gradient(const Parameter& parameter) {
    for (Gradient& g : gradients_)
        if (g.parameter == &parameter) return g.rows;
    // A deque: what was returned before stays where it is.
    return gradients_.emplace_back(Gradient{&parameter, SparseRows(parameter.value.rows(), parameter.value.cols())})
        .rows;
}

const SparseRows* Tape::find_gradient(const Parameter& parameter) const {
    for (const Gradient& g : gradients_)
        if (g.parameter == &parameter) return &g.rows;
    return nullptr;
}

void Tape::rewind() {
    arena_.reset();
    nodes_.clear();
}

void Tape::reset() {
    rewind();
    // The rows keep their memory, and their parameter its place, for the next pass.
    for (Gradient& g : gradients_) g.rows.clear();
}

}  // namespace kvmem
