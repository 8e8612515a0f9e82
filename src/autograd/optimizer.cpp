#include "kvmem/autograd/optimizer.hpp"

#include "autograd/operation.hpp"
#include "autograd/tree_sum.hpp"
#include "kernels/simd/table.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
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
        case Decay::inverse_sqrt:
            return rate * std::sqrt(warmup / p);
        case Decay::constant:
            break;
    }
    return rate;
}

// Adam has two, Adagrad one, SGD none.
static std::size_t moments_of(Method method) { return method == Method::adam ? 2 : method == Method::adagrad ? 1 : 0; }

Optimizer::Optimizer(Parameters& parameters, const OptimizerOptions& options) : options_(options) {
    for (Parameter& p : parameters) {
        Entry& entry = entries_.emplace_back(Entry{SparseRows(p.value.rows(), p.value.cols()), {}});
        gradients_.push_back({&p});
        for (std::size_t i = 0; i < moments_of(options.method); ++i)
            entry.moments.emplace_back(p.value.rows(), p.value.cols());
    }
}

std::vector<Optimizer::State> Optimizer::state() {
    std::vector<State> all;
    for (std::size_t at = 0; at < entries_.size(); ++at)
        for (std::size_t i = 0; i < entries_[at].moments.size(); ++i) {
            const char* kind = options_.method == Method::adagrad ? "adagrad.g2/" : i == 0 ? "adam.m/" : "adam.v/";
            all.push_back({kind + gradients_[at].parameter->name, &entries_[at].moments[i]});
        }
    return all;
}

// Rows lie in the order of their first touch, which no hardware prefetcher foresees.
static constexpr Index rows_ahead = 12;

// Sums the rows that `sum` has places for. Rows that training leaves as they are become zero.
static void sum_rows(std::span<const SparseRows* const> parts, const Parameter& parameter, SparseRows& sum) {
    const Index cols = sum.cols();
    parallel_for(std::ssize(sum.touched()), row_grain(cols), [&](Index first, Index last) {
        static thread_local Arena arena;  // every step uses it again
        const ArenaScope scope(arena);
        TreeSum tree(cols, arena.take<Real>(TreeSum::levels(parts.size()) * cols).data());
        for (Index i = first; i < last; ++i) {
            if (i + rows_ahead < last)
                for (const SparseRows* part : parts)
                    if (part) __builtin_prefetch(part->places() + sum.touched()[i + rows_ahead]);
            const Index row = sum.touched()[i];
            Real* const to = sum.values() + i * cols;
            if (parameter.is_frozen(row)) {
                std::fill_n(to, cols, Real{0});
                continue;
            }
            tree.begin(to);
            for (std::size_t place = 0; place < parts.size(); ++place) {
                const Index at = parts[place] ? parts[place]->places()[row] : -1;
                if (at >= 0) tree.add(place, parts[place]->values() + at * cols);
            }
            tree.finish();
        }
    });
}

double Optimizer::square_sum(const Gradient& gradient) {
    if (!gradient.rows) return 0;
    const auto rows = gradient.rows->touched();
    const Index cols = gradient.rows->cols();
    squares_.assign(rows.size(), 0);
    parallel_for(std::ssize(rows), row_grain(cols), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            if (!gradient.parameter->is_frozen(rows[i]))
                squares_[i] = detail::simd().square_sum(gradient.rows->values() + i * cols, cols);
    });
    return std::accumulate(squares_.begin(), squares_.end(), 0.0);
}

// The sum of a parameter's gradients over the tapes: `sum`, or the gradient of the only tape that has one. Null: none.
static const SparseRows* sum_gradients(std::span<const Tape> tapes, const Parameter& parameter, SparseRows& sum) {
    std::vector<const SparseRows*> parts;  // of each tape: its place in the tree
    for (const Tape& tape : tapes) parts.push_back(tape.find_gradient(parameter));
    const auto has_rows = [](const SparseRows* part) { return part && !part->touched().empty(); };
    const auto count = std::ranges::count_if(parts, has_rows);
    sum.clear();
    if (count == 0 || !parameter.trainable) return nullptr;
    if (count == 1) return *std::ranges::find_if(parts, has_rows);
    // Rows lie in the order of their first touch by the first tape that has them: on any number of threads the same.
    for (const SparseRows* part : parts)
        if (part)
            for (const Index row : part->touched()) sum.place_to_write(row);
    sum_rows(parts, parameter, sum);
    return &sum;
}

void Optimizer::update(const Gradient& of, Entry& entry, double rate, double factor) {
    const SparseRows& gradient = *of.rows;
    Parameter& parameter = *of.parameter;
    const auto rows = gradient.touched();
    const Index cols = gradient.cols();
    const auto step = static_cast<double>(steps_);
    // Adam's corrections of the moments' bias are the same for all rows, so they are folded into the rate and a factor.
    const bool adam = options_.method == Method::adam, adagrad = options_.method == Method::adagrad;
    const bool decays = parameter.value.rows() > 1;
    const auto real = [](double x) { return static_cast<Real>(x); };
    const detail::Update u{.rate = real(adam ? rate / (1 - std::pow(options_.beta1, step)) : rate),
                           .factor = real(factor),
                           .epsilon = real(options_.epsilon),
                           .beta1 = real(options_.beta1),
                           .rest1 = real(1 - options_.beta1),
                           .beta2 = real(options_.beta2),
                           .rest2 = real(1 - options_.beta2),
                           .correct = real(1 / (1 - std::pow(options_.beta2, step))),
                           .shrink = real(decays ? rate * options_.weight_decay : 0)};
    parallel_for(std::ssize(rows), row_grain(cols), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const Index row = rows[i];
            if (i + rows_ahead < last) {
                const Index ahead = rows[i + rows_ahead];
                detail::prefetch_row(parameter.value.row(ahead), cols);
                for (Matrix& moment : entry.moments) detail::prefetch_row(moment.row(ahead), cols);
            }
            if (parameter.is_frozen(row)) continue;
            detail::simd().update(u, parameter.value.row(row), gradient.values() + i * cols,
                                  adam || adagrad ? entry.moments[0].row(row) : nullptr,
                                  adam ? entry.moments[1].row(row) : nullptr, cols);
        }
    });
}

double Optimizer::step(std::span<const Tape> tapes, double rate, const Exchange& exchange) {
    for (std::size_t i = 0; i < entries_.size(); ++i)
        gradients_[i].rows = sum_gradients(tapes, *gradients_[i].parameter, entries_[i].sum);
    if (exchange) exchange(gradients_);
    double square = 0;
    for (const Gradient& gradient : gradients_) square += square_sum(gradient);
    const double length = std::sqrt(square);
    if (!std::isfinite(length)) return length;  // before anything has changed
    ++steps_;
    const double factor = options_.clip_norm > 0 && length > options_.clip_norm ? options_.clip_norm / length : 1;
    for (std::size_t i = 0; i < entries_.size(); ++i)
        if (gradients_[i].rows) update(gradients_[i], entries_[i], rate, factor);
    return length;
}

const Parameter* Optimizer::not_finite() const {
    for (const Gradient& gradient : gradients_) {
        if (!gradient.rows) continue;
        for (const Index row : gradient.rows->touched()) {
            const Real* g = gradient.rows->find(row);
            if (!std::all_of(g, g + gradient.rows->cols(), [](Real x) { return std::isfinite(x); }))
                return gradient.parameter;
        }
    }
    return nullptr;
}

}  // namespace kvmem
