#include "kvmem/tasks/qa/models/window_reader.hpp"

#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/documents/representation.hpp"
#include "random.hpp"
#include "support/toy_documents.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;
using namespace kvmem::test;

namespace {

WindowReader make_reader(const QaDataset& dataset) {
    return {{.width = 16, .name_dropout = 0.5}, dataset.vocabulary, dataset.candidates};
}

Batch batch_of(const QaDataset& dataset, const std::string& split, const RetrieverOptions& options = {}) {
    const Retriever retriever(dataset.memory, dataset.vocabulary, options);
    Batch batch;
    for (Index i = 0; i < dataset.split(split).size(); ++i)
        add_example(batch, dataset, dataset.split(split), i, retriever);
    return batch;
}

double loss_of(const WindowReader& model, const Batch& batch) {
    Tape tape;
    Rng rng(1);
    return model.loss(tape, batch, rng).value().data[0];
}

double hits_at_1(const WindowReader& model, const Batch& batch) {
    Tape tape;
    tape.set_training(false);
    Matrix scores(batch.size(), std::ssize(model.candidates()));
    model.score(tape, batch, scores);
    double hits = 0;
    for (Index i = 0; i < batch.size(); ++i) {
        const auto row = std::span(scores.row(i), model.candidates().size());
        const Token best = model.candidates()[std::ranges::max_element(row) - row.begin()];
        hits += std::ranges::find(batch.answer[i], best) != batch.answer[i].end();
    }
    return hits / static_cast<double>(batch.size());
}

void teach(WindowReader& model, const Batch& batch, int steps) {
    Optimizer optimizer(model.parameters(), {});
    Tape tape;
    for (int step = 0; step < steps; ++step) {
        tape.reset();
        Rng rng(step);
        tape.backward(model.loss(tape, batch, rng), Real{1} / static_cast<Real>(batch.size()));
        optimizer.step(tape, Real(0.02F));
    }
}

}  // namespace

TEST_CASE("a window reader learns who made films, and reads new documents without training", "[window_reader]") {
    const QaDataset dataset = toy_documents(40, 0), others = toy_documents(20, 40);
    WindowReader model = make_reader(dataset);
    const Batch train = batch_of(dataset, "train");
    CHECK(hits_at_1(model, train) < 0.8);
    teach(model, train, 60);
    CHECK(hits_at_1(model, train) == 1);
    QaDataset fresh = others;
    model.adopt(fresh);
    CHECK(hits_at_1(model, batch_of(fresh, "train")) == 1);
}

TEST_CASE("a window reader's weights sum to one over a question's slots", "[window_reader]") {
    const QaDataset dataset = toy_documents(5, 0);
    const WindowReader model = make_reader(dataset);
    const Batch batch = batch_of(dataset, "train");
    Tape tape;
    tape.set_training(false);
    Matrix scores(batch.size(), std::ssize(model.candidates()));
    AttentionTrace trace;
    model.score(tape, batch, scores, &trace);
    for (Index i = 0; i < batch.size(); ++i) {
        const auto [first, last] = batch.slots_of(i);
        double sum = 0;
        for (Index s = first; s < last; ++s) sum += trace.of(0)[s];
        CHECK(sum == Approx(1));
    }
}

TEST_CASE("a window reader's loss of a question whose slots hold no answer is constant", "[window_reader]") {
    const QaDataset dataset = toy_documents(5, 0);
    const WindowReader model = make_reader(dataset);
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    Batch batch;
    add_example(batch, dataset.split("train").question[0], {}, dataset.memory, retriever);
    CHECK(loss_of(model, batch) == Approx(std::log1p(1e5)));
}

TEST_CASE("a window reader refuses to read a whole memory", "[window_reader]") {
    const QaDataset dataset = toy_documents(3, 0);
    CHECK_THROWS_AS(WindowReader({.retriever = {.strategy = Retrieval::whole}}, dataset.vocabulary, {}), UsageError);
}
