#include "kvmem/tasks/qa/dataset.hpp"

#include "io/file_checks.hpp"
#include "io/split_named.hpp"
#include "kvmem/core/text.hpp"

#include <algorithm>

namespace kvmem {

const Split& QaDataset::split(const std::string& name) const {
    if (splits.empty())
        throw Error({.what = "the data set has no questions",
                     .expected = "a split '" + name + "'",
                     .got = "a memory alone",
                     .where = info.title,
                     .hint = documents ? "ask the documents as they are, with 'kvmem ask'"
                                       : "import it again, with --templates or files of questions"});
    return split_named(splits, name, info);
}

namespace {

// The checks of validate(), each of which throws Error with the part of the file.
struct Validator : FileChecks {
    Token vocabulary_size;
    Index tasks;

    void rows(const std::string& part, const Ragged<Token>& rows) const {
        FileChecks::rows(part, rows, vocabulary_size);
    }

    void slots(const std::string& key, const std::string& value, const Slots& slots) const {
        rows(key, slots.key);
        rows(value, slots.value);
        same_size(value, "there are not as many values as keys", slots.key.size(), slots.value.size());
    }

    void origin(const std::vector<SlotOrigin>& origin, Index slots) const {
        if (origin.empty()) return;
        same_size("/memory/origin", "there are not as many origins as slots", slots, std::ssize(origin));
        for (const SlotOrigin& o : origin)
            if (o.document < -1 || o.begin < 0 || o.end < o.begin)
                refuse("/memory/origin", "an origin is no range of bytes", "0 <= begin <= end",
                       std::to_string(o.begin) + " to " + std::to_string(o.end));
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

    void vocabulary(const Vocabulary& vocabulary) const {
        for (Token token = 0; token < vocabulary.size(); ++token) {
            if (invalid_utf8_at(vocabulary.text(token)) != std::string::npos)
                text("/vocab, entry " + std::to_string(token), vocabulary.text(token));
            if (vocabulary.count(token) < 0)
                refuse("/vocab/counts", "a count is negative", "0 or more", std::to_string(vocabulary.count(token)));
        }
    }

    void candidates(std::span<const Token> candidates) const {
        tokens("/candidates", candidates, vocabulary_size);
        const auto fall = std::adjacent_find(candidates.begin(), candidates.end(), std::greater_equal<>());
        if (fall != candidates.end())
            refuse("/candidates", "the candidates do not rise", "more than " + std::to_string(*fall),
                   std::to_string(*std::next(fall)));
    }
};

}  // namespace

void QaDataset::validate(const std::string& where) const {
    const Validator check{{where}, vocabulary.size(), static_cast<Index>(tasks.size())};
    check.info(info);
    check.vocabulary(vocabulary);
    for (const std::string& task : tasks) check.text("/tasks", task);
    check.slots("/memory/key", "/memory/value", memory);
    check.origin(origin, memory.size());
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
