#include "support/import_helpers.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

using Texts = std::vector<std::string>;

static const char* const story =
    "1 Mary went to the office.\n2 Fred took the milk.\n3 Where is Mary? \toffice\t1\n4 Fred went to the den.\n"
    "5 Where is the milk?\tden\t4 2\n1 Fred went home.\n2 What has Fred?\tmilk,ball\t\n";

static QaDataset import_text(const std::string& train, const ImportOptions& options = {}) {
    QaDataset dataset = babi_from({{{2, "qa2_two", "train"}, {"qa2_two_train.txt", train}}}, options);
    dataset.validate("test");
    return dataset;
}

TEST_CASE("a file of stories is named by its task and split", "[import][babi]") {
    const auto plain = babi_name("qa17_test.txt");
    REQUIRE(plain);
    CHECK(plain->number == 17);
    CHECK(plain->task == "qa17");
    CHECK(plain->split == "test");
    const auto named = babi_name("qa1_single-supporting_fact_train.txt");
    REQUIRE(named);
    CHECK(named->task == "qa1_single-supporting_fact");
    CHECK(named->split == "train");
    for (const char* other :
         {"qa_train.txt", "qa0_train.txt", "qa1train.txt", "qa1_train", "qa1_dev.txt", "q1_train.txt", "qa-1_train.txt",
          "qa1x_train.txt", "qa99999999999999999999_train.txt", ".txt", "qa.txt"})
        CHECK_FALSE(babi_name(other));
}

TEST_CASE("a question owns the sentences before it, with support and task", "[import][babi]") {
    const QaDataset dataset = import_text(story);
    const Split& train = dataset.splits.at("train");
    CHECK(questions(dataset, "train") ==
          Texts{"where is mary = <office>", "where is the milk = <den>", "what has fred = <milk,ball>"});
    CHECK(train.local_offsets == std::vector<Index>{0, 2, 5, 6});
    CHECK(shown(dataset.vocabulary, train.local_slots.key[4]) == "fred went to the <den>");
    CHECK(train.local_slots.key == train.local_slots.value);
    CHECK(train.support.offsets == std::vector<Index>{0, 1, 3, 3});
    CHECK(train.support.values == std::vector<Index>{0, 2, 1});
    CHECK(train.task == std::vector<Index>{0, 0, 0});
    CHECK(dataset.tasks == Texts{"qa2_two"});
}

TEST_CASE("validation is taken by whole stories", "[import][babi]") {
    std::string text;
    for (int i = 0; i < 20; ++i) {
        const std::string loc = "place" + std::to_string(i);
        text += "1 Mary is in " + loc + ".\n2 Where is Mary?\t" + loc + "\t1\n3 Fred left.\n4 Where is Mary?\t" + loc +
                "\t1\n";
    }
    ImportOptions options;
    options.valid_fraction = 0.25;
    const QaDataset dataset = import_text(text, options);
    const Split &train = dataset.splits.at("train"), &valid = dataset.splits.at("valid");
    CHECK(train.size() == 30);
    CHECK(valid.size() == 10);
    for (const Token answer : valid.answer.values)
        CHECK(std::count(train.answer.values.begin(), train.answer.values.end(), answer) == 0);
}

TEST_CASE("lines that are no story are refused with their place", "[import][babi]") {
    const auto error = [](const std::string& text) { return error_of([&] { import_text(text); }); };
    CHECK_THAT(error("1 A.\nB.\n"), Catch::Contains("qa2_two_train.txt:2") && Catch::Contains("NUMBER text"));
    CHECK_THAT(error("1 A.\n2 B.\n2 C.\n"), Catch::Contains(":3") && Catch::Contains("not in order"));
    CHECK_THAT(error("1 A.\n2 Q?\ta\t7\n"), Catch::Contains(":2") && Catch::Contains("supporting line"));
    CHECK_THAT(error("1 A.\n2 Q?\ta\t2\n"), Catch::Contains("supporting line"));
    CHECK_THAT(error("1 A.\n2 Q?\t\t1\n"), Catch::Contains("a name is empty"));
    CHECK_THAT(error("1 A.\n2 Q?\ta\t1\tmore\n"), Catch::Contains("4 fields"));
    CHECK_THAT(error("1 ?!\n2 Q?\ta\t1\n"), Catch::Contains("no words"));
    CHECK_THAT(error("1 [A.\n2 Q?\ta\t1\n"), Catch::Contains(":2"));
}

TEST_CASE("folders of tasks fill each other's gaps", "[import][babi]") {
    const TemporaryDirectory large, small;
    large.write("qa1_train.txt", "1 A is here.\n2 Where is A?\there\t1\n");
    small.write("qa1_one_train.txt", "1 A is there.\n2 Where is A?\tthere\t1\n");
    small.write("qa1_one_test.txt", "1 A is there.\n2 Where is A?\tthere\t1\n");
    small.write("qa3_three_train.txt", "1 A is far.\n2 Where is A?\tfar\t1\n");
    small.write("notes.txt", "nothing");
    const QaDataset all = import_babi({large.path(), small.path()}, {}, {});
    CHECK(all.tasks == Texts{"qa1_one", "qa3_three"});
    CHECK(questions(all, "train") == Texts{"where is a = <here>", "where is a = <far>"});
    CHECK(questions(all, "test") == Texts{"where is a = <there>"});
    CHECK(all.split("train").task == std::vector<Index>{0, 1});
    CHECK(import_babi({small.path()}, {3}, {}).tasks == Texts{"qa3_three"});

    CHECK_THAT(error_of([&] { import_babi({small.path()}, {2}, {}); }), Catch::Contains("no such task"));
    CHECK_THAT(error_of([&] { import_babi({small.path() / "none"}, {}, {}); }),
               Catch::Contains("cannot read the folder"));
    small.write("qa3_drei_train.txt", "1 A.\n2 Q?\ta\t1\n");
    CHECK_THAT(error_of([&] { import_babi({small.path()}, {}, {}); }), Catch::Contains("two files of one task"));
}
