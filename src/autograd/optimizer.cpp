#include "kvmem/autograd/optimizer.hpp"

#include "autograd/operation.hpp"
#include "kernels/simd/table.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

namespace kvmem {

double Schedule::at(double progress, double epochs) const {
    const double p = std::clamp(progress, 0.0, 1.0);
    if (p < warmup) return rate * p / warmup;
    const double left = warmup < 1 ? (1 - p) / (1 - warmup) : 1;
    switch (decay) {
        case Decay::linear:
            return rate * left;
        case Decay::cosine:
            return rate * 0.5 * (1 + std::cos(std::numbers::pi * (1 - left)));
        case Decay::halve:
            return rate * std::exp2(-std::floor(epochs / halve_every));
        case Decay::constant:
            break;
    }
    return rate;
}

// Adam has two, Adagrad one, SGD none.
static std::size_t moments_of(Method method) { return method == Method::adam ? 2 : method == Method::adagrad ? 1 : 0; }

Optimizer::Optimizer(Parameters& parameters, const OptimizerOptions& options) : options_(options) {
    for (Parameter& p : parameters) {
        Entry& entry = entries_.emplace_back(Entry{&p, SparseRows(p.value.rows(), p.value.cols()), nullptr, {}});
        for (std::size_t i = 0; i < moments_of(options.method); ++i)
            entry.moments.emplace_back(p.value.rows(), p.value.cols());
    }
}

std::vector<Optimizer::State> Optimizer::state() {
    std::vector<State> all;
    for (Entry& entry : entries_)
        for (std::size_t i = 0; i < entry.moments.size(); ++i) {
            const char* kind = options_.method == Method::adagrad ? "adagrad.g2/" : i == 0 ? "adam.m/" : "adam.v/";
            all.push_back({kind + entry.parameter->name, &entry.moments[i]});
        }
    return all;
}

// The sum of a row over these parts (null: untouched), as a binary tree; null when all are untouched. It is in `to` or,
// where only one part has the row, that part's own. `scratch` holds a row for each level of the tree.
static const Real* tree_sum(std::span<const SparseRows* const> parts, Index row, Index cols, Real* to, Real* scratch) {
    if (parts.size() == 1) return parts[0] ? parts[0]->find(row) : nullptr;
    const std::size_t left_size = std::bit_floor(parts.size() - 1);
    const Real* left = tree_sum(parts.first(left_size), row, cols, to, scratch);
    if (!left) return tree_sum(parts.subspan(left_size), row, cols, to, scratch);
    const Real* right = tree_sum(parts.subspan(left_size), row, cols, scratch, scratch + cols);
    if (!right) return left;
    for (Index j = 0; j < cols; ++j) to[j] = left[j] + right[j];
    return to;
}

// Sums the rows that `sum` has places for. Rows that training leaves as they are become zero.
static void sum_rows(std::span<const SparseRows* const> parts, const Parameter& parameter, SparseRows& sum) {
    const Index cols = sum.cols(), levels = std::bit_width(parts.size());
    parallel_for(std::ssize(sum.touched()), row_grain(cols), [&](Index first, Index last) {
        static thread_local Arena scratch;  // kept from step to step
        const ArenaScope scope(scratch);
        Real* const levels_of_sums = scratch.take<Real>(levels * cols).data();
        for (Index i = first; i < last; ++i) {
            const Index row = sum.touched()[i];
            Real* const to = sum.values() + i * cols;
            if (parameter.is_frozen(row))
                std::fill_n(to, cols, Real{0});
            else if (const Real* total = tree_sum(parts, row, cols, to, levels_of_sums); total != to)
                std::copy_n(total, cols, to);
        }
    });
}

double Optimizer::square_sum(const SparseRows& gradient, const Parameter& parameter) {
    const auto rows = gradient.touched();
    const Index cols = gradient.cols();
    squares_.assign(rows.size(), 0);
    parallel_for(std::ssize(rows), row_grain(cols), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            if (!parameter.is_frozen(rows[i]))
                squares_[i] = detail::simd().square_sum(gradient.values() + i * cols, cols);
    });
    return std::accumulate(squares_.begin(), squares_.end(), 0.0);
}

