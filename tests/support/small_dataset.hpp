// A data set that fits on a page, with a shared memory, own slots, and every kind of token.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

namespace kvmem::test {

inline QaDataset small_dataset() {
    QaDataset dataset;
    dataset.info = {"A small one", "tests", "CC0-1.0", "kvmem tests"};
    Vocabulary& v = dataset.vocabulary;
    const auto word = [&v](const char* text) { return v.add(TokenKind::word, text); };
    const auto entity = [&v](const char* text) { return v.add(TokenKind::entity, text); };
    const Token directed = v.add(TokenKind::relation, "directed_by");
    const Token amelie = entity("Amélie"), alien = entity("Alien"), jeunet = entity("Jean-Pierre Jeunet");
    const Token scott = entity("Ridley Scott"), kitchen = entity("kitchen"), cannes = entity("Cannes");
    const auto add = [](Ragged<Token>& rows, const std::vector<Token>& row) { rows.push_row(row); };

    add(dataset.memory.key, {amelie, directed});
    add(dataset.memory.value, {jeunet});
    add(dataset.memory.key, {alien, directed});
    add(dataset.memory.value, {scott});
    dataset.candidates = {jeunet, scott, kitchen};

    Split& train = dataset.splits["train"];
    add(train.question, {word("who"), word("directed"), amelie});
    add(train.answer, {jeunet});
    add(train.question, {word("who"), word("made"), alien});
    add(train.answer, {scott, jeunet});

    Split& test = dataset.splits["test"];
    add(test.question, {word("who"), word("made"), alien});  // as in "train", the answers in another order
    add(test.answer, {jeunet, scott});
    add(test.question, {word("filmed"), unknown_token});
    add(test.answer, {cannes});
    add(test.question, {amelie});
    add(test.answer, {});

    Split& story = dataset.splits["story"];
    add(story.question, {word("where")});
    add(story.answer, {kitchen});
    add(story.question, {word("where")});
    add(story.answer, {kitchen});
    add(story.local_slots.key, {word("went")});
    add(story.local_slots.value, {kitchen});
    add(story.local_slots.key, {word("left")});
    add(story.local_slots.value, {});
    story.local_offsets = {0, 2, 2};
    story.support = {{1, 0}, {0, 2, 2}};
    dataset.tasks = {"where", "who"};
    story.task = {0, 1};
    return dataset;
}

// What operator== would say, if vocabularies had one.
inline bool equal(const QaDataset& a, const QaDataset& b) {
    if (a.vocabulary.size() != b.vocabulary.size()) return false;
    for (Token token = 0; token < a.vocabulary.size(); ++token)
        if (a.vocabulary.text(token) != b.vocabulary.text(token) ||
            a.vocabulary.kind(token) != b.vocabulary.kind(token) ||
            a.vocabulary.count(token) != b.vocabulary.count(token))
            return false;
    return a.info.title == b.info.title && a.info.source == b.info.source && a.info.license == b.info.license &&
           a.info.generator == b.info.generator && a.memory == b.memory && a.tasks == b.tasks &&
           a.candidates == b.candidates && a.splits == b.splits;
}

}  // namespace kvmem::test
