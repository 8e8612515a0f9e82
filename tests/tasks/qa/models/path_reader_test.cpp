#include "kvmem/tasks/qa/models/path_reader.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/documents/representation.hpp"
#include "kvmem/tasks/qa/edit_memory.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/tasks/qa/objective.hpp"
#include "kvmem/train/trainer.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>
#include <optional>
#include <set>
#include <utility>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// The toy's questions, and some of two hops: "who lives where Person7 lives", without Person7.
QaDataset two_hops() {
    QaDataset dataset = toy_kb();
    const Facts facts = facts_of(dataset.memory, dataset.vocabulary);
    const auto objects = [&](Token subject, Token relation) {
        for (Index key = facts.keys_of(subject).first; key < facts.keys_of(subject).second; ++key)
            if (facts.row(key).relation == relation) return facts.row(key).objects;
        return std::span<const Token>{};
    };
    for (int i = 0; i < toy_people; ++i) {
        const Token person = *dataset.vocabulary.find(TokenKind::entity, "Person" + std::to_string(i));
        std::vector<Token> others;
        for (const Token other : objects(objects(person, 0)[0], 1))
            if (other != person) others.push_back(other);
        const std::string split = i < toy_people_asked ? "train" : "test";
        ask_about(dataset, split, "who has the same home as", person, others);
        ask_about(dataset, split, "which neighbours has", person, others);
    }
    dataset.count_tokens();
    return dataset;
}

PathReaderConfig small(Index max_fanout = 0) {
    PathReaderConfig config;
    config.max_fanout = max_fanout;
    config.width = 32;
    config.hops = 2;
    config.ngram_buckets = 512;
    config.word_deletion = 0.15;  // these few phrasings are learned more surely when words are left out
    return config;
}

