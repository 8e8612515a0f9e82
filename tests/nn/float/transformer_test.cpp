// Layers of a Transformer in the float of the installed library, against the published formulas in double.
#include "kvmem/nn/transformer.hpp"

#include "random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace kvmem;
using test::normal;

namespace {
using Row = std::vector<double>;
using Rows = std::vector<Row>;

Rows rows_of(ConstView v) {
    Rows rows;
    for (Index i = 0; i < v.rows; ++i) rows.emplace_back(v.row(i), v.row(i) + v.cols);
    return rows;
}

// The formulas by the parameters' names.
struct Formulas {
    Parameters& parameters;
    const TransformerOptions& options;

    // x W' + b
    Rows project(const Rows& x, const std::string& name) const {
        const Matrix& weight = parameters.find(name + ".weight")->value;
        const Parameter* bias = parameters.find(name + ".bias");
        Rows out;
        for (const Row& row : x) {
            out.emplace_back();
            for (Index j = 0; j < weight.rows(); ++j) {
                double sum = bias ? double{bias->value(0, j)} : 0;
                for (std::size_t k = 0; k < row.size(); ++k) sum += row[k] * double{weight(j, static_cast<Index>(k))};
                out.back().push_back(sum);
            }
        }
        return out;
    }

    // (x - mean) / sqrt(variance + epsilon) * gain + bias
    Rows norm(Rows x, const std::string& name) const {
        const Matrix &gain = parameters.find(name + ".gain")->value, &bias = parameters.find(name + ".bias")->value;
        for (Row& row : x) {
            double mean = 0, variance = 0;
            for (const double v : row) mean += v / static_cast<double>(row.size());
            for (const double v : row) variance += (v - mean) * (v - mean) / static_cast<double>(row.size());
            for (std::size_t j = 0; j < row.size(); ++j) {
                const auto at = static_cast<Index>(j);
                row[j] = (row[j] - mean) / std::sqrt(variance + 1e-5) * double{gain(0, at)} + double{bias(0, at)};
            }
        }
        return x;
    }

    // concat(head_1 .. head_H) W^O, head_h = softmax(Q_h K_h' / sqrt(d_k)) V_h (Vaswani et al. 2017, section 3.2)
    Rows attention(const Rows& x, const Rows& memory, const std::string& name, bool causal) const {
        const Rows q = project(x, name + ".query"), k = project(memory, name + ".key"),
                   v = project(memory, name + ".value");
        const auto heads = static_cast<std::size_t>(options.heads), width = q[0].size() / heads;
        Rows read(x.size(), Row(q[0].size()));
        for (std::size_t h = 0; h < heads; ++h)
            for (std::size_t i = 0; i < q.size(); ++i) {
                Row weights;
                double total = 0;
                for (std::size_t s = 0; s < (causal ? i + 1 : k.size()); ++s) {
                    double score = 0;
                    for (std::size_t d = h * width; d < (h + 1) * width; ++d) score += q[i][d] * k[s][d];
                    total += weights.emplace_back(std::exp(score / std::sqrt(static_cast<double>(width))));
                }
                for (std::size_t s = 0; s < weights.size(); ++s)
                    for (std::size_t d = h * width; d < (h + 1) * width; ++d)
                        read[i][d] += weights[s] / total * v[s][d];
            }
        return project(read, name + ".out");
    }

    // max(0, x W1' + b1) W2' + b2 (eq. 2)
    Rows feed_forward(const Rows& x, const std::string& name) const {
        Rows inner = project(x, name + ".in");
        for (Row& row : inner)
            for (double& v : row) v = std::max(v, 0.0);
        return project(inner, name + ".out");
    }

    // norm(x + f(x)) of section 3.1, or x + f(norm(x))
    template <class F>
    Rows sub_layer(const Rows& x, const std::string& norm_name, F f) const {
        const bool pre = options.norm_order == NormOrder::pre;
        Rows y = f(pre ? norm(x, norm_name) : x);
        for (std::size_t i = 0; i < x.size(); ++i)
            for (std::size_t j = 0; j < x[i].size(); ++j) y[i][j] += x[i][j];
        return pre ? y : norm(y, norm_name);
    }

    Rows stack(Rows x, const Rows* memory, const std::string& name) const {
        for (std::size_t i = 0; i < x.size(); ++i)
            for (std::size_t j = 0; j < x[i].size(); ++j) {
                const double angle = static_cast<double>(i) / std::pow(10000.0, static_cast<double>(j / 2 * 2) /
                                                                                    static_cast<double>(x[i].size()));
                x[i][j] += j % 2 == 0 ? std::sin(angle) : std::cos(angle);
            }
        for (Index l = 0; l < options.layers; ++l) {
            const std::string at = name + "." + std::to_string(l);
            x = sub_layer(x, at + ".norm1", [&](const Rows& y) { return attention(y, y, at + ".self", memory); });
            if (memory)
                x = sub_layer(x, at + ".norm_memory",
                              [&](const Rows& y) { return attention(y, *memory, at + ".memory", false); });
            x = sub_layer(x, at + ".norm2", [&](const Rows& y) { return feed_forward(y, at + ".feed_forward"); });
        }
        return options.norm_order == NormOrder::pre ? norm(x, name + ".norm") : x;
    }
};
}  // namespace

TEST_CASE("layers of the published width and heads give the published formulas", "[nn]") {
    for (const NormOrder order : {NormOrder::pre, NormOrder::post}) {
        Parameters p;
        TransformerOptions options{.width = 512, .inner = 2048, .heads = 8, .layers = 1};
        options.norm_order = order;
        const TransformerStack encoder(p, "encoder", options, 1);
        options.causal = options.reads_memory = true;
        const TransformerStack decoder(p, "decoder", options, 1);
        std::uint64_t seed = 10;
        for (Parameter& parameter : p)
            if (parameter.value.rows() == 1) parameter.value = normal(1, parameter.value.cols(), ++seed);
        const Matrix x = normal(4, 512, 1), y = normal(3, 512, 2);
        Tape t;
        const std::vector<Index> sources{0, 4}, targets{0, 3};
        const EncoderOutput memory{encoder(t.constant(x), sources).out, sources};
        const ConstView out = decoder(t.constant(y), targets, &memory).out.value();

        const Formulas formulas{p, options};
        const Rows encoded = formulas.stack(rows_of(x), nullptr, "encoder");
        const Rows expected = formulas.stack(rows_of(y), &encoded, "decoder");
        double worst = 0, largest = 0;
        for (Index i = 0; i < 3; ++i)
            for (Index j = 0; j < 512; ++j) {
                const double right = expected[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)];
                worst = std::max(worst, std::abs(double{out(i, j)} - right));
                largest = std::max(largest, std::abs(right));
            }
        INFO("largest difference " << worst << " of numbers up to " << largest);
        CHECK(worst < 1e-5 * largest);
    }
}
