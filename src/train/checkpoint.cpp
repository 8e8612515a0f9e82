#include "kvmem/train/checkpoint.hpp"

#include "io/hdf5/hdf5.hpp"
#include "io/parameter_file.hpp"
#include "io/vocabulary_file.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"

namespace kvmem {

static constexpr const char* format = "kvmem-model";
static constexpr int version = 1;

static void write_model(hdf5::Writer& file, const Model& model) {
    file.attribute("/", "model", model.kind());
    file.attribute("/", "config", to_json(model.configuration()));
    if (model.phase() + 1 < model.phases()) file.attribute("/", "phase", std::to_string(model.phase()));
    write_vocabulary(file, model.vocabulary());
    file.write("/candidates", model.candidates());
    write_parameters(file, model.parameters());
}

void save_model(const Model& model, const std::filesystem::path& path) {
    hdf5::Writer file(format, version);
    write_model(file, model);
    file.save(path);
}

void save_checkpoint(const Model& model, Trainer& trainer, const std::filesystem::path& path) {
    hdf5::Writer file(format, version);
    write_model(file, model);
    file.attribute("/", "trainer", to_json(trainer.state()));
    for (const Optimizer::State& state : trainer.optimizer().state())
        file.write("/optimizer/" + state.name, *state.matrix);
    file.save(path);
}

static void check_candidates(const std::vector<Token>& candidates, const Vocabulary& vocabulary,
                             const std::string& where) {
    for (std::size_t i = 0; i < candidates.size(); ++i)
        if (candidates[i] < 0 || candidates[i] >= vocabulary.size() || (i > 0 && candidates[i] <= candidates[i - 1]))
            throw Error({.what = "candidates do not fit the vocabulary",
                         .expected = "rising tokens below " + std::to_string(vocabulary.size()),
                         .got = std::to_string(candidates[i]) + " at " + std::to_string(i),
                         .where = where,
                         .hint = {}});
}

static ModelConfig read_config(const hdf5::Reader& file) {
    const std::string kind = file.attribute("/", "model");
    try {
        default_config(kind);
    } catch (const UsageError& e) {
        Problem problem = e.problem();
        problem.what = "not a model that this program knows";
        problem.where = file.name();
        throw Error(std::move(problem));
    }
    ModelConfig config = model_config_from_json(file.attribute("/", "config"), file.name());
    if (kind_of(config) != kind)
        throw Error({.what = "the configuration is of another model",
                     .expected = kind,
                     .got = kind_of(config),
                     .where = file.name(),
                     .hint = {}});
    return config;
}

// The phase that a file was written in; the last one when it does not say.
static void set_phase(Model& model, const std::string& text, const std::string& where) {
    if (text.empty()) return;
    const std::optional<Index> phase = number_of<Index>(text);
    if (!phase || *phase < 0 || *phase >= model.phases())
        throw Error({.what = "the model has no such phase",
                     .expected = "0 to " + std::to_string(model.phases() - 1),
                     .got = text.substr(0, 40),
                     .where = where,
                     .hint = {}});
    model.set_phase(*phase);
}

std::unique_ptr<Model> load_model(const std::filesystem::path& path) {
    const hdf5::Reader file(path, format, version);
    const ModelConfig config = read_config(file);
    Vocabulary vocabulary = read_vocabulary(file);
    std::vector<Token> candidates = file.int32s("/candidates");
    check_candidates(candidates, vocabulary, file.name());
    try {
        auto model = make_model(config, std::move(vocabulary), std::move(candidates), [&](const std::string& name) {
            return read_finite_matrix(file, "/parameters/" + name);
        });
        set_phase(*model, file.attribute("/", "phase"), file.name());
        return model;
    } catch (const Error& e) {  // the model knows no files
        Problem problem = e.problem();
        if (problem.where.empty()) problem.where = file.name();
        throw Error(std::move(problem));
    }
}

static void load_into(Matrix& matrix, const hdf5::Reader& file, const std::string& dataset) {
    Matrix loaded = read_finite_matrix(file, dataset);
    if (loaded.rows() != matrix.rows() || loaded.cols() != matrix.cols())
        throw Error({.what = "the checkpoint is of another model or data set",
                     .expected = std::to_string(matrix.rows()) + " x " + std::to_string(matrix.cols()) +
                                 " numbers in " + dataset,
                     .got = std::to_string(loaded.rows()) + " x " + std::to_string(loaded.cols()),
                     .where = file.name(),
                     .hint = {}});
    matrix = std::move(loaded);
}

static void require_same_vocabulary(const Vocabulary& ours, const Vocabulary& theirs, const std::string& where) {
    bool same = ours.size() == theirs.size();
    for (Token t = 0; same && t < ours.size(); ++t)
        same = ours.kind(t) == theirs.kind(t) && ours.text(t) == theirs.text(t);
    if (!same)
        throw Error({.what = "the data set has changed since this checkpoint",
                     .expected = "the same vocabulary",
                     .got = "another",
                     .where = where,
                     .hint = "begin a new run"});
}

void load_checkpoint(Model& model, Trainer& trainer, const std::filesystem::path& path) {
    const hdf5::Reader file(path, format, version);
    const std::string state = file.attribute("/", "trainer");
    if (state.empty())
        throw Error({.what = "this model cannot be trained further",
                     .expected = "a checkpoint",
                     .got = "a model alone",
                     .where = file.name(),
                     .hint = "resume from model-last.h5"});
    require_same_vocabulary(model.vocabulary(), read_vocabulary(file), file.name());
    for (Parameter& p : model.parameters()) load_into(p.value, file, "/parameters/" + p.name);
    for (const Optimizer::State& s : trainer.optimizer().state()) load_into(*s.matrix, file, "/optimizer/" + s.name);
    trainer.resume(trainer_state_from_json(state, file.name()));
}

}  // namespace kvmem
