// Answers from a memory in shards are those from one, bit for bit.
#include "kvmem/tasks/qa/memory_shards.hpp"

#include "kvmem/cluster/threads.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "kvmem/tasks/qa/models/window_reader.hpp"
#include "kvmem/tasks/qa/shards.hpp"
#include "support/toy_documents.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace kvmem;
using namespace kvmem::test;

static const std::vector<std::string> questions{"where does Person50 live",
                                                "who works as a Job3",
                                                "which colour pleases Person7",
                                                "who likes Colour2",
                                                "where does Persn50 live",
                                                "where do Person1, Person2 and Person3 live",
                                                "what is it"};

// All that an answer shows, numbers with all their bits.
static std::string text_of(const Answer& answer) {
    std::ostringstream out;
    out << std::hexfloat << answer.as_good << " " << answer.certainty << answer.refused << answer.slots
        << answer.is_list;
    for (const std::string& name : answer.suggestions) out << " ~" << name;
    out << " " << answer.taken_for;
    for (const Answer::Candidate& one : answer.candidates)
        out << "\n" << one.text << " " << one.score << " " << one.weight;
    for (const Answer::Hop& hop : answer.hops)
        for (const Answer::Head& head : hop.heads)
            for (const Answer::ReadSlot& slot : head.slots)
                out << "\n"
                    << slot.slot << " " << slot.key << " " << slot.value << " " << slot.weight << " " << slot.sentence
                    << " " << slot.where;
    for (const Answer::Path& path : answer.paths) {
        out << "\n" << path.start << " " << path.weight;
        for (const Answer::Path::Step& step : path.steps)
            out << " " << step.relation << step.reversed << step.entity << step.weight << step.hop << " "
                << step.sentence << " " << step.where;
    }
    return out.str();
}

// Some model, untrained: its answers depend on all that it reads.
using MakeModel = std::function<std::unique_ptr<Model>(const QaDataset& dataset)>;

static std::unique_ptr<Model> reader_by(const QaDataset& dataset, Retrieval strategy, Index max_frequency = 1000,
                                        Index max_slots = 1000) {
    KvMemNNConfig config = toy_config();
    config.retriever.strategy = strategy;
    config.retriever.max_frequency = max_frequency;
    config.retriever.max_slots = max_slots;
    return std::make_unique<KvMemNN>(config, dataset.vocabulary, dataset.candidates);
}

static std::unique_ptr<Model> path_reader_of(const QaDataset& dataset) {
    PathReaderConfig config;
    config.width = 32;
    config.hops = 3;
    config.ngram_buckets = 512;
    return std::make_unique<PathReader>(config, dataset.vocabulary, dataset.candidates);
}

static const std::vector<MakeModel>& models() {
    static const std::vector<MakeModel> all{[](const QaDataset& d) { return reader_by(d, Retrieval::question); },
                                            [](const QaDataset& d) { return reader_by(d, Retrieval::hops); },
                                            [](const QaDataset& d) { return reader_by(d, Retrieval::hops, 4); },
                                            [](const QaDataset& d) { return reader_by(d, Retrieval::hops, 2, 5); },
                                            path_reader_of};
    return all;
}

namespace {

// Shards of a memory in this process, with a model of their own.
struct Shards {
    std::unique_ptr<Model> model;
    std::vector<MemoryShard> shards;
    std::vector<ShardReader> readers;

    Shards(std::unique_ptr<Model> of, const std::vector<QaDataset>& dealt, Dealt own) : model(std::move(of)) {
        for (Index i = own.first; i < own.last; ++i) shards.emplace_back(*model, dealt[i], model->extend(dealt[i]));
        readers = readers_of(shards);
    }
};

}  // namespace

