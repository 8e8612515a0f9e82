#include "kvmem/nn/hopfield.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/attend.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace kvmem {

static bool finite(ConstView v) {
    return std::all_of(v.data, v.data + v.size(), [](Real x) { return std::isfinite(x); });
}

Hopfield::Hopfield(const HopfieldOptions& options) : options_(options) {
    require_shape(options.beta > 0 && std::isfinite(options.beta), "Hopfield", "a positive beta");
    require_shape(options.tolerance >= 0, "Hopfield", "a tolerance that is not negative");
    require_shape(options.max_steps >= 1, "Hopfield", "at least one step");
}

void Hopfield::store(ConstView patterns) { store(patterns, {nullptr, patterns.rows, 0}); }

// Reserves room for `more` numbers. Capacity doubles, so that storing one by one takes amortised constant time.
static void make_room(std::vector<Real>& numbers, Index more) {
    const std::size_t needed = numbers.size() + more;
    if (needed > numbers.capacity()) numbers.reserve(std::max(needed, 2 * numbers.capacity()));
}

void Hopfield::store(ConstView patterns, ConstView values) {
    require_shape(patterns.cols >= 1 && patterns.rows == values.rows, "Hopfield::store",
                  "patterns [n, D] and as many values");
    require_shape(width_ == 0 || (patterns.cols == width_ && values.cols == value_width_), "Hopfield::store",
                  "patterns and values of the widths of the first");
    require_shape(finite(patterns) && finite(values), "Hopfield::store", "finite numbers");
    // Both get their room first: an allocation that fails then stores nothing.
    make_room(patterns_, patterns.size());
    make_room(values_, values.size());
    patterns_.insert(patterns_.end(), patterns.data, patterns.data + patterns.size());
    values_.insert(values_.end(), values.data, values.data + values.size());
    width_ = patterns.cols;
    value_width_ = values.cols;
}

// softmax(beta * query key') value: every query reads every slot.
static View read_all(ConstView query, ConstView key, ConstView value, Real beta, Arena& arena) {
    const std::array<Index, 2> queries{0, query.rows}, slots{0, key.rows};
    const View read = arena.matrix(query.rows, value.cols), log_sum_exp = arena.matrix(query.rows, 1);
    attend({query, key, value}, {queries, slots}, {.scale = beta}, {read, log_sum_exp}, arena);
    return read;
}

static bool rests(const Real* before, const Real* after, Index width, Real tolerance) {
    for (Index j = 0; j < width; ++j)
        if (!(std::abs(after[j] - before[j]) <= tolerance)) return false;  // a NaN never rests
    return true;
}

// These rows of `states`, one after the other.
static View gather(const Matrix& states, const std::vector<Index>& rows, Arena& arena) {
    const View gathered = arena.matrix(std::ssize(rows), states.cols());
    for (Index i = 0; i < gathered.rows; ++i) std::copy_n(states.row(rows[i]), gathered.cols, gathered.row(i));
    return gathered;
}

Hopfield::Recall Hopfield::recall(ConstView states) const {
    require_shape(size() > 0, "Hopfield::recall", "at least one stored pattern");
    require_shape(states.cols == width_, "Hopfield::recall", "states [B, D] as wide as the patterns");
    require_shape(finite(states), "Hopfield::recall", "finite numbers");
    const ConstView key{patterns_.data(), size(), width_}, value{values_.data(), size(), value_width_};
    Recall result{Matrix(states.rows, width_), {}, {}};
    std::copy_n(states.data, states.size(), result.state.data());
    result.steps.assign(states.rows, 0);

    Arena arena;
    std::vector<Index> moving(states.rows);  // states that do not rest yet: only these are read again
    std::iota(moving.begin(), moving.end(), Index{0});
    for (Index step = 1; step <= options_.max_steps && !moving.empty(); ++step) {
        arena.reset();
        const View query = gather(result.state, moving, arena);
        const View read = read_all(query, key, key, options_.beta, arena);
        std::vector<Index> still_moving;
        for (Index i = 0; i < query.rows; ++i) {
            const Index row = moving[i];
            std::copy_n(read.row(i), width_, result.state.row(row));
            if (rests(query.row(i), read.row(i), width_, options_.tolerance))
                result.steps[row] = step;
            else
                still_moving.push_back(row);
        }
        moving = std::move(still_moving);
    }
    if (value_width_ > 0) {
        const View read = read_all(result.state, key, value, options_.beta, arena);
        result.value = Matrix(read.rows, read.cols);
        std::copy_n(read.data, read.size(), result.value.data());
    }
    return result;
}

}  // namespace kvmem
