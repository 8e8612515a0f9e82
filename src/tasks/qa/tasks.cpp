#include "kvmem/tasks/qa/tasks.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

// Whether a text names a task: by its whole name, or as "4" names "qa4" and "qa4_two-argument-relations".
static bool is_called(const std::string& task, const std::string& text) {
    if (task == text) return true;
    const std::string numbered = "qa" + text;
    return task.rfind(numbered, 0) == 0 && (task.size() == numbered.size() || task[numbered.size()] == '_');
}

static std::string all_of(const std::vector<std::string>& tasks) {
    std::string all;
    for (const std::string& task : tasks) all += (all.empty() ? "" : ", ") + task;
    return all;
}

std::vector<Index> find_tasks(const QaDataset& dataset, std::span<const std::string> texts) {
    const std::vector<std::string>& tasks = dataset.tasks;
    std::vector<Index> found;
    for (const std::string& text : texts) {
        const auto at = std::find_if(tasks.begin(), tasks.end(), [&](const auto& t) { return is_called(t, text); });
        if (at == tasks.end())
            throw UsageError({.what = "no such task",
                              .expected = tasks.empty() ? "none: the data set has no tasks" : "of " + all_of(tasks),
                              .got = text,
                              .where = dataset.info.title});
        found.push_back(at - tasks.begin());
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

static Split part_of(const Split& split, const std::vector<Index>& tasks) {
    Split part;
    if (split.has_local_memory()) part.local_offsets.push_back(0);
    for (Index i = 0; i < split.size(); ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (!std::binary_search(tasks.begin(), tasks.end(), split.task[at])) continue;
        part.question.push_row(split.question[i]);
        part.answer.push_row(split.answer[i]);
        part.task.push_back(split.task[at]);
        if (!split.support.empty()) part.support.push_row(split.support[i]);
        if (!split.has_local_memory()) continue;
        const auto [first, last] = split.local_slots_of(i);
        for (Index s = first; s < last; ++s)
            part.local_slots.push(split.local_slots.key[s], split.local_slots.value[s]);
        part.local_offsets.push_back(part.local_slots.size());
    }
    return part;
}

std::vector<std::string> task_names(const QaDataset& dataset, std::span<const std::string> texts) {
    if (texts.empty()) return dataset.tasks;
    std::vector<std::string> names;
    for (const Index task : find_tasks(dataset, texts)) names.push_back(dataset.tasks[task]);
    return names;
}

void keep_tasks(QaDataset& dataset, std::span<const std::string> texts) {
    if (texts.empty()) return;
    const std::vector<Index> tasks = find_tasks(dataset, texts);
    for (auto& [name, split] : dataset.splits)
        if (!split.task.empty()) split = part_of(split, tasks);
    dataset.count_tokens();
    if (!dataset.splits.contains("train")) return;
    // The counts are those of the training split and the memory, so they tell which candidates training meets.
    std::erase_if(dataset.candidates, [&](Token token) { return dataset.vocabulary.count(token) == 0; });
}

}  // namespace kvmem
