#include "kvmem/tasks/qa/documents/next_sentence.hpp"

#include "kvmem/autograd/gradcheck.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/train/session.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::documents;
using namespace kvmem::test;

namespace {

// Documents of two sentences, the second with other words than the first, that belong to one of 40 topics.
Collection two_by_two(int count) {
    Rng rng(1);
    std::vector<TitledText> texts;
    for (int i = 0; i < count; ++i) {
        const std::string topic = std::to_string(rng.below(40));
        const auto words = [&](const std::string& kind) {
            std::string text = kind;
            for (int w = 0; w < 4; ++w) text += " " + kind + topic + "v" + std::to_string(rng.below(6));
            return text;
        };
        texts.push_back({"", words("Ask") + ". " + words("Tell") + "."});
    }
    return collect(texts);
}

NextSentence trained(const Collection& all, Index epochs) {
    const NextSentenceConfig config{.width = 32, .negatives = 16};
    NextSentence model(config, words_with_vectors(all, config));
    NextSentenceObjective objective(model, all, "toy");
    TrainerOptions options;
    options.epochs = epochs;
    options.batch = 64;
    options.schedule.rate = 0.02;
    options.optimizer.method = Method::adam;
    Trainer(objective, options, next_sentence_prediction().score()).run({});
    return model;
}

}  // namespace

TEST_CASE("next sentences without a word in common are found well above chance, and not untrained", "[next-sentence]") {
    const Collection all = two_by_two(2000);
    const NextSentenceConfig config{.width = 32};
    const NextSentence first(config, words_with_vectors(all, config));
    const SentencePairs valid = validation_pairs(sentence_pairs(all, first));
    REQUIRE(valid.size() == 200);
    CHECK(evaluate(first, valid).hits_at_1 < 0.05);
    CHECK(evaluate(first, valid).chance == Approx(0.01));
    const NextSentenceMetrics metrics = evaluate(trained(all, 10), valid);
    CHECK(metrics.pairs == 200);
    CHECK(metrics.hits_at_1 > 0.25);  // some 2.5 of 100 share a topic
    CHECK(metrics.mrr > metrics.hits_at_1);
}

TEST_CASE("the loss of next sentences is that of a softmax over them, with the right gradient", "[next-sentence]") {
    const Collection all = two_by_two(30);
    const NextSentenceConfig config{.width = 6, .negatives = 3, .deviation = 0.5, .word_dropout = 0};
    NextSentence model(config, words_with_vectors(all, config));
    const SentencePairs pairs = sentence_pairs(all, model);
    REQUIRE(pairs.size() == 30);
    const std::vector<Index> some{0, 7, 8};
    const auto loss = [&](Tape& tape) {
        Rng rng(2);
        return model.loss(tape, pairs, some, rng);
    };
    const GradcheckResult result = gradcheck(loss, model.parameters(), 3e-3);
    CAPTURE(result.where);
    CHECK(result.error < 2e-2);
    Tape tape;
    Rng rng(2);
    std::vector<Index> candidates{pairs.next[0], pairs.next[7], pairs.next[8]};
    for (int i = 0; i < 3; ++i) candidates.push_back(pairs.next[static_cast<std::size_t>(rng.below(30))]);
    const auto row = [&](Index sentence) {
        Ragged<Token> one;
        one.push_row(pairs.sentences[sentence]);
        return model.encode(one);
    };
    double expected = 0;
    for (std::size_t i = 0; i < some.size(); ++i) {
        const Matrix x = row(pairs.first[static_cast<std::size_t>(some[i])]);
        double sum = 0, own = 0;
        for (std::size_t c = 0; c < candidates.size(); ++c) {
            if (c != i && candidates[c] == candidates[i]) continue;
            const Matrix y = row(candidates[c]);
            double score = 0;
            for (Index d = 0; d < 6; ++d) score += double{x(0, d)} * double{y(0, d)};
            sum += std::exp(score);
            if (c == i) own = score;
        }
        expected += std::log(sum) - own;
    }
    Rng same(2);
    CHECK(double{model.loss(tape, pairs, some, same).value().data[0]} == Approx(expected).epsilon(1e-4));
}

