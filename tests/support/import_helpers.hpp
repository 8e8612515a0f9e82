// Small words for what the tests of importers and of the linker look at.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/import.hpp"

#include <algorithm>
#include <span>
#include <string>
#include <vector>

namespace kvmem::test {

inline std::vector<std::string> texts(const Vocabulary& vocabulary, std::span<const Token> tokens) {
    std::vector<std::string> texts;
    for (const Token token : tokens) texts.push_back(vocabulary.text(token));
    return texts;
}

// "who directed <Kismet>": the texts of tokens, entities between angle brackets.
inline std::string shown(const Vocabulary& vocabulary, std::span<const Token> tokens) {
    std::string text;
    for (const Token token : tokens) {
        const bool entity = vocabulary.kind(token) == TokenKind::entity;
        text += (text.empty() ? "" : " ") + (entity ? "<" + vocabulary.text(token) + ">" : vocabulary.text(token));
    }
    return text;
}

// All questions of a split as shown(), with answers: "who directed <Kismet> = <William Dieterle>".
inline std::vector<std::string> questions(const QaDataset& dataset, const std::string& name) {
    std::vector<std::string> all;
    const auto split = dataset.splits.find(name);
    if (split == dataset.splits.end()) return all;
    for (Index i = 0; i < split->second.size(); ++i)
        all.push_back(shown(dataset.vocabulary, split->second.question[i]) + " = " +
                      shown(dataset.vocabulary, split->second.answer[i]));
    return all;
}

// All slots as "key -> value".
inline std::vector<std::string> slots(const QaDataset& dataset, const Slots& slots) {
    std::vector<std::string> all;
    for (Index i = 0; i < slots.size(); ++i)
        all.push_back(shown(dataset.vocabulary, slots.key[i]) + " -> " + shown(dataset.vocabulary, slots.value[i]));
    return all;
}

inline bool contains(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

// What the Error says that `action` throws; empty when it throws none.
template <class Action>
std::string error_of(Action action) {
    try {
        action();
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

}  // namespace kvmem::test
