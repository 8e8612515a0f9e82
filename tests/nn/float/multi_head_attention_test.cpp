// In the float of the installed library, against numbers that are computed here in double.
#include "kvmem/nn/multi_head_attention.hpp"

#include "random.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

using namespace kvmem;
using test::normal;
using test::offsets;

using Rows = std::vector<std::vector<double>>;

static Rows rows_of(ConstView v) {
    Rows rows;
    for (Index i = 0; i < v.rows; ++i) rows.emplace_back(v.row(i), v.row(i) + v.cols);
    return rows;
}

// x W' + b
static Rows project(const Rows& x, Parameters& p, const std::string& name) {
    const Matrix &weight = p.find(name + ".weight")->value, &bias = p.find(name + ".bias")->value;
    Rows out;
    for (const auto& row : x) {
        out.emplace_back();
        for (Index j = 0; j < weight.rows(); ++j) {
            double sum = bias(0, j);
            for (Index k = 0; k < weight.cols(); ++k) sum += row[static_cast<std::size_t>(k)] * double{weight(j, k)};
            out.back().push_back(sum);
        }
    }
    return out;
}

// Attention(Q, K, V) = softmax(Q K' / sqrt(d_k)) V for the columns of one head (Vaswani et al. 2017, eq. 1).
static void read_head(const Rows& q, const Rows& k, const Rows& v, std::size_t first, std::size_t width, Rows& out) {
    for (std::size_t i = 0; i < q.size(); ++i) {
        std::vector<double> weight;
        double total = 0;
        for (const auto& key : k) {
            double score = 0;
            for (std::size_t d = first; d < first + width; ++d) score += q[i][d] * key[d];
            total += weight.emplace_back(std::exp(score / std::sqrt(static_cast<double>(width))));
        }
        for (std::size_t d = first; d < first + width; ++d) {
            out[i][d] = 0;
            for (std::size_t s = 0; s < v.size(); ++s) out[i][d] += weight[s] / total * v[s][d];
        }
    }
}

TEST_CASE("512 dimensions in 8 heads give the published formula to float precision", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 512, .heads = 8}, 1);
    for (const char* bias : {"a.query.bias", "a.key.bias", "a.value.bias", "a.out.bias"})
        p.find(bias)->value = normal(1, 512, 5);
    const Matrix query = normal(3, 512, 1), memory = normal(40, 512, 2);
    const auto queries = offsets({3}), slots = offsets({40});
    Tape t;
    const ConstView out = attention.read(t.constant(query), t.constant(memory), {queries, slots}).out.value();

    const Rows q = project(rows_of(query), p, "a.query"), k = project(rows_of(memory), p, "a.key"),
               v = project(rows_of(memory), p, "a.value");
    Rows read(3, std::vector<double>(512));
    for (std::size_t head = 0; head < 8; ++head) read_head(q, k, v, head * 64, 64, read);
    const Rows expected = project(read, p, "a.out");
    double worst = 0;
    for (Index i = 0; i < 3; ++i)
        for (Index j = 0; j < 512; ++j)
            worst = std::max(worst,
                             std::abs(out(i, j) - expected[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]));
    INFO("largest difference " << worst);
    CHECK(worst < 5e-6);  // the numbers are as large as 5
}

TEST_CASE("in float, step by step agrees with the whole sequence to rounding", "[nn]") {
    Parameters p;
    const MultiHeadAttention attention(p, "a", {.width = 512, .heads = 8}, 1);
    const Matrix x = normal(30, 512, 1);
    const auto rows = offsets({30}), one = offsets({1});
    Tape whole, t;
    const ConstView expected = attention.self(whole.constant(x), rows, {.causal = true}).out.value();
    t.set_training(false);
    KeyValueCache cache(1);
    double worst = 0;
    for (Index i = 0; i < 30; ++i) {
        t.reset();
        const Var token = t.constant(x.view().middle_rows(i, 1));
        worst =
            std::max(worst, test::distance(attention.step(cache, token, one).out.value(), expected.middle_rows(i, 1)));
    }
    INFO("largest difference " << worst);
    CHECK(worst < 5e-6);
}
