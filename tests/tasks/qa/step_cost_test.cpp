// What a step of training takes of memory.
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "kvmem/tasks/qa/objective.hpp"
#include "kvmem/train/trainer.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace kvmem;
using namespace kvmem::test;

namespace kvmem::test {
extern thread_local std::size_t allocated_bytes;  // counted by the operator new of store/allocation_test.cpp
}

namespace {

enum class Others { elsewhere, in_hubs };

// The toy's facts and questions, and facts of others: no question leads to them, or the toy's cities do.
QaDataset with_others(int facts, Others others) {
    QaDataset dataset = toy_kb();
    const auto entity = [&](const std::string& name) { return dataset.vocabulary.add(TokenKind::entity, name); };
    const auto relation = [&](const char* name) { return *dataset.vocabulary.find(TokenKind::relation, name); };
    const Token lives_in = relation("lives_in"), back = relation("~lives_in");
    for (int i = 0; i < facts; ++i) {
        const Token who = entity("Other" + std::to_string(i));
        const Token where = others == Others::in_hubs ? entity("City" + std::to_string(i % 12))
                                                      : entity("Elsewhere" + std::to_string(i));
        dataset.memory.key.push_row(std::array{who, lives_in});
        dataset.memory.value.push_row(std::array{where});
        dataset.memory.key.push_row(std::array{where, back});
        dataset.memory.value.push_row(std::array{who});
    }
    return dataset;
}

// Bytes that a step allocates, once a tape has gone through others like it, and that the tape hands out.
template <class M, class Config>
std::size_t bytes_of_step(const Config& config, int facts, Others others = Others::elsewhere) {
    const QaDataset dataset = with_others(facts, others);
    M model(config, dataset.vocabulary, dataset.candidates);
    QaObjective task(model, dataset);
    const std::array<Index, 4> units{0, 1, 2, 3};
    Tape tape;
    std::size_t bytes = 0;
    for (int step = 0; step < 3; ++step) {
        const std::size_t before = allocated_bytes;
        tape.reset();
        Rng rng(1);
        tape.seed(1);
        tape.backward(task.loss(tape, units, rng));
        bytes = allocated_bytes + tape.arena().capacity() - before;
    }
    return bytes;
}

}  // namespace

TEST_CASE("a step of training takes the same memory in a memory that is many times as large",
          "[path-reader][kv_mem_nn]") {
    const auto same = [](auto bytes_of) {
        const std::size_t small = bytes_of(100), large = bytes_of(50'000);
        CAPTURE(small, large);
        CHECK(large < 2 * small);
    };
    PathReaderConfig reader;
    reader.width = 8, reader.ngram_buckets = 64;
    KvMemNNConfig network;
    network.width = 8, network.negatives = 20;
    same([&](int facts) { return bytes_of_step<PathReader>(reader, facts); });
    same([&](int facts) { return bytes_of_step<PathReader>(reader, facts, Others::in_hubs); });
    same([&](int facts) { return bytes_of_step<KvMemNN>(network, facts); });
}

TEST_CASE("what a pass has lent of zeros stays when the pass is forgotten", "[tape]") {
    Tape tape;
    const std::span<Real> zeros = tape.zeros(100);
    REQUIRE(zeros.size() == 100);
    CHECK(std::ranges::count(zeros, 0) == 100);
    tape.reset();
    CHECK(tape.zeros(50).data() == zeros.data());
}
