// Next sentences as a type of tasks for training runs: files, objective and task type.
#include "io/content_hash.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/io/parameters.hpp"
#include "kvmem/tasks/qa/documents/next_sentence.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "train/model_entry.hpp"

namespace kvmem {

namespace documents {

// --- files

static void write_model_info(hdf5::Writer& file, const NextSentence& model) {
    write_settings(file, model.settings(), next_sentence_prediction());
    file.write("/words", std::span<const std::string>(model.words()));
}

void save_next_sentence(const NextSentence& model, const std::filesystem::path& path) {
    hdf5::Writer file(model_format, model_version);
    write_model_info(file, model);
    write_parameters(file, model.parameters());
    file.save(path);
}

std::unique_ptr<NextSentence> load_next_sentence(const std::filesystem::path& path) {
    const hdf5::Reader file(path, model_format, model_version);
    const Settings settings = read_settings(file, next_sentence_prediction());
    std::unique_ptr<NextSentence> model;
    try {
        model =
            std::make_unique<NextSentence>(*settings.get<NextSentenceConfig>(), file.strings("/words"), Start::zeros);
    } catch (const Error& e) {
        throw Error(e.problem_at(file.name() + ": /words"));
    }
    read_parameters(model->parameters(), file);
    return model;
}

Metadata metadata_of(const NextSentence& model) {
    return {{"model", NextSentenceConfig::kind}, {"config", to_json(model.settings())}};
}

// --- objective

static std::string hash_of(const Collection& documents) {
    std::string all = documents.text;
    for (const Sentence& sentence : documents.sentences) all += "\n" + std::to_string(sentence.text.last);
    return xxh3(std::string_view(all));
}

NextSentenceObjective::NextSentenceObjective(NextSentence& model, const Collection& documents, const std::string& title)
    : model_(model), title_(title), hash_(hash_of(documents)) {
    const SentencePairs all = sentence_pairs(documents, model);
    training_ = training_pairs(all);
    valid_ = validation_pairs(all);
    if (training_.size() == 0)
        throw Error({.what = "nothing to learn from",
                     .expected = "documents in which sentences of running text follow each other",
                     .got = "none",
                     .where = title});
}

Validation NextSentenceObjective::validate() {
    const NextSentenceMetrics metrics = evaluate(model_, valid_);
    return {.examples = metrics.pairs,
            .loss = metrics.loss,
            .score = metrics.hits_at_1,
            .others = {{"mrr", metrics.mrr}, {"chance", metrics.chance}}};
}

void NextSentenceObjective::save(hdf5::Writer& file) const { write_model_info(file, model_); }

void NextSentenceObjective::load(const hdf5::Reader& file) {
    if (file.strings("/words") == model_.words()) return;
    throw Error({.what = "the documents have changed since this checkpoint",
                 .expected = "the same words",
                 .got = "others",
                 .where = file.name(),
                 .hint = "begin a new run"});
}

std::string NextSentenceObjective::fingerprint(std::string_view) const { return hash_; }

Description NextSentenceObjective::describe(const std::string& run_directory) const {
    Description d;
    d.title = model_.name() + ": " + (title_.empty() ? "documents" : title_);
    d.summary = model_.summary();
    d.about =
        "Its vectors are those of words: a sentence finds the one that follows it by the sum of its words' vectors.";
    d.counts = {{"word", std::ssize(model_.words())}, {"training pair", training_.size()}};
    d.use = "Begin another model with its vectors: `kvmem train DATA --vectors " + run_directory + "`.";
    return d;
}

// --- task type

namespace {

using NextSentenceType = ModelEntry<NextSentence, std::vector<std::string>, Start>;

const NextSentenceType& next_sentence() {
    static const auto type = NextSentenceType::of<NextSentence, NextSentenceConfig>(
        "of documents: vectors of words by which a sentence tells the next one, for --vectors of other models",
        [](TrainerOptions& t) {
            t.epochs = 20;
            t.batch = 128;
            t.optimizer.method = Method::adam;
            t.schedule = {.rate = 0.005, .warmup = 0, .decay = Decay::linear};
            t.patience = 3;
        });
    return type;
}

struct ModelAndDocuments {
    std::shared_ptr<const Corpus> corpus;
    NextSentence model;

    explicit ModelAndDocuments(const RunConfig& config)
        : corpus(load_documents(config.data)), model(*config.model.get<NextSentenceConfig>(), words_of(config)) {}

    std::vector<std::string> words_of(const RunConfig& config) const {
        return words_with_vectors(corpus->collection, *config.model.get<NextSentenceConfig>());
    }
};
class OwningNextSentenceObjective final : private ModelAndDocuments, public NextSentenceObjective {
  public:
    explicit OwningNextSentenceObjective(const RunConfig& config)
        : ModelAndDocuments(config), NextSentenceObjective(model, corpus->collection, config.data) {
        corpus.reset();
    }
};

class NextSentencePrediction final : public TaskType {
  public:
    std::string name() const override { return "next sentence prediction"; }
    std::vector<const ModelType*> models() const override { return {&next_sentence()}; }
    ScoreType score() const override { return {.name = "hits_at_1", .label = "hits@1", .is_share = true}; }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        require_no_tasks(config);
        return std::make_unique<OwningNextSentenceObjective>(config);
    }
};

}  // namespace

}  // namespace documents

const TaskType& next_sentence_prediction() {
    static const documents::NextSentencePrediction task;
    return task;
}

}  // namespace kvmem
