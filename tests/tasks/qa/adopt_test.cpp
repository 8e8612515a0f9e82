// A question has the same answers wherever it is asked: beside the training data, in a data set of its own, or as text.
#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/tasks/qa/models/mem_n2n.hpp"
#include "kvmem/tasks/qa/models/memory_transformer.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "kvmem/tasks/qa/models/query_reduction.hpp"
#include "random.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace kvmem;
using namespace kvmem::test;

using Scores = std::vector<std::pair<std::string, double>>;  // of all candidates, by name

namespace {

// The same questions thrice, and the data set of training without them.
struct Asked {
    QaDataset beside, alone;
    std::vector<std::string> questions;
    std::vector<std::vector<TextSlot>> own;  // of each question
    QaDataset trained{};
};

}  // namespace

// Names that are also words, and words that training never says: "Who", "Part", "helmed", "Shot".
static Asked asked_of_facts() {
    const Source kb{"kb.txt",
                    "Brazil|directed_by|Terry Gilliam\nWho|directed_by|Part\nKismet|directed_by|William Dieterle\n"
                    "Kismet|shot_in|Shot\n"};
    const std::string train =
        "who directed [Brazil]\tTerry Gilliam\nwhat part of [Who] is it\tPart\nwho directed [Kismet]\tWilliam "
        "Dieterle\n";
    Asked asked{{},
                {},
                {"who helmed [Kismet]", "what part was [Brazil] shot in", "who [Who] [Brazil]", "[Brazil]'s part",
                 "who directed Brazil's part"},
                {{}, {}, {}, {}, {}}};
    std::string test;
    for (const std::string& question : asked.questions) test += question + "\tTerry Gilliam\n";
    MetaqaSources sources;
    sources.test = {{Source{"test.txt", test}, {}}};
    asked.alone = metaqa_from(kb, sources, {}, {});
    sources.train = {{Source{"train.txt", train}, {}}};
    asked.beside = metaqa_from(kb, sources, {}, {});
    sources.test.clear();
    asked.trained = metaqa_from(kb, sources, {}, {});
    return asked;
}

// Of the places, the tested story has but one as an answer; training never says "ambled".
static Asked asked_of_stories() {
    const std::string train =
        "1 Mary went to the garden.\n2 Where is Mary?\tgarden\t1\n3 John went to the office.\n4 Mary took the milk.\n"
        "5 Where is John?\toffice\t3\n6 Mary went to the kitchen.\n7 Where is Mary?\tkitchen\t6\n";
    const std::string sentences[] = {"Mary ambled to the kitchen.", "John went to the garden.", "John took the milk."};
    Asked asked{{}, {}, {"Where is John?"}, {{}}};
    std::string test;
    for (const std::string& sentence : sentences) {
        asked.own[0].push_back({sentence});
        test += std::to_string(asked.own[0].size()) + " " + sentence + "\n";
    }
    test += "4 " + asked.questions[0] + "\tgarden\t2\n";
    const BabiSource training{{1, "qa1", "train"}, {"qa1_train.txt", train}};
    const BabiSource told{{1, "qa1", "test"}, {"qa1_test.txt", test}};
    asked.alone = babi_from({told}, {});
    asked.beside = babi_from({training, told}, {});
    asked.trained = babi_from({training}, {});
    return asked;
}

static Scores scores_in(const std::unique_ptr<Model>& model, QaDataset dataset, Index example) {
    model->adopt(dataset);
    const Retriever retriever(dataset.memory, model->vocabulary(), model->retrieval());
    Batch batch;
    add_example(batch, dataset, dataset.split("test"), example, retriever);
    Tape tape;
    tape.set_training(false);
    Scores scores;
    const Ragged<Scored> all = model->score_few(tape, batch);
    for (const Scored& s : all[0])
        scores.emplace_back(model->vocabulary().text(model->candidates()[static_cast<std::size_t>(s.index)]),
                            double{s.score});
    std::ranges::sort(scores);
    return scores;
}

