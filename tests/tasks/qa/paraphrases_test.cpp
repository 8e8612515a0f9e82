#include "tasks/qa/paraphrases.hpp"

#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "kvmem/tasks/qa/objective.hpp"
#include "kvmem/tasks/qa/retriever.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <set>
#include <utility>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// Films with a director, a writer and a year, some of whom share a director. `ask` adds questions about all of them.
struct Films {
    static constexpr int count = 12;
    QaDataset data;
    std::array<Token, 3> forwards, backwards;

    Films() {
        Vocabulary& v = data.vocabulary;
        constexpr std::array names{"director", "writer", "year"};
        for (std::size_t r = 0; r < 3; ++r) {
            forwards[r] = v.add(TokenKind::relation, names[r]);
            backwards[r] = v.add(TokenKind::relation, std::string("~") + names[r]);
        }
        for (int film = 0; film < count; ++film)
            for (std::size_t r = 0; r < 3; ++r) {
                const Token subject = entity("Film" + std::to_string(film));
                const Token object = entity(names[r] + std::to_string(film / static_cast<int>(r + 2)));
                data.memory.push(std::array{subject, forwards[r]}, std::array{object});
                data.memory.push(std::array{object, backwards[r]}, std::array{subject});
            }
    }
    Token entity(const std::string& name) { return data.vocabulary.add(TokenKind::entity, name); }
    [[nodiscard]] Facts facts() const { return facts_of(data.memory, data.vocabulary); }

    // Questions "before Film after" for what the film's object of a relation is, for the first `films`.
    void ask(std::size_t relation, const std::string& before, const std::string& after = "", int films = count) {
        constexpr std::array names{"director", "writer", "year"};
        for (int film = 0; film < films; ++film) {
            std::vector<Token> question = words(data.vocabulary, before);
            question.push_back(entity("Film" + std::to_string(film)));
            for (const Token word : words(data.vocabulary, after)) question.push_back(word);
            data.splits["train"].question.push_row(question);
            data.splits["train"].answer.push_row(
                std::array{entity(names[relation] + std::to_string(film / static_cast<int>(relation + 2)))});
        }
    }
    [[nodiscard]] Paraphrases paraphrases(Index max_hops = 2) const {
        return {data.split("train"), data.vocabulary, facts(), max_hops};
    }
    // The texts that a question is rewritten to.
    [[nodiscard]] std::set<std::string> rewritten(Index question, Index max_hops = 2) const {
        const Paraphrases all = paraphrases(max_hops);
        std::set<std::string> texts;
        Rng rng(5);
        for (int i = 0; i < 200; ++i) {
            std::string text;
            for (const Token token : all.rewrite(question, rng))
                text += (text.empty() ? "" : " ") + data.vocabulary.text(token);
            texts.insert(text);
        }
        return texts;
    }
};

using Texts = std::set<std::string>;

// "what is the writer of" is made of the director's.
Films with_twins() {
    Films films;
    films.ask(0, "the director of");
    films.ask(1, "the writer of");
    films.ask(0, "name the director of");
    films.ask(1, "name the writer of");
    films.ask(0, "what is the director of");
    films.ask(2, "when was", "made");
    return films;
}

}  // namespace

TEST_CASE("a question is asked in the phrasings of its path, and in those that are made", "[paraphrases]") {
    const Films films = with_twins();
    CHECK(films.paraphrases().made() == 1);
    CHECK(films.rewritten(Films::count + 3) ==
          Texts{"the writer of Film3", "name the writer of Film3", "what is the writer of Film3"});
    CHECK(films.rewritten(3) ==
          Texts{"the director of Film3", "name the director of Film3", "what is the director of Film3"});
    CHECK(films.rewritten(5 * Films::count) == Texts{"when was Film0 made"});
}

