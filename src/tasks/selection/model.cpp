#include "kvmem/tasks/selection/model.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/float_control.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem {

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
