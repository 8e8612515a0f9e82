#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"
#include "support/toy_documents.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// Scores of all candidates for every question of a split.
Matrix scores_of(const KvMemNN& model, const QaDataset& dataset, const Split& split) {
    const Retriever retriever(dataset.memory, dataset.vocabulary, model.config().retriever);
    Batch batch;
    for (Index i = 0; i < split.size(); ++i) add_example(batch, dataset, split, i, retriever);
    Tape tape;
    tape.set_training(false);
    Matrix scores(batch.size(), static_cast<Index>(model.candidates().size()));
    model.score(model.run(tape, batch), batch, scores);
    return scores;
}

Token entity(const Vocabulary& vocabulary, const char* name) { return *vocabulary.find(TokenKind::entity, name); }

std::vector<Real> row_of(const Parameter& table, Token token) {
    return {table.value.row(token), table.value.row(token) + table.value.cols()};
}

// One question about a person with these answers.
Batch question_with(const QaDataset& dataset, const std::vector<Token>& answers) {
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    Batch batch;
    add_example(batch, dataset.split("train").question[0], answers, dataset.memory, retriever);
    return batch;
}

double loss_of(const KvMemNN& model, const Batch& batch, std::uint64_t seed = 1) {
    Tape tape;
    Rng rng(seed);
    return model.loss(tape, batch, rng).value().data[0];
}

}  // namespace

TEST_CASE("a model learns to answer about entities that training never asked about", "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    KvMemNN model = toy_model(dataset);
    CHECK(hits_at_1(model, dataset, "valid") < 0.7);
    teach(model, dataset, 15);
    CHECK(hits_at_1(model, dataset, "valid") == 1);
    CHECK(hits_at_1(model, dataset, "test") == 1);
}

TEST_CASE("the paper's model learns: no match, entities trained", "[kv_mem_nn]") {
    const Tying tying = GENERATE(Tying::shared, Tying::answers);
    const QaDataset dataset = toy_kb();
    KvMemNNConfig config = toy_config();
    config.width = 64;
    config.copy_weight = 0;
    config.train_entities = true;
    config.tying = tying;
    config.word_dropout = 0;
    KvMemNN model = toy_model(dataset, config);
    CHECK(hits_at_1(model, dataset, "test") < 0.5);
    // Far from settled: over seeds, and so over the roundings of different processors, 0.96 to 1 and 0.89 to 1.
    teach(model, dataset, 60);
    CHECK(hits_at_1(model, dataset, "train") > 0.9);
    CHECK(hits_at_1(model, dataset, "test") > 0.8);
}

TEST_CASE("a tying decides how many tables there are", "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    KvMemNNConfig config = toy_config();
    config.tying = GENERATE(Tying::shared, Tying::answers, Tying::sides);
    const KvMemNN model = toy_model(dataset, config);
    CHECK(model.parameters().size() == (config.tying == Tying::shared ? 3u : 4u));  // and a matrix a hop
    CHECK(scores_of(model, dataset, dataset.split("test")).rows() == 36);
}

TEST_CASE("a right answer is no negative of another", "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    KvMemNNConfig config = toy_config();
    config.copy_weight = 0;
    config.train_entities = true;
    config.tying = Tying::answers;
    config.word_dropout = 0;
    config.negatives = GENERATE(0, 20, 1000);
    const KvMemNN model = toy_model(dataset, config);
    std::vector<Token> right(dataset.candidates.begin(), dataset.candidates.begin() + 10);
    right.push_back(right[3]);  // said twice
    const Batch batch = question_with(dataset, right);
    Tape tape;
    Rng rng(5);
    const Var loss = model.loss(tape, batch, rng);
    CHECK(std::isfinite(loss.value().data[0]));
    tape.backward(loss);
    const ConstView state = model.run(tape, batch).state.value();
    const Parameter* answers = nullptr;
    for (const Parameter& p : model.parameters())
        if (p.name == "B") answers = &p;
    REQUIRE(answers);
    const SparseRows& gradient = tape.gradient(*answers);
    // d loss / d row is (p - [row is the target]) times the state: a row is pushed away where it points along it.
    Index pulled = 0, pushed = 0;
    for (const Index token : gradient.touched()) {
        double along = 0;
        for (Index j = 0; j < config.width; ++j) along += double{gradient.find(token)[j]} * double{state.data[j]};
        const bool is_right = std::find(right.begin(), right.end(), token) != right.end();
        pulled += along < 0;
        pushed += along > 0;
        if (is_right) CHECK(along <= 0);
        if (!is_right) CHECK(along >= 0);
    }
    CHECK(pulled == 1);
    CHECK(pushed >= 5);
}

