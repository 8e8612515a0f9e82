// Questions to documents in shards have the answers of one file, bit for bit.
#include "kvmem/tasks/qa/documents/shards.hpp"

#include "kvmem/cluster/threads.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/tasks/qa/shards.hpp"
#include "support/many_documents.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace kvmem;
using namespace kvmem::documents;
using namespace kvmem::test;

static const std::vector<std::string> questions{"Who built the engine in Cornwall?",
                                                "When did Watt repair the boiler?",
                                                "Where was the lantern painted?",
                                                "Who inventd the kettel of Newcomen?",
                                                "Title 7",
                                                "Which tunnel did Brunell sell in Bristoll",
                                                "quantum chromodynamics",
                                                "the of"};

// All that an answer shows, numbers with all their bits.
static std::string text_of(const Findings& found) {
    std::ostringstream out;
    out << std::hexfloat << found.answered;
    for (const std::string& word : found.words) out << " " << word;
    for (const auto& [word, read_as] : found.respelled) out << " " << word << "=" << read_as;
    const Collection& all = found.corpus->collection;
    for (const std::string& text : short_answers(all, found)) out << " [" << text << "]";
    for (const FoundAnswer& one : found.answers) {
        const Sentence& sentence = all.sentences[one.sentence];
        const auto [line, column] = Collection::place_of(all.files[one.file], sentence.bytes.first);
        out << "\n"
            << all.files[one.file].path << ":" << line << ":" << column << " " << all.documents[one.document].title;
        for (Index h = all.passages[one.passage].heading; h >= 0; h = all.passages[h].heading)
            out << " < " << all.text_of(all.sentences[all.passages[h].sentences.first]);
        const Range passage = all.passages[one.passage].sentences;
        for (Index s = passage.first; s < passage.last; ++s)
            out << " | " << (s == one.sentence ? "*" : "") << all.text_of(all.sentences[s]);
        out << " " << one.confidence;
        for (const double weight : one.weights) out << " " << weight;
        if (one.span)
            out << " " << all.text.substr(one.span->text.first, one.span->text.size()) << " " << one.span->bytes.first
                << " " << one.span->bytes.last << " " << one.span->confidence;
    }
    return out.str();
}

static std::vector<DocumentShard> shards_of(const QaDataset& whole, Index count) {
    std::vector<DocumentShard> shards;
    for (const QaDataset& shard : deal(whole, count)) shards.emplace_back(shard);
    return shards;
}

static const SearchOptions many{.answers = 8, .threshold = 0.3, .span_confidence = 0};

TEST_CASE("answers from shards have the bits of those from one file", "[shards]") {
    const QaDataset whole = dataset_of(many_documents());
    const Search one(whole.documents);
    Index answered = 0;
    for (const Index count : {1, 2, 3, 5, 40}) {
        const std::vector<DocumentShard> shards = shards_of(whole, count);
        const std::vector<ShardReader> readers = readers_of(shards);
        const ShardedSearch sharded(call_to(readers));
        for (const std::string& question : questions) {
            CAPTURE(count, question);
            CHECK(text_of(sharded.ask(question, many)) == text_of(one.ask(question, many)));
            CHECK(text_of(sharded.ask(question)) == text_of(one.ask(question)));
            answered += one.ask(question).answered;
        }
    }
    CHECK(answered >= 15);
    CHECK_FALSE(one.ask(questions[3]).respelled.empty());
}

TEST_CASE("a ranking of sentences orders those of shards, too", "[shards]") {
    const QaDataset whole = dataset_of(many_documents());
    SearchOptions ranked = many;
    ranked.rank = [](std::string_view, const Collection& all, std::span<const FoundAnswer> found) {
        std::vector<double> scores;
        for (const FoundAnswer& one : found)
            scores.push_back(static_cast<double>(all.text_of(all.sentences[one.sentence]).size()));
        return scores;
    };
    const std::vector<DocumentShard> shards = shards_of(whole, 3);
    const std::vector<ShardReader> readers = readers_of(shards);
    CHECK(text_of(ShardedSearch(call_to(readers)).ask(questions[0], ranked)) ==
          text_of(Search(whole.documents).ask(questions[0], ranked)));
    ranked.where = [](Index) { return true; };
    CHECK_THROWS_AS(ShardedSearch(call_to(readers)).ask(questions[0], ranked), UsageError);
}

TEST_CASE("ranks that have some shards each answer as one process", "[shards][cluster]") {
    const QaDataset whole = dataset_of(many_documents());
    const Search one(whole.documents);
    const std::vector<QaDataset> dealt = deal(whole, 5);
    for (const Index ranks : {1, 2, 3, 8}) {
        Index same = 0;
        run_on_threads(ranks, [&](Cluster& cluster) {
            const Dealt own = deal_evenly(std::ssize(dealt), cluster.rank(), cluster.size());
            std::vector<DocumentShard> mine;
            for (Index i = own.first; i < own.last; ++i) mine.emplace_back(dealt[i]);
            const std::vector<ShardReader> readers = readers_of(mine);
            if (cluster.rank() > 0) return serve_shards(cluster, readers);
            const ShardedSearch search(call_to_ranks(cluster, readers));
            for (const std::string& question : questions)
                same += text_of(search.ask(question, many)) == text_of(one.ask(question, many));
            end_shards(cluster);
        });
        CHECK(same == std::ssize(questions));
    }
}