std::unique_ptr<PathReader> taught(const QaDataset& dataset, const PathReaderConfig& config = small(),
                                   WordVectors vectors = {}) {
    auto model =
        std::make_unique<PathReader>(config, ModelWords(dataset.vocabulary, std::move(vectors)), dataset.candidates);
    QaObjective task(*model, dataset);
    Optimizer optimizer(model->parameters(), {.clip_norm = 1});
    Tape tape;
    std::vector<Index> order(static_cast<std::size_t>(task.items()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
    for (int epoch = 0; epoch < 40; ++epoch) {
        Rng rng(7, {static_cast<std::uint64_t>(epoch)});
        rng.shuffle(std::span(order));
        for (std::size_t first = 0; first < order.size(); first += 16) {
            const auto units = std::span(order).subspan(first, std::min<std::size_t>(16, order.size() - first));
            tape.reset();
            tape.seed(rng.bits());
            tape.backward(task.loss(tape, units, rng), Real{1} / 16);
            optimizer.step(tape, 0.01);
        }
    }
    return model;
}

}  // namespace

TEST_CASE("a path reader reads a verb that training never saw by its vector", "[path-reader]") {
    const QaDataset dataset = toy_kb();
    const WordVectors vectors({"live", "dwell", "work", "job", "pleases", "suits"},
                              matrix_of({{1, 0, 0}, {1, 0.1f, 0}, {0, 1, 0}, {0, 1, 0.1f}, {0, 0, 1}, {0.1f, 0, 1}}));
    const Answerer answerer(taught(dataset, small(), vectors), dataset);
    Index same = 0;
    for (int i = 0; i < 20; ++i) {
        const std::string person = "Person" + std::to_string(i);
        const auto best = [&](const std::string& question) {
            return answerer.ask(question + " " + person).candidates.at(0).text;
        };
        same += best("where does dwell") == best("where does live");
        same += best("which colour suits") == best("which colour pleases");
    }
    CHECK(same >= 38);
}

TEST_CASE("a path reader with word vectors trains on from a file and with new words", "[path-reader]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    const WordVectors vectors({"live", "dwell", "work", "job"}, matrix_of({{1, 0}, {1, 0.1f}, {0, 1}, {0.1f, 1}}));
    auto made = std::make_unique<PathReader>(small(), ModelWords(dataset.vocabulary, vectors), dataset.candidates);
    save_model(*made, directory / "model.h5");
    for (const auto& model :
         {std::shared_ptr<Model>(std::move(made)), std::shared_ptr<Model>(load_model(directory / "model.h5"))}) {
        QaDataset more = toy_kb();
        const Token person = *more.vocabulary.find(TokenKind::entity, "Person1");
        for (int i = 0; i < 30; ++i)
            ask_about(more, "train", "where does dwell", person, {*more.vocabulary.find(TokenKind::entity, "City1")});
        model->adopt(more);
        QaObjective task(*model, more);
        std::vector<Index> all(static_cast<std::size_t>(task.items()));
        std::iota(all.begin(), all.end(), Index{0});
        Rng rng(1);
        Tape tape;
        CHECK(std::isfinite(task.loss(tape, all, rng).value()(0, 0)));
    }
}

TEST_CASE("a path reader learns questions of one and two hops from their answers", "[path-reader]") {
    const QaDataset dataset = two_hops();
    const auto model = taught(dataset);
    const Retriever retriever(dataset.memory, dataset.vocabulary, model->retrieval());
    const Split& split = dataset.split("test");
    const auto outcomes = answer_all(*model, dataset, split, retriever, Trace::attention);
    const Metrics metrics = metrics_of(outcomes);
    CHECK(metrics.hits_at_1 > 0.95);
    CHECK(metrics.f1 > 0.9);
    const std::vector<Token> home_and_back{*dataset.vocabulary.find(TokenKind::relation, "lives_in"),
                                           *dataset.vocabulary.find(TokenKind::relation, "~lives_in")};
    CHECK(outcomes.back().path == home_and_back);

    SECTION("its few scores are the same as all scores") {
        Batch batch;
        for (Index i = 0; i < 5; ++i) add_example(batch, dataset, split, i, retriever);
        Tape tape;
        tape.set_training(false);
        Matrix all(5, std::ssize(dataset.candidates));
        model->score(tape, batch, all);
        const Ragged<Scored> few = model->score_few(tape, batch);
        REQUIRE(few.size() == 5);
        for (Index i = 0; i < 5; ++i) {
            Index above = 0;
            for (Index c = 0; c < all.cols(); ++c) above += all(i, c) > -30;
            CHECK(above == std::ssize(few[i]));
            for (const Scored& s : few[i]) CHECK(all(i, s.index) == s.score);
        }
        Matrix narrow(5, 2);
        CHECK_THROWS_AS(model->score(tape, batch, narrow), Error);
    }
    SECTION("other data sets are evaluated with the tokens that it makes of them") {
        QaDataset other = toy_kb(11);  // all tokens have other numbers
        const std::vector<Token> to = model->extend(other);
        translate(other.memory, to);
        Split& asked = other.splits["test"];
        translate(asked.question.values, to);
        translate(asked.answer.values, to);
        const Retriever theirs(other.memory, model->vocabulary(), model->retrieval());
        CHECK(evaluate(*model, other, asked, theirs).hits_at_1 > 0.95);
    }
}

TEST_CASE("a path reader that trained on samples of facts answers by all of them", "[path-reader]") {
    const QaDataset dataset = two_hops();
    const auto model = taught(dataset, small(1));
    const Retriever retriever(dataset.memory, dataset.vocabulary, model->retrieval());
    const Split& split = dataset.split("test");
    const Metrics metrics = evaluate(*model, dataset, split, retriever);
    CHECK(metrics.hits_at_1 > 0.95);
    CHECK(metrics.f1 > 0.9);

    const PathReader all(small(0), dataset.vocabulary, dataset.candidates,
                         [&](const std::string& name) { return model->parameters().find(name)->value; });
    Batch batch;
    for (Index i = 0; i < split.size(); ++i) add_example(batch, dataset, split, i, retriever);
    Tape tape;
    tape.set_training(false);
    const Ragged<Scored> some = model->score_few(tape, batch), same = all.score_few(tape, batch);
    CHECK(some.offsets == same.offsets);
    CHECK(std::ranges::equal(some.values, same.values, [](const Scored& a, const Scored& b) {
        return a.index == b.index && a.score == b.score;
    }));
}

// Checks that two answers have the same bits.
static void check_same(const Answer& a, const Answer& b) {
    REQUIRE(a.candidates.size() == b.candidates.size());
    for (std::size_t i = 0; i < a.candidates.size(); ++i) {
        CHECK(a.candidates[i].text == b.candidates[i].text);
        CHECK(a.candidates[i].score == b.candidates[i].score);
        CHECK(a.candidates[i].weight == b.candidates[i].weight);
    }
    REQUIRE(a.paths.size() == b.paths.size());
    for (std::size_t i = 0; i < a.paths.size(); ++i) {
        CHECK(a.paths[i].weight == b.paths[i].weight);
        CHECK(a.paths[i].steps.size() == b.paths[i].steps.size());
    }
    REQUIRE(a.words.size() == b.words.size());
    for (std::size_t h = 0; h < a.words.size(); ++h)
        CHECK(std::ranges::equal(a.words[h], b.words[h], [](const auto& x, const auto& y) {
            return x.text == y.text && x.weight == y.weight;
        }));
    CHECK(a.certainty == b.certainty);
    CHECK(a.as_good == b.as_good);
    CHECK(a.entities == b.entities);
    CHECK(a.unknown_words == b.unknown_words);
    CHECK(a.taken_for == b.taken_for);
    CHECK(a.is_list == b.is_list);
}

TEST_CASE("answers show the path that they came by, and new facts count at once", "[path-reader]") {
    QaDataset dataset = two_hops();
    auto model = taught(dataset);
    const auto config = model->settings();
    const auto copy = [&] {
        return make_model(config, dataset.vocabulary, dataset.candidates,
                          [&](const std::string& name) { return model->parameters().find(name)->value; });
    };
    const Answerer answerer(copy(), dataset);
    const Answer one = answerer.ask("where does Person50 live");
    REQUIRE(!one.candidates.empty());
    CHECK(one.candidates[0].text == "City6");
    CHECK(one.candidates[0].weight > 0.5);
    REQUIRE(one.paths.size() == one.candidates.size());
    CHECK(one.paths[0].start == "Person50");
    REQUIRE(one.paths[0].steps.size() == 1);
    CHECK(one.paths[0].steps[0].relation == "lives_in");
    CHECK(!one.paths[0].steps[0].reversed);
    CHECK(one.paths[0].steps[0].entity == "City6");
    CHECK(one.paths[0].steps[0].hop == 1);
    REQUIRE(one.words.size() == 1);
    CHECK(one.words[0].size() == 4);

    const Answer two = answerer.ask("which neighbours has Person50", {.candidates = 1, .all_as_good = true});
    CHECK(std::ssize(two.candidates) == two.as_good);
    CHECK(two.as_good > 1);
    for (const Answer::Candidate& c : two.candidates) CHECK(c.text != "Person50");
    REQUIRE(two.paths[0].steps.size() == 2);
    CHECK(two.paths[0].steps[1].reversed);
    CHECK(two.paths[0].steps[1].hop == 2);
    CHECK(two.words.size() == 2);

    SECTION("a misspelt name is taken for the nearest one, and unknown words are read by their parts") {
        const Answer guessed = answerer.ask("where doess Persn50 live");
        CHECK(guessed.taken_for == "Person50");
        REQUIRE(!guessed.candidates.empty());
        CHECK(guessed.candidates[0].text == "City6");
        CHECK(guessed.unknown_words == std::vector<std::string>{"doess"});
    }
    SECTION("what is misspelt in brackets is taken for a name too, common words are not") {
        const Answer guessed = answerer.ask("where does [Persn50] live");
        CHECK(guessed.taken_for == "Person50");
        CHECK(guessed.candidates.at(0).text == "City6");
        CHECK(answerer.ask("where does live").taken_for.empty());
    }
    SECTION("names that a text may mean are weighed against each other, also by where they lead") {
        QaDataset edited = dataset;
        for (const auto& [person, city] : {std::pair{"Rain", "City1"}, {"Rain Man", "City2"}, {"Kismet", "City3"}})
            add_fact(edited, {person, "lives_in", city});
        add_fact(edited, {"Person1", "likes", "kismet"});
        auto careful = copy();
        careful->set_min_certainty(0.2);
        const Answerer after(std::move(careful), edited);
        const auto taken = [&](const std::string& question, const std::string& name, const std::string& city) {
            const Answer answer = after.ask(question);
            CHECK(answer.taken_for == name);
            CHECK(answer.candidates.at(0).text == city);
        };
        taken("where does Rain live", "", "City1");
        taken("where does Rain Mn live", "Rain Man", "City2");
        taken("where does Rain Man live", "", "City2");
        taken("where doess Rain live", "", "City1");
        taken("where does Kismet live", "", "City3");
        taken("where does kismet live", "Kismet", "City3");
    }
    SECTION("facts are added and removed") {
        QaDataset edited = dataset;
        remove_fact(edited, {"Person50", "lives_in", "City6"});
        add_fact(edited, {"Person50", "lives_in", "Atlantis"});
        add_fact(edited, {"Nemo", "lives_in", "Atlantis"});
        const Answerer after(copy(), edited);
        CHECK(after.ask("where does Person50 live").candidates.at(0).text == "Atlantis");
        CHECK(after.ask("which neighbours has Person50").candidates.at(0).text == "Nemo");
        CHECK(after.ask("where does Nemo live").candidates.at(0).text == "Atlantis");
    }
    SECTION("an answerer of other facts is that of the edited memory, as long as it has their names") {
        QaDataset edited = dataset;
        remove_fact(edited, {"Person50", "lives_in", "City6"});
        add_fact(edited, {"Person50", "lives_in", "City1"});
        const Answerer opened(copy(), edited);
        const std::vector<NamedFact> removed{{"Person50", "lives_in", "City6"}},
            added{{"Person50", "lives_in", "City1"}};
        const std::optional<Answerer> shared = answerer.edited(removed, added);
        REQUIRE(shared);
        CHECK(shared->memory_slots() == opened.memory_slots());
        for (const char* question : {"where does Person50 live", "which neighbours has Person50", "who lives in City6"})
            check_same(shared->ask(question), opened.ask(question));
        check_same(answerer.ask("where does Person50 live"), one);  // as it was
        CHECK(!answerer.edited({}, std::vector<NamedFact>{{"Nemo", "lives_in", "City1"}}));
        CHECK(!answerer.edited({}, std::vector<NamedFact>{{"Person50", "eats", "City1"}}));
        CHECK(!answerer.edited(std::vector<NamedFact>{{"Person50", "lives_in", "City1"}}, {}));
        CHECK(answerer.edited({}, {}));
    }
    SECTION("questions that are asked together have the bits of each alone") {
        std::vector<AskedQuestion> asked;
        for (int i = 0; i < 40; ++i) {
            const std::string name = "Person" + std::to_string(i);
            asked.push_back({"where does " + name + " live", {.candidates = 1 + i % 4}});
            asked.push_back({"which neighbours has " + name + (i % 3 == 0 ? " nowadays" : ""), {.all_as_good = true}});
            if (i % 8 == 0) asked.push_back({"where does " + name + ", Person50 and Persn7 live"});
            if (i % 8 == 1) asked.push_back({"xyzzy"});
        }
        const std::vector<Answer> together = answerer.ask_all(asked);
        REQUIRE(together.size() == asked.size());
        for (std::size_t i = 0; i < asked.size(); ++i) {
            CAPTURE(asked[i].text);
            check_same(together[i], answerer.ask(asked[i].text, asked[i].options));
        }
        CHECK(answerer.ask_all({}).empty());
        asked.push_back({"  "});
        CHECK_THROWS_AS(answerer.ask_all(asked), Error);
    }
    SECTION("each name of a list is asked about apart") {
        const Answer both = answerer.ask("where does Person50, Person51 and Person7 live");
        CHECK(both.is_list);
        CHECK(both.entities == std::vector<std::string>{"Person50", "Person51", "Person7"});
        const std::set<std::string> right{answerer.ask("where does Person50 live").candidates.at(0).text,
                                          answerer.ask("where does Person51 live").candidates.at(0).text,
                                          answerer.ask("where does Person7 live").candidates.at(0).text};
        REQUIRE(both.as_good == std::ssize(right));
        std::set<std::string> given;
        for (Index i = 0; i < both.as_good; ++i) given.insert(both.candidates.at(static_cast<std::size_t>(i)).text);
        CHECK(given == right);
        CHECK(both.paths.size() == both.candidates.size());
        CHECK(!one.is_list);
    }
    SECTION("what is less certain than the model's limit is refused, and the limit may be another") {
        auto strict = copy();
        strict->set_min_certainty(0.5);
        const Answerer refusing(std::move(strict), dataset);
        const Answer sure = refusing.ask("where does Person50 live");
        CHECK(!sure.refused);
        CHECK(sure.certainty > 0.5);
        const Answer unknown = refusing.ask("flies lemon swim Person50");
        CHECK(unknown.refused);
        CHECK(!unknown.candidates.empty());
        CHECK(!refusing.ask("flies lemon swim Person50", {.min_certainty = 0}).refused);
        CHECK(refusing.ask("where does Person50 live", {.min_certainty = 1}).refused);
        CHECK(!answerer.ask("flies lemon swim Person50").refused);
    }
    SECTION("slots that come with a question are refused, for they would not be read") {
        CHECK_THROWS_AS(answerer.ask("where does Person50 live", {}, {{"Person50 lives_in", "City1"}}), Error);
    }
    SECTION("a question about nothing has no answer") {
        CHECK(answerer.ask("xyzzy").candidates.empty());
        CHECK(answerer.ask("where does Person50 live", {}, {}).local_slots == 0);
    }
}

TEST_CASE("data that a path reader cannot read are refused before training", "[path-reader]") {
    QaDataset stories = toy_kb();
    PathReader model(small(), stories.vocabulary, stories.candidates);
    Split& train = stories.splits.at("train");
    train.local_offsets.assign(static_cast<std::size_t>(train.size()) + 1, 1);
    train.local_offsets.front() = 0;
    train.local_slots.push(std::vector<Token>{1}, std::vector<Token>{1});
    CHECK_THROWS_WITH(QaObjective(model, stories), Catch::Contains("memories of their own"));
    QaDataset texts = toy_kb();
    texts.memory = {};
    texts.memory.push(std::vector<Token>{1}, std::vector<Token>{1});
    CHECK_THROWS_WITH(QaObjective(model, texts), Catch::Contains("a memory without facts"));
}

TEST_CASE("validation says how certain an answer must be, and a model file holds it", "[path-reader]") {
    QaDataset dataset = two_hops();
    dataset.splits["valid"] = dataset.splits.at("test");
    auto model = taught(dataset);
    QaObjective task(*model, dataset);
    const std::vector<Outcome> outcomes = answer_all(*model, dataset, dataset.split("valid"),
                                                     Retriever(dataset.memory, dataset.vocabulary, model->retrieval()));
    CHECK(model->min_certainty() == 0);
    task.validate();
    task.note_best();
    const auto n = static_cast<double>(outcomes.size());  // few questions know few phrasings
    CHECK(model->min_certainty() == std::min(0.15 * n / (n + 200), certainty_reached(outcomes, 0.95)));
    CHECK(model->min_certainty() > 0);
    const RefusalReport report = refusals_of(outcomes, model->min_certainty());
    CHECK(report.answerable == dataset.split("valid").size());
    CHECK(report.answered >= 95 * report.answerable / 100);
    CHECK(report.unanswerable == 0);
    const TemporaryDirectory directory;
    save_model(*model, directory.path() / "m.h5");
    CHECK(load_model(directory.path() / "m.h5")->min_certainty() == model->min_certainty());
}

TEST_CASE("a path reader needs facts, and parameters that fit", "[path-reader]") {
    const QaDataset dataset = toy_kb();
    const PathReader model(small(), dataset.vocabulary, dataset.candidates);
    Batch batch;
    add_example(batch, dataset, dataset.split("test"), 0, Retriever(dataset.memory, dataset.vocabulary));
    Tape tape;
    Rng rng(1);
    CHECK_THROWS_AS(model.loss(tape, batch, rng), Error);
    CHECK_THROWS_AS(model.score_few(tape, batch), Error);
    CHECK_THROWS_AS(
        PathReader(small(), dataset.vocabulary, dataset.candidates, [](const std::string&) { return Matrix(1, 1); }),
        Error);
    for (auto spoil :
         {+[](PathReaderConfig& c) { c.width = 0; }, +[](PathReaderConfig& c) { c.hops = 17; },
          +[](PathReaderConfig& c) { c.ngram_buckets = 0; }, +[](PathReaderConfig& c) { c.word_deletion = 1; },
          +[](PathReaderConfig& c) { c.dropout = -1; }, +[](PathReaderConfig& c) { c.min_relation_weight = 1; },
          +[](PathReaderConfig& c) { c.max_fanout = -1; }}) {
        PathReaderConfig config;
        spoil(config);
        CHECK_THROWS_AS(validated(config), UsageError);
    }
}

TEST_CASE("a step that documents state has the sentence and its place", "[path_reader]") {
    QaDataset dataset;
    auto corpus = std::make_shared<documents::Corpus>();
    corpus->collection = documents::collect(std::vector<documents::TitledText>{
        {"Heat", "It is long.\nHeat was made by Ann."}, {"Cold", "Cold was made by Ann, too."}});
    dataset.vocabulary.add(TokenKind::entity, "Ann");
    documents::DocumentMemory read = documents::represent(corpus->collection, dataset.vocabulary,
                                                          {.representation = documents::Representation::edges});
    dataset.memory = std::move(read.slots);
    dataset.origin = std::move(read.origin);
    dataset.documents = corpus;
    for (const char* name : {"Ann", "Heat", "Cold"})
        dataset.candidates.push_back(*dataset.vocabulary.find(TokenKind::entity, name));
    auto model = std::make_unique<PathReader>(small(), ModelWords(dataset.vocabulary, {}), dataset.candidates);
    const Answerer answerer(std::move(model), std::move(dataset));
    const Answer answer = answerer.ask("who made [Heat]", {.candidates = 3});
    bool two_steps = false;
    for (const Answer::Path& path : answer.paths) {
        two_steps = two_steps || path.steps.size() == 2;
        std::string at = path.start;
        for (const Answer::Path::Step& step : path.steps) {
            const bool of_cold = (at == "Ann" ? step.entity : at) == "Cold";
            CHECK(step.where == (of_cold ? "Cold:1:18" : "Heat:2:18"));
            CHECK(step.sentence == (of_cold ? "Cold was made by Ann, too." : "Heat was made by Ann."));
            at = step.entity;
        }
    }
    CHECK(two_steps);
}
