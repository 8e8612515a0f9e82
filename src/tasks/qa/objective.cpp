#include "kvmem/tasks/qa/objective.hpp"

#include "io/content_hash.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "tasks/qa/paraphrases.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

namespace kvmem {

QaObjective::QaObjective(Model& model, const QaDataset& dataset, const QaEpoch& epoch)
    : model_(model),
      dataset_(dataset),
      epoch_(epoch),
      train_(dataset.split("train")),
      retriever_(dataset.memory, dataset.vocabulary, model.retrieval()),
      stories_(model.reads_stories() ? story_offsets(train_) : single_offsets(train_)) {
    require_readable(model, dataset);
    const auto valid = dataset.splits.find("valid");
    if (valid != dataset.splits.end() && valid->second.size() > 0) valid_ = &valid->second;
    all_.resize(stories_.size() - 1);
    std::iota(all_.begin(), all_.end(), Index{0});
    if (epoch.balanced) repeat_small_tasks();
    items_ = all_;
    if (epoch.paraphrased > 0 && !train_.has_local_memory()) find_paraphrases();
    if (!epoch.focused || !valid_ || valid_->task.empty() || train_.task.empty()) return;
    examples_.resize(dataset.tasks.size());
    for (const Index task : valid_->task) ++examples_[task];
}

QaObjective::~QaObjective() = default;

void QaObjective::find_paraphrases() {
    std::optional<Facts> own;
    if (!retriever_.facts()) own = facts_of(dataset_.memory, dataset_.vocabulary);
    paraphrases_ = std::make_unique<Paraphrases>(train_, dataset_.vocabulary, own ? *own : *retriever_.facts(),
                                                 model_.retrieval().hops);
}

Index QaObjective::task_of(Index story) const { return train_.task[stories_[story]]; }

// Repeats the stories of each task as often as leaves it no larger than the largest task.
void QaObjective::repeat_small_tasks() {
    if (train_.task.empty()) return;
    std::vector<Index> counts(dataset_.tasks.size()), repeated;
    for (const Index story : all_) counts[task_of(story)] += stories_[story + 1] - stories_[story];
    const Index largest = *std::ranges::max_element(counts);
    for (const Index story : all_)
        repeated.insert(repeated.end(), largest / std::max<Index>(counts[task_of(story)], 1), story);
    all_ = std::move(repeated);
}

// The certainty that answers need, by what 95 % of the validation questions reach. New phrasings are less certain than
// those of validation, which are often those of training. So there is an upper bound, which is lower the fewer
// questions there are: of 34 in three phrasings it says little about a fourth.
static double enough(double reached, Index questions) {
    const auto n = static_cast<double>(questions);
    return std::min(reached, 0.15 * n / (n + 200));
}

Validation QaObjective::validate() {
    const std::vector<Outcome> outcomes = answer_all(model_, dataset_, *valid_, retriever_);
    errors_.assign(examples_.size(), 0);
    if (!examples_.empty())
        for (const Outcome& outcome : outcomes) errors_[outcome.task] += outcome.rank != 1;
    if (model_.scores_few()) certainty_ = enough(certainty_reached(outcomes, 0.95), std::ssize(outcomes));
    const Metrics metrics = metrics_of(outcomes);
    return {metrics.questions,
            metrics.loss,
            metrics.hits_at_1,
            {{"hits_at_10", metrics.hits_at_10}, {"mean_reciprocal_rank", metrics.mean_reciprocal_rank}}};
}

// How often the stories of a task come in an epoch. A task with 5 % of wrong answers or more, or without validation
// examples, comes eleven times as often as one without errors, which still comes so that it is not forgotten.
static double weight_of(Index errors, Index examples) {
    constexpr double rest = 0.1, enough = 0.05;
    const double share = examples > 0 ? static_cast<double>(errors) / static_cast<double>(examples) : 1;
    return rest + std::clamp(share / enough, 0.0, 1.0);
}

void QaObjective::begin_epoch(Index, std::span<const Index> errors, Rng rng) {
    items_ = all_;
    if (!epoch_.focused || errors.empty()) return;
    if (errors.size() != examples_.size())
        throw Error({.what = "the checkpoint is of another data set",
                     .expected = std::to_string(examples_.size()) + " tasks",
                     .got = std::to_string(errors.size()),
                     .hint = "begin a new run"});
    rng.shuffle(std::span(items_));
    std::vector<std::vector<Index>> stories(errors.size());
    for (const Index story : items_) stories[task_of(story)].push_back(story);
    std::vector<double> ends;  // of each task's part of the epoch, before all parts are scaled to its size
    double end = 0;
    for (std::size_t t = 0; t < errors.size(); ++t)
        ends.push_back(end += weight_of(errors[t], examples_[t]) * static_cast<double>(stories[t].size()));
    items_.clear();
    for (std::size_t t = 0; t < errors.size(); ++t) {
        const auto size = static_cast<std::size_t>(ends[t] / end * static_cast<double>(all_.size()));
        for (std::size_t i = 0; items_.size() < size; ++i) items_.push_back(stories[t][i % stories[t].size()]);
    }
}

Index QaObjective::items_of(Index task) const {
    return std::ranges::count_if(items_, [&](Index story) { return task_of(story) == task; });
}

Index QaObjective::examples(Index item) const {
    const Index u = items_[item];
    return stories_[u + 1] - stories_[u];
}

Var QaObjective::loss(Tape& tape, std::span<const Index> items, Rng& rng) {
    Batch batch;
    for (const Index item : items) {
        const Index u = items_[item];
        if (paraphrases_ && rng.uniform() < epoch_.paraphrased)
            add_example(batch, paraphrases_->rewrite(stories_[u], rng), train_.answer[stories_[u]], dataset_.memory,
                        retriever_);
        else
            add_story(batch, dataset_, train_, stories_[u], stories_[u + 1], retriever_);
    }
    return model_.loss(tape, batch, rng);
}

void QaObjective::save(hdf5::Writer& file) const { write_model_info(file, model_); }
void QaObjective::load(const hdf5::Reader& file) {
    require_same_vocabulary(model_.vocabulary(), file);
    model_.set_min_certainty(read_min_certainty(file));
}

static std::string hash_of(const WordVectors& vectors) {
    std::string all = xxh3(std::as_bytes(vectors.matrix().span()));
    for (const std::string& word : vectors.words()) all += '\0' + word;
    return xxh3(all);
}

std::string QaObjective::fingerprint(std::string_view like) const {
    const std::string data = like.empty() ? content_hash_of(dataset_) : content_hash_of(dataset_, like);
    const WordVectors* vectors = model_.lexicon().vectors();
    return vectors ? data + "-" + hash_of(*vectors) : data;
}

Description QaObjective::describe(const std::string& run_directory) const {
    const auto or_unknown = [](const std::string& text) { return text.empty() ? "not stated" : text; };
    const DatasetInfo& info = dataset_.info;
    Description d;
    d.title = model_.name() + ": " + or_unknown(info.title);
    d.summary = model_.summary();
    d.about = "It answers questions from the facts of a memory; it holds no facts itself. It answers with one of " +
              std::to_string(model_.candidates().size()) + " names, whether or not one is right.";
    d.facts = {{"source", or_unknown(info.source)}, {"license of the data", or_unknown(info.license)}};
    d.counts = {{"training question", train_.size()}};
    if (dataset_.memory.size() > 0) d.counts.emplace_back("memory slot", dataset_.memory.size());
    d.use = "Ask it: `kvmem ask " + run_directory + " \"...\"`.";
    return d;
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
        add_rows(split->second.local_slots.key);
        add_rows(split->second.local_slots.value);
        add(split->second.local_offsets);
        if (version.empty()) continue;
        add(split->second.task);
        add_rows(split->second.support);
    }
    if (!version.empty())
        for (const std::string& task : dataset.tasks) add(task);
    return version + xxh3(hashes);
}

}  // namespace kvmem
