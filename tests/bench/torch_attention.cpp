#include <torch/torch.h>

#include "torch_tasks.hpp"

namespace bench {

namespace {

using torch::Tensor;

class Attention : public Task {
  public:
    Attention(const Case& c, bool fused) : case_(c), fused_(fused), in_(c, true) {
        query_ = tensor(in_.query, c.queries), key_ = tensor(in_.key, c.slots), value_ = tensor(in_.value, c.slots);
        if (c.backward) {
            grad_read_ = tensor(in_.grad_read, c.queries);
            for (Tensor* t : {&query_, &key_, &value_}) t->requires_grad_();
        }
        if (c.causal) mask_ = torch::ones({c.queries, c.slots}, torch::kBool).triu(c.slots - c.queries + 1);
    }

    void run() override {
        const torch::AutoGradMode record(case_.backward != 0);
        const Tensor read = fused_ ? fused() : matmul();
        outputs_[0] = read.detach();
        if (!case_.backward) return;
        const auto gradients = torch::autograd::grad({read}, {query_, key_, value_}, {grad_read_});
        std::copy(gradients.begin(), gradients.end(), outputs_ + 1);
    }

    float at(int output, Index i) const override {
        const Index rows = output == 0 || output == 1 ? case_.queries : case_.slots;
        return outputs_[output].contiguous().data_ptr<float>()[heads_first(i, case_.heads, rows, case_.width)];
    }

  private:
    Tensor tensor(const Floats& x, Index rows) const {
        return torch::from_blob(x.data(), {case_.batch, case_.heads, rows, case_.width});
    }

    // The query is scaled, not the scores, of which there are more.
    Tensor matmul() const {
        Tensor scores = torch::matmul(query_ * scale_of(case_), key_.transpose(-2, -1));
        if (mask_.defined()) scores.masked_fill_(mask_, -std::numeric_limits<float>::infinity());
        return torch::matmul(torch::softmax(scores, -1), value_);
    }

    Tensor fused() const {
        return std::get<0>(at::_scaled_dot_product_attention(query_, key_, value_, {}, 0.0, false, case_.causal != 0));
    }

    Case case_;
    bool fused_;
    Inputs in_;
    Tensor query_, key_, value_, grad_read_, mask_;
    Tensor outputs_[4];
};

}  // namespace

std::unique_ptr<Task> torch_attention(const Case& c, const std::string& variant) {
    return std::make_unique<Attention>(c, variant == "sdpa");
}

}  // namespace bench