TEST_CASE("questions about several names, none, or without a path stay as they are", "[paraphrases]") {
    Films films = with_twins();
    Split& train = films.data.splits["train"];
    const Token film = films.entity("Film1"), other = films.entity("Film2"), director = films.entity("director0");
    const Token the = words(films.data.vocabulary, "the")[0];
    const Index first = train.size();
    std::set<Index> unchanged;
    const auto add = [&](const std::vector<Token>& question, const std::vector<Token>& answers) {
        for (int twice = 0; twice < 2; ++twice) {
            unchanged.insert(train.size());
            train.question.push_row(question);
            train.answer.push_row(answers);
        }
    };
    add({film, the, other}, {director});
    add({the}, {director});
    add({}, {director});
    add({the, film, the}, {});                            // nobody knows
    add({the, film}, {films.entity("Nobody's object")});  // nothing leads there
    const Paraphrases all = films.paraphrases();
    Rng rng(1);
    for (const Index question : unchanged) {
        const std::span<const Token> asked = train.question[question];
        CHECK(all.rewrite(question, rng) == std::vector<Token>(asked.begin(), asked.end()));
    }
    CHECK(all.made() == 1);
    CHECK(first == 6 * Films::count);
}

TEST_CASE("entities of one name keep their place side by side", "[paraphrases]") {
    Films films = with_twins();
    Split& train = films.data.splits["train"];
    const std::vector<Token> begin = words(films.data.vocabulary, "the writer of");
    const Token one = films.entity("Film0"), twin = films.entity("Film1");
    std::vector<Token> question = begin;
    question.insert(question.end(), {one, twin});
    const Index asked = train.size();
    train.question.push_row(question);
    train.answer.push_row(std::array{films.entity("writer0")});
    const Paraphrases all = films.paraphrases();
    Rng rng(2);
    std::set<std::size_t> lengths;
    for (int i = 0; i < 50; ++i) {
        const std::vector<Token> other = all.rewrite(asked, rng);
        lengths.insert(other.size());
        CHECK(std::vector<Token>(other.end() - 2, other.end()) == std::vector<Token>{one, twin});
    }
    CHECK(lengths == std::set<std::size_t>{5, 6, 7});
}

TEST_CASE("the path of a phrasing is the one that leads to its answers alone", "[paraphrases]") {
    Films films;  // director -> ~director leads from Film0 to Film1, and other paths to more
    const Token the = words(films.data.vocabulary, "beside")[0], same = words(films.data.vocabulary, "with")[0];
    Split& train = films.data.splits["train"];
    for (int film = 0; film < Films::count; ++film)
        for (const Token word : {the, same}) {
            train.question.push_row(std::array{word, films.entity("Film" + std::to_string(film))});
            train.answer.push_row(std::array{films.entity("Film" + std::to_string(film ^ 1))});
        }
    CHECK(films.rewritten(0) == Texts{"beside Film0", "with Film0"});
    CHECK(films.rewritten(0, 1) == Texts{"beside Film0"});  // too far for one hop
}

TEST_CASE("what a phrasing of an unknown path says is not made for another path", "[paraphrases]") {
    Films films = with_twins();
    Split& train = films.data.splits["train"];
    std::vector<Token> question = words(films.data.vocabulary, "what is the writer of");
    question.push_back(films.entity("Film1"));
    train.question.push_row(question);
    train.answer.push_row(std::array{films.entity("Nobody's object")});
    CHECK(films.paraphrases().made() == 0);
}

TEST_CASE("every sampled question must agree with the path, and no other path as well", "[paraphrases]") {
    Films films;
    films.ask(0, "the director of");
    films.ask(0, "who made", "", 2);
    Split& train = films.data.splits["train"];
    SECTION("answers may be given twice") {
        const Token director = films.entity("director0");
        train.answer.values.push_back(director);  // of the last question
        ++train.answer.offsets.back();
        CHECK(films.rewritten(0).size() == 2);
    }
    SECTION("one question has another answer") {
        train.answer.values.back() = films.entity("writer0");
        CHECK(films.rewritten(0).size() == 1);
    }
    SECTION("two relations lead to the answers") {
        const Token also = films.data.vocabulary.add(TokenKind::relation, "producer");
        for (int film = 0; film < 2; ++film)
            films.data.memory.push(std::array{films.entity("Film" + std::to_string(film)), also},
                                   std::array{films.entity("director0")});
        CHECK(films.rewritten(0).size() == 1);
    }
}

