#include "kvmem/autograd/tape.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem {

Var Tape::constant(ConstView value) {
    require_shape(value.data || value.empty(), "Tape::constant", "numbers to look at");
    // Nothing writes to it: constants have no gradient and are no operation's output.
    nodes_.push_back({{const_cast<Real*>(value.data), value.rows, value.cols}, {}, nullptr, nullptr, nodes_.size()});
    return {this, nodes_.size() - 1};
}

Var Tape::parameter(const Parameter& p) {
    const Var var = constant(p.value);
    if (training_) nodes_.back().grad = gradient(p).dense();
    return var;
}

Var Tape::middle_rows(Var x, Index first, Index count) {
    require_shape(&of("Tape::middle_rows", {x}) == this && first >= 0 && count >= 0 && first <= x.rows() - count,
                  "Tape::middle_rows", "rows of a matrix of this tape");
    const Node& all = nodes_[x.node];
    Node node{all.value.middle_rows(first, count), {}, nullptr, nullptr, all.owner};
    if (x.needs_grad()) node.grad = all.grad.middle_rows(first, count);
    nodes_.push_back(node);
    return {this, nodes_.size() - 1};
}

Var Tape::record_node(Index rows, Index cols, bool needs_grad, Backward go_back, const void* payload) {
    Node node{arena_.matrix(rows, cols), {}, needs_grad ? go_back : nullptr, payload, nodes_.size()};
    if (needs_grad) node.grad = arena_.matrix(rows, cols);
    nodes_.push_back(node);
    return {this, nodes_.size() - 1};
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

void Tape::write_gradient(Node& node) {
    set_zero(node.grad);
    node.fresh = false;
    if (!node.products || node.products->terms.empty()) return;
    add_outer_products(*node.products, node.grad);
    *node.products = {};
}

void Tape::take_outer_products(Var out) {
    if (out.needs_grad()) nodes_[out.node].products = std::construct_at(arena_.take<OuterProducts>(1).data());
}

bool Tape::takes_outer_product(Var to, std::span<const Index> offsets) const {
    const Node& node = nodes_[to.node];
    return node.fresh && node.products &&
           (node.products->terms.empty() || std::ranges::equal(node.products->offsets, offsets));
}

void Tape::add_outer_product(Var to, std::span<const Index> offsets, const OuterProducts::Term& term) {
    require_shape(takes_outer_product(to, offsets), "Tape::add_outer_product", "a matrix that takes it");
    OuterProducts& products = *nodes_[to.node].products;
    const auto terms = arena_.take<OuterProducts::Term>(std::ssize(products.terms) + 1);
    std::ranges::copy(products.terms, terms.begin());
    terms.back() = term;
    products = {offsets, terms};
}

const OuterProducts* Tape::outer_products(Var out) const {
    const Node& node = nodes_[out.node];
    return node.fresh && node.products && !node.products->terms.empty() ? node.products : nullptr;
}

void Tape::backward(Var loss, Real seed) {
    require_shape(&of("Tape::backward", {loss}) == this && loss.rows() == 1 && loss.cols() == 1, "Tape::backward",
                  "a loss of one number on this tape");
    if (!loss.needs_grad()) return;
    for (Node& node : nodes_) {
        node.fresh = node.go_back;
        if (node.products) *node.products = {};
    }
    loss.grad().data[0] += seed;
    for (std::size_t i = loss.node + 1; i-- > 0;)
        if (nodes_[i].go_back) nodes_[i].go_back(*this, {this, i}, nodes_[i].payload);
}

SparseRows& Tape::gradient(const Parameter& parameter) {
    for (Gradient& g : gradients_)
        if (g.parameter == &parameter) return g.rows;
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
    for (Gradient& g : gradients_) g.rows.clear();
}

}  // namespace kvmem
