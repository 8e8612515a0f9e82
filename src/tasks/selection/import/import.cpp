#include "kvmem/tasks/selection/import.hpp"

#include "io/content_hash.hpp"
#include "kvmem/core/rng.hpp"
#include "tasks/selection/import/sources.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace kvmem {

static SentencesLayout layout_of(const Source& source) {
    const std::size_t begin = source.text.find_first_not_of("\xEF\xBB\xBF \t\r\n");
    if (begin != std::string::npos && source.text[begin] == '{') return SentencesLayout::jsonl;
    if (begin != std::string::npos && source.text.compare(begin, 8, "<QApairs") == 0) return SentencesLayout::trecqa;
    return SentencesLayout::tsv;
}

std::vector<SelectionQuestion> questions_from(const Source& source, const SentencesImport& import) {
    const bool guess = import.layout == SentencesLayout::automatic;
    switch (guess ? layout_of(source) : import.layout) {
        case SentencesLayout::trecqa:
            return questions_from_trecqa(source, import);
        case SentencesLayout::jsonl:
            return questions_from_jsonl(source, import);
        default:
            return questions_from_tsv(source, import);
    }
}

std::vector<SelectionQuestion> take_validation(std::vector<SelectionQuestion>& train, double fraction,
                                               std::uint64_t seed) {
    const auto group_of = [](const SelectionQuestion& question) {
        return question.title.empty() ? question.text : question.title;
    };
    std::map<std::string, Index> groups;  // with their numbers of questions
    for (const SelectionQuestion& question : train) ++groups[group_of(question)];
    std::vector<std::pair<std::string, Index>> order(groups.begin(), groups.end());
    Rng(seed).shuffle(std::span(order));
    std::map<std::string, bool> drawn;
    auto wanted = static_cast<Index>(std::llround(fraction * static_cast<double>(train.size())));
    for (const auto& [group, count] : order) {
        if (wanted <= 0 || drawn.size() + 1 == order.size()) break;
        drawn[group] = true;
        wanted -= count;
    }
    std::vector<SelectionQuestion> valid, rest;
    for (SelectionQuestion& question : train)
        (drawn.contains(group_of(question)) ? valid : rest).push_back(std::move(question));
    train = std::move(rest);
    return valid;
}

// Whether the right sentences stand before the wrong ones in most lists, more than chance or a document would have it.
static bool are_by_label(std::span<const SelectionQuestion> questions) {
    double sorted = 0, lists = 0;
    for (const SelectionQuestion& question : questions) {
        const Index answers = question.answers();
        if (answers == 0 || answers == question.size()) continue;
        ++lists;
        sorted += std::ranges::is_sorted(question.right, std::greater());
    }
    return lists >= 5 && sorted > 0.9 * lists;
}

// Puts the candidates in an order that says nothing: that of the hashes of their texts.
static void forget_order(SelectionQuestion& question) {
    std::vector<std::pair<std::string, Index>> order;
    for (Index i = 0; i < question.size(); ++i) order.emplace_back(xxh3(question.sentences[i]), i);
    std::ranges::sort(order);
    SelectionQuestion sorted = question;
    for (Index i = 0; i < question.size(); ++i) {
        sorted.sentences[i] = question.sentences[order[i].second];
        sorted.right[i] = question.right[order[i].second];
    }
    question = std::move(sorted);
}

void hide_labels(std::span<SelectionQuestion> questions) {
    if (are_by_label(questions))
        for (SelectionQuestion& question : questions) forget_order(question);
}

static void read_files(SentencesDataset& dataset, const char* split, const std::vector<std::filesystem::path>& paths,
                       const SentencesImport& import) {
    for (const Source& source : read_sources(paths, "questions with sentences")) {
        std::vector<SelectionQuestion> questions = questions_from(source, import);
        if (questions.empty()) throw error_in(source.name, "the file has no questions", "one or more");
        hide_labels(questions);
        std::ranges::move(questions, std::back_inserter(dataset.splits[split]));
    }
}

SentencesDataset import_sentences(const SentencesImport& import) {
    if (import.train.empty() && import.valid.empty() && import.test.empty())
        throw usage_error("nothing to import", "files of questions with sentences");
    const double fraction = import.valid_fraction.value_or(import.valid.empty() ? 0.1 : 0);
    require_valid_fraction(fraction, !import.valid.empty(), "questions");
    SentencesDataset dataset;
    dataset.info = import.info;
    read_files(dataset, "train", import.train, import);
    read_files(dataset, "valid", import.valid, import);
    read_files(dataset, "test", import.test, import);
    if (fraction > 0 && dataset.splits.contains("train")) {
        std::vector<SelectionQuestion> valid = take_validation(dataset.splits["train"], fraction, import.seed);
        if (!valid.empty()) dataset.splits["valid"] = std::move(valid);
    }
    return dataset;
}

}  // namespace kvmem
