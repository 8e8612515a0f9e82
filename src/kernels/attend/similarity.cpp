#include "kernels/attend/similarity.hpp"

#include "kernels/simd/table.hpp"
#include "kernels/vector.hpp"
#include "kvmem/kernels/normalize.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem::detail {

// The same numbers with a row for each row and head.
template <class T>
static BasicView<T> by_head(BasicView<T> x, Index heads) {
    return {x.data, x.rows * heads, x.cols / heads};
}

static View zeros(Arena& scratch, Index rows, Index cols) {
    const View view = scratch.matrix(rows, cols);
    std::fill_n(view.data, view.size(), Real{0});
    return view;
}

// |x|^2 of each row and head: [rows, heads].
static View squares_of(ConstView x, Index heads, Arena& scratch) {
    const View squares = scratch.matrix(x.rows, heads);
    const ConstView each = by_head(x, heads);
    for (Index i = 0; i < squares.size(); ++i) squares.data[i] = dot(each.row(i), each.row(i), each.cols);
    return squares;
}

// NaN if one of the squares is.
static double largest_length(ConstView squares) {
    const Real largest = largest_of(squares.data, squares.size());
    return largest < 0 ? 0 : std::sqrt(static_cast<double>(largest));  // -inf of none
}

// Whether differences of squares and products are accurate scores in float, with an error of some 2e-4.
static bool are_near(ConstView query_squares, ConstView key_squares, Real scale) {
    const double reach = largest_length(query_squares) + largest_length(key_squares);
    return reach * reach * std::abs(static_cast<double>(scale)) <= 4096;
}

Reduction::Reduction(const AttendInput& in, const Segments& segments, const AttendOptions& options, Arena& scratch)
    : given_(in), given_options_(options), in_(in), options_(options), scratch_(scratch) {
    if (options.similarity == Similarity::cosine) {
        const auto unit = [&](ConstView x, Index heads, std::span<Real>& length) {
            const View out = scratch.matrix(x.rows, x.cols);
            length = scratch.take<Real>(x.rows * heads);
            normalize_rows(by_head(x, heads), by_head(out, heads), length);
            return out;
        };
        in_.query = unit(in.query, options.heads, query_length_);
        in_.key = unit(in.key, options.memory_heads(), key_length_);
        options_.similarity = Similarity::dot;
    } else if (options.similarity == Similarity::euclidean && !make_products()) {
        if (weight_count(segments, 1) <= few_queries * in.key.rows) return;  // distances cost no more for few queries
        center(segments);
        if (!make_products()) in_ = given_;
    }
}

// Reduces distances to products, with -scale |k|^2 added to the bias of each slot and head. Returns false, and changes
// nothing, where they would not be accurate.
bool Reduction::make_products() {
    const Index heads = options_.heads, share = heads / options_.memory_heads();
    query_squares_ = squares_of(in_.query, heads, scratch_);
    const View key_squares = squares_of(in_.key, options_.memory_heads(), scratch_);
    if (!are_near(query_squares_, key_squares, options_.scale)) return false;
    const View bias = scratch_.matrix(in_.key.rows, heads);
    const bool each_head = in_.slot_bias.size() == bias.size() && in_.slot_bias.rows == bias.rows;
    for (Index s = 0; s < bias.rows; ++s)
        for (Index h = 0; h < heads; ++h) {
            const Real given = in_.slot_bias.empty() ? Real{0} : in_.slot_bias.data[each_head ? s * heads + h : s];
            bias(s, h) = biased(-options_.scale * key_squares(s, h / share), given);
        }
    in_.slot_bias = bias;
    options_.scale *= 2;
    options_.similarity = Similarity::dot;
    return true;
}

static void mean_of_rows(ConstView rows, std::span<double> mean) {
    std::ranges::fill(mean, 0.0);
    for (Index i = 0; i < rows.rows; ++i)
        for (Index c = 0; c < rows.cols; ++c) mean[c] += static_cast<double>(rows(i, c));
    for (double& x : mean) x /= static_cast<double>(std::max<Index>(rows.rows, 1));
}

