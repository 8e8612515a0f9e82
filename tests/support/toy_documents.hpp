// Documents about films that nobody made, with questions, for tests of readers.
#pragma once

#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/documents/representation.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::test {

// `films` documents, "Film 7 is a film by Maker 7 with Actor 7.", numbered from `first`, and two questions about each.
inline QaDataset toy_documents(Index films, Index first, const documents::RepresentationOptions& options = {}) {
    QaDataset dataset;
    std::vector<documents::TitledText> texts;
    const auto name = [&](const std::string& kind, Index i) { return kind + " " + std::to_string(i); };
    Vocabulary& words = dataset.vocabulary;
    Split& train = dataset.splits["train"];
    for (Index i = first; i < first + films; ++i) {
        const Token film = words.add(TokenKind::entity, name("Film", i));
        const Token maker = words.add(TokenKind::entity, name("Maker", i));
        const Token actor = words.add(TokenKind::entity, name("Actor", i));
        texts.push_back({name("Film", i), i % 2 ? name("Film", i) + " is a film by " + name("Maker", i) + " with " +
                                                      name("Actor", i) + "."
                                                : name("Maker", i) + " made it, and " + name("Actor", i) + " stars."});
        train.question.push_row(
            std::array{words.add(TokenKind::word, "who"), words.add(TokenKind::word, "made"), film});
        train.answer.push_row(std::array{maker});
        train.question.push_row(
            std::array{words.add(TokenKind::word, "who"), words.add(TokenKind::word, "stars"), film});
        train.answer.push_row(std::array{actor});
    }
    auto corpus = std::make_shared<documents::Corpus>();
    corpus->collection = documents::collect(texts);
    corpus->postings = documents::make_postings(corpus->collection);
    documents::DocumentMemory memory = documents::represent(corpus->collection, words, options);
    dataset.documents = std::move(corpus);
    dataset.memory = std::move(memory.slots);
    dataset.origin = std::move(memory.origin);
    for (Token token = 0; token < words.size(); ++token)
        if (words.kind(token) == TokenKind::entity) dataset.candidates.push_back(token);
    dataset.count_tokens();
    return dataset;
}

}  // namespace kvmem::test
