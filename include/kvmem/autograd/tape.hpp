// Reverse-mode differentiation over coarse operations.
//
// A Tape records the operations of one pass in the order in which they run; backward() walks them the other
// way round and adds up gradients. Several tapes may live at once, one a thread: they share parameters, which
// they only read, and each has gradients of its own. reset() forgets the pass and keeps the memory.
#pragma once

#include "kvmem/autograd/parameter.hpp"
#include "kvmem/core/arena.hpp"
#include "kvmem/core/matrix.hpp"
#include "kvmem/kernels/embed.hpp"
#include "kvmem/kernels/sparse_rows.hpp"

#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace kvmem {

class Tape;

// A matrix on a tape. Cheap to copy; valid until the tape's reset() or rewind().
struct Var {
    Tape* tape = nullptr;
    std::size_t node = 0;

    View value() const;
    // What the last backward() found; empty when nothing needs it. May write it out first, so it is to be asked for in
    // the way back itself, not kept from the way there, and before any parallel loop.
    View grad() const;
    Index rows() const { return value().rows; }
    Index cols() const { return value().cols; }
    bool needs_grad() const;
};

class Tape {
  public:
    // What an operation left for its backward pass. It reads `out`'s gradient and adds to its inputs'.
    using Backward = void (*)(Tape& tape, Var out, const void* payload);

    Tape() = default;
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;

    // A matrix that is not differentiated; looked at, not copied, so it must outlive the pass.
    Var constant(ConstView value);
    // The whole of a parameter. Tables of which few rows are used go through embed_sum instead.
    Var parameter(const Parameter& parameter);

    // Rows [first, first + count) of a matrix, themselves and not a copy.
    Var middle_rows(Var x, Index first, Index count);

    // For operations, before they look at their inputs: the tape that all of these are on. Throws Error when they are
    // on several, or of a pass that is forgotten, which is noticed until the next pass has made as many matrices.
    static Tape& of(const char* where, std::initializer_list<std::optional<Var>> inputs);
    // For operations, once they know that their inputs fit: a new matrix, uninitialised, that has a gradient if
    // `needs_grad`. A copy of the payload is handed to `go_back`.
    template <class Payload>
    Var record(Index rows, Index cols, bool needs_grad, Backward go_back, const Payload& payload) {
        Payload* kept = arena_.take<Payload>(1).data();
        std::construct_at(kept, payload);
        return record_node(rows, cols, needs_grad, go_back, kept);
    }

    // For operations that go back from outer products as well as from a gradient that is written out.
    void take_outer_products(Var out);
    // Whether operations on `to` may add an outer product instead of adding to its gradient: not where its maker goes
    // back from a written one alone, where it is written already, or has outer products with other offsets.
    bool takes_outer_product(Var to, std::span<const Index> offsets) const;
    // What the term views must last as long as the pass and not change; its weights may be filled until somebody asks
    // for a gradient.
    void add_outer_product(Var to, std::span<const Index> offsets, const OuterProducts::Term& term);
    // The gradient of what was recorded, if it is nothing but outer products, or null. grad() has it written out.
    const OuterProducts* outer_products(Var out) const;

    // Adds seed * d loss / d x to the gradients of the parameters that `loss` [1, 1] was made from. Several losses
    // of one pass may be taken one after the other.
    void backward(Var loss, Real seed = 1);

    // This tape's gradient of a parameter; made, with nothing touched, when first asked for.
    SparseRows& gradient(const Parameter& parameter);
    // The same, or null when no operation has used the parameter.
    const SparseRows* find_gradient(const Parameter& parameter) const;

    Arena& arena() { return arena_; }
    // Zeros that outlive reset() and rewind(). A caller that writes to them sets them to zero again: for a few of many
    // that costs less than new zeros do.
    std::span<Real> zeros(Index count) {
        if (std::ssize(zeros_) < count) zeros_.resize(static_cast<std::size_t>(count));
        return std::span(zeros_).first(static_cast<std::size_t>(count));
    }

    // A seed for random choices of this pass, another one at each call.
    std::uint64_t next_seed() { return random_.bits(); }
    void seed(std::uint64_t seed, std::initializer_list<std::uint64_t> stream = {}) { random_ = Rng(seed, stream); }

    // Off: nothing is kept for a backward pass, and dropout does nothing. On by default.
    bool training() const { return training_; }
    void set_training(bool training) { training_ = training; }

    // Forgets the pass and all gradients.
    void reset();
    // Forgets the pass alone: gradients of parameters stay, and the next pass adds to them. So a batch may go through
    // in parts small enough for the caches.
    void rewind();

  private:
    Var record_node(Index rows, Index cols, bool needs_grad, Backward go_back, const void* payload);

    friend struct Var;
    struct Node {
        View value;
        View grad;
        Backward go_back;
        const void* payload;
        std::size_t owner;                  // the node whose gradient this one's is a part of
        OuterProducts* products = nullptr;  // null where the maker cannot use any
        bool fresh = false;                 // not written yet: the gradient is the sum of the products, or zero
    };
    // Gradients are written when they are first asked for: then they are in the caches, and some never are.
    View gradient_of(std::size_t node) {
        KVMEM_ASSERT(node < nodes_.size());
        Node& owner = nodes_[nodes_[node].owner];
        if (owner.fresh) write_gradient(owner);
        return nodes_[node].grad;
    }
    static void write_gradient(Node& node);
    struct Gradient {
        const Parameter* parameter;
        SparseRows rows;
    };

    Arena arena_;
    std::vector<Real> zeros_;
    std::vector<Node> nodes_;
    std::deque<Gradient> gradients_;  // few: found by looking through them
    Rng random_{0};
    bool training_ = true;
};

inline View Var::value() const {
    KVMEM_ASSERT(tape && node < tape->nodes_.size());
    return tape->nodes_[node].value;
}
inline View Var::grad() const { return tape->gradient_of(node); }
inline bool Var::needs_grad() const { return tape->nodes_[node].grad.data != nullptr; }

}  // namespace kvmem
