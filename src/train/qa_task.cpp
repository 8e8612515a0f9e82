#include "train/qa_task.hpp"

#include "data/content_hash.hpp"

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
    units_.resize(stories_.size() - 1);
    std::iota(units_.begin(), units_.end(), Index{0});
    if (balanced) balance();
}

// As often, whole, as brings a task nearest to the largest one from below.
void QaTask::balance() {
    if (train_.task.empty()) return;
    const auto task_of = [&](Index unit) {
        const Index first = stories_[static_cast<std::size_t>(unit)];
        return static_cast<std::size_t>(train_.task[static_cast<std::size_t>(first)]);
    };
    std::vector<Index> counts(dataset_.tasks.size()), repeated;
    for (const Index unit : units_) counts[task_of(unit)] += questions(unit);
    const Index most = *std::ranges::max_element(counts);
    for (const Index unit : units_)
        repeated.insert(repeated.end(), static_cast<std::size_t>(most / std::max<Index>(counts[task_of(unit)], 1)),
                        unit);
    units_ = std::move(repeated);
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

std::string content_hash_of(const QaDataset& dataset) {
    std::string hashes;
    const auto add = [&](const auto& values) { hashes += xxh3(std::as_bytes(std::span(values))); };
    const auto add_rows = [&](const Ragged<Token>& rows) {
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
    }
    return xxh3(hashes);
}

}  // namespace kvmem
