// The states of hypotheses between the steps of a recurrent network. Not installed.
#pragma once

#include "kvmem/nn/recurrent.hpp"
#include "nn/rows_of.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

namespace kvmem {

inline Matrix copy_of(Var x) {
    Matrix matrix(x.rows(), x.cols());
    std::ranges::copy(x.value().span(), matrix.data());
    return matrix;
}

// Copies of states, which outlive the tape of their step. A row is a hypothesis.
class RecurrentStates {
  public:
    // The weights of the cells are packed once, for all steps. They must not change.
    explicit RecurrentStates(const Recurrent& cells) : packed_(cells.pack(packed_weights_)) {}

    // Stores the states of the cells, and what was read where the next step sees it, too.
    void store(const Recurrent::State& cells, const std::optional<Var>& read = {}) {
        h_.clear(), c_.clear(), read_.clear();
        for (const Var x : cells.h) h_.push_back(copy_of(x));
        for (const Var x : cells.c) c_.push_back(copy_of(x));
        if (read) read_.push_back(copy_of(*read));
    }
    // Adds rows behind those that were stored, if any.
    void add(const Recurrent::State& cells, const std::optional<Var>& read = {}) {
        if (h_.empty()) return store(cells, read);
        for (std::size_t i = 0; i < h_.size(); ++i) h_[i] = joined(h_[i], cells.h[i].value());
        for (std::size_t i = 0; i < c_.size(); ++i) c_[i] = joined(c_[i], cells.c[i].value());
        if (read) read_[0] = joined(read_[0], read->value());
    }
    // What was stored last, as constants of a tape. The object must outlive the pass, unchanged.
    Recurrent::State cells(Tape& tape) const {
        Recurrent::State state;
        for (const Matrix& x : h_) state.h.push_back(tape.constant(x));
        for (const Matrix& x : c_) state.c.push_back(tape.constant(x));
        state.packed = packed_;
        return state;
    }
    std::optional<Var> read(Tape& tape) const {
        return read_.empty() ? std::nullopt : std::optional(tape.constant(read_[0]));
    }
    // Row i becomes a copy of what row rows[i] was.
    void reorder(std::span<const Index> rows) {
        for (std::vector<Matrix>* all : {&h_, &c_, &read_})
            for (Matrix& matrix : *all) matrix = rows_of(matrix, rows);
    }

  private:
    Arena packed_weights_;
    std::vector<const RecurrentPacked*> packed_;
    std::vector<Matrix> h_, c_, read_;  // of each layer; none or one
};

}  // namespace kvmem