// Subtracts the mean of a segment's keys from its queries and keys, so that points near each other are near the origin.
void Reduction::center(const Segments& segments) {
    const Index heads = options_.heads, share = heads / options_.memory_heads(), width = in_.query.cols / heads;
    const auto copy = [&](ConstView x) {
        const View out = scratch_.matrix(x.rows, x.cols);
        std::copy_n(x.data, x.size(), out.data);
        return out;
    };
    const View query = copy(in_.query), key = copy(in_.key);
    const auto mean = scratch_.take<double>(key.cols);
    const auto subtract = [&](Real* row, Index count, Index column) {
        for (Index c = 0; c < count; ++c) row[c] -= static_cast<Real>(mean[column + c]);
    };
    for (Index i = 0; i < segments.size(); ++i) {
        const Index first = segments.slot_offsets[i], end = segments.slot_offsets[i + 1];
        mean_of_rows(key.middle_rows(first, end - first), mean);
        for (Index s = first; s < end; ++s) subtract(key.row(s), key.cols, 0);
        for (Index q = segments.query_offsets[i]; q < segments.query_offsets[i + 1]; ++q)
            for (Index h = 0; h < heads; ++h) subtract(query.row(q) + h * width, width, h / share * width);
    }
    in_.query = query;
    in_.key = key;
}

void Reduction::shift(View log_sum_exp, Real sign) const {
    if (!is_reduced_distance()) return;
    for (Index i = 0; i < log_sum_exp.size(); ++i)
        log_sum_exp.data[i] -= sign * given_options_.scale * query_squares_.data[i];
}

AttendGradients Reduction::reduced(const AttendGradients& grads) {
    inner_ = grads;
    if (options_.similarity == Similarity::euclidean) return inner_;
    inner_.scale = nullptr;
    const bool cosine = given_options_.similarity == Similarity::cosine, euclidean = is_reduced_distance();
    if (cosine || grads.scale) {
        if (grads.query.data || grads.scale) inner_.query = zeros(scratch_, in_.query.rows, in_.query.cols);
        if (cosine && grads.key.data) inner_.key = zeros(scratch_, in_.key.rows, in_.key.cols);
    }
    // A key's length acts through the bias, whose gradient is therefore needed.
    if (euclidean && (grads.key.data || grads.slot_bias.data || grads.scale))
        inner_.slot_bias = zeros(scratch_, in_.key.rows, given_options_.heads);
    return inner_;
}

// d score / d scale = score / scale, without what does not depend on the scale. The sum of dS S is the sum of dQ Q.
Real Reduction::scale_gradient() const {
    double sum = 0;
    for (Index i = 0; i < inner_.query.size(); ++i)
        sum += static_cast<double>(inner_.query.data[i]) * static_cast<double>(in_.query.data[i]);
    return static_cast<Real>(sum / static_cast<double>(given_options_.scale));
}

// From the gradient of the biases to those of what -scale |k|^2 and the given bias are made of.
void Reduction::expand_bias(const AttendGradients& grads) const {
    const Index heads = given_options_.heads, width = given_.query.cols / heads;
    const Index share = heads / given_options_.memory_heads();
    double scale = 0;
    for (Index s = 0; s < given_.key.rows; ++s)
        for (Index h = 0; h < heads; ++h) {
            const Real g = inner_.slot_bias(s, h);
            const Index column = h / share * width;
            const Real* key = in_.key.row(s) + column;
            scale -= static_cast<double>(g) * static_cast<double>(dot(key, key, width));
            if (grads.key.data) axpy(-2 * given_options_.scale * g, key, grads.key.row(s) + column, width);
            if (grads.slot_bias.data)
                grads.slot_bias.data[grads.slot_bias.size() == given_.key.rows ? s : s * heads + h] += g;
        }
    if (grads.scale) *grads.scale += static_cast<Real>(scale);
}

void Reduction::expand(const AttendGradients& grads) {
    if (options_.similarity == Similarity::euclidean) return;
    const Index heads = given_options_.heads, groups = given_options_.memory_heads();
    const bool cosine = given_options_.similarity == Similarity::cosine;
    if (grads.scale) *grads.scale += scale_gradient();
    if (grads.query.data && inner_.query.data != grads.query.data) {
        if (cosine)
            normalize_rows_backward(by_head(in_.query, heads), query_length_, by_head(inner_.query, heads),
                                    by_head(grads.query, heads));
        else
            axpy(1, inner_.query.data, grads.query.data, inner_.query.size());
    }
    if (cosine && grads.key.data)
        normalize_rows_backward(by_head(in_.key, groups), key_length_, by_head(inner_.key, groups),
                                by_head(grads.key, groups));
    if (is_reduced_distance() && inner_.slot_bias.data) expand_bias(grads);
}

}  // namespace kvmem::detail
