#include "support/import_helpers.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

using Texts = std::vector<std::string>;

static const std::string facts =
    "1 Kismet directed_by William Dieterle\n"
    "2 Kismet starred_actors Marlene Dietrich, Edward Arnold\n"
    "3 Kismet has_plot Hafiz, a beggar directed_by fate, wins.\n"
    "\n"
    "1 Good Morning, Vietnam directed_by Barry Levinson\n"
    "2 Good Morning, Vietnam has_tags war, comedy\n"
    "\n"
    "1 Bamboozled starred_actors Sammy Davis, Jr., Damon Wayans\n";

static QaDataset import_texts(const std::string& kb, const std::string& train = {}, const std::string& entities = {}) {
    QuestionSources questions;
    if (!train.empty()) questions.train = {Source{"train.txt", train}};
    std::optional<Source> names;
    if (!entities.empty()) names = Source{"entities.txt", entities};
    QaDataset dataset = wikimovies_from({"kb.txt", kb}, names, questions, {});
    dataset.validate("test");
    return dataset;
}

TEST_CASE("a movie's name ends where the relation begins, and plots are left out", "[import][wikimovies]") {
    const QaDataset dataset = import_texts(facts);
    const Texts all = slots(dataset, dataset.memory);
    CHECK(contains(all, "<Kismet> directed_by -> <William Dieterle>"));
    CHECK(contains(all, "<Kismet> starred_actors -> <Edward Arnold>"));
    CHECK(contains(all, "<Edward Arnold> ~starred_actors -> <Kismet>"));
    CHECK(contains(all, "<Good Morning, Vietnam> has_tags -> <comedy>"));
    CHECK_FALSE(dataset.vocabulary.find(TokenKind::relation, "has_plot"));
    CHECK(dataset.memory.size() == 2 * 9);
}

TEST_CASE("names with commas are known from the list of entities", "[import][wikimovies]") {
    const QaDataset without = import_texts(facts);
    CHECK(contains(slots(without, without.memory), "<Bamboozled> starred_actors -> <Jr.>"));
    const QaDataset with = import_texts(facts, {}, "Good Morning, Vietnam\nSammy Davis, Jr.\n");
    CHECK(contains(slots(with, with.memory), "<Bamboozled> starred_actors -> <Sammy Davis, Jr.>"));
    CHECK(contains(slots(with, with.memory), "<Bamboozled> starred_actors -> <Damon Wayans>"));
    CHECK_FALSE(with.vocabulary.find(TokenKind::entity, "Jr."));
}

TEST_CASE("numbered questions are linked, and answers end where names end", "[import][wikimovies]") {
    const QaDataset dataset =
        import_texts(facts,
                     "1 what does Barry Levinson direct?\tGood Morning, Vietnam\n"
                     "2 what does Marlene Dietrich appear in?\tKismet, Good Morning, Vietnam, M\n");
    CHECK(questions(dataset, "train") ==
          Texts{"what does <Barry Levinson> direct = <Good Morning, Vietnam>",
                "what does <Marlene Dietrich> appear in = <Kismet> <Good Morning, Vietnam> <M>"});
}

TEST_CASE("lines of another layout are errors that name the line", "[import][wikimovies]") {
    const auto error = [](const std::string& kb, const std::string& train = {}) {
        return error_of([&] { import_texts(kb, train); });
    };
    CHECK_THAT(error("Kismet directed_by X\n"), Catch::Contains("kb.txt:1") && Catch::Contains("no number"));
    CHECK_THAT(error("1 Kismet made_by X\n"), Catch::Contains("kb.txt:1") && Catch::Contains("not a fact"));
    CHECK_THAT(error("1 directed_by X\n"), Catch::Contains("kb.txt:1"));
    CHECK_THAT(error("1 Kismet directed_by\n"), Catch::Contains("kb.txt:1") && Catch::Contains("an object"));
    CHECK_THAT(error("1 Kismet directed_by A, , B\n"), Catch::Contains("kb.txt:1") && Catch::Contains("an object"));
    CHECK_THAT(error("1\n"), Catch::Contains("kb.txt:1"));
    CHECK_THAT(error(facts, "what\tKismet\n"), Catch::Contains("train.txt:1") && Catch::Contains("no number"));
    CHECK_THAT(error(facts, "1 what\n"), Catch::Contains("train.txt:1") && Catch::Contains("1 field"));
}

TEST_CASE("the list of entities may be left out but not be missing", "[import][wikimovies]") {
    const TemporaryDirectory directory;
    const auto kb = directory.write("kb.txt", facts);
    CHECK(import_wikimovies(kb, "", {}).memory.size() == 2 * 9);
    CHECK(import_wikimovies(kb, directory.write("entities.txt", "Sammy Davis, Jr.\n"), {}).memory.size() == 2 * 8);
    CHECK_THAT(error_of([&] { import_wikimovies(kb, directory.path() / "no.txt", {}); }), Catch::Contains("no.txt"));
    CHECK_THROWS_AS(import_wikimovies("", "", {}), UsageError);
}