static Scores scores_of_text(std::unique_ptr<Model> model, const QaDataset& memory, const Asked& asked, std::size_t i) {
    Scores scores;
    const Answerer answerer(std::move(model), memory);
    for (const auto& candidate : answerer.ask(asked.questions[i], {.candidates = 100}, asked.own[i]).candidates)
        scores.emplace_back(candidate.text, candidate.score);
    std::ranges::sort(scores);
    return scores;
}

static void check_same(const Scores& scores, const Scores& expected) {
    REQUIRE(scores.size() == expected.size());
    for (std::size_t i = 0; i < scores.size(); ++i) {
        CHECK(scores[i].first == expected[i].first);
        CHECK(scores[i].second == Approx(expected[i].second).epsilon(1e-4));
    }
}

static void check_everywhere(const Asked& asked, const Settings& config, const WordVectors& vectors = {}) {
    CAPTURE(config.kind());
    const auto model = [&] { return make_model(config, {asked.beside.vocabulary, vectors}, asked.beside.candidates); };
    for (std::size_t i = 0; i < asked.questions.size(); ++i) {
        CAPTURE(asked.questions[i]);
        const Scores expected = scores_in(model(), asked.beside, static_cast<Index>(i));
        REQUIRE(!expected.empty());
        check_same(scores_in(model(), asked.alone, static_cast<Index>(i)), expected);
        check_same(scores_of_text(model(), asked.beside, asked, i), expected);
        check_same(scores_of_text(model(), asked.alone, asked, i), expected);
    }
}

TEST_CASE("questions about facts have the same answers alone, beside training and as text", "[adopt]") {
    const Asked asked = asked_of_facts();
    check_everywhere(asked, KvMemNNConfig{});
    check_everywhere(asked, PathReaderConfig{});
}

TEST_CASE("questions about stories have the same answers alone, beside training and as text", "[adopt]") {
    const Asked asked = asked_of_stories();
    check_everywhere(asked, KvMemNNConfig{});
    check_everywhere(asked, MemN2NConfig{});
    check_everywhere(asked, MemoryTransformerConfig{});
    check_everywhere(asked, QueryReductionConfig{});
}

// Of models whose vocabulary has the words of training alone. `known` asks the first question with known words.
static void check_words_by_vectors(const Asked& asked, const Asked& known, const Settings& config) {
    CAPTURE(config.kind());
    const WordVectors vectors({"directed", "helmed", "went", "ambled"},
                              matrix_of({{1, 0}, {1, 0.1f}, {-1, 0}, {-1, 0.1f}}));
    check_everywhere(asked, config, vectors);
    const auto model = [&] {
        return make_model(config, {asked.trained.vocabulary, vectors}, asked.trained.candidates);
    };
    for (std::size_t i = 0; i < asked.questions.size(); ++i) {
        CAPTURE(asked.questions[i]);
        const Scores expected = scores_in(model(), asked.alone, static_cast<Index>(i));
        check_same(scores_of_text(model(), asked.alone, asked, i), expected);
        if (i == 0 && !model()->reads_spelling()) check_same(scores_of_text(model(), asked.alone, known, 0), expected);
    }
}

TEST_CASE("words that training never saw are read by their vectors alone, beside training and as text", "[adopt]") {
    const Asked facts = asked_of_facts(), stories = asked_of_stories();
    Asked known_facts = facts, known_stories = stories;
    known_facts.questions[0] = "who directed [Kismet]";
    known_stories.own[0][0] = {"Mary went to the kitchen."};
    check_words_by_vectors(facts, known_facts, KvMemNNConfig{});
    check_words_by_vectors(facts, known_facts, PathReaderConfig{});
    check_words_by_vectors(stories, known_stories, KvMemNNConfig{});
    check_words_by_vectors(stories, known_stories, MemN2NConfig{});
    check_words_by_vectors(stories, known_stories, QueryReductionConfig{});
}

TEST_CASE("a data set of the model's own vocabulary is adopted as it is", "[adopt]") {
    const Asked asked = asked_of_facts();
    QaDataset dataset = asked.beside;
    make_model(KvMemNNConfig{}, dataset.vocabulary, dataset.candidates)->adopt(dataset);
    CHECK(dataset.split("train") == asked.beside.split("train"));
    CHECK(dataset.candidates == asked.beside.candidates);
}