// Sums the gradients of one parameter over the tapes, unless only one has any; returns the square of their length.
double Optimizer::sum_gradients(std::span<const Tape> tapes, Entry& entry) {
    std::vector<const SparseRows*> parts;  // of each tape: its place in the tree
    for (const Tape& tape : tapes) parts.push_back(tape.find_gradient(*entry.parameter));
    const auto has_rows = [](const SparseRows* part) { return part && !part->touched().empty(); };
    const auto count = std::ranges::count_if(parts, has_rows);
    entry.sum.clear();
    entry.gradient = nullptr;
    if (count == 0 || !entry.parameter->trainable) return 0;
    if (count == 1) {
        entry.gradient = *std::ranges::find_if(parts, has_rows);
    } else {
        // Rows lie in the order of their first touch by the first tape that has them: on any number of threads the
        // same.
        for (const SparseRows* part : parts)
            if (part)
                for (const Index row : part->touched()) entry.sum.place_to_write(row);
        sum_rows(parts, *entry.parameter, entry.sum);
        entry.gradient = &entry.sum;
    }
    return square_sum(*entry.gradient, *entry.parameter);
}

// Rows lie in the order of their first touch, which no hardware prefetcher foresees.
static constexpr Index rows_ahead = 12;

void Optimizer::update(Entry& entry, double rate, double factor) {
    const SparseRows& gradient = *entry.gradient;
    const auto rows = gradient.touched();
    const Index cols = gradient.cols();
    const auto step = static_cast<double>(steps_);
    // Adam's corrections of the moments' bias are the same for all rows, so they are folded into the rate and a factor.
    const bool adam = options_.method == Method::adam, adagrad = options_.method == Method::adagrad;
    const auto real = [](double x) { return static_cast<Real>(x); };
    const detail::Update u{.rate = real(adam ? rate / (1 - std::pow(options_.beta1, step)) : rate),
                           .factor = real(factor),
                           .epsilon = real(options_.epsilon),
                           .beta1 = real(options_.beta1),
                           .rest1 = real(1 - options_.beta1),
                           .beta2 = real(options_.beta2),
                           .rest2 = real(1 - options_.beta2),
                           .correct = real(1 / (1 - std::pow(options_.beta2, step)))};
    parallel_for(std::ssize(rows), row_grain(cols), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const Index row = rows[i];
            if (i + rows_ahead < last) detail::ask_for_row(entry.parameter->value.row(rows[i + rows_ahead]), cols);
            if (entry.parameter->is_frozen(row)) continue;
            detail::simd().update(u, entry.parameter->value.row(row), gradient.values() + i * cols,
                                  adam || adagrad ? entry.moments[0].row(row) : nullptr,
                                  adam ? entry.moments[1].row(row) : nullptr, cols);
        }
    });
}

double Optimizer::step(std::span<const Tape> tapes, double rate) {
    double square = 0;
    for (Entry& entry : entries_) square += sum_gradients(tapes, entry);
    const double length = std::sqrt(square);
    if (!std::isfinite(length)) return length;  // before anything has changed
    ++steps_;
    const double factor = options_.clip_norm > 0 && length > options_.clip_norm ? options_.clip_norm / length : 1;
    for (Entry& entry : entries_)
        if (entry.gradient) update(entry, rate, factor);
    return length;
}

const Parameter* Optimizer::not_finite() const {
    for (const Entry& entry : entries_) {
        if (!entry.gradient) continue;
        for (const Index row : entry.gradient->touched()) {
            const Real* g = entry.gradient->find(row);
            if (!std::all_of(g, g + entry.gradient->cols(), [](Real x) { return std::isfinite(x); }))
                return entry.parameter;
        }
    }
    return nullptr;
}

}  // namespace kvmem
