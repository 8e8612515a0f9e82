#include "kvmem/tasks/qa/dataset.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/text/tokenizer.hpp"

#include <algorithm>

namespace kvmem {

const Split& QaDataset::split(const std::string& name) const {
    if (const auto at = splits.find(name); at != splits.end()) return at->second;
    std::string names;
    for (const auto& [other, split] : splits) names += (names.empty() ? "" : ", ") + other;
    throw Error({.what = "the data set has no such split",
                 .expected = names.empty() ? "no split: there are none" : "one of " + names,
                 .got = "'" + name + "'",
                 .where = info.title});
}

namespace {

// The checks of validate(), each of which throws Error with the part of the file.
struct Validator {
    std::string file;
    Token vocabulary_size;
    Index tasks;

    [[noreturn]] void refuse(const std::string& part, const std::string& what, const std::string& expected,
                             const std::string& got) const {
        throw Error({.what = what, .expected = expected, .got = got, .where = file + ": " + part});
    }

    void text(const std::string& part, const std::string& text) const {
        if (const std::size_t at = invalid_utf8_at(text); at != std::string::npos)
            refuse(part, "a text is not UTF-8", "UTF-8", "another byte at " + std::to_string(at));
    }

    void tokens(const std::string& part, std::span<const Token> tokens) const {
        for (std::size_t i = 0; i < tokens.size(); ++i)
            if (tokens[i] < 0 || tokens[i] >= vocabulary_size)
                refuse(part, "a token is not in the vocabulary", "0 to " + std::to_string(vocabulary_size - 1),
                       std::to_string(tokens[i]) + " at " + std::to_string(i));
    }

    void offsets(const std::string& part, std::span<const Index> offsets, Index size) const {
        if (offsets.empty() || offsets.front() != 0 || offsets.back() != size ||
            !std::is_sorted(offsets.begin(), offsets.end()))
            refuse(part, "the offsets are wrong", "them to rise from 0 to " + std::to_string(size), "others");
    }

    void rows(const std::string& part, const Ragged<Token>& rows) const {
        offsets(part + "/offsets", rows.offsets, static_cast<Index>(rows.values.size()));
        tokens(part + "/values", rows.values);
    }

    void same_size(const std::string& part, const char* what, Index expected, Index got) const {
        if (expected != got) refuse(part, what, std::to_string(expected), std::to_string(got));
    }

    void slots(const std::string& key, const std::string& value, const Slots& slots) const {
        rows(key, slots.key);
        rows(value, slots.value);
        same_size(value, "there are not as many values as keys", slots.key.size(), slots.value.size());
    }

    void split(const std::string& part, const Split& split) const {
        rows(part + "/question", split.question);
        rows(part + "/answer", split.answer);
        same_size(part + "/answer", "there are not as many answers as questions", split.size(), split.answer.size());
        task(part + "/task", split);
        slots(part + "/slot_key", part + "/slot_value", split.local_slots);
        if (!split.has_local_memory()) {
            same_size(part + "/slot_key", "there are slots that no example owns", 0, split.local_slots.size());
            same_size(part + "/support", "there is support without slots", 0, split.support.size());
            return;
        }
        same_size(part + "/slot_offsets", "the offsets do not cover the examples", split.size() + 1,
                  static_cast<Index>(split.local_offsets.size()));
        offsets(part + "/slot_offsets", split.local_offsets, split.local_slots.size());
        support(part + "/support", split);
    }

    void support(const std::string& part, const Split& split) const {
        if (split.support.offsets.size() == 1 && split.support.values.empty()) return;
        offsets(part + "/offsets", split.support.offsets, static_cast<Index>(split.support.values.size()));
        same_size(part + "/offsets", "support does not cover the examples", split.size(), split.support.size());
        for (Index i = 0; i < split.size(); ++i) {
            const auto [first, last] = split.local_slots_of(i);
            const Index slots = last - first;
            for (const Index slot : split.support[i])
                if (slot < 0 || slot >= slots)
                    refuse(part + "/values", "a supporting slot is none of the example's",
                           "0 to below " + std::to_string(slots), std::to_string(slot));
        }
    }

    void task(const std::string& part, const Split& split) const {
        if (split.task.empty()) return;
        same_size(part, "there are not as many tasks as questions", split.size(),
                  static_cast<Index>(split.task.size()));
        for (const Index task : split.task)
            if (task < 0 || task >= tasks)
                refuse(part, "no such task", "0 to below " + std::to_string(tasks), std::to_string(task));
    }

    void split_name(const std::string& name) const {
        const bool plain =
            !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
        if (!plain) refuse("/splits", "a split's name is wrong", "letters a-z, digits, _ and -", "'" + name + "'");
    }

    void info_text(const std::string& name, const std::string& value) const {
        text("@" + name, value);
        if (value.find('\0') != std::string::npos) refuse("@" + name, "a text holds a zero byte", "none", "one");
    }

    void vocabulary(const Vocabulary& vocabulary) const {
        for (Token token = 0; token < vocabulary.size(); ++token) {
            text("/vocab, entry " + std::to_string(token), vocabulary.text(token));
            if (vocabulary.count(token) < 0)
                refuse("/vocab/counts", "a count is negative", "0 or more", std::to_string(vocabulary.count(token)));
        }
    }

    void candidates(std::span<const Token> candidates) const {
        tokens("/candidates", candidates);
        const auto fall = std::adjacent_find(candidates.begin(), candidates.end(), std::greater_equal<>());
        if (fall != candidates.end())
            refuse("/candidates", "the candidates do not rise", "more than " + std::to_string(*fall),
                   std::to_string(*std::next(fall)));
    }
};

}  // namespace

void QaDataset::validate(const std::string& where) const {
    const Validator check{where, vocabulary.size(), static_cast<Index>(tasks.size())};
    check.info_text("title", info.title);
    check.info_text("source", info.source);
    check.info_text("license", info.license);
    check.info_text("generator", info.generator);
    check.vocabulary(vocabulary);
    for (const std::string& task : tasks) check.text("/tasks", task);
    check.slots("/memory/key", "/memory/value", memory);
    check.candidates(candidates);
    for (const auto& [name, split] : splits) {
        check.split_name(name);
        check.split("/splits/" + name, split);
    }
}

void QaDataset::count_tokens() {
    std::vector<std::int64_t> counts(vocabulary.size(), 0);
    const auto count = [&counts](const Ragged<Token>& rows) {
        for (const Token token : rows.values) ++counts.at(token);
    };
    count(memory.key);
    count(memory.value);
    if (const auto train = splits.find("train"); train != splits.end()) {
        count(train->second.question);
        count(train->second.answer);
        count(train->second.local_slots.key);
        count(train->second.local_slots.value);
    }
    for (Token token = 0; token < vocabulary.size(); ++token) vocabulary.set_count(token, counts[token]);
}

}  // namespace kvmem
