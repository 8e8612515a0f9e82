// Word vectors in the models that read words.
#include "kvmem/io/word_vectors.hpp"

#include "kvmem/io/parameters.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/tasks/qa/models/lstm_reader.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "random.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_kb.hpp"
#include "tasks/qa/near_words.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>
#include <utility>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// "dwells" and "lives" are near each other, as are "films" and "of".
WordVectors some_vectors() {
    return {{"the", "lives", "dwells", "of", "films"},
            matrix_of({{-1, -1, 0}, {1, 0, 0}, {1, 0.25, 0}, {0, 0, 1}, {0, 0.25, 1}})};
}

Vocabulary some_vocabulary() {
    Vocabulary vocabulary;
    for (const char* word : {"who", "lives", "of"}) vocabulary.set_count(vocabulary.add(TokenKind::word, word), 3);
    vocabulary.add(TokenKind::word, "dwells");
    return vocabulary;
}

const Parameter& words_of(const Model& model) {
    return *std::ranges::find(model.parameters(), "words", &Parameter::name);
}

}  // namespace

TEST_CASE("a word that training never saw is read as the word of training with the nearest vector", "[word_vectors]") {
    const Lexicon lexicon(some_vocabulary(), {}, some_vectors());
    const auto token = [&](const char* word) { return *lexicon.vocabulary().find(TokenKind::word, word); };
    CHECK(lexicon.like("dwells") == token("lives"));
    CHECK(lexicon.like("dwell") == token("lives"));  // by its n-grams
    CHECK(lexicon.like("Films") == token("of"));
    CHECK(lexicon.like("the") == unknown_token);  // no word of training is near
    CHECK(lexicon.like("xyzzy") == unknown_token);
    CHECK(lexicon.input(token("dwells")) == token("lives"));
    CHECK(lexicon.input(token("who")) == token("who"));
    const Lexicon without(some_vocabulary(), {});
    CHECK(without.like("dwells") == unknown_token);
    CHECK(without.input(token("dwells")) == unknown_token);
}

TEST_CASE("rows of words begin as their vectors, and training leaves them if the settings say so", "[word_vectors]") {
    const auto row = [](const Model& model, const char* word) {
        const Token token = *model.vocabulary().find(TokenKind::word, word);
        return words_of(model).value.view().middle_rows(token, 1);
    };
    const auto made = [](const WordSettings& settings, WordVectors vectors) {
        return LstmReader({.width = 64, .words = settings}, {some_vocabulary(), std::move(vectors)}, {});
    };
    const LstmReader with = made({}, some_vectors()), without = made({}, {});
    CHECK(distance(row(with, "lives"), row(with, "dwells")) < 0.1);
    CHECK(distance(row(without, "lives"), row(without, "dwells")) > 0.1);
    CHECK(same_bits(row(with, "who"), row(without, "who")));
    CHECK_FALSE(words_of(with).is_frozen(2));
    const LstmReader frozen = made({.train_vectors = false}, some_vectors());
    CHECK(words_of(frozen).is_frozen(*frozen.vocabulary().find(TokenKind::word, "lives")));
    CHECK_FALSE(words_of(frozen).is_frozen(*frozen.vocabulary().find(TokenKind::word, "who")));

    const TemporaryDirectory directory;
    save_model(frozen, directory / "model.h5");
    const auto loaded = load_model(directory / "model.h5");
    QaDataset more;
    more.vocabulary.add(TokenKind::entity, "Zoe");
    for (int grown = 0; grown < 2; ++grown, loaded->extend(more)) {
        CAPTURE(grown);
        for (Token token = 0; token < loaded->vocabulary().size(); ++token)
            CHECK(words_of(*loaded).is_frozen(token) ==
                  (token < frozen.vocabulary().size() && words_of(frozen).is_frozen(token)));
    }
}

TEST_CASE("a vector that overflows has no direction", "[word_vectors]") {
    constexpr Real most = std::numeric_limits<Real>::max();
    const NearWords near({{"who", "of", "lives", "dwells"}, matrix_of({{most}, {most}, {most}, {-most}})},
                         some_vocabulary());
    std::vector<Real> out(1);
    CHECK_FALSE(near.direction("dwells", out));
    CHECK(out[0] == 0);
    CHECK(near.nearest("dwells") == unknown_token);
}

TEST_CASE("a model's file holds its word vectors", "[word_vectors]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    const auto path = directory.path() / "model.h5";
    for (const char* kind : {"kv-mem-nn", "path-reader", "mem-n2n", "lstm", "query-reduction"}) {
        CAPTURE(kind);
        const Settings settings = find_model(question_answering(), kind).defaults;
        save_model(*make_model(settings, {dataset.vocabulary, some_vectors()}, dataset.candidates), path);
        const std::unique_ptr<Model> loaded = load_model(path);
        const Lexicon& lexicon = loaded->lexicon();
        CHECK(lexicon.like("dwells") == Lexicon(dataset.vocabulary, {}, some_vectors()).like("dwells"));
        REQUIRE(lexicon.vectors());
        CHECK(lexicon.vectors()->words() == some_vectors().words());
        CHECK(same_bits(lexicon.vectors()->matrix(), some_vectors().matrix()));
    }
}

TEST_CASE("the bytes of a model's word vectors must fit its words", "[word_vectors]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    const KvMemNN model(KvMemNNConfig{}, {dataset.vocabulary, {}}, dataset.candidates);
    for (const std::size_t size : {0u, 3u, 10u}) {
        hdf5::Writer file(model_format, model_version);
        write_model_info(file, model);
        write_parameters(file, model.parameters());
        const std::vector<std::string> words{"a", "b"};
        file.write("/word_vectors", std::span<const std::string>(words));
        file.write("/word_vectors/bfloat16", std::vector<std::uint8_t>(size));
        file.save(directory.path() / "model.h5");
        CHECK_THROWS_WITH(load_model(directory.path() / "model.h5"), Catch::Contains("word_vectors"));
    }
}

TEST_CASE("an answerer with word vectors understands a verb that training never saw", "[word_vectors]") {
    const QaDataset dataset = toy_kb();
    const WordVectors vectors({"lives", "pleases", "dwells"}, matrix_of({{1, 0}, {-1, 0}, {1, 0.1f}}));
    const auto best = [&](const std::string& question) {
        const KvMemNNConfig config{.width = 16, .hops = 1};
        const Answerer answerer(
            std::make_unique<KvMemNN>(config, ModelWords(dataset.vocabulary, vectors), dataset.candidates), dataset);
        const Answer answer = answerer.ask(question);
        return std::pair(answer.candidates.at(0).text, answer.candidates.at(0).score);
    };
    CHECK(best("who dwells in City1") == best("who lives in City1"));
    CHECK(best("who dwells in City1") != best("who xyzzy in City1"));
}
