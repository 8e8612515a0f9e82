#include "kvmem/tasks/qa/compiled_memory.hpp"
#include "kvmem/tasks/qa/task_type.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/answerer.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>
#include <numeric>

using namespace kvmem;
using namespace kvmem::test;

static std::unique_ptr<KvMemNN> taught(int epochs = 4) {
    const QaDataset dataset = toy_kb();
    auto model = std::make_unique<KvMemNN>(toy_model(dataset));
    teach(*model, dataset, epochs);
    return model;
}

static store::MemoryStore compiled(std::unique_ptr<KvMemNN> model, QaDataset data) {
    translate(data.memory, model->extend(data));
    const CompiledSlots slots = compile_memory(*model, data.memory);
    store::MemoryStore store({.key_width = slots.vectors.key.cols(), .value_width = slots.vectors.value.cols()});
    std::vector<store::Id> ids(slots.texts.size());
    std::iota(ids.begin(), ids.end(), store::Id{0});
    store.add(slots.vectors.key, {slots.vectors.value, slots.texts}, ids);
    return store;
}

static void check_same(const Answer& a, const Answer& b) {
    REQUIRE(a.candidates.size() == b.candidates.size());
    for (std::size_t i = 0; i < a.candidates.size(); ++i) {
        CHECK(a.candidates[i].text == b.candidates[i].text);
        CHECK(a.candidates[i].score == b.candidates[i].score);
        CHECK(a.candidates[i].weight == b.candidates[i].weight);
    }
    REQUIRE(a.hops.size() == b.hops.size());
    for (std::size_t hop = 0; hop < a.hops.size(); ++hop) {
        const auto &slots = a.hops[hop].heads.at(0).slots, &others = b.hops[hop].heads.at(0).slots;
        REQUIRE(slots.size() == others.size());
        for (std::size_t i = 0; i < slots.size(); ++i) {
            CHECK(slots[i].key == others[i].key);
            CHECK(slots[i].value == others[i].value);
            CHECK(slots[i].weight == others[i].weight);
        }
    }
}

TEST_CASE("answers from a compiled memory are the same to the bit", "[compiled]") {
    const TemporaryDirectory directory;
    const int before = GENERATE(0, 5);  // entities that training never saw, in another order
    const QaDataset data = toy_kb(before);
    const std::filesystem::path path = directory.path() / "memory.h5";
    compiled(taught(), data).save(path);
    const Answerer plain(taught(), data);
    Answerer stored(taught(), data);
    stored.read_from(store::MemoryStore::open(path, store::Access::map));
    Index asked = 0;
    for (const auto& [name, split] : data.splits)
        for (Index i = 0; i < split.size(); ++i, ++asked) {
            const std::string question = text_of(data.vocabulary, split.question[i]);
            INFO(question);
            const Answer answer = stored.ask(question);
            REQUIRE(!answer.candidates.empty());
            check_same(answer, plain.ask(question));
        }
    CHECK(asked > 200);
    const std::vector<TextSlot> own{{"a letter to Person50", "Job2"}, {"Person50 stays at home", std::nullopt}};
    check_same(stored.ask("where does Person50 live", {}, own), plain.ask("where does Person50 live", {}, own));
    CHECK(stored.ask("where").candidates.empty());
}

TEST_CASE("a compiled memory holds what the network compares and reads", "[compiled]") {
    const QaDataset data = toy_kb();
    const auto model = taught();
    const Retriever retriever(data.memory, data.vocabulary, model->retrieval());
    Batch batch;
    add_example(batch, data, data.split("test"), 0, retriever);
    Tape tape;
    tape.set_training(false);
    const KvMemNN::Forward forward = model->run(tape, batch);
    const Matrix question = model->encode_questions(batch.question);
    const ConstView asked = forward.hops.at(0).query.value();
    REQUIRE(question.size() == asked.size());
    CHECK(std::equal(question.data(), question.data() + question.size(), asked.data));

    const store::MemoryStore store = compiled(taught(), data);
    const std::vector<store::Id> ids(batch.origin.begin(), batch.origin.end());
    const store::StoredSlots slots = store.get(ids);
    const ConstView keys = forward.key.value();
    REQUIRE(slots.keys.rows() == keys.rows);
    CHECK(std::equal(slots.keys.data(), slots.keys.data() + slots.keys.size(), keys.data));
    CHECK(slots.texts.at(0).find(" -> ") != std::string::npos);
}

TEST_CASE("a store of another model or memory is refused", "[compiled]") {
    const QaDataset data = toy_kb();
    Answerer answerer(taught(), data);
    const auto refused = Catch::Contains("not made from this model and memory");
    CHECK_THROWS_WITH(answerer.read_from(compiled(taught(5), data)), refused);
    CHECK_THROWS_WITH(answerer.read_from(store::MemoryStore({.key_width = 32, .value_width = 32})), refused);
    KvMemNNConfig narrow = toy_config();
    narrow.width = 16;
    CHECK_THROWS_WITH(answerer.read_from(compiled(std::make_unique<KvMemNN>(toy_model(data, narrow)), data)), refused);
    store::MemoryStore lacking = compiled(taught(), data);
    lacking.remove(std::vector<store::Id>{0});
    CHECK_THROWS_WITH(answerer.read_from(std::move(lacking)), refused);
    check_same(answerer.ask("where does Person50 live"), Answerer(taught(), data).ask("where does Person50 live"));
}

TEST_CASE("a slot that is another's is noticed when it is read", "[compiled]") {
    const QaDataset data = toy_kb();
    store::MemoryStore store = compiled(taught(), data);
    // Slots 1 and 3 are none of those that are looked at when the store is handed in.
    const std::vector<store::Id> ids{1, 3};
    const store::StoredSlots slots = store.get(ids);
    store.upsert(slots.keys, {slots.values, slots.texts}, std::vector<store::Id>{3, 1});
    Answerer answerer(taught(), data);
    answerer.read_from(std::move(store));
    const std::string object = text_of(data.vocabulary, data.memory.key[1].first(1));
    CHECK_THROWS_WITH(answerer.ask("who lives in " + object), Catch::Contains("not made from"));
    CHECK(!answerer.ask("where does Person50 live").candidates.empty());
}

TEST_CASE("a model whose slots have no vectors of their own says so", "[compiled]") {
    const QaDataset data = toy_kb();
    const auto model =
        make_model(find_model(question_answering(), "mem-n2n").defaults, data.vocabulary, data.candidates);
    CHECK_THROWS_WITH(model->encode_questions(data.split("test").question), Catch::Contains("kv-mem-nn"));
    CHECK_THROWS_WITH(compile_memory(*model, data.memory), Catch::Contains("kv-mem-nn"));
}