TEST_CASE("answers from a memory in shards have the bits of those from one", "[shards]") {
    const QaDataset trained = toy_kb(), whole = toy_kb(3);  // with names that the model has never seen
    Index read = 0;
    for (const MakeModel& make : models()) {
        const Answerer one(make(trained), whole);
        for (const Index count : {1, 2, 3, 7}) {
            const std::vector<QaDataset> dealt = deal(whole, count);
            const Shards shards(make(trained), dealt, {0, count});
            const Answerer sharded(make(trained), dealt[0], call_to(shards.readers));
            CHECK(sharded.memory_slots() == one.memory_slots());
            for (const std::string& question : questions) {
                CAPTURE(count, question);
                const Answer wanted = one.ask(question, {.candidates = 50, .slots = 50});
                CHECK(text_of(sharded.ask(question, {.candidates = 50, .slots = 50})) == text_of(wanted));
                read += wanted.slots + std::ssize(wanted.paths);
            }
        }
    }
    CHECK(read > 1000);
}

// The sentences that an answer quotes, each with its place.
static std::vector<std::string> quotes_of(const Answer& answer) {
    std::vector<std::string> all;
    for (const Answer::Hop& hop : answer.hops)
        for (const Answer::Head& head : hop.heads)
            for (const Answer::ReadSlot& slot : head.slots)
                if (!slot.sentence.empty()) all.push_back(slot.where + " " + slot.sentence);
    for (const Answer::Path& path : answer.paths)
        for (const Answer::Path::Step& step : path.steps)
            if (!step.sentence.empty()) all.push_back(step.where + " " + step.sentence);
    return all;
}

TEST_CASE("readers of documents in shards answer as from one file, with the same sentences", "[shards]") {
    const auto window_reader = [](const QaDataset& d) -> std::unique_ptr<Model> {
        return std::make_unique<WindowReader>(WindowReaderConfig{.width = 16}, d.vocabulary, d.candidates);
    };
    const documents::RepresentationOptions edges{.representation = documents::Representation::edges};
    std::vector<std::pair<MakeModel, QaDataset>> cases{{models()[1], toy_documents(12, 0)},
                                                       {window_reader, toy_documents(12, 0)},
                                                       {path_reader_of, toy_documents(12, 0, edges)}};
    // Of a slot of no document, and of one that is in two documents.
    for (auto& [make, whole] : cases)
        for (const Index document : {-1, 11}) {
            whole.memory.push(whole.memory.key[0], whole.memory.value[0]);
            whole.origin.push_back({document, 0, 0});
        }
    for (const auto& [make, whole] : cases) {
        const Answerer one(make(whole), whole);
        Index quoted = 0;
        for (const Index count : {1, 2, 5, 20}) {
            const std::vector<QaDataset> dealt = deal(whole, count);
            const Shards shards(make(whole), dealt, {0, count});
            const Answerer sharded(make(whole), dealt[0], call_to(shards.readers));
            for (const std::string question : {"who made Film 3", "who stars Film 0", "Maker 7", "who made Flim 11"}) {
                CAPTURE(count, question);
                const Answer wanted = one.ask(question, {.candidates = 20, .slots = 20});
                const Answer got = sharded.ask(question, {.candidates = 20, .slots = 20});
                CHECK(text_of(got) == text_of(wanted));
                quoted += std::ssize(quotes_of(got));
            }
        }
        CHECK(quoted > 20);
        CHECK_THAT(quotes_of(one.ask("who made Film 3", {.slots = 20})),
                   Catch::VectorContains(std::string("Film 3:1:21 Film 3 is a film by Maker 3 with Actor 3.")));
    }
}

TEST_CASE("questions with slots of their own read them before those of shards", "[shards]") {
    const QaDataset whole = toy_kb();
    const std::vector<QaDataset> dealt = deal(whole, 3);
    const MakeModel& make = models()[1];
    const Shards shards(make(whole), dealt, {0, 3});
    const std::vector<TextSlot> own{{"Person50 said", "City3"}, {"it rains", {}}};
    CHECK(text_of(Answerer(make(whole), dealt[0], call_to(shards.readers)).ask(questions[0], {.slots = 9}, own)) ==
          text_of(Answerer(make(whole), whole).ask(questions[0], {.slots = 9}, own)));
}

