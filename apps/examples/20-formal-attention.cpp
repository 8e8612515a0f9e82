// Self-attention of a sentence of four words, step by step as its formulas say it (Vaswani et al. 2017, section 3.2;
// Phuong and Hutter 2022, algorithms 4 and 5): each intermediate matrix is printed, and the layer gives the same.
#include "kvmem/nn/multi_head_attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

using namespace kvmem;

static const char* const words[] = {"the", "cat", "sat", "down"};
static constexpr Index length = 4, width = 4, heads = 2, head_width = width / heads;

static void print(const std::string& title, ConstView m, bool of_words = true) {
    std::printf("\n%s\n", title.c_str());
    for (Index i = 0; i < m.rows; ++i) {
        std::printf("  %-5s", of_words ? words[i] : "");
        for (Index j = 0; j < m.cols; ++j) std::printf("%8.3f", double{m(i, j)});
        std::printf("\n");
    }
}

// a b', times a factor.
static Matrix product(ConstView a, ConstView b, Real factor = 1) {
    Matrix out(a.rows, b.rows);
    for (Index i = 0; i < a.rows; ++i)
        for (Index j = 0; j < b.rows; ++j) {
            for (Index k = 0; k < a.cols; ++k) out(i, j) += a(i, k) * b(j, k);
            out(i, j) *= factor;
        }
    return out;
}

static Matrix columns(ConstView m, Index first, Index count) {
    Matrix out(m.rows, count);
    for (Index i = 0; i < m.rows; ++i) std::copy_n(m.row(i) + first, count, out.row(i));
    return out;
}

static Matrix transposed(ConstView m) {
    Matrix out(m.cols, m.rows);
    for (Index i = 0; i < m.rows; ++i)
        for (Index j = 0; j < m.cols; ++j) out(j, i) = m(i, j);
    return out;
}

static Matrix softmax(Matrix scores) {
    for (Index i = 0; i < scores.rows(); ++i) {
        Real sum = 0;
        for (Index j = 0; j < scores.cols(); ++j) sum += scores(i, j) = std::exp(scores(i, j));
        for (Index j = 0; j < scores.cols(); ++j) scores(i, j) /= sum;
    }
    return scores;
}

// One head, for columns [first, first + head_width) of the queries, keys and values: softmax(Q K' / sqrt(d_k)) V.
static Matrix read_by_head(Index head, ConstView query, ConstView key, ConstView value) {
    const Index first = head * head_width;
    const std::string of = " of head " + std::to_string(head + 1);
    const Matrix q = columns(query, first, head_width), k = columns(key, first, head_width),
                 v = columns(value, first, head_width);
    print("Scores Q K'" + of + ": row i is a query, column j a key", product(q, k));
    const Matrix scaled = product(q, k, 1 / std::sqrt(static_cast<Real>(head_width)));
    print("Scaled by 1 / sqrt(d_k)" + of, scaled);
    const Matrix weights = softmax(scaled);
    print("Weights, a softmax of each row" + of, weights);
    const Matrix read = product(weights, transposed(v));
    print("Reads, the weighted sums of values" + of, read);
    return read;
}

int main() {
    Parameters parameters;
    const MultiHeadAttention layer(parameters, "attention", {.width = width, .heads = heads, .bias = false}, 1);
    const auto map = [&](const char* name) -> ConstView {
        return parameters.find("attention." + std::string(name) + ".weight")->value;
    };
    Matrix x(length, width);  // a vector for each word
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<Real>(std::sin(1.0 + 2.5 * static_cast<double>(i)));
    print("X, the words", x);

    const Matrix query = product(x, map("query")), key = product(x, map("key")), value = product(x, map("value"));
    print("Queries X W^Q, the two heads side by side", query);
    print("Keys X W^K", key);
    print("Values X W^V", value);

    Matrix joined(length, width);
    for (Index head = 0; head < heads; ++head) {
        const Matrix read = read_by_head(head, query, key, value);
        for (Index i = 0; i < length; ++i) std::copy_n(read.row(i), head_width, joined.row(i) + head * head_width);
    }
    print("Heads side by side", joined);
    print("W^O", transposed(map("out")), false);
    const Matrix out = product(joined, map("out"));
    print("Output, the heads joined by W^O", out);

    Tape tape;
    tape.set_training(false);
    const Index sentence[] = {0, length};
    const ConstView same = layer.self(tape.constant(x), sentence).out.value();
    Real difference = 0;
    for (Index i = 0; i < out.size(); ++i) difference = std::max(difference, std::abs(out.data()[i] - same.data[i]));
    std::printf("\nMultiHeadAttention gives the same, up to %.0e.\n", double{difference});
    return double{difference} < 1e-5 ? 0 : 1;
}
