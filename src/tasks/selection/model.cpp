#include "kvmem/tasks/selection/model.hpp"

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"
#include "nn/row_ops.hpp"

#include <algorithm>
#include <vector>

namespace kvmem {

// The shares of right candidates, in a row for each question.
static Matrix right_shares(std::span<const ReadQuestion* const> questions, Index longest) {
    Matrix shares(std::ssize(questions), longest);
    for (Index i = 0; i < std::ssize(questions); ++i) {
        const auto& right = questions[i]->right;
        const auto answers = static_cast<Real>(std::ranges::count(right, 1));
        for (Index c = 0; c < std::ssize(right); ++c) shares(i, c) = right[c] ? 1 / answers : 0;
    }
    return shares;
}

Var SelectionModel::listwise_loss(Var scores, std::span<const ReadQuestion* const> questions) {
    std::vector<Index> lists{0};
    for (const ReadQuestion* question : questions) lists.push_back(lists.back() + question->size());
    const Var all = padded_segments(scores, lists);
    const Var right = scores.tape->constant(right_shares(questions, all.cols()));
    return scale(sum(log_softmax(all) * right), -1);
}

Var SelectionModel::loss(Tape& tape, std::span<const ReadQuestion* const> questions) const {
    return listwise_loss(scores(tape, questions), questions);
}

Ragged<Real> SelectionModel::score(std::span<const ReadQuestion> questions) const {
    Ragged<Real> all;
    for (const ReadQuestion& question : questions) all.offsets.push_back(all.offsets.back() + question.size());
    all.values.resize(static_cast<std::size_t>(all.offsets.back()));
    parallel_for(std::ssize(questions), 1, [&](Index first, Index last) {
        const FlushSubnormals flush;
        Tape tape;
        tape.set_training(false);
        for (Index i = first; i < last; ++i) {
            const ReadQuestion* question = &questions[i];
            const ConstView scores = this->scores(tape, {&question, 1}).value();
            std::copy_n(scores.data, scores.size(), all.values.begin() + all.offsets[i]);
            tape.reset();
        }
    });
    return all;
}

Ragged<Real> SelectionModel::score(std::span<const SelectionQuestion> questions) const {
    return score(read_questions(questions, lexicon_));
}

std::vector<OnnxModel> SelectionModel::onnx() const {
    throw Error({.what = "this model has no ONNX graph",
                 .expected = "a model of questions or sequences",
                 .got = settings().kind(),
                 .hint = "safetensors hold the parameters of any model"});
}

}  // namespace kvmem
