#include "kvmem/tasks/qa/retriever.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

using Found = std::vector<Index>;

namespace {

// Slots: 0 [a, r], 1 [b, r], 2 [a, b, red], 3 [a, a, r], 4 [red]
struct Memory {
    Vocabulary vocabulary;
    Token a = vocabulary.add(TokenKind::entity, "A"), b = vocabulary.add(TokenKind::entity, "B");
    Token c = vocabulary.add(TokenKind::entity, "C"), r = vocabulary.add(TokenKind::relation, "r");
    Token red = vocabulary.add(TokenKind::word, "red");
    Slots slots;

    Memory() {
        for (const std::vector<Token>& key : {std::vector{a, r}, {b, r}, {a, b, red}, {a, a, r}, {red}}) {
            slots.key.push_row(key);
            slots.value.push_row(std::vector{c});
        }
    }
    Found retrieve(const std::vector<Token>& question, const RetrieverOptions& options = {}) const {
        return Retriever(slots, vocabulary, options).retrieve(question);
    }
};

}  // namespace

TEST_CASE("a question reads the slots whose key shares an entity with it, rising and once", "[retriever]") {
    const Memory m;
    CHECK(m.retrieve({m.a}) == Found{0, 2, 3});
    CHECK(m.retrieve({m.b, m.a, m.a}) == Found{0, 1, 2, 3});
    CHECK(m.retrieve({m.c}).empty());
    CHECK(m.retrieve({m.r}).empty());
    CHECK(m.retrieve({}).empty());
}

TEST_CASE("words find slots only where that is asked for, relations never", "[retriever]") {
    const Memory m;
    CHECK(m.retrieve({m.red}).empty());
    CHECK(m.retrieve({m.red, m.r}, {.entities_only = false}) == Found{2, 4});
    CHECK(m.retrieve({m.red, m.b}, {.entities_only = false}) == Found{1, 2, 4});
}

TEST_CASE("tokens of too many keys are passed over, unless there are no others", "[retriever]") {
    const Memory m;
    CHECK(m.retrieve({m.a, m.b}, {.max_frequency = 2}) == Found{1, 2});
    CHECK(m.retrieve({m.a}, {.max_frequency = 2}) == Found{0, 2, 3});
    CHECK(m.retrieve({m.a, m.b}, {.max_frequency = 1}) == Found{1, 2});  // the rarest of them
    // A name without a slot does not count as found.
    CHECK(m.retrieve({m.c, m.a}, {.max_frequency = 1}) == Found{0, 2, 3});
}

TEST_CASE("a question reads no more slots than it may", "[retriever]") {
    const Memory m;
    CHECK(m.retrieve({m.a, m.b}, {.max_slots = 2}) == Found{0, 1});
}

TEST_CASE("tokens that the vocabulary does not have find nothing", "[retriever]") {
    const Memory m;
    CHECK(m.retrieve({1000, -1}).empty());
}

TEST_CASE("the report counts what retrieval reaches", "[retriever]") {
    Memory m;
    m.slots.value.values[1] = m.a;  // of slot 1, which B finds
    QaDataset dataset;
    dataset.vocabulary = m.vocabulary;
    dataset.memory = m.slots;
    Split split;
    const auto ask = [&](const std::vector<Token>& question, const std::vector<Token>& answer) {
        split.question.push_row(question);
        split.answer.push_row(answer);
    };
    ask({m.a}, {m.c, m.b});  // one of two
    ask({m.b}, {m.a, m.c});  // both
    ask({m.c}, {m.a});       // no slots
    ask({m.a}, {});          // no answer
    SECTION("of the shared memory") {
        const RetrievalReport report = report_retrieval(dataset, split, Retriever(m.slots, m.vocabulary));
        CHECK(report.questions == 4);
        CHECK(report.answerable == 3);
        CHECK(report.found == 2);
        CHECK(report.without_slots == 1);
        CHECK(report.slots == 8);
        CHECK(report.gold == 5);
        CHECK(report.gold_found == 3);
    }
    SECTION("and of a question's own slots") {
        split.local_slots.key.push_row(std::vector{m.red});
        split.local_slots.value.push_row(std::vector{m.a});
        split.local_offsets = {0, 0, 0, 1, 1};  // the third question's
        const RetrievalReport report = report_retrieval(dataset, split, Retriever(m.slots, m.vocabulary));
        CHECK(report.found == 3);
        CHECK(report.without_slots == 0);
        CHECK(report.slots == 9);
        CHECK(report.gold_found == 4);
    }
}

