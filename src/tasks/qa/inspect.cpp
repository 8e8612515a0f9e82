#include "kvmem/tasks/qa/inspect.hpp"

#include <algorithm>
#include <unordered_set>

namespace kvmem {

static LengthReport lengths(const Ragged<Token>& rows) {
    LengthReport report;
    if (rows.empty()) return report;
    report.min = static_cast<Index>(rows[0].size());
    for (Index i = 0; i < rows.size(); ++i) {
        const auto length = static_cast<Index>(rows[i].size());
        report.min = std::min(report.min, length);
        report.max = std::max(report.max, length);
    }
    report.mean = static_cast<double>(rows.values.size()) / static_cast<double>(rows.size());
    return report;
}

static void append(std::string& text, std::span<const Token> tokens) {
    const auto bytes = std::as_bytes(tokens);
    const std::size_t size = bytes.size();
    text.append(reinterpret_cast<const char*>(&size), sizeof size);
    text.append(reinterpret_cast<const char*>(bytes.data()), size);
}

// The bytes of all contents of an example: equal for equal examples, whatever the order of their answers.
static std::string identity(const Split& split, Index example) {
    std::string text;
    append(text, split.question[example]);
    std::vector<Token> answers(split.answer[example].begin(), split.answer[example].end());
    std::sort(answers.begin(), answers.end());
    append(text, answers);
    const auto [first, last] = split.local_slots_of(example);
    for (Index slot = first; slot < last; ++slot) {
        append(text, split.local_slots.key[slot]);
        append(text, split.local_slots.value[slot]);
    }
    return text;
}

static Index distinct(const Ragged<Token>& rows) {
    std::unordered_set<std::string> seen;
    for (Index i = 0; i < rows.size(); ++i) {
        std::string row;
        append(row, rows[i]);
        seen.insert(std::move(row));
    }
    return static_cast<Index>(seen.size());
}

namespace {

// What each split is compared with: the shared memory and the training split.
struct Reference {
    const QaDataset& dataset;
    std::unordered_set<Token> values;  // of the shared memory
    std::unordered_set<std::string> train;
    bool has_train;

    explicit Reference(const QaDataset& of)
        : dataset(of),
          values(of.memory.value.values.begin(), of.memory.value.values.end()),
          has_train(of.splits.contains("train")) {
        if (!has_train) return;
        const Split& split = of.split("train");
        for (Index i = 0; i < split.size(); ++i) train.insert(identity(split, i));
    }

    bool is_unknown(Token token) const {
        const Vocabulary& vocabulary = dataset.vocabulary;
        const bool untrained = vocabulary.kind(token) == TokenKind::word && vocabulary.count(token) == 0;
        return token == unknown_token || (has_train && untrained);
    }
    bool is_entity(Token token) const { return dataset.vocabulary.kind(token) == TokenKind::entity; }
    bool is_candidate(Token token) const {
        return std::binary_search(dataset.candidates.begin(), dataset.candidates.end(), token);
    }
    bool is_reachable(const Split& split, Index example, Token answer) const {
        if (values.count(answer) > 0) return true;
        const auto [first, last] = split.local_slots_of(example);
        for (Index slot = first; slot < last; ++slot)
            if (std::ranges::find(split.local_slots.value[slot], answer) != split.local_slots.value[slot].end())
                return true;
        return false;
    }
};

}  // namespace

static SplitReport inspect_split(const Split& split, bool is_train, const Reference& reference) {
    SplitReport report;
    report.examples = split.size();
    report.question = lengths(split.question);
    report.answers = lengths(split.answer);
    report.question_tokens = static_cast<Index>(split.question.values.size());
    report.local_slots = split.local_slots.size();
    for (Index i = 0; i < split.size(); ++i) {
        const auto question = split.question[i];
        const auto answer = split.answer[i];
        report.unknown_tokens +=
            std::count_if(question.begin(), question.end(), [&](Token token) { return reference.is_unknown(token); });
        report.without_entity +=
            std::none_of(question.begin(), question.end(), [&](Token token) { return reference.is_entity(token); });
        report.without_answer += answer.empty();
        report.unreachable += !answer.empty() && std::none_of(answer.begin(), answer.end(), [&](Token token) {
            return reference.is_reachable(split, i, token);
        });
        report.outside_candidates +=
            std::count_if(answer.begin(), answer.end(), [&](Token token) { return !reference.is_candidate(token); });
        report.leaked += !is_train && reference.train.count(identity(split, i)) > 0;
    }
    return report;
}

DatasetReport inspect_dataset(const QaDataset& dataset) {
    DatasetReport report;
    for (Token token = 0; token < dataset.vocabulary.size(); ++token)
        ++report.tokens_by_kind[static_cast<std::size_t>(dataset.vocabulary.kind(token))];
    report.candidates = static_cast<Index>(dataset.candidates.size());
    report.memory = {.slots = dataset.memory.size(),
                     .distinct_keys = distinct(dataset.memory.key),
                     .key = lengths(dataset.memory.key),
                     .value = lengths(dataset.memory.value)};
    const Reference reference(dataset);
    for (const auto& [name, split] : dataset.splits)
        report.splits.emplace(name, inspect_split(split, name == "train", reference));
    return report;
}

}  // namespace kvmem
