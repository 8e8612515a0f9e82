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

namespace {
// The sum of one row over tapes as a binary tree of their places, of which any may be missing. Two places meet at the
// level of the highest bit in which they differ.
class TreeSum {
  public:
    // `scratch` has room for levels(tapes) rows.
    TreeSum(Index cols, Real* scratch) : cols_(cols), scratch_(scratch) {}
    static Index levels(std::size_t tapes) { return std::bit_width(tapes) + 1; }

    void begin(Real* to) {
        to_ = to;
        size_ = 0;
    }
    // Rows are added by rising places. What lies below the level where the new one meets the last is complete.
    void add(std::size_t place, const Real* row) {
        const int level = size_ > 0 ? static_cast<int>(std::bit_width(place ^ last_place_)) : 0;
        while (size_ > 1 && level_[size_ - 1] < level) merge();
        level_[size_] = level;
        sums_[size_++] = row;
        last_place_ = place;
    }
    // At least one row was added.
    void finish() {
        while (size_ > 1) merge();
        if (sums_[0] != to_) std::copy_n(sums_[0], cols_, to_);
    }

  private:
    // The last two sums become one, in the place of the first of them.
    void merge() {
        const Real* right = sums_[--size_];
        const Real* left = sums_[size_ - 1];
        Real* const to = size_ == 1 ? to_ : scratch_ + (size_ - 1) * cols_;
        if (left == to)
            detail::simd().add_scaled(1, right, to, cols_);
        else
            for (Index j = 0; j < cols_; ++j) to[j] = left[j] + right[j];
        sums_[size_ - 1] = to;
    }

    Index cols_;
    Real *scratch_, *to_ = nullptr;
    const Real* sums_[65];  // a row itself, or a sum in `to` or in the scratch row of its depth
    int level_[65];         // where the sum meets the one before
    int size_ = 0;
    std::size_t last_place_ = 0;
};
}  // namespace

// Sums the rows that `sum` has places for. Rows that training leaves as they are become zero.
static void sum_rows(std::span<const SparseRows* const> parts, const Parameter& parameter, SparseRows& sum) {
    const Index cols = sum.cols();
    parallel_for(std::ssize(sum.touched()), row_grain(cols), [&](Index first, Index last) {
        static thread_local Arena arena;  // kept from step to step
        const ArenaScope scope(arena);
        TreeSum tree(cols, arena.take<Real>(TreeSum::levels(parts.size()) * cols).data());
        for (Index i = first; i < last; ++i) {
            const Index row = sum.touched()[i];
            Real* const to = sum.values() + i * cols;
            if (parameter.is_frozen(row)) {
                std::fill_n(to, cols, Real{0});
                continue;
            }
            tree.begin(to);
            for (std::size_t place = 0; place < parts.size(); ++place)
                if (const Real* part = parts[place] ? parts[place]->find(row) : nullptr) tree.add(place, part);
            tree.finish();
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
    const bool decays = entry.parameter->value.rows() > 1;
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
            if (i + rows_ahead < last) detail::prefetch_row(entry.parameter->value.row(rows[i + rows_ahead]), cols);
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