TEST_CASE("a loss without negatives given is the softmax over all candidates", "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    KvMemNNConfig config = toy_config();
    config.negatives = 0;
    config.word_dropout = 0;
    config.copy_weight = GENERATE(0.0, 1e5);
    const KvMemNN model = toy_model(dataset, config);
    const Split& split = dataset.split("test");
    Split one;
    one.question.push_row(split.question[0]);
    one.answer.push_row(split.answer[0]);
    const Matrix scores = scores_of(model, dataset, one);
    const Index target = std::lower_bound(dataset.candidates.begin(), dataset.candidates.end(), one.answer[0][0]) -
                         dataset.candidates.begin();
    double sum = 0;
    for (Index j = 0; j < scores.cols(); ++j) sum += std::exp(double{scores(0, j)} - double{scores(0, target)});
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    Batch batch;
    add_example(batch, dataset, one, 0, retriever);
    CHECK(loss_of(model, batch) == Approx(std::log(sum)).epsilon(1e-4));
}

TEST_CASE("questions without an answer, without slots or without words cost nothing or something finite",
          "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    const KvMemNN model = toy_model(dataset);
    const Token word = *dataset.vocabulary.find(TokenKind::word, "where");
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    const auto batch_of = [&](const std::vector<Token>& question, const std::vector<Token>& answer) {
        Batch batch;
        add_example(batch, question, answer, dataset.memory, retriever);
        return batch;
    };
    const Token person = entity(dataset.vocabulary, "Person3"), city = entity(dataset.vocabulary, "City3");
    CHECK(loss_of(model, batch_of({word, person}, {})) == 0);
    CHECK(loss_of(model, batch_of({word, person}, {word})) == 0);  // no candidate
    CHECK(std::isfinite(loss_of(model, batch_of({word}, {city}))));
    CHECK(std::isfinite(loss_of(model, batch_of({}, {city}))));
    CHECK(std::isfinite(loss_of(model, batch_of({unknown_token, person}, {city}))));
    CHECK(loss_of(model, {}) == 0);

    Split split;
    split.question.push_row(std::vector{word});
    split.question.push_row(std::vector<Token>{});
    split.answer.push_row(std::vector{city});
    split.answer.push_row(std::vector<Token>{});
    const Matrix scores = scores_of(model, dataset, split);
    CHECK(std::all_of(scores.data(), scores.data() + scores.size(), [](Real x) { return std::isfinite(x); }));
}

TEST_CASE("a model without candidates has nothing to learn and nothing to score", "[kv_mem_nn]") {
    QaDataset dataset = toy_kb();
    const Split test = dataset.split("test");
    dataset.candidates.clear();
    KvMemNNConfig config = toy_config();
    config.negatives = GENERATE(0, 10);
    const KvMemNN model = toy_model(dataset, config);
    CHECK(loss_of(model, question_with(dataset, {entity(dataset.vocabulary, "City3")})) == 0);
    CHECK(scores_of(model, dataset, test).cols() == 0);
}

TEST_CASE("words that training never saw read as the unknown word", "[kv_mem_nn]") {
    QaDataset dataset = toy_kb();
    const Token unseen = dataset.vocabulary.add(TokenKind::word, "unseen");
    const KvMemNN model = toy_model(dataset);
    const Token person = entity(dataset.vocabulary, "Person3");
    Split split;
    split.question.push_row(std::vector{unseen, person});
    split.question.push_row(std::vector{unknown_token, person});
    split.answer.push_row(std::vector<Token>{});
    split.answer.push_row(std::vector<Token>{});
    const Matrix scores = scores_of(model, dataset, split);
    CHECK(std::equal(scores.row(0), scores.row(0) + scores.cols(), scores.row(1)));
}

TEST_CASE("entities keep the rows that they began with, unless they are to be trained", "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    KvMemNNConfig config = toy_config();
    config.train_entities = GENERATE(false, true);
    const KvMemNN before = toy_model(dataset, config);
    KvMemNN after = toy_model(dataset, config);
    teach(after, dataset, 1);
    bool entities_moved = false, others_moved = false;
    for (std::size_t i = 0; i < 2; ++i)
        for (Token token = 0; token < dataset.vocabulary.size(); ++token) {
            const bool moved = row_of(before.parameters()[i], token) != row_of(after.parameters()[i], token);
            (dataset.vocabulary.kind(token) == TokenKind::entity ? entities_moved : others_moved) |= moved;
        }
    CHECK(entities_moved == config.train_entities);
    CHECK(others_moved);
}