namespace {

// A chain a -> b -> c -> d, and e beside it; the question names a.
struct Chain {
    QaDataset dataset;
    std::vector<Token> entities;

    Chain() {
        Vocabulary& v = dataset.vocabulary;
        const Token next = v.add(TokenKind::relation, "next");
        for (const char* name : {"a", "b", "c", "d", "e"}) entities.push_back(v.add(TokenKind::entity, name));
        for (std::size_t i = 0; i < 3; ++i) {
            dataset.memory.key.push_row(std::vector{entities[i], next});
            dataset.memory.value.push_row(std::vector{entities[i + 1]});
        }
        Split& split = dataset.splits["test"];
        for (const std::size_t answer : {1, 2, 3, 4}) {
            split.question.push_row(std::vector{entities[0]});
            split.answer.push_row(std::vector{entities[answer]});
            split.task.push_back(static_cast<Index>(answer) - 1);
        }
        dataset.tasks = {"one", "two", "three", "never"};
    }
    Retriever retriever(const RetrieverOptions& options) const {
        return Retriever(dataset.memory, dataset.vocabulary, options);
    }
};

}  // namespace

TEST_CASE("slots are hashed again for each hop on what the hop before found", "[retriever]") {
    const Chain chain;
    const std::vector<Token> question{chain.entities[0]};
    CHECK(chain.retriever({}).retrieve(question) == Found{0});
    for (const Index hops : {1, 2, 3, 5}) {
        const Retriever retriever = chain.retriever({.strategy = Retrieval::hops, .hops = hops});
        CHECK(std::ssize(retriever.retrieve(question)) == std::min<Index>(hops, 3));
        CHECK(std::ssize(retriever.retrieve_by_hop(question)) == hops);
    }
    CHECK(chain.retriever({.strategy = Retrieval::hops, .hops = 3, .max_slots = 2}).retrieve(question) == Found{0, 1});
    const Retriever whole = chain.retriever({.strategy = Retrieval::whole});
    CHECK(whole.retrieve(question).empty());
    REQUIRE(whole.facts());
    CHECK(whole.facts()->size() == 3);
    CHECK(chain.retriever({}).facts() == nullptr);
}

TEST_CASE("what each hop can reach is reported by task and strategy", "[retriever]") {
    const Chain chain;
    for (const Retrieval strategy : {Retrieval::question, Retrieval::hops, Retrieval::whole}) {
        const Retriever retriever = chain.retriever({.strategy = strategy, .hops = 3});
        const auto reports = report_retrieval_by_hop(chain.dataset, chain.dataset.split("test"), retriever);
        REQUIRE(reports.size() == 4);
        for (std::size_t task = 0; task < 4; ++task) {
            REQUIRE(std::ssize(reports[task]) == (strategy == Retrieval::question ? 1 : 3));
            for (std::size_t hop = 0; hop < reports[task].size(); ++hop) {
                CHECK(reports[task][hop].questions == 1);
                CHECK(reports[task][hop].found == (task < 3 && hop >= task));
            }
        }
        const RetrievalReport all = report_retrieval(chain.dataset, chain.dataset.split("test"), retriever);
        CHECK(all.questions == 4);
        CHECK(all.gold_found == (strategy == Retrieval::question ? 1 : 3));
    }
}

TEST_CASE("a key's names in the second dictionary are hashed as those of the first", "[retriever]") {
    Memory m;
    const Token second_b = m.vocabulary.add(TokenKind::second_entity, "B");
    m.slots.push(std::array{m.a, second_b}, std::array{m.c});
    CHECK(m.retrieve({m.b}) == Found{1, 2, 5});
}