TEST_CASE("ranks that have some shards of a memory each answer as one process", "[shards][cluster]") {
    const QaDataset whole = toy_kb();
    const std::vector<QaDataset> dealt = deal(whole, 4);
    for (const MakeModel& make : {models()[1], models()[4]}) {
        const Answerer one(make(whole), whole);
        for (const Index ranks : {1, 2, 3, 6}) {
            Index same = 0;
            run_on_threads(ranks, [&](Cluster& cluster) {
                const Shards shards(make(whole), dealt, deal_evenly(4, cluster.rank(), cluster.size()));
                if (cluster.rank() > 0) return serve_shards(cluster, shards.readers);
                const Answerer sharded(make(whole), dealt[0], call_to_ranks(cluster, shards.readers));
                for (const std::string& question : questions)
                    same += text_of(sharded.ask(question)) == text_of(one.ask(question));
                end_shards(cluster);
            });
            CHECK(same == std::ssize(questions));
        }
    }
}

TEST_CASE("shards of a memory that do not belong together, or to the model, are refused", "[shards]") {
    const QaDataset whole = toy_kb();
    const std::vector<QaDataset> dealt = deal(whole, 3);
    const MakeModel& make = models()[0];
    const Shards shards(make(whole), dealt, {0, 3}), other(make(whole), deal(whole, 2), {0, 2});
    const Shards larger(make(toy_kb(5)), dealt, {0, 3});
    const auto failure = [&](const std::vector<ShardReader>& readers) -> std::string {
        try {
            static_cast<void>(Answerer(make(whole), dealt[0], call_to(readers)).ask(questions[0]));
        } catch (const Error& e) {
            return e.what();
        }
        return "none";
    };
    CHECK(failure(shards.readers) == "none");
    CHECK_THAT(failure({shards.readers[0], shards.readers[1]}), Catch::Contains("got 2"));
    CHECK_THAT(failure({shards.readers[0], shards.readers[2], shards.readers[1]}), Catch::Contains("belong together"));
    CHECK_THAT(failure({shards.readers[0], other.readers[1], shards.readers[2]}), Catch::Contains("of 2"));
    CHECK_THAT(failure(larger.readers), Catch::Contains("a model of"));
    CHECK_THAT(failure({shards.readers[0], shards.readers[1], [](std::string_view) { return std::string(); }}),
               Catch::Contains("reply of shard 2"));
    CHECK_THROWS_AS(MemoryShard(*shards.model, whole, std::vector<Token>()), Error);
}

TEST_CASE("requests of any bytes to a shard of a memory are refused or understood", "[shards]") {
    const documents::RepresentationOptions edges{.representation = documents::Representation::edges};
    const QaDataset facts = toy_kb(), windows = toy_documents(12, 0), edge_facts = toy_documents(12, 0, edges);
    for (const auto& [make, read] : {std::pair(models()[1], &facts), std::pair(models()[4], &facts),
                                     std::pair(models()[1], &windows), std::pair(models()[4], &edge_facts)}) {
        const QaDataset& whole = *read;
        const std::vector<QaDataset> dealt = deal(whole, 2);
        const Shards shards(make(whole), dealt, {0, 2});
        std::vector<std::string> requests;
        const ShardCall recording = [&](std::string_view request) {
            requests.emplace_back(request);
            return std::vector<std::string>{shards.readers[0](request), shards.readers[1](request)};
        };
        const Answerer answerer(make(whole), dealt[0], recording);
        for (const std::string& question : questions) static_cast<void>(answerer.ask(question));
        static_cast<void>(answerer.ask("who made Film 3"));
        Rng rng(4, {1});
        Index refused = 0;
        for (std::size_t i = 0; i < 3000; ++i) {
            std::string bytes = requests[i % requests.size()];
            if (rng.uniform() < 0.3) bytes.resize(static_cast<std::size_t>(rng.below(std::ssize(bytes))));
            for (Index c = rng.below(3); c > 0 && !bytes.empty(); --c)
                bytes[static_cast<std::size_t>(rng.below(std::ssize(bytes)))] = static_cast<char>(rng.below(256));
            try {
                static_cast<void>(shards.readers[0](bytes));
            } catch (const Error&) {
                ++refused;
            }
        }
        CHECK(refused > 300);
    }
}
