#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "recurrent_data.hpp"
#include "torch_tasks.hpp"

namespace bench {

namespace {

using torch::Tensor;

// Sequences of one length as [time, batch, width], words as a packed sequence, which is made beforehand.
class Recurrent : public Task {
  public:
    explicit Recurrent(const Case& c) : data_(c), backward_(c.backward != 0) {
        const Index w = data_.width, g = data_.gates * w;
        parameters_ = {tensor(data_.from_input, g, w), tensor(data_.from_state, g, w), tensor(data_.bias, 1, g)[0],
                       torch::zeros({g})};
        order_sequences();
        x_ = ordered(data_.input), weight_ = ordered(data_.weight);
        for (Tensor& p : parameters_) p.set_requires_grad(backward_);
        x_.set_requires_grad(backward_);
        const auto states = static_cast<std::int64_t>(data_.lengths.size());
        zeros_ = {torch::zeros({1, states, w}), torch::zeros({1, states, w})};
    }

    void run() override {
        if (!backward_) {
            const torch::NoGradGuard none;
            out_ = forward();
            return;
        }
        for (Tensor& p : parameters_) p.mutable_grad() = Tensor();
        x_.mutable_grad() = Tensor();
        out_ = forward();
        (out_ * weight_).sum().backward();
    }
    double loss() const override { return (out_ * weight_).sum(torch::kDouble).item<double>(); }

  private:
    static Tensor tensor(const Floats& numbers, Index rows, Index cols) {
        return torch::from_blob(numbers.data(), {rows, cols}).clone();
    }

    // Rows by time, in it by falling length.
    void order_sequences() {
        std::vector<Index> sequences(data_.lengths.size()), first(data_.lengths.size() + 1);
        std::iota(sequences.begin(), sequences.end(), Index{0});
        std::stable_sort(sequences.begin(), sequences.end(), [&](Index a, Index b) { return length(a) > length(b); });
        std::partial_sum(data_.lengths.begin(), data_.lengths.end(), first.begin() + 1);
        for (Index t = 0; t < length(sequences[0]); ++t) {
            std::int64_t active = 0;
            for (const Index s : sequences)
                if (length(s) > t) order_.push_back(first[static_cast<std::size_t>(s)] + t), ++active;
            sizes_.push_back(active);
        }
    }
    Index length(Index sequence) const { return data_.lengths[static_cast<std::size_t>(sequence)]; }

    Tensor ordered(const Floats& numbers) const {
        const Tensor rows = tensor(numbers, data_.rows, data_.width).index_select(0, torch::tensor(order_));
        if (data_.words) return rows;
        return rows.view({static_cast<std::int64_t>(sizes_.size()), sizes_[0], data_.width});
    }

    Tensor forward() const {
        const Tensor sizes = torch::tensor(sizes_);
        if (data_.lstm && data_.words)
            return std::get<0>(at::lstm(x_, sizes, zeros_, parameters_, true, 1, 0, backward_, false));
        if (data_.lstm) return std::get<0>(at::lstm(x_, zeros_, parameters_, true, 1, 0, backward_, false, false));
        if (data_.words) return std::get<0>(at::gru(x_, sizes, zeros_[0], parameters_, true, 1, 0, backward_, false));
        return std::get<0>(at::gru(x_, zeros_[0], parameters_, true, 1, 0, backward_, false, false));
    }

    RecurrentData data_;
    bool backward_;
    std::vector<std::int64_t> order_, sizes_;
    std::vector<Tensor> parameters_, zeros_;
    Tensor x_, weight_, out_;
};

}  // namespace

std::unique_ptr<Task> torch_recurrent(const Case& c) { return std::make_unique<Recurrent>(c); }

}  // namespace bench
