#include "kvmem/tasks/qa/models/lstm_reader.hpp"

#include "support/story_models.hpp"
#include "support/toy_stories.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

static LstmReaderConfig small_reader() {
    LstmReaderConfig config;
    config.width = 12;
    config.dropout = 0;
    return config;
}

TEST_CASE("an LSTM reads each question's story without regard to the others", "[lstm]") {
    const QaDataset dataset = toy_stories();
    const LstmReader model(small_reader(), dataset.vocabulary, dataset.candidates);
    AttentionTrace trace;
    const Matrix all = scores_of(model, examples_of(dataset, 0, 8), &trace);
    CHECK(trace.hops == 0);
    for (Index i = 0; i < 8; ++i) {
        const Matrix one = scores_of(model, examples_of(dataset, i, i + 1));
        CHECK(std::equal(one.data(), one.data() + one.cols(), all.row(i)));
    }
}

TEST_CASE("the gradients of an LSTM that reads stories are right", "[lstm]") {
    const QaDataset dataset = toy_stories();
    LstmReader model(small_reader(), dataset.vocabulary, dataset.candidates);
    check_gradient_of_loss(model, examples_of(dataset, 0, 3));
}

TEST_CASE("an LSTM learns from stories", "[lstm]") {
    const QaDataset dataset = toy_stories();
    LstmReader model(small_reader(), dataset.vocabulary, dataset.candidates);
    const auto batch = [&](Index first, Index last) { return examples_of(dataset, first, last); };
    CHECK(loss_after_training(model, dataset, batch) < 1.2);
}

TEST_CASE("an LSTM reads the last words of a long story, and a question without one", "[lstm]") {
    const QaDataset dataset = toy_stories();
    LstmReaderConfig config = small_reader();
    config.max_words = 1;
    const LstmReader short_reader(config, dataset.vocabulary, dataset.candidates);
    const std::vector<Token> words{1, 2, 3}, last{3}, question{2};
    const Matrix cut = scores_of(short_reader, one_slot(words, words, question));
    const Matrix same = scores_of(short_reader, one_slot(last, last, question));
    CHECK(std::equal(cut.data(), cut.data() + cut.size(), same.data()));
    CHECK(scores_of(short_reader, one_slot({}, {}, question)).rows() == 1);
}
