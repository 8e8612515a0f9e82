#include "kvmem/tasks/selection/objective.hpp"

#include "io/content_hash.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/selection/evaluate.hpp"
#include "kvmem/tasks/selection/model_file.hpp"

namespace kvmem {

static std::vector<SelectionQuestion> answered(const SentencesDataset& dataset, const std::string& split,
                                               bool with_wrong) {
    std::vector<SelectionQuestion> questions;
    if (const auto found = dataset.splits.find(split); found != dataset.splits.end())
        for (const SelectionQuestion& question : found->second)
            if (question.answers() > 0 && (!with_wrong || question.answers() < question.size()))
                questions.push_back(question);
    return questions;
}

SelectionObjective::SelectionObjective(SelectionModel& model, const SentencesDataset& dataset)
    : model_(model),
      dataset_(dataset),
      training_(read_questions(answered(dataset, "train", true), model.lexicon())),
      valid_questions_(answered(dataset, "valid", false)) {
    valid_ = read_questions(valid_questions_, model.lexicon());
    if (training_.empty())
        throw Error({.what = "nothing to learn from",
                     .expected = "training questions with right and wrong sentences",
                     .got = "none",
                     .where = dataset.info.title});
    model_.prepare(training_);
}

Var SelectionObjective::loss(Tape& tape, std::span<const Index> items, Rng&) {
    std::vector<const ReadQuestion*> questions;
    for (const Index item : items) questions.push_back(&training_[item]);
    return model_.loss(tape, questions);
}

Validation SelectionObjective::validate() {
    const Ragged<Real> scores = model_.score(valid_);
    const SelectionEvaluation evaluation = evaluate(valid_questions_, scores);
    return {.examples = evaluation.size(),
            .loss = 1 - evaluation.map(),
            .score = right_weight(valid_questions_, scores),
            .others = {
                {"map", evaluation.map()}, {"mrr", evaluation.mrr()}, {"precision_at_1", evaluation.precision_at_1()}}};
}

void SelectionObjective::save(hdf5::Writer& file) const { write_model_info(file, model_); }
void SelectionObjective::load(const hdf5::Reader& file) { require_same_lexicon(model_, file); }

std::string SelectionObjective::fingerprint(std::string_view) const {
    std::string all;
    for (const auto& [name, questions] : dataset_.splits)
        for (const SelectionQuestion& question : questions) {
            all += name + '\0' + question.text + '\0' + question.title + '\0' + question.heading + '\0';
            for (const std::string& sentence : question.sentences) all += sentence + '\0';
            all.append(question.right.begin(), question.right.end());
        }
    return xxh3(std::string_view(all));
}

static std::string or_unknown(const std::string& text) { return text.empty() ? "not stated" : text; }

Description SelectionObjective::describe(const std::string& run_directory) const {
    Index sentences = 0;
    for (const ReadQuestion& question : training_) sentences += question.size();
    Description d;
    d.title = model_.name() + ": " + or_unknown(dataset_.info.title);
    d.summary = model_.summary();
    d.about = "It ranks the sentences that may answer a question.";
    d.facts = {{"source", or_unknown(dataset_.info.source)},
               {"license of the data", or_unknown(dataset_.info.license)},
               {"words with vectors", std::to_string(model_.lexicon().vectors.size())}};
    d.counts = {{"training question", items()}, {"training sentence", sentences}};
    d.use = "Measure it: `kvmem evaluate " + run_directory + "`.";
    return d;
}

}  // namespace kvmem
