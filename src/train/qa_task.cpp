#include "train/qa_task.hpp"

#include "io/content_hash.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

QaTask::QaTask(Model& model, const QaDataset& dataset, bool balanced)
    : model_(model),
      dataset_(dataset),
      train_(dataset.split("train")),
      retriever_(dataset.memory, dataset.vocabulary, model.retrieval()),
      stories_(model.reads_stories() ? story_offsets(train_) : single_offsets(train_)) {
    const auto valid = dataset.splits.find("valid");
    if (valid != dataset.splits.end() && valid->second.size() > 0) valid_ = &valid->second;
    all_.resize(stories_.size() - 1);
    std::iota(all_.begin(), all_.end(), Index{0});
    if (balanced) balance();
    units_ = all_;
    if (!valid_ || valid_->task.empty() || train_.task.empty()) return;
    asked_.resize(dataset.tasks.size());
    for (const Index task : valid_->task) ++asked_[static_cast<std::size_t>(task)];
}

std::size_t QaTask::task_of(Index story) const {
    const Index first = stories_[static_cast<std::size_t>(story)];
    return static_cast<std::size_t>(train_.task[static_cast<std::size_t>(first)]);
}

// As often, whole, as brings a task nearest to the largest one from below.
void QaTask::balance() {
    if (train_.task.empty()) return;
    std::vector<Index> counts(dataset_.tasks.size()), repeated;
    for (const Index story : all_)
        counts[task_of(story)] +=
            stories_[static_cast<std::size_t>(story + 1)] - stories_[static_cast<std::size_t>(story)];
    const Index most = *std::ranges::max_element(counts);
    for (const Index story : all_)
        repeated.insert(repeated.end(), static_cast<std::size_t>(most / std::max<Index>(counts[task_of(story)], 1)),
                        story);
    all_ = std::move(repeated);
}

Metrics QaTask::validate() {
    const std::vector<Outcome> outcomes = answer_all(model_, dataset_, *valid_, retriever_);
    wrong_.assign(asked_.size(), 0);
    if (!asked_.empty())
        for (const Outcome& outcome : outcomes) wrong_[static_cast<std::size_t>(outcome.task)] += outcome.rank != 1;
    return metrics_of(outcomes);
}

// How often the stories of a task come: those of one with 5 % of wrong answers or more, or that nothing is known of,
// eleven times as often as those of one without, which so is not forgotten.
static double weight_of(Index wrong, Index asked) {
    constexpr double rest = 0.1, enough = 0.05;
    const double share = asked > 0 ? static_cast<double>(wrong) / static_cast<double>(asked) : 1;
    return rest + std::clamp(share / enough, 0.0, 1.0);
}

void QaTask::draw(std::span<const Index> wrong, Rng rng) {
    units_ = all_;
    if (wrong.empty()) return;
    if (wrong.size() != asked_.size())
        throw Error({.what = "the checkpoint is of another data set",
                     .expected = std::to_string(asked_.size()) + " tasks",
                     .got = std::to_string(wrong.size()),
                     .where = {},
                     .hint = "begin a new run"});
    rng.shuffle(std::span(units_));
    std::vector<std::vector<Index>> stories(wrong.size());
    for (const Index story : units_) stories[task_of(story)].push_back(story);
    std::vector<double> ends;  // of the tasks' parts of the epoch, before they are scaled to its size
    double end = 0;
    for (std::size_t t = 0; t < wrong.size(); ++t)
        ends.push_back(end += weight_of(wrong[t], asked_[t]) * static_cast<double>(stories[t].size()));
    units_.clear();
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        const auto size = static_cast<std::size_t>(ends[t] / end * static_cast<double>(all_.size()));
        for (std::size_t i = 0; units_.size() < size; ++i) units_.push_back(stories[t][i % stories[t].size()]);
    }
}

Index QaTask::units_of(Index task) const {
    return std::ranges::count_if(units_, [&](Index story) { return task_of(story) == static_cast<std::size_t>(task); });
}

Index QaTask::questions(Index unit) const {
    const auto u = static_cast<std::size_t>(units_[static_cast<std::size_t>(unit)]);
    return stories_[u + 1] - stories_[u];
}

Var QaTask::loss(Tape& tape, std::span<const Index> units, Rng& rng) {
    Batch batch;
    for (const Index unit : units) {
        const auto u = static_cast<std::size_t>(units_[static_cast<std::size_t>(unit)]);
        add_story(batch, dataset_, train_, stories_[u], stories_[u + 1], retriever_);
    }
    return model_.loss(tape, batch, rng);
}

std::string content_hash_of(const QaDataset& dataset, std::string_view like) {
    const std::string version = like.starts_with("2-") ? "2-" : "";
    std::string hashes;
    hashes.reserve(static_cast<std::size_t>(dataset.vocabulary.size()) * 24 + 1024);
    const auto add = [&](const auto& values) { hashes += xxh3(std::as_bytes(std::span(values))); };
    const auto add_rows = [&](const auto& rows) {
        add(rows.values);
        add(rows.offsets);
    };
    for (Token token = 0; token < dataset.vocabulary.size(); ++token) {
        add(dataset.vocabulary.text(token));
        hashes += std::to_string(static_cast<int>(dataset.vocabulary.kind(token))) + " " +
                  std::to_string(dataset.vocabulary.count(token));
    }
    add(dataset.candidates);
    add_rows(dataset.memory.key);
    add_rows(dataset.memory.value);
    for (const char* name : {"train", "valid"}) {
        const auto split = dataset.splits.find(name);
        if (split == dataset.splits.end()) continue;
        add(std::string(name));
        add_rows(split->second.question);
        add_rows(split->second.answer);
        add_rows(split->second.own.key);
        add_rows(split->second.own.value);
        add(split->second.own_offsets);
        if (version.empty()) continue;
        add(split->second.task);
        add_rows(split->second.support);
    }
    if (!version.empty())
        for (const std::string& task : dataset.tasks) add(task);
    return version + xxh3(hashes);
}

}  // namespace kvmem
