#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/selection/evaluate.hpp"
#include "kvmem/tasks/selection/model_file.hpp"
#include "kvmem/tasks/selection/models/sentence_selector.hpp"
#include "kvmem/tasks/selection/objective.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "support/small_sentences.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// Questions whose answer has the number that "how many" wants, among sentences that share as many words.
std::vector<SelectionQuestion> counted(int count, std::uint64_t seed) {
    Rng rng(seed);
    const std::vector<std::string> things{"towers", "boats", "cats", "rivers", "trees", "lamps"};
    std::vector<SelectionQuestion> all;
    for (int i = 0; i < count; ++i) {
        const std::string& thing = things[static_cast<std::size_t>(rng.below(6))];
        SelectionQuestion q{.id = std::to_string(i), .text = "How many " + thing + " are here?"};
        const Index answer = rng.below(4);
        for (Index s = 0; s < 4; ++s) {
            q.sentences.push_back(s == answer ? "The " + thing + " here are 17." : "The " + thing + " here are old.");
            q.right.push_back(s == answer);
        }
        all.push_back(std::move(q));
    }
    return all;
}

SentencesDataset counting() {
    SentencesDataset dataset;
    dataset.splits["train"] = counted(60, 1);
    dataset.splits["valid"] = counted(20, 2);
    return dataset;
}

WordVectors vectors_of(const std::vector<std::string>& words) {
    Matrix numbers(std::ssize(words), 6);
    Rng rng(3);
    for (Real& number : numbers.view().span()) number = static_cast<Real>(rng.normal());
    return WordVectors(words, std::move(numbers));
}

double trained_map(const SentencesDataset& data, SentenceSelectorConfig config) {
    SentenceSelector model(config, make_lexicon(data, {}, 0));
    SelectionObjective objective(model, data);
    TrainerOptions options;
    options.epochs = 12;
    options.schedule.rate = 0.01;
    options.optimizer.method = Method::adam;
    Trainer(objective, options, {.name = "map", .is_share = true}).run({});
    return 1 - objective.validate().loss;
}

}  // namespace

TEST_CASE("a selector learns which kind of thing a question wants", "[selection]") {
    CHECK(trained_map(counting(), {.width = 8, .features = 8, .members = 2}) > 0.99);
    CHECK(trained_map(counting(), {.features = 0, .members = 1, .compare = false}) > 0.99);
}

TEST_CASE("scores of a selector depend on neither other questions nor threads", "[selection]") {
    const SentencesDataset data = counting();
    const SentenceSelector model({.width = 8}, make_lexicon(data, vectors_of({"towers", "boats", "here"}), 10));
    const auto& questions = data.split("valid");
    const Ragged<Real> all = model.score(questions);
    const ThreadLimit limit(1);
    CHECK(model.score(questions) == all);
    for (std::size_t i = 0; i < questions.size(); ++i)
        CHECK(std::ranges::equal(model.score({&questions[i], 1})[0], all[static_cast<Index>(i)]));
}

TEST_CASE("a selector comes back from its file with the same scores", "[selection]") {
    const TemporaryDirectory folder;
    const SentencesDataset data = small_sentences();
    const SentenceSelector model({.width = 5, .members = 2}, make_lexicon(data, vectors_of({"tower", "is", "far"}), 1));
    save_selection_model(model, folder / "model.h5");
    const auto again = load_selection_model(folder / "model.h5");
    CHECK(again->lexicon() == model.lexicon());
    CHECK(again->lexicon().vectors.size() == 2);  // "far" is beyond the first and in no sentence
    CHECK(again->score(data.split("train")) == model.score(data.split("train")));
}

TEST_CASE("empty texts, unknown words and sentences without words have finite scores", "[selection]") {
    const SentenceSelector model({.width = 4}, make_lexicon(small_sentences(), {}, 0));
    const SelectionQuestion odd{.id = "", .text = "?!", .sentences = {"", "...", "Zyx \xC3\xA9."}, .right = {0, 0, 0}};
    for (const Real score : model.score({&odd, 1}).values) CHECK(std::isfinite(score));
    const SelectionQuestion bad{.id = "", .text = "\xFF", .sentences = {"a"}, .right = {0}};
    CHECK_THROWS_AS(model.score({&bad, 1}), Error);
}

