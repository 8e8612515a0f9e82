// Layers of Transformers for libtorch, with the parameters that kvmem's have by name.
#pragma once

#include <torch/torch.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "named_parameters.hpp"
#include "protocol.hpp"

namespace bench {

using torch::Tensor;

// The layers, with their weights by name. Rows of sequences are [sequences, length, width].
class Layers {
  public:
    // `made` is given each parameter when it is used first; what it returns is used.
    using Made = std::function<Tensor(Tensor)>;
    Layers(
        Index width, Index heads, bool is_post, Made made = [](Tensor p) { return p; })
        : width_(width), heads_(heads), is_post_(is_post), made_(std::move(made)) {}

    Tensor parameter(const std::string& name, Index rows, Index cols) {
        Tensor& p = parameters_[name];
        if (!p.defined()) {
            p = torch::empty({rows, cols});
            fill_parameter(name, p.data_ptr<float>(), rows, cols);
            p = made_(p);
        }
        return p;
    }
    Tensor linear(const Tensor& x, const std::string& name, Index out) {
        return at::linear(x, parameter(name + ".weight", out, x.size(-1)), parameter(name + ".bias", 1, out)[0]);
    }
    Tensor norm(const Tensor& x, const std::string& name) {
        return at::layer_norm(x, {width_}, parameter(name + ".gain", 1, width_)[0],
                              parameter(name + ".bias", 1, width_)[0]);
    }
    template <class F>
    Tensor sub_layer(const Tensor& x, const std::string& name, F f) {
        return is_post_ ? norm(x + f(x), name) : x + f(norm(x, name));
    }
    Tensor feed_forward(const Tensor& x, const std::string& name) {
        return linear(at::relu(linear(x, name + ".in", 4 * width_)), name + ".out", width_);
    }
    // [sequences, heads, length, width of a head]
    Tensor projected(const Tensor& x, const std::string& name) {
        return linear(x, name, width_).view({x.size(0), x.size(1), heads_, width_ / heads_}).transpose(1, 2);
    }
    Tensor attend(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                  const std::string& name) {
        Tensor scores = at::matmul(query / std::sqrt(static_cast<double>(width_ / heads_)), key.transpose(2, 3));
        if (mask.defined()) scores = scores + mask;
        const Tensor read = at::matmul(at::softmax(scores, -1), value).transpose(1, 2);
        return linear(read.reshape({read.size(0), read.size(1), width_}), name + ".out", width_);
    }
    // Tokens [sequences, length] of a table with `count` rows, the first of them at a position.
    Tensor embed(const Tensor& tokens, Index count, const std::string& table, const std::string& stack, Index position,
                 Index max) {
        const Tensor rows = at::embedding(parameter(table, count, width_), tokens);
        const Tensor places = parameter(stack + ".positions", max, width_);
        return rows * std::sqrt(static_cast<double>(width_)) + places.slice(0, position, position + tokens.size(1));
    }
    Tensor last_norm(const Tensor& x, const std::string& stack) { return is_post_ ? x : norm(x, stack + ".norm"); }

  private:
    Index width_, heads_;
    bool is_post_;
    Made made_;
    std::map<std::string, Tensor> parameters_;
};

inline std::string part(const char* stack, Index layer, const char* of) {
    return std::string(stack) + "." + std::to_string(layer) + "." + of;
}

}  // namespace bench
