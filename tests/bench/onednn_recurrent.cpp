#include <dnnl.hpp>

#include "onednn_tasks.hpp"
#include "recurrent_data.hpp"

namespace bench {

namespace {

using dnnl::memory;
using Tag = memory::format_tag;

class Lstm : public Task {
  public:
    explicit Lstm(const Case& c)
        : data_(c), steps_(c.slots), batch_(c.batch), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {
        const Index w = data_.width;
        // The sequences lie one after the other; oneDNN has them step by step.
        input_ = Floats(data_.input.size());
        out_ = Floats(data_.input.size());
        for (Index i = 0; i < input_.size(); ++i) input_[i] = data_.input[of_step(i)];
        const memory::dims rows{steps_, batch_, w}, weights{1, 1, w, 4, w};
        const auto desc = [](const memory::dims& dims, Tag tag) {
            return memory::desc(dims, memory::data_type::f32, tag);
        };
        const memory::desc x = desc(rows, Tag::tnc), bias = desc({1, 1, 4, w}, Tag::ldgo), none;
        const dnnl::lstm_forward::primitive_desc how(
            {dnnl::prop_kind::forward_inference, dnnl::rnn_direction::unidirectional_left2right, x, none, none,
             desc(weights, Tag::any), desc(weights, Tag::any), bias, x, none, none},
            engine_);
        lstm_ = dnnl::lstm_forward(how);
        // PyTorch's order of the gates is oneDNN's.
        const auto packed = [&](const Floats& numbers, const memory::desc& to) {
            memory from(desc(weights, Tag::ldgoi), engine_, numbers.data()), result(to, engine_);
            dnnl::reorder(from, result).execute(stream_, from, result);
            return result;
        };
        arguments_ = {{DNNL_ARG_SRC_LAYER, memory(x, engine_, input_.data())},
                      {DNNL_ARG_WEIGHTS_LAYER, packed(data_.from_input, how.weights_layer_desc())},
                      {DNNL_ARG_WEIGHTS_ITER, packed(data_.from_state, how.weights_iter_desc())},
                      {DNNL_ARG_BIAS, memory(bias, engine_, data_.bias.data())},
                      {DNNL_ARG_DST_LAYER, memory(x, engine_, out_.data())}};
        stream_.wait();
    }

    void run() override {
        lstm_.execute(stream_, arguments_);
        stream_.wait();
    }

    double loss() const override {
        double sum = 0;
        for (Index i = 0; i < out_.size(); ++i)
            sum += static_cast<double>(out_[i]) * static_cast<double>(data_.weight[of_step(i)]);
        return sum;
    }

  private:
    // Where number i of [steps, batch, width] lies in [batch, steps, width].
    Index of_step(Index i) const {
        const Index row = i / data_.width;
        return (row % batch_ * steps_ + row / batch_) * data_.width + i % data_.width;
    }

    RecurrentData data_;
    Index steps_, batch_;
    Floats input_, out_;
    dnnl::engine engine_;
    dnnl::stream stream_;
    dnnl::lstm_forward lstm_;
    std::unordered_map<int, memory> arguments_;
};

}  // namespace

std::unique_ptr<Task> onednn_lstm(const Case& c) { return std::make_unique<Lstm>(c); }

}  // namespace bench