TEST_CASE("a question without text or candidates or with another number of labels is an Error", "[selection]") {
    const SentenceSelector model({.width = 4}, make_lexicon(small_sentences(), {}, 0));
    for (const char* text : {"", " \t\n"}) {
        const SelectionQuestion empty{.id = "q8", .text = text, .sentences = {"a"}, .right = {0}};
        CHECK_THROWS_WITH(model.score({&empty, 1}), Catch::Contains("q8") && Catch::Contains("empty"));
    }
    const SelectionQuestion none{.id = "q7", .text = "x"};
    CHECK_THROWS_WITH(read_question(none, model.lexicon()), Catch::Contains("q7") && Catch::Contains("no candidates"));
    for (const std::vector<std::uint8_t>& right : {std::vector<std::uint8_t>{}, std::vector<std::uint8_t>{0, 1, 0}}) {
        const SelectionQuestion other{.id = "", .text = "x", .sentences = {"a", "b"}, .right = right};
        CHECK_THROWS_WITH(model.score({&other, 1}), Catch::Contains("labels"));
    }
    Tape tape;
    CHECK_THROWS_AS(model.scores(tape, {}), Error);
    CHECK_THROWS_AS(model.loss(tape, {}), Error);
}

TEST_CASE("a lexicon takes the vectors of words that the file of vectors has capitalised", "[selection]") {
    const SentenceLexicon lexicon = make_lexicon(small_sentences(), vectors_of({"far", "TOWER", "Tower", "Ann"}), 0);
    CHECK(lexicon.vectors.words() == std::vector<std::string>{"TOWER", "Ann"});
    CHECK(lexicon.vectors.row("tower") == Index{0});
}

TEST_CASE("a lexicon in a file that no model can read by is an Error with the file's name", "[selection]") {
    const TemporaryDirectory folder;
    const auto read = [&](const SentenceLexicon& lexicon, const std::vector<std::string>& words, ConstView vectors) {
        hdf5::Writer file("lexicon", 1);
        write_lexicon(file, lexicon);
        if (!words.empty()) {
            file.write("/lexicon/words", std::span<const std::string>(words));
            file.write("/lexicon/vectors", vectors);
        }
        file.save(folder / "x.h5");
        return read_lexicon(hdf5::Reader(folder / "x.h5", "lexicon", 1));
    };
    Matrix numbers(1, 2);
    numbers.fill(1);
    CHECK(read({}, {"a"}, numbers).vectors.size() == 1);
    CHECK_THROWS_WITH(read({.language = "xx"}, {}, {}), Catch::Contains("x.h5") && Catch::Contains("language"));
    CHECK_THROWS_WITH(read({}, {"a"}, Matrix(1, 0)), Catch::Contains("x.h5"));
    CHECK_THROWS_WITH(read({}, {"a", "b"}, numbers), Catch::Contains("x.h5") && Catch::Contains("words"));
    CHECK_THROWS_WITH(read({}, {"\xFF"}, numbers), Catch::Contains("x.h5") && Catch::Contains("UTF-8"));
}

TEST_CASE("features of a candidate are those of the formulas", "[selection]") {
    const SentencesDataset data = small_sentences();
    const SentenceLexicon lexicon = make_lexicon(data, {}, 0);
    CHECK(lexicon.sentences == 5);
    CHECK(lexicon.idf("tower") == Approx(std::log(1 + 3.5 / 2.5)));
    CHECK(lexicon.idf("never") == Approx(std::log(1 + 5.5 / 0.5)));
    const ReadQuestion read = read_question(data.split("train")[0], lexicon);
    REQUIRE(read.features.cols() == std::ssize(feature_names()));
    CHECK(read.features(0, overlap_feature()) == Approx(0.5));   // "the tower" of four words
    CHECK(read.features(1, overlap_feature()) == Approx(0.75));  // and "built"
    CHECK(class_names()[static_cast<std::size_t>(read.question_class)] == std::string("who"));
    const auto kind = [&](const std::string& name) {
        return std::ranges::find(kind_names(), name) - kind_names().begin();
    };
    CHECK(read.kinds(1, kind("year")) == 1);
    CHECK(read.kinds(1, kind("name")) == 1);
    CHECK(read.kinds(0, kind("year")) == 0);
}

TEST_CASE("questions without right or wrong sentences are nothing to learn from", "[selection]") {
    SentencesDataset data = small_sentences();
    for (SelectionQuestion& question : data.splits["train"]) question.right.assign(question.right.size(), 0);
    SentenceSelector model({.width = 4}, make_lexicon(data, {}, 0));
    CHECK_THROWS_WITH(SelectionObjective(model, data), Catch::Contains("nothing to learn from"));
}
