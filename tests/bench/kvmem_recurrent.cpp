#include "kvmem_recurrent.hpp"

#include "kvmem/core/parallel.hpp"
#include "kvmem/nn/recurrent_weights.hpp"
#include "recurrent_data.hpp"

#include <algorithm>

namespace bench {

namespace {

using kvmem::Matrix;
using kvmem::Var;

Matrix matrix_of(const Floats& numbers, Index cols) {
    Matrix m(numbers.size() / cols, cols);
    std::copy_n(numbers.data(), m.size(), m.data());
    return m;
}

class Recurrent : public Task {
  public:
    explicit Recurrent(const Case& c)
        : data_(c),
          backward_(c.backward != 0),
          threads_(static_cast<int>(c.threads)),
          network_(parameters_, "layer",
                   {.cell = data_.lstm ? kvmem::Cell::lstm : kvmem::Cell::gru, .in = c.width, .width = c.width}, 1),
          x_(&parameters_.add("x", matrix_of(data_.input, c.width))),
          weight_(matrix_of(data_.weight, c.width)) {
        kvmem::ForeignWeights weights{matrix_of(data_.from_input, c.width), matrix_of(data_.from_state, c.width),
                                      Matrix(2, data_.bias.size())};
        std::copy_n(data_.bias.data(), data_.bias.size(), weights.bias.data());
        load_weights(network_, 0, kvmem::Direction::forwards, kvmem::WeightFormat::pytorch, weights);
        for (const Index length : data_.lengths) offsets_.push_back(offsets_.back() + length);
        packed_ = network_.pack(arena_);
        tape_.set_training(backward_);
    }

    void run() override {
        tape_.reset();
        if (!backward_) {  // as after a session is made: with weights that are packed
            kvmem::Recurrent::State state = network_.start(tape_, std::ssize(data_.lengths));
            state.packed = packed_;
            out_ = network_(tape_.parameter(*x_), offsets_, &state).out;
            return;
        }
        out_ = network_(tape_.parameter(*x_), offsets_).out;
        const Var loss = sum(out_ * tape_.constant(weight_));
        tape_.backward(loss);
    }

    double loss() const override {
        double sum = 0;
        for (Index i = 0; i < weight_.size(); ++i)
            sum += static_cast<double>(out_.value().data[i]) * static_cast<double>(weight_.data()[i]);
        return sum;
    }

  private:
    RecurrentData data_;
    bool backward_;
    kvmem::ThreadLimit threads_;
    kvmem::Parameters parameters_;
    kvmem::Recurrent network_;
    kvmem::Parameter* x_;
    Matrix weight_;
    std::vector<Index> offsets_{0};
    kvmem::Arena arena_;
    std::vector<const kvmem::RecurrentPacked*> packed_;
    kvmem::Tape tape_;
    Var out_;
};

}  // namespace

std::unique_ptr<Task> kvmem_recurrent(const Case& c) { return std::make_unique<Recurrent>(c); }

}  // namespace bench
