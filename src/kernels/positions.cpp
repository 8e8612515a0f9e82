#include "kvmem/kernels/positions.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace kvmem {

// Calls fill(position, row) for the first row of each position, and copies that row to the others.
template <class Fill>
static void fill_rows(std::span<const Index> positions, View out, Fill fill) {
    std::unordered_map<Index, Index> rows;
    for (Index i = 0; i < out.rows; ++i) {
        const auto [at, is_new] = rows.emplace(positions[i], i);
        if (is_new)
            fill(static_cast<double>(positions[i]), out.row(i));
        else
            std::copy_n(out.row(at->second), out.cols, out.row(i));
    }
}

static double angle(double position, Index pair, Index width) {
    return position * std::pow(10000.0, -2 * static_cast<double>(pair) / static_cast<double>(width));
}

void sinusoids(std::span<const Index> positions, View out) {
    require_shape(std::ssize(positions) == out.rows, "sinusoids", "a position for each row");
    fill_rows(positions, out, [&](double position, Real* row) {
        for (Index j = 0; j < out.cols; ++j) {
            const double a = angle(position, j / 2, out.cols);
            row[j] = static_cast<Real>(j % 2 == 0 ? std::sin(a) : std::cos(a));
        }
    });
}

void rotary_turns(std::span<const Index> positions, View turns) {
    require_shape(std::ssize(positions) == turns.rows && turns.cols % 2 == 0, "rotary_turns",
                  "a position for each row, and heads of an even width");
    const Index half = turns.cols / 2;
    fill_rows(positions, turns, [&](double position, Real* row) {
        for (Index j = 0; j < half; ++j) {
            const double a = angle(position, j, turns.cols);
            row[j] = static_cast<Real>(std::cos(a));
            row[half + j] = static_cast<Real>(std::sin(a));
        }
    });
}

// Calls turn(a, b, cosine, sine, c, d) for numbers j and j + half of each head of `in` and `out`.
template <class Turn>
static void for_each_pair(ConstView turns, ConstView in, View out, Turn turn) {
    require_shape(same_shape(in, out) && in.rows == turns.rows && turns.cols % 2 == 0 &&
                      (in.cols == 0 || (turns.cols > 0 && in.cols % turns.cols == 0)),
                  "rotate", "turns [n, D] for in and out [n, heads * D]");
    const Index half = turns.cols / 2;
    for (Index i = 0; i < in.rows; ++i) {
        const Real *cosine = turns.row(i), *sine = cosine + half;
        for (Index first = 0; first < in.cols; first += turns.cols) {
            const Real* x = in.row(i) + first;
            Real* y = out.row(i) + first;
            for (Index j = 0; j < half; ++j) turn(x[j], x[j + half], cosine[j], sine[j], y[j], y[j + half]);
        }
    }
}

void rotate(ConstView in, ConstView turns, View out) {
    for_each_pair(turns, in, out, [](Real a, Real b, Real cosine, Real sine, Real& c, Real& d) {
        c = a * cosine - b * sine;
        d = b * cosine + a * sine;
    });
}

void rotate_backward(ConstView grad_out, ConstView turns, View grad_in) {
    for_each_pair(turns, grad_out, grad_in, [](Real a, Real b, Real cosine, Real sine, Real& c, Real& d) {
        c += a * cosine + b * sine;
        d += b * cosine - a * sine;
    });
}

}  // namespace kvmem
