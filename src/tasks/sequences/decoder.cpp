#include "kvmem/tasks/sequences/decoder.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace kvmem {

void Decoding::add(RaggedView<Token>) {
    throw Error({.what = "the decoding takes no more sources",
                 .expected = "an object whose takes_sources() is true",
                 .where = "Decoding::add"});
}

namespace {

class EnsembleDecoding : public Decoding {
  public:
    explicit EnsembleDecoding(std::vector<std::unique_ptr<Decoding>> members) : members_(std::move(members)) {
        for (const auto& member : members_)
            if (member->vocabulary() != vocabulary())
                throw Error({.what = "the models of an ensemble have different tokens",
                             .expected = std::to_string(vocabulary()),
                             .got = std::to_string(member->vocabulary()),
                             .where = "Ensemble"});
    }
    Index vocabulary() const override { return members_.front()->vocabulary(); }

    void step(std::span<const Token> tokens, View log_probabilities) override {
        members_.front()->step(tokens, log_probabilities);
        if (members_.size() == 1) return;
        Matrix sum(log_probabilities.rows, log_probabilities.cols), other = sum;
        for (Index i = 0; i < sum.size(); ++i) sum.data()[i] = std::exp(log_probabilities.data[i]);
        for (std::size_t member = 1; member < members_.size(); ++member) {
            members_[member]->step(tokens, other);
            for (Index i = 0; i < sum.size(); ++i) sum.data()[i] += std::exp(other.data()[i]);
        }
        const Real count = static_cast<Real>(members_.size());
        for (Index i = 0; i < sum.size(); ++i) log_probabilities.data[i] = std::log(sum.data()[i] / count);
        gather_states(log_probabilities.rows);
    }
    bool step_scores(std::span<const Token> tokens, View scores) override {
        if (members_.size() == 1) return members_.front()->step_scores(tokens, scores);
        return step(tokens, scores), true;
    }
    void reorder(std::span<const Index> rows) override {
        for (const auto& member : members_) member->reorder(rows);
    }
    bool takes_sources() const override {
        return std::ranges::all_of(members_, [](const auto& member) { return member->takes_sources(); });
    }
    void add(RaggedView<Token> sources) override {
        for (const auto& member : members_) member->add(sources);
    }
    ConstView states() const override { return members_.size() == 1 ? members_.front()->states() : states_; }
    Index heads() const override {
        Index heads = 0;
        for (const auto& member : members_) heads += member->heads();
        return heads;
    }
    std::string head_name(Index head) const override {
        const std::size_t member = member_of(head);
        const std::string model = members_.size() > 1 ? "model " + std::to_string(member + 1) + " " : "";
        return model + members_[member]->head_name(head);
    }
    std::span<const Real> weights(Index row, Index head) const override {
        const std::size_t member = member_of(head);
        return members_[member]->weights(row, head);
    }

  private:
    // The member that has a head, which becomes its number there.
    std::size_t member_of(Index& head) const {
        std::size_t member = 0;
        for (; head >= members_[member]->heads(); ++member) head -= members_[member]->heads();
        return member;
    }
    void gather_states(Index rows) {
        Index width = 0;
        for (const auto& member : members_) width += member->states().cols;
        if (states_.rows() != rows || states_.cols() != width) states_ = Matrix(rows, width);
        Index first = 0;
        for (const auto& member : members_) {
            const ConstView states = member->states();
            for (Index i = 0; i < states.rows; ++i) std::copy_n(states.row(i), states.cols, states_.row(i) + first);
            first += states.cols;
        }
    }

    std::vector<std::unique_ptr<Decoding>> members_;
    Matrix states_;  // of several members
};

}  // namespace

Ensemble::Ensemble(std::vector<const SequenceModel*> models) : models_(std::move(models)) {
    require_option(!models_.empty(), "models", "at least one");
}

std::unique_ptr<Decoding> Ensemble::begin(RaggedView<Token> sources) const {
    std::vector<std::unique_ptr<Decoding>> members;
    for (const SequenceModel* model : models_) members.push_back(model->begin(sources));
    return std::make_unique<EnsembleDecoding>(std::move(members));
}

}  // namespace kvmem
