// A knowledge base small enough to learn in a second: people with a city, a job and a colour, asked in both
// directions. The people and places that "valid" and "test" ask about are not asked about in "train".
#pragma once

#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/tasks/qa/evaluate.hpp"
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/text/tokenizer.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace kvmem::test {

struct ToyRelation {
    std::string name, objects;  // "city3" is an object of "city"
    int count;                  // of objects
    std::string forward, backward;
};

inline const std::vector<ToyRelation>& toy_relations() {
    static const std::vector<ToyRelation> all{{"lives_in", "City", 12, "where does live", "who lives in"},
                                              {"works_as", "Job", 10, "what is the work of", "who works as a"},
                                              {"likes", "Colour", 8, "which colour pleases", "who likes"}};
    return all;
}

// Words of a text, as tokens.
inline std::vector<Token> words(Vocabulary& vocabulary, const std::string& text) {
    std::vector<Token> tokens;
    for (const Word& word : split_words(text)) tokens.push_back(vocabulary.add(TokenKind::word, word.text));
    return tokens;
}

inline void ask_about(QaDataset& dataset, const std::string& split, const std::string& phrase, Token entity,
                      const std::vector<Token>& answers) {
    std::vector<Token> question = words(dataset.vocabulary, phrase);
    question.push_back(entity);
    dataset.splits[split].question.push_row(question);
    dataset.splits[split].answer.push_row(answers);
}

inline constexpr int toy_people = 60, toy_people_asked = 48;

// `before` entities come first in the vocabulary, so that all token numbers are others.
inline QaDataset toy_kb(int before = 0) {
    QaDataset dataset;
    dataset.info = {"A toy", "tests", "CC0-1.0", "kvmem tests"};
    Vocabulary& v = dataset.vocabulary;
    for (int i = 0; i < before; ++i) v.add(TokenKind::entity, "Nobody" + std::to_string(i));
    for (const ToyRelation& r : toy_relations()) {
        const Token there = v.add(TokenKind::relation, r.name), back = v.add(TokenKind::relation, "~" + r.name);
        std::vector<std::vector<Token>> people(static_cast<std::size_t>(r.count));
        for (int i = 0; i < toy_people; ++i) {
            const int at = (i * 7 + i / r.count) % r.count;
            const Token person = v.add(TokenKind::entity, "Person" + std::to_string(i));
            const Token object = v.add(TokenKind::entity, r.objects + std::to_string(at));
            dataset.memory.key.push_row(std::vector{person, there});
            dataset.memory.value.push_row(std::vector{object});
            dataset.memory.key.push_row(std::vector{object, back});
            dataset.memory.value.push_row(std::vector{person});
            people[static_cast<std::size_t>(at)].push_back(person);
            if (i < toy_people_asked) ask_about(dataset, "train", r.forward, person, {object});
            if (i >= toy_people_asked) ask_about(dataset, "valid", r.forward, person, {object});
            if (i >= toy_people_asked) ask_about(dataset, "test", r.forward, person, {object});
        }
        for (int at = 0; at < r.count; ++at) {
            const Token object = *v.find(TokenKind::entity, r.objects + std::to_string(at));
            const std::vector<Token>& answers = people[static_cast<std::size_t>(at)];
            if (!answers.empty()) ask_about(dataset, at % 4 == 0 ? "valid" : "train", r.backward, object, answers);
        }
    }
    for (Token token = 0; token < v.size(); ++token)
        if (v.kind(token) == TokenKind::entity) dataset.candidates.push_back(token);
    dataset.count_tokens();
    return dataset;
}

inline KvMemNNConfig toy_config() {
    KvMemNNConfig config;
    config.width = 32;
    return config;
}

inline KvMemNN toy_model(const QaDataset& dataset, const KvMemNNConfig& config = toy_config()) {
    return {config, dataset.vocabulary, dataset.candidates};
}

// The plainest training loop there is.
inline void teach(KvMemNN& model, const QaDataset& dataset, int epochs, double rate = 0.01) {
    const Split& split = dataset.split("train");
    const Retriever retriever(dataset.memory, dataset.vocabulary, model.config().retriever);
    Optimizer optimizer(model.parameters(), {});
    Tape tape;
    std::vector<Index> order(static_cast<std::size_t>(split.size()));
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<Index>(i);
    for (int epoch = 0; epoch < epochs; ++epoch) {
        Rng rng(7, {static_cast<std::uint64_t>(epoch)});
        rng.shuffle(std::span(order));
        for (std::size_t first = 0; first < order.size(); first += 16) {
            Batch batch;
            for (std::size_t i = first; i < std::min(order.size(), first + 16); ++i)
                add_example(batch, dataset, split, order[i], retriever);
            tape.reset();
            tape.backward(model.loss(tape, batch, rng), Real{1} / 16);
            optimizer.step(tape, rate);
        }
    }
}

inline double hits_at_1(const Model& model, const QaDataset& dataset, const std::string& split) {
    const Retriever retriever(dataset.memory, dataset.vocabulary, model.retrieval());
    return evaluate(model, dataset, dataset.split(split), retriever).hits_at_1;
}

inline bool same_parameters(const Parameters& a, const Parameters& b) {
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i)
        same = a[i].name == b[i].name && a[i].value.rows() == b[i].value.rows() &&
               std::equal(a[i].value.data(), a[i].value.data() + a[i].value.size(), b[i].value.data());
    return same;
}

}  // namespace kvmem::test
