#include "kvmem/tasks/selection/model.hpp"

#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem {

namespace {

// The places of candidates in a matrix of a row for each question, what hides the rest of it, and the shares of right
// candidates.
struct Lists {
    std::vector<Index> places;
    Matrix hidden, right;
};

}  // namespace

static Lists lists_of(std::span<const ReadQuestion* const> questions) {
    Index longest = 0;
    for (const ReadQuestion* question : questions) longest = std::max(longest, question->size());
    Lists lists{{}, Matrix(std::ssize(questions), longest), Matrix(std::ssize(questions), longest)};
    lists.hidden.fill(-1e9f);
    for (Index i = 0; i < std::ssize(questions); ++i) {
        const auto& right = questions[i]->right;
        const auto answers = static_cast<Real>(std::ranges::count(right, 1));
        for (Index c = 0; c < std::ssize(right); ++c) {
            lists.places.push_back(i * longest + c);
            lists.hidden(i, c) = 0;
            lists.right(i, c) = right[c] ? 1 / answers : 0;
        }
    }
    return lists;
}

Var SelectionModel::listwise_loss(Var scores, std::span<const ReadQuestion* const> questions) {
    Tape& tape = *scores.tape;
    Lists lists = lists_of(questions);
    const Index rows = lists.right.rows(), cols = lists.right.cols();
    const Var hidden = tape.constant(std::move(lists.hidden)), right = tape.constant(std::move(lists.right));
    return scale(sum(log_softmax(scatter_sum(scores, lists.places, rows, cols) + hidden) * right), -1);
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
