#include "kernels/similarity.hpp"

#include "kernels/vector.hpp"
#include "kvmem/kernels/normalize.hpp"

#include <algorithm>

namespace kvmem::detail {

// Each head's part of each row as a row of its own.
template <class T>
static BasicView<T> by_head(BasicView<T> x, Index heads) {
    return {x.data, x.rows * heads, x.cols / heads};
}

static View zeros(Arena& scratch, Index rows, Index cols) {
    const View view = scratch.matrix(rows, cols);
    std::fill_n(view.data, view.size(), Real{0});
    return view;
}

// The bias of slot s for head h: that of the user less scale |k|^2.
static View euclidean_bias(const AttendInput& in, const AttendOptions& options, Arena& scratch) {
    const Index heads = options.heads, share = heads / options.memory_heads(), width = in.query.cols / heads;
    const View bias = scratch.matrix(in.key.rows, heads);
    const bool each_head = in.slot_bias.size() == bias.size() && in.slot_bias.rows == bias.rows;
    for (Index s = 0; s < bias.rows; ++s)
        for (Index h = 0; h < heads; ++h) {
            const Real* key = in.key.row(s) + h / share * width;
            const Real given = in.slot_bias.empty() ? Real{0} : in.slot_bias.data[each_head ? s * heads + h : s];
            bias(s, h) = given - options.scale * dot(key, key, width);
        }
    return bias;
}

Reduction::Reduction(const AttendInput& in, const AttendOptions& options, Arena& scratch)
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
    } else if (options.similarity == Similarity::euclidean) {
        in_.slot_bias = euclidean_bias(in, options, scratch);
        options_.scale = 2 * options.scale;
        options_.similarity = Similarity::dot;
    }
}

void Reduction::shift(View log_sum_exp, Real sign) const {
    if (given_options_.similarity != Similarity::euclidean) return;
    const Index width = given_.query.cols / given_options_.heads;
    for (Index i = 0; i < log_sum_exp.rows; ++i)
        for (Index h = 0; h < log_sum_exp.cols; ++h) {
            const Real* query = given_.query.row(i) + h * width;
            log_sum_exp(i, h) -= sign * given_options_.scale * dot(query, query, width);
        }
}

AttendGradients Reduction::reduced(const AttendGradients& grads) {
    inner_ = grads;
    inner_.scale = nullptr;
    const bool cosine = given_options_.similarity == Similarity::cosine;
    const bool euclidean = given_options_.similarity == Similarity::euclidean;
    if (cosine || grads.scale) {
        if (grads.query.data || grads.scale) inner_.query = zeros(scratch_, in_.query.rows, in_.query.cols);
        if (cosine && grads.key.data) inner_.key = zeros(scratch_, in_.key.rows, in_.key.cols);
    }
    // The length of a key acts through the bias.
    if (euclidean && (grads.key.data || grads.slot_bias.data || grads.scale))
        inner_.slot_bias = zeros(scratch_, in_.key.rows, given_options_.heads);
    return inner_;
}

void Reduction::expand(const AttendGradients& grads) {
    const Index heads = given_options_.heads, groups = given_options_.memory_heads();
    const bool cosine = given_options_.similarity == Similarity::cosine;
    const bool euclidean = given_options_.similarity == Similarity::euclidean;
    // d score / d scale = score / scale, but for what does not depend on the scale; sum of dS S = sum of dQ Q.
    if (grads.scale) {
        double sum = 0;
        for (Index i = 0; i < inner_.query.size(); ++i)
            sum += static_cast<double>(inner_.query.data[i]) * static_cast<double>(in_.query.data[i]);
        *grads.scale += static_cast<Real>(sum / static_cast<double>(given_options_.scale));
    }
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
    if (!euclidean || inner_.slot_bias.data == nullptr) return;
    const Index width = given_.query.cols / heads;
    double scale = 0;
    for (Index s = 0; s < given_.key.rows; ++s)
        for (Index h = 0; h < heads; ++h) {
            const Real g = inner_.slot_bias(s, h);
            const Index column = h / (heads / groups) * width;
            const Real* key = given_.key.row(s) + column;
            scale -= static_cast<double>(g) * static_cast<double>(dot(key, key, width));
            if (grads.key.data) axpy(-2 * given_options_.scale * g, key, grads.key.row(s) + column, width);
            if (grads.slot_bias.data)
                grads.slot_bias.data[grads.slot_bias.size() == given_.key.rows ? s : s * heads + h] += g;
        }
    if (grads.scale) *grads.scale += static_cast<Real>(scale);
}

}  // namespace kvmem::detail
