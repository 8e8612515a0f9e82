// Reverse-mode differentiation over coarse operations.
//
// A Tape records the operations of a forward pass in the order in which they run; backward() runs their backward
// functions in the opposite order and adds up gradients. Several tapes may live at once, one per thread: they share
// parameters, which they only read, and each has gradients of its own. reset() forgets the pass and keeps the memory.
#pragma once

#include "kvmem/autograd/parameter.hpp"
#include "kvmem/core/arena.hpp"
#include "kvmem/core/matrix.hpp"
#include "kvmem/kernels/sparse_rows.hpp"

#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace kvmem {

class Tape;
class PackedParameters;
class PackedWeights;
struct OuterProducts;

// A matrix on a tape. Cheap to copy. Valid until the tape's reset() or rewind(), or until the tape is moved.
struct Var {
    // The tape and the number of the matrix on it.
    Tape* tape = nullptr;
    std::size_t node = 0;

    // The matrix.
    [[nodiscard]] ConstView value() const;
    // For the operation that records the matrix, which fills it. Constants and parameters have no mutable value.
    [[nodiscard]] View mutable_value() const;
    // The gradient that the last backward() found; empty when nothing needs one. Materialised lazily by the first call.
    // Call it inside the backward function, on one thread, before any parallel loop.
    [[nodiscard]] View grad() const;
    Index rows() const { return value().rows; }
    Index cols() const { return value().cols; }
    bool needs_grad() const;
};

// Aligned to cache lines: neighbours in a vector are used by different threads.
class alignas(64) Tape {
  public:
    Tape() = default;
    // Matrices of the pass (Var) do not move with their tape: move a tape between passes.
    Tape(Tape&&) noexcept = default;
    Tape& operator=(Tape&&) noexcept = default;
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;

    // A matrix that is not differentiated. It is viewed, so it must outlive the pass; a temporary is copied to the
    // tape.
    [[nodiscard]] Var constant(ConstView value);
    [[nodiscard]] Var constant(const Matrix&& value);
    // The whole of a parameter, viewed as it is. Tables of which few rows are used go through embed_sum instead.
    [[nodiscard]] Var parameter(const Parameter& parameter);
    Var parameter(const Parameter&&) = delete;  // it would be gone before the pass

    // For operations, before they use their inputs: the tape that all of these are on. Throws Error when they are on
    // several tapes, or of a forgotten pass. The latter is noticed until the next pass has recorded as many matrices.
    static Tape& of(const char* where, std::initializer_list<std::optional<Var>> inputs);
    // For operations, once they know that their inputs fit: a new matrix, uninitialised, which has a gradient if
    // `needs_grad`. The tape keeps a copy of the operation, a plain struct of its inputs and of what is saved for
    // backward. Its member `void backward(Tape&, Var out) const` reads out.grad() and adds to the inputs' gradients.
    template <class Operation>
    [[nodiscard]] Var record(Index rows, Index cols, bool needs_grad, const Operation& operation) {
        Operation* saved = arena_.take<Operation>(1).data();
        std::construct_at(saved, operation);
        const auto run_backward = [](Tape& tape, Var out, const void* op) {
            static_cast<const Operation*>(op)->backward(tape, out);
        };
        return record_node(rows, cols, needs_grad, run_backward, saved);
    }

    // Adds seed * d loss / d x to the gradients of the parameters that `loss` [1, 1] was made from. Several losses
    // of one pass may follow each other. Throws Error on a tape that is not training.
    void backward(Var loss, Real seed = 1);

    // This tape's gradient of a parameter. The first call makes it, with no row touched.
    SparseRows& gradient(const Parameter& parameter);
    // The same, or null when no operation has used the parameter.
    const SparseRows* find_gradient(const Parameter& parameter) const;

    // The memory of the pass, valid until reset() or rewind().
    Arena& arena() { return arena_; }
    // Zeros that outlive reset() and rewind(). A caller that writes to them sets them to zero again: where few of many
    // are written, that costs less than new zeros do.
    std::span<Real> zeros(Index count) {
        if (std::ssize(zeros_) < count) zeros_.resize(count);
        return std::span(zeros_).first(count);
    }

    // A seed for random choices of this pass; each call gives another one.
    std::uint64_t next_seed() { return random_.bits(); }
    void seed(std::uint64_t seed, std::initializer_list<std::uint64_t> stream = {}) { random_ = Rng(seed, stream); }

    // While off, nothing is saved for a backward pass, and dropout does nothing. On by default.
    bool training() const { return training_; }
    void set_training(bool training) { training_ = training; }

    // While the tape does not train, linear() multiplies by these copies of its weights; null: by the weights. They
    // must outlive their use.
    void use(const PackedParameters* packed) { packed_ = packed; }
    // The copy of a parameter that is on this tape, or null.
    [[nodiscard]] const PackedWeights* packed(Var weight) const;

    // Forgets the pass and all gradients.
    void reset();
    // Forgets the pass alone: gradients of parameters stay, and the next pass adds to them. So a batch may run in parts
    // that are small enough for the caches.
    void rewind();

  private:
    friend struct Var;
    friend struct LowRankGrad;  // src/autograd/low_rank_grad.hpp
    friend Var slice_rows(Var x, Index first, Index count);

    using Backward = void (*)(Tape& tape, Var out, const void* operation);
    struct Node {
        ConstView value;
        Real* output;  // value.data for the operation to fill; null for constants and parameters
        View grad;
        Backward backward;
        const void* operation;
        std::size_t owner;                     // the node whose gradient this one's is a part of
        OuterProducts* low_rank = nullptr;     // null where the operation's backward function cannot use it
        bool pending = false;                  // not materialised: the gradient is that of low_rank, or zero
        const Parameter* parameter = nullptr;  // whose value this is
    };
    Var add_node(const Node& node) {
        nodes_.push_back(node);
        return {this, nodes_.size() - 1};
    }
    Var record_node(Index rows, Index cols, bool needs_grad, Backward run_backward, const void* operation);

    // Gradients are materialised late: they are then in the caches, and some never need to be.
    View gradient_of(std::size_t node) {
        KVMEM_ASSERT(node < nodes_.size());
        Node& owner = nodes_[nodes_[node].owner];
        if (owner.pending) materialise(owner);
        return nodes_[node].grad;
    }
    static void materialise(Node& node);
    struct Gradient {
        const Parameter* parameter;
        SparseRows rows;
    };

    Arena arena_;
    std::vector<Real> zeros_;
    std::vector<Node> nodes_;
    std::deque<Gradient> gradients_;  // few: a linear search finds them
    Rng random_{0};
    bool training_ = true;
    const PackedParameters* packed_ = nullptr;
};

inline ConstView Var::value() const {
    KVMEM_ASSERT(tape && node < tape->nodes_.size());
    return tape->nodes_[node].value;
}
inline View Var::mutable_value() const {
    KVMEM_ASSERT(tape && node < tape->nodes_.size() && (tape->nodes_[node].output || value().empty()));
    const Tape::Node& n = tape->nodes_[node];
    return {n.output, n.value.rows, n.value.cols};
}
inline View Var::grad() const { return tape->gradient_of(node); }
inline bool Var::needs_grad() const { return tape->nodes_[node].grad.data != nullptr; }

}  // namespace kvmem
