#include "kvmem/autograd/optimizer.hpp"

#include "kernels/simd/table.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

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

// Rows come in the order of their first touch, which no processor foresees: what is written next is asked for.
static constexpr Index rows_ahead = 12;

// Rows worth a task of their own.
static Index row_grain(Index cols) { return std::max<Index>(1, 16384 / std::max<Index>(cols, 1)); }

// The sum of what the parts have of a row that one of them has at least.
static void add_up(std::span<const SparseRows* const> parts, Index row, Real* sum, Index cols) {
    bool begun = false;
    for (const SparseRows* part : parts)
        if (const Real* g = part->find(row)) {
            if (begun)
                detail::simd().add_scaled(1, g, sum, cols);
            else
                std::copy_n(g, cols, sum);
            begun = true;
        }
}

// The gradients of one parameter, summed over tapes unless there is one alone; returns the square of their length.
double Optimizer::merge(std::span<const std::unique_ptr<Tape>> tapes, Entry& entry) {
    std::vector<const SparseRows*> parts;
    for (const auto& tape : tapes)
        if (const SparseRows* part = tape->find_gradient(*entry.parameter)) parts.push_back(part);
    SparseRows& sum = entry.sum;
    sum.clear();
    entry.gradient = parts.size() == 1 ? parts[0] : &sum;
    if (parts.size() > 1)
        for (const SparseRows* part : parts)
            for (const Index row : part->touched()) sum.place_to_write(row);
    const auto rows = entry.gradient->touched();
    const Index cols = sum.cols();
    squares_.assign(rows.size(), 0);
    parallel_for(static_cast<Index>(rows.size()), row_grain(cols), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const Index row = rows[static_cast<std::size_t>(i)];
            const bool frozen = entry.parameter->is_frozen(row);
            if (parts.size() > 1) {
                if (frozen)
                    std::fill_n(sum.values() + i * cols, cols, Real{0});
                else
                    add_up(parts, row, sum.values() + i * cols, cols);
            }
            if (frozen) continue;
            squares_[static_cast<std::size_t>(i)] =
                detail::simd().square_sum(entry.gradient->values() + i * cols, cols);
        }
    });
    double length = 0;
    for (const double square : squares_) length += square;
    return length;
}

void Optimizer::update(Entry& entry, double rate, double factor) {
    const SparseRows& gradient = *entry.gradient;
    const auto rows = gradient.touched();
    const Index cols = gradient.cols();
    const auto step = static_cast<double>(steps_);
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
    parallel_for(static_cast<Index>(rows.size()), row_grain(cols), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const Index row = rows[static_cast<std::size_t>(i)];
            if (i + rows_ahead < last)
                detail::prefetch_row(entry.parameter->value.row(rows[static_cast<std::size_t>(i + rows_ahead)]), cols);
            if (entry.parameter->is_frozen(row)) continue;
            detail::simd().update(u, entry.parameter->value.row(row), gradient.values() + i * cols,
                                  adam || adagrad ? entry.moments[0].row(row) : nullptr,
                                  adam ? entry.moments[1].row(row) : nullptr, cols);
        }
    });
}

double Optimizer::step(std::span<const std::unique_ptr<Tape>> tapes, double rate) {
    double square = 0;
    for (Entry& entry : entries_) square += merge(tapes, entry);
    const double length = std::sqrt(square);
    if (!std::isfinite(length)) return length;
    ++steps_;
    const double factor = options_.clip_norm > 0 && length > options_.clip_norm ? options_.clip_norm / length : 1;
    for (Entry& entry : entries_) update(entry, rate, factor);
    return length;
}

const Parameter* Optimizer::not_finite() const {
    for (const Entry& entry : entries_) {
        if (!entry.gradient) continue;  // no step yet
        for (const Index row : entry.gradient->touched()) {
            const Real* g = entry.gradient->find(row);
            if (!std::all_of(g, g + entry.gradient->cols(), [](Real x) { return std::isfinite(x); }))
                return entry.parameter;
        }
    }
    return nullptr;
}

}  // namespace kvmem