TEST_CASE("shards that do not belong together are refused, and one that is away is left out", "[shards]") {
    const QaDataset whole = dataset_of(many_documents());
    const std::vector<DocumentShard> shards = shards_of(whole, 3), two = shards_of(whole, 2);
    std::vector<ShardReader> readers = readers_of(shards);
    const std::vector<ShardReader> others = readers_of(two);
    const auto failure = [&](const std::vector<ShardReader>& of) -> std::string {
        try {
            static_cast<void>(ShardedSearch(call_to(of)).ask("engine"));
        } catch (const Error& e) {
            return e.what();
        }
        return "none";
    };
    CHECK(failure(readers) == "none");
    CHECK_THAT(failure({readers[0], readers[1]}), Catch::Contains("3 of ") && Catch::Contains("got 2"));
    CHECK_THAT(failure({readers[1], readers[0], readers[2]}), Catch::Contains("do not belong together"));
    CHECK_THAT(failure({readers[0], others[1], readers[2]}),
               Catch::Contains("shard 1 of 3") && Catch::Contains("of 2"));
    CHECK_THAT(failure({readers[0], [](std::string_view) { return std::string("x"); }, readers[2]}),
               Catch::Contains("reply of shard 1"));
    const ShardReader away = [](std::string_view) { return std::string(); };
    CHECK_THAT(failure({away, away, away}), Catch::Contains("no shard replies"));
    const std::vector<ShardReader> without{readers[0], away, readers[2]};
    const Findings found = ShardedSearch(call_to(without)).ask("the lantern went out", {.threshold = 0});
    REQUIRE_FALSE(found.answers.empty());
    // A shard that goes away in the middle of a question is left out of all of it.
    const std::string whole_answer = text_of(ShardedSearch(call_to(readers)).ask(questions[3], many));
    const std::string answer_without = text_of(ShardedSearch(call_to(without)).ask(questions[3], many));
    REQUIRE(whole_answer != answer_without);
    int answered_whole = 0;
    for (int calls = 1; calls < 10; ++calls) {
        int call = 0;
        const std::vector<ShardReader> leaving{
            readers[0], [&](std::string_view request) { return ++call > calls ? std::string() : readers[1](request); },
            readers[2]};
        const std::string left = text_of(ShardedSearch(call_to(leaving)).ask(questions[3], many));
        CHECK(left == (call > calls ? answer_without : whole_answer));
        answered_whole += call <= calls;
    }
    CHECK((answered_whole > 0 && answered_whole < 9));
    CHECK_THROWS_AS(DocumentShard(whole), Error);
    CHECK_THROWS_AS(DocumentShard(QaDataset{}), Error);
}

TEST_CASE("requests and replies of any bytes are refused or understood, and crash nothing", "[shards]") {
    const QaDataset whole = dataset_of(many_documents());
    const std::vector<DocumentShard> shards = shards_of(whole, 2);
    Rng rng(3, {1});
    std::vector<std::string> requests;
    const std::vector<ShardReader> recording{[&](std::string_view request) {
                                                 requests.emplace_back(request);
                                                 return shards[0].answer(request);
                                             },
                                             [&](std::string_view request) { return shards[1].answer(request); }};
    // One after the other, since both change what they see.
    const auto in_turn = [](const std::vector<ShardReader>& of) -> ShardCall {
        return [&of](std::string_view request) {
            std::vector<std::string> replies;
            for (const ShardReader& shard : of) replies.push_back(shard(request));
            return replies;
        };
    };
    for (const std::string& question : questions)
        static_cast<void>(ShardedSearch(in_turn(recording)).ask(question, many));
    const auto changed = [&](std::string bytes) {
        if (rng.uniform() < 0.3) bytes.resize(static_cast<std::size_t>(rng.below(std::ssize(bytes) + 1)));
        for (Index i = rng.below(3); i > 0 && !bytes.empty(); --i)
            bytes[static_cast<std::size_t>(rng.below(std::ssize(bytes)))] = static_cast<char>(rng.below(256));
        return bytes;
    };
    Index refused = 0, answered = 0;
    for (int i = 0; i < 4000; ++i) try {
            static_cast<void>(shards[0].answer(changed(requests[static_cast<std::size_t>(i) % requests.size()])));
            ++answered;
        } catch (const Error&) {
            ++refused;
        }
    CHECK(refused > 500);
    CHECK(answered > 500);
    refused = 0;
    for (int i = 0; i < 1000; ++i) {
        const std::vector<ShardReader> lying{[&](std::string_view request) { return shards[0].answer(request); },
                                             [&](std::string_view request) {
                                                 const std::string reply = shards[1].answer(request);
                                                 return rng.uniform() < 0.3 ? changed(reply) : reply;
                                             }};
        try {
            static_cast<void>(
                ShardedSearch(in_turn(lying)).ask(questions[static_cast<std::size_t>(i) % questions.size()], many));
        } catch (const Error&) {
            ++refused;
        }
    }
    CHECK(refused > 100);
}