TEST_CASE("a question from which too many facts are near tells no path, in time", "[paraphrases]") {
    Films films;
    const Token all = films.data.vocabulary.add(TokenKind::relation, "knows");
    for (int i = 0; i < 900; ++i)
        for (int j = 0; j < 900; j += 2)
            films.data.memory.push(std::array{films.entity("E" + std::to_string(i)), all},
                                   std::array{films.entity("E" + std::to_string(j))});
    Split& train = films.data.splits["train"];
    for (const char* text : {"who knows", "friends of"})
        for (int i = 0; i < 4; ++i) {
            std::vector<Token> question = words(films.data.vocabulary, text);
            question.push_back(films.entity("E" + std::to_string(i)));
            train.question.push_row(question);
            train.answer.push_row(std::array{films.entity("E8")});
        }
    CHECK(films.rewritten(0, 16) == Texts{"who knows E0"});
}

TEST_CASE("a phrasing with one question, and a memory without facts, tell nothing", "[paraphrases]") {
    Films films;
    films.ask(0, "who made");
    films.ask(0, "the director of", "", 1);
    CHECK(films.rewritten(0) == Texts{"who made Film0"});
    films.ask(0, "name the director of");
    CHECK(films.rewritten(0).size() == 2);
    films.data.memory = {};
    CHECK(films.rewritten(0) == Texts{"who made Film0"});
}

TEST_CASE("a relation to more than a thousand objects is no step", "[paraphrases]") {
    Films films;
    const Token hub = films.entity("Hub");
    for (int i = 0; i < 1001; ++i)
        films.data.memory.push(std::array{hub, films.forwards[0]},
                               std::array{films.entity("Extra" + std::to_string(i))});
    Split& train = films.data.splits["train"];
    for (const char* text : {"of", "by"})
        for (int twice = 0; twice < 2; ++twice) {
            std::vector<Token> question = words(films.data.vocabulary, text);
            question.push_back(hub);
            train.question.push_row(question);
            train.answer.push_row(std::array{films.entity("Extra0")});
        }
    CHECK(films.rewritten(0) == Texts{"of Hub"});
}

TEST_CASE("training asks a share of its questions in other phrasings", "[paraphrases][path-reader]") {
    Films films = with_twins();
    for (Token token = 0; token < films.data.vocabulary.size(); ++token)
        if (films.data.vocabulary.kind(token) == TokenKind::entity) films.data.candidates.push_back(token);
    films.data.count_tokens();
    PathReaderConfig config;
    config.width = 8;
    config.hops = 2;
    config.ngram_buckets = 64;
    config.word_dropout = config.dropout = 0;
    PathReader model(config, films.data.vocabulary, films.data.candidates);
    const auto losses = [&](Index question, double share) {
        QaObjective objective(model, films.data, {.paraphrased = share});
        std::set<Real> all;
        Rng rng(3);
        Tape tape;
        for (int i = 0; i < 50; ++i) {
            tape.reset();
            all.insert(objective.loss(tape, std::array{question}, rng).value()(0, 0));
        }
        return all;
    };
    const Index director = 3, named = director + 2 * Films::count, asked = director + 4 * Films::count;
    std::set<Real> plain;
    for (const Index question : {director, named, asked}) {
        const std::set<Real> one = losses(question, 0);
        CHECK(one.size() == 1);
        plain.insert(one.begin(), one.end());
    }
    CHECK(plain.size() == 3);
    CHECK(losses(director, 1) == plain);
    CHECK(losses(director, 0.5) == plain);
    CHECK(losses(5 * Films::count, 1).size() == 1);  // there is no other phrasing
}
