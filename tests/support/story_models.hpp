// What the tests of models that read stories do with each of them.
#pragma once

#include "kvmem/autograd/gradcheck.hpp"
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <catch2/catch.hpp>

#include <functional>

namespace kvmem::test {

// Examples [first, last) of the training split, one by one.
inline Batch examples_of(const QaDataset& dataset, Index first, Index last) {
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    Batch batch;
    for (Index i = first; i < last; ++i) add_example(batch, dataset, dataset.split("train"), i, retriever);
    return batch;
}

// A question about a memory of one slot, without an answer.
inline Batch one_slot(std::span<const Token> key, std::span<const Token> value, std::span<const Token> question) {
    Batch batch;
    batch.slots.key.push_row(key);
    batch.slots.value.push_row(value);
    batch.question.push_row(question);
    batch.answer.push_row({});
    batch.slot_offsets.push_back(1);
    return batch;
}

inline Matrix scores_of(const Model& model, const Batch& batch, AttentionTrace* trace = nullptr) {
    Tape tape;
    tape.set_training(false);
    Matrix scores(batch.size(), static_cast<Index>(model.candidates().size()));
    model.score(tape, batch, scores, trace);
    return scores;
}

inline void check_gradient_of_loss(Model& model, const Batch& batch) {
    const auto loss = [&](Tape& tape) {
        Rng rng(3);
        return model.loss(tape, batch, rng);
    };
    const GradcheckResult result = gradcheck(loss, model.parameters(), 3e-3);
    CAPTURE(result.where);
    CHECK(result.error < 2e-2);  // in float; each operation is checked in double
}

// The mean loss of the last of 25 epochs over the training questions, 30 a step.
inline double loss_after_training(Model& model, const QaDataset& dataset,
                                  const std::function<Batch(Index first, Index last)>& batch_of) {
    Optimizer optimizer(model.parameters(), {.clip_norm = 1});
    Tape tape;
    Rng rng(1);
    double loss = 0;
    const Index questions = dataset.split("train").size();
    for (int epoch = 0; epoch < 25; ++epoch) {
        loss = 0;
        for (Index first = 0; first < questions; first += 30) {
            tape.reset();
            const Batch batch = batch_of(first, first + 30);
            const Var sum = model.loss(tape, batch, rng);
            loss += double{sum.value().data[0]} / static_cast<double>(questions);
            tape.backward(sum, Real{1} / static_cast<Real>(batch.size()));
            optimizer.step(tape, 5e-3);
        }
    }
    return loss;
}

}  // namespace kvmem::test
