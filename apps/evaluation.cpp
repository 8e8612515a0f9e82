#include "evaluation.hpp"

#include <chrono>
#include <mutex>

namespace kvmem::apps {

static Error no_split(const QaDataset& dataset, const std::string& split) {
    std::vector<std::string> names;
    for (const auto& [name, questions] : dataset.splits) names.push_back(name);
    return Error({.what = "the data set has no such split",
                  .expected = names.empty() ? "a data set with questions" : "--split " + joined(names, " or "),
                  .got = split,
                  .where = dataset.info.title});
}

static Index count_questions(std::span<ModelSource> sources, const std::string& split) {
    Index questions = 0;
    for (const ModelSource& source : sources) {
        if (!source.memory.splits.contains(split)) throw no_split(source.memory, split);
        questions += source.memory.split(split).size();
    }
    if (questions == 0)
        throw Error({.what = "nothing to measure", .expected = "questions", .got = "none", .where = "split " + split});
    return questions;
}

Evaluation evaluate_all(std::span<ModelSource> sources, const std::string& split_name) {
    const Index questions = count_questions(sources, split_name);
    Evaluation all;
    std::vector<Outcome> outcomes;
    Progress progress;
    std::mutex one_at_a_time;
    for (ModelSource& source : sources) {
        require_readable(*source.model, source.memory);
        source.model->adopt(source.memory);
        const Split& split = source.memory.split(split_name);
        const Retriever retriever(source.memory.memory, source.model->vocabulary(), source.model->retrieval());
        all.retrieves = all.retrieves && !retriever.facts();
        if (all.retrieves) {
            const RetrievalReport reach = report_retrieval(source.memory, split, retriever);
            all.recall += static_cast<double>(reach.found) / static_cast<double>(questions);
            all.slots += static_cast<double>(reach.slots) / static_cast<double>(questions);
        }
        const auto show = [&](Index done) {
            const std::lock_guard guard(one_at_a_time);
            const Index so_far = done + std::ssize(outcomes);
            if (progress.due()) progress.show(std::to_string(so_far) + " of " + plural(questions, "question"));
        };
        const auto begin = std::chrono::steady_clock::now();
        all.outcomes.push_back(answer_all(*source.model, source.memory, split, retriever, Trace::attention, show));
        all.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        outcomes.insert(outcomes.end(), all.outcomes.back().begin(), all.outcomes.back().end());
        const RefusalReport mine = refusals_of(all.outcomes.back(), source.model->min_certainty());
        all.refusals.answerable += mine.answerable, all.refusals.answered += mine.answered;
        all.refusals.unanswerable += mine.unanswerable, all.refusals.refused += mine.refused;
    }
    progress.clear();
    all.metrics = metrics_of(outcomes);
    all.tasks = reports_by_task(outcomes, sources.front().memory.tasks);
    all.support = support_of(outcomes);
    for (const TaskReport& task : all.tasks)
        all.paths.push_back(text_of(sources.front().model->vocabulary(), task.path));
    return all;
}

}  // namespace kvmem::apps
