#include "kvmem/tasks/qa/dataset.hpp"

#include "kvmem/core/error.hpp"
#include "support/small_dataset.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace kvmem;
using Catch::Matchers::Contains;
using test::small_dataset;

TEST_CASE("asking for a split that is not there names those that are", "[qa_dataset]") {
    const QaDataset dataset = small_dataset();
    CHECK(dataset.split("train").size() == 2);
    CHECK_THROWS_WITH(dataset.split("dev"), Contains("story, test, train") && Contains("'dev'"));
    CHECK_THROWS_WITH(QaDataset().split("train"), Contains("has no questions"));
}

TEST_CASE("counts are of the training split and the shared memory", "[qa_dataset]") {
    QaDataset dataset = small_dataset();
    dataset.count_tokens();
    const auto count = [&](TokenKind kind, const char* text) {
        return dataset.vocabulary.count(dataset.vocabulary.find(kind, text).value());
    };
    CHECK(count(TokenKind::word, "who") == 2);
    CHECK(count(TokenKind::word, "filmed") == 0);                // in "test" alone
    CHECK(count(TokenKind::entity, "Jean-Pierre Jeunet") == 3);  // two answers in "train" and a value
    CHECK(count(TokenKind::relation, "directed_by") == 2);       // keys
}

TEST_CASE("a data set whose parts do not fit together is refused", "[qa_dataset]") {
    struct Wrong {
        const char* message;
        std::function<void(QaDataset&)> make;
    };
    const std::vector<Wrong> all{
        {"not in the vocabulary", [](QaDataset& d) { d.memory.key.values[0] = d.vocabulary.size(); }},
        {"not in the vocabulary", [](QaDataset& d) { d.memory.value.values[0] = -1; }},
        {"not in the vocabulary", [](QaDataset& d) { d.splits["train"].question.values[0] = 1000; }},
        {"not in the vocabulary", [](QaDataset& d) { d.splits["train"].answer.values[0] = 1000; }},
        {"not in the vocabulary", [](QaDataset& d) { d.splits["story"].local_slots.key.values[0] = 1000; }},
        {"not in the vocabulary", [](QaDataset& d) { d.candidates.push_back(1000); }},
        {"as many values as keys", [](QaDataset& d) { d.memory.value.end_row(); }},
        {"as many values as keys", [](QaDataset& d) { d.splits["story"].local_slots.value.end_row(); }},
        {"as many answers as questions", [](QaDataset& d) { d.splits["train"].answer.end_row(); }},
        {"candidates do not rise", [](QaDataset& d) { d.candidates.push_back(d.candidates.back()); }},
        {"candidates do not rise", [](QaDataset& d) { d.candidates.push_back(1); }},
        {"offsets are wrong", [](QaDataset& d) { d.memory.key.offsets[1] = -1; }},
        {"offsets are wrong", [](QaDataset& d) { d.memory.key.offsets.clear(); }},
        {"offsets are wrong", [](QaDataset& d) { d.memory.key.values.push_back(1); }},
        {"offsets are wrong", [](QaDataset& d) { d.splits["story"].local_offsets[0] = 1; }},
        {"offsets are wrong", [](QaDataset& d) { d.splits["story"].local_offsets.back() = 1; }},
        {"do not cover the examples", [](QaDataset& d) { d.splits["story"].local_offsets.push_back(2); }},
        {"no example owns", [](QaDataset& d) { d.splits["story"].local_offsets.clear(); }},
        {"not UTF-8", [](QaDataset& d) { d.vocabulary.add(TokenKind::word, "caf\xe9"); }},
        {"not UTF-8", [](QaDataset& d) { d.info.title = "caf\xe9"; }},
        {"zero byte", [](QaDataset& d) { d.info.license = std::string("\0", 1); }},
        {"count is negative", [](QaDataset& d) { d.vocabulary.set_count(1, -1); }},
        {"split's name", [](QaDataset& d) { d.splits["Train"]; }},
        {"split's name", [](QaDataset& d) { d.splits["a/b"]; }},
        {"split's name", [](QaDataset& d) { d.splits[""]; }},
    };
    REQUIRE_NOTHROW(small_dataset().validate("x"));
    for (const Wrong& wrong : all) {
        CAPTURE(wrong.message);
        QaDataset dataset = small_dataset();
        wrong.make(dataset);
        CHECK_THROWS_WITH(dataset.validate("films.h5"), Contains("films.h5: ") && Contains(wrong.message));
    }
}
