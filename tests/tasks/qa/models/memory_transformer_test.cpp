#include "kvmem/tasks/qa/models/memory_transformer.hpp"

#include "kvmem/core/error.hpp"
#include "support/story_models.hpp"
#include "support/toy_stories.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace {

MemoryTransformerConfig small() {
    MemoryTransformerConfig config;
    config.width = 12;
    config.heads = 3;
    config.hops = 2;
    config.ffn_factor = 2;
    return config;
}

MemoryTransformer model_of(const QaDataset& dataset, const MemoryTransformerConfig& config) {
    return {config, dataset.vocabulary, dataset.candidates};
}

// Examples [first, last) of the training split, as the stories that they are or one by one.
Batch batch_of(const QaDataset& dataset, Index first, Index last, bool as_stories) {
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    const Split& split = dataset.split("train");
    const std::vector<Index> offsets = as_stories ? story_offsets(split) : single_offsets(split);
    Batch batch;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
        if (offsets[i] >= first && offsets[i + 1] <= last)
            add_story(batch, dataset, split, offsets[i], offsets[i + 1], retriever);
    return batch;
}

void check_same(const Matrix& a, const Matrix& b) {
    REQUIRE(a.rows() == b.rows());
    for (Index i = 0; i < a.size(); ++i) CHECK(a.data()[i] == Approx(b.data()[i]).margin(1e-4));
}

}  // namespace

TEST_CASE("questions of one story have the scores that each has alone", "[memory-transformer]") {
    const QaDataset dataset = toy_stories(6);
    const MemoryTransformer model = model_of(dataset, small());
    const Batch together = batch_of(dataset, 0, 9, true), alone = batch_of(dataset, 0, 9, false);
    REQUIRE(together.story_offsets.size() == 4);
    REQUIRE(alone.story_offsets.size() == 10);
    AttentionTrace shared, single;
    check_same(scores_of(model, together, &shared), scores_of(model, alone, &single));
    REQUIRE(shared.weights.size() == single.weights.size());
    for (std::size_t i = 0; i < shared.weights.size(); ++i)
        CHECK(shared.weights[i] == Approx(single.weights[i]).margin(1e-5));
}

TEST_CASE("every head of every hop shares itself out among a question's slots", "[memory-transformer]") {
    const QaDataset dataset = toy_stories(4);
    const MemoryTransformer model = model_of(dataset, small());
    const Batch batch = batch_of(dataset, 0, 6, true);
    AttentionTrace trace;
    scores_of(model, batch, &trace);
    CHECK(trace.hops == 2);
    CHECK(trace.heads == 3);
    for (Index hop = 0; hop < trace.hops; ++hop)
        for (Index head = 0; head < trace.heads; ++head)
            for (Index i = 0; i < batch.size(); ++i) {
                const auto [first, last] = batch.slots_of(i);
                double sum = 0;
                for (Index s = first; s < last; ++s) sum += double{trace.of(hop, head)[static_cast<std::size_t>(s)]};
                CHECK(sum == Approx(1));
            }
}

TEST_CASE("a later sentence changes no earlier question", "[memory-transformer]") {
    QaDataset dataset = toy_stories(2);
    const MemoryTransformer model = model_of(dataset, small());
    const Matrix before = scores_of(model, batch_of(dataset, 0, 3, true));
    Split& train = dataset.splits["train"];
    const auto last =
        static_cast<std::size_t>(train.local_slots.key.offsets[static_cast<std::size_t>(train.local_offsets[3])]) - 1;
    train.local_slots.key.values[last] = train.local_slots.value.values[last] = train.local_slots.key.values[0];
    const Matrix after = scores_of(model, batch_of(dataset, 0, 3, true));
    for (Index j = 0; j < before.cols(); ++j) {
        CHECK(after(0, j) == before(0, j));
        CHECK(after(1, j) == before(1, j));
    }
    bool differs = false;
    for (Index j = 0; j < before.cols(); ++j) differs |= after(2, j) != before(2, j);
    CHECK(differs);
}

TEST_CASE("the loss of a memory transformer has the right gradient", "[memory-transformer]") {
    const QaDataset dataset = toy_stories(2);
    MemoryTransformerConfig config = small();
    config.share_hops = GENERATE(false, true);
    MemoryTransformer model = model_of(dataset, config);
    check_gradient_of_loss(model, batch_of(dataset, 0, 3, true));
}

TEST_CASE("a memory transformer learns to follow people", "[memory-transformer]") {
    const QaDataset dataset = toy_stories(200);
    MemoryTransformerConfig config = small();
    config.width = 16;
    config.heads = 2;
    MemoryTransformer model = model_of(dataset, config);
    const double loss = loss_after_training(
        model, dataset, [&](Index first, Index last) { return batch_of(dataset, first, last, true); });
    CHECK(loss < 0.2);  // 1.0 by knowing the kinds of answers alone
}

TEST_CASE("stories without sentences and sentences that are too long are read", "[memory-transformer]") {
    QaDataset dataset = toy_stories(2);
    Split& train = dataset.splits["train"];
    Split bare;
    bare.question.push_row(train.question[0]);
    bare.answer.push_row(train.answer[0]);
    dataset.splits["train"] = bare;
    MemoryTransformerConfig config = small();
    const MemoryTransformer model = model_of(dataset, config);
    const Matrix scores = scores_of(model, batch_of(dataset, 0, 1, true));
    for (const Real s : scores.view().span()) CHECK(std::isfinite(s));

    const QaDataset whole = toy_stories(2);
    config.max_words = 3;
    const Batch batch = batch_of(whole, 0, 3, true);
    const Matrix cut = scores_of(model_of(whole, config), batch);
    for (const Real s : cut.view().span()) CHECK(std::isfinite(s));
    CHECK(scores_of(model_of(whole, config), Batch{}).rows() == 0);
}

TEST_CASE("impossible settings of a memory transformer are refused", "[memory-transformer]") {
    const auto refused = [](auto change) {
        MemoryTransformerConfig config;
        change(config);
        CHECK_THROWS_AS(validated(config), UsageError);
    };
    refused([](MemoryTransformerConfig& c) { c.heads = 5; });
    refused([](MemoryTransformerConfig& c) { c.heads = 0; });
    refused([](MemoryTransformerConfig& c) { c.width = 0; });
    refused([](MemoryTransformerConfig& c) { c.hops = 0; });
    refused([](MemoryTransformerConfig& c) { c.ffn_factor = 0; });
    refused([](MemoryTransformerConfig& c) { c.max_words = 0; });
    refused([](MemoryTransformerConfig& c) { c.dropout = 1; });
    validated(MemoryTransformerConfig());
}