TEST_CASE("sentences follow each other in running text of one document alone", "[next-sentence]") {
    const Collection all = collect(std::vector<TitledText>{
        {"", "One two. Three four.\n\nFive one."}, {"", "Two three."}, {"", "Unknown. One. 7. Two."}});
    const NextSentence model({}, {"one", "two", "three", "four", "five"});
    const SentencePairs pairs = sentence_pairs(all, model);
    REQUIRE(pairs.sentences.size() == 6);  // without those that have none of the words
    CHECK(pairs.first == std::vector<Index>{0, 1, 4});
    CHECK(pairs.next == std::vector<Index>{1, 2, 5});
    CHECK(model.read("Five, and TWO!") == std::vector<Token>{4, 1});
    CHECK(model.read("").empty());
    CHECK_THROWS_AS(model.read("\xFF"), Error);
}

TEST_CASE("words with vectors come by falling counts, as many as wanted", "[next-sentence]") {
    const Collection all = collect(std::vector<TitledText>{{"", "b b a a c c c d."}});
    CHECK(words_with_vectors(all, {}) == std::vector<std::string>{"c", "a", "b"});
    CHECK(words_with_vectors(all, {.min_count = 1, .max_words = 2}) == std::vector<std::string>{"c", "a"});
    CHECK(words_with_vectors(all, {.min_count = 4}).empty());
}

TEST_CASE("vectors of next sentences come back from the model's file and from its run", "[next-sentence]") {
    const TemporaryDirectory folder;
    QaDataset dataset;
    auto corpus = std::make_shared<Corpus>();
    corpus->collection = two_by_two(200);
    corpus->postings = make_postings(corpus->collection);
    dataset.documents = corpus;
    save_dataset(dataset, folder / "notes.h5");
    RunConfig config = next_sentence_prediction().recommended("", "");
    config.data = (folder / "notes.h5").string();
    config.trainer.epochs = 2;
    set_field(config.model, "width", "8");
    TrainingSession::begin(folder / "run", config, next_sentence_prediction()).run();
    const auto model = load_next_sentence(RunFiles{folder / "run"}.model());
    save_next_sentence(*model, folder / "model.h5");
    const WordVectors expected = model->vectors();
    CHECK(expected.width() == 8);
    for (const auto& file : {folder / "model.h5", folder / "run/model-best.h5"}) {
        const WordVectors read = read_word_vectors(file);
        CHECK(read.words() == model->words());
        CHECK(std::ranges::equal(read.matrix().span(), expected.matrix().span()));
    }
    RunConfig other = question_answering().recommended("", "kv-mem-nn");
    other.data = config.data;
    set_field(other.model, "vectors", (folder / "run").string());
    const RunConfig absolute = new_run_config(other, question_answering());
    Settings settings = absolute.model;
    settings.visit([&](const kvmem::Field& field, FieldValue value) {
        if (field.name == "vectors")
            CHECK(*std::get<std::filesystem::path*>(value) == std::filesystem::absolute(folder / "run/model-best.h5"));
    });
}

TEST_CASE("vectors of next sentences have the same bits on any number of threads", "[next-sentence]") {
    const Collection all = two_by_two(300);
    const NextSentence one = trained(all, 3);
    const ThreadLimit limit(1);
    const NextSentence two = trained(all, 3);
    CHECK(std::ranges::equal(one.vectors().matrix().span(), two.vectors().matrix().span()));
}

TEST_CASE("documents without a next sentence, and wrong words of a model, are an Error", "[next-sentence]") {
    const Collection single = collect(std::vector<TitledText>{{"", "One word, one sentence."}});
    NextSentence model({}, {"one"});
    CHECK_THROWS_WITH(NextSentenceObjective(model, single, "x.h5"),
                      Catch::Contains("nothing to learn") && Catch::Contains("x.h5"));
    CHECK_THROWS_AS(NextSentence({}, {}), Error);
    CHECK_THROWS_AS(NextSentence({}, {"a", "a"}), Error);
    CHECK_THROWS_AS(NextSentence({}, {"a", ""}), Error);
    CHECK_THROWS_AS(NextSentence({}, {"\xFF"}), Error);
    CHECK_THROWS_AS(NextSentence({.width = 0}, {"a"}), UsageError);
    CHECK(evaluate(model, {}).pairs == 0);
    const TemporaryDirectory folder;
    hdf5::Writer file("kvmem-model", 1);
    file.attribute("/", "model", "other");
    file.save(folder / "x.h5");
    CHECK_THROWS_WITH(read_word_vectors(folder / "x.h5"), Catch::Contains("x.h5") && Catch::Contains("next-sentence"));
    CHECK_THROWS_WITH(load_next_sentence(folder / "x.h5"), Catch::Contains("x.h5"));
}