TEST_CASE("an entity has the same row in every model of the same seed", "[kv_mem_nn]") {
    const QaDataset one = toy_kb(), other = toy_kb(13);
    const KvMemNN a = toy_model(one), b = toy_model(other);
    KvMemNNConfig reseeded = toy_config();
    reseeded.seed = 2;
    const KvMemNN c = toy_model(one, reseeded);
    const Token in_one = entity(one.vocabulary, "Person7"), in_other = entity(other.vocabulary, "Person7");
    REQUIRE(in_one != in_other);
    CHECK(row_of(a.parameters()[0], in_one) == row_of(b.parameters()[0], in_other));
    CHECK(row_of(a.parameters()[1], in_one) == row_of(b.parameters()[1], in_other));
    CHECK(row_of(a.parameters()[0], in_one) != row_of(a.parameters()[1], in_one));
    CHECK(row_of(a.parameters()[0], in_one) != row_of(c.parameters()[0], in_one));
}

TEST_CASE("a model answers as well from a data set with other token numbers", "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    KvMemNN model = toy_model(dataset);
    teach(model, dataset, 15);
    QaDataset other = toy_kb(13);
    const std::vector<Token> to = model.extend(other);
    translate(other.memory.key.values, to);
    translate(other.memory.value.values, to);
    for (auto& [name, split] : other.splits) {
        translate(split.question.values, to);
        translate(split.answer.values, to);
    }
    other.vocabulary = model.vocabulary();
    CHECK(model.candidates().size() == other.candidates.size());
    CHECK(hits_at_1(model, other, "valid") == 1);
}

TEST_CASE("words that only another data set has are unknown, and no candidates", "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    KvMemNN model = toy_model(dataset);
    QaDataset other;
    const Token stranger = other.vocabulary.add(TokenKind::entity, "Stranger");
    const Token zebra = other.vocabulary.add(TokenKind::word, "zebra");
    const Token okapi = other.vocabulary.add(TokenKind::word, "okapi");
    const Token owns = other.vocabulary.add(TokenKind::relation, "owns");
    const Token person = other.vocabulary.add(TokenKind::entity, "Person3");
    other.candidates = {stranger, zebra, okapi};
    const std::vector<Token> to = model.extend(other);
    const auto ours = [&](Token token) { return to[static_cast<std::size_t>(token)]; };
    CHECK(model.vocabulary().text(ours(stranger)) == "Stranger");
    CHECK(ours(zebra) == unknown_token);
    CHECK(ours(owns) == unknown_token);
    CHECK(ours(person) == entity(dataset.vocabulary, "Person3"));
    REQUIRE(model.candidates().size() == 1);
    CHECK(model.candidates()[0] == ours(stranger));
}

TEST_CASE("impossible configurations are refused", "[kv_mem_nn]") {
    const auto refused = [](auto change) {
        KvMemNNConfig config;
        change(config);
        CHECK_THROWS_AS(validated(config), UsageError);
    };
    refused([](auto& c) { c.width = 0; });
    refused([](auto& c) { c.hops = 17; });
    refused([](auto& c) { c.deviation = NAN; });
    refused([](auto& c) { c.negatives = -1; });
    refused([](auto& c) { c.copy_weight = 1e39; });
    refused([](auto& c) { c.word_dropout = 1; });
    refused([](auto& c) { c.retriever.max_slots = 0; });
}

TEST_CASE("a model does not take parameters of other shapes", "[kv_mem_nn]") {
    const QaDataset dataset = toy_kb();
    CHECK_THROWS_WITH(
        KvMemNN(toy_config(), dataset.vocabulary, dataset.candidates, [](const std::string&) { return Matrix(3, 5); }),
        Catch::Contains("parameter") && Catch::Contains("3 x 5"));
}

TEST_CASE("a question about documents is read in both dictionaries", "[kv_mem_nn]") {
    const QaDataset dataset = toy_documents(3, 0);
    const KvMemNN model({.width = 4}, dataset.vocabulary, dataset.candidates);
    const Vocabulary& words = dataset.vocabulary;
    const Token film = entity(words, "Film 0"), made = *words.find(TokenKind::word, "made");
    const Token second_film = *words.find(TokenKind::second_entity, "Film 0");
    const Token second_made = *words.find(TokenKind::second_word, "made");
    Ragged<Token> question;
    question.push_row(std::array{made, film});
    const Matrix encoded = model.encode_questions(question);
    const Parameter& table = *model.parameters().begin();
    for (Index k = 0; k < 4; ++k) {
        double sum = 0;
        for (const Token token : {made, film, second_made, second_film}) sum += table.value(token, k);
        CHECK(encoded(0, k) == Approx(sum / 2));
    }
}

TEST_CASE("a network that reads documents in two dictionaries has no graph for other programs", "[kv_mem_nn]") {
    const QaDataset dataset = toy_documents(3, 0);
    CHECK_THROWS_AS(KvMemNN({.width = 4}, dataset.vocabulary, dataset.candidates).onnx(), Error);
}
