#include "kvmem/train/checkpoint.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/io/parameters.hpp"
#include "kvmem/train/config.hpp"
#include "kvmem/train/task_type.hpp"

namespace kvmem {

void write_settings(hdf5::Writer& file, const Settings& settings, const TaskType& task) {
    file.attribute("/", "task_type", task.name());
    file.attribute("/", "model", settings.kind());
    file.attribute("/", "config", to_json(settings));
}

Settings read_settings(const hdf5::Reader& file, const TaskType& task) {
    const std::string kind = file.attribute("/", "model");
    try {
        find_model(task, kind);
    } catch (const UsageError& e) {  // a wrong file is no wrong usage
        Problem problem = e.problem();
        problem.what = "not a model that this program knows";
        problem.where = file.name();
        throw Error(std::move(problem));
    }
    return model_settings_from_json(file.attribute("/", "config"), task, kind, file.name());
}

static void write_model(hdf5::Writer& file, Objective& objective) {
    objective.save(file);
    write_parameters(file, objective.parameters());
}

void save_model(Objective& objective, const std::filesystem::path& path) {
    hdf5::Writer file(model_format, model_version);
    write_model(file, objective);
    file.save(path);
}

void save_checkpoint(Objective& objective, Trainer& trainer, const std::filesystem::path& path) {
    hdf5::Writer file(model_format, model_version);
    write_model(file, objective);
    file.attribute("/", "trainer", to_json(trainer.state()));
    for (const Optimizer::State& s : trainer.matrices()) file.write("/optimizer/" + s.name, *s.matrix);
    file.save(path);
}

static void load_into(Matrix& matrix, const hdf5::Reader& file, const std::string& dataset) {
    Matrix loaded = load_parameter(file, dataset);
    if (loaded.rows() != matrix.rows() || loaded.cols() != matrix.cols())
        throw Error({.what = "the checkpoint is of another model or data set",
                     .expected = std::to_string(matrix.rows()) + " x " + std::to_string(matrix.cols()) +
                                 " numbers in " + dataset,
                     .got = std::to_string(loaded.rows()) + " x " + std::to_string(loaded.cols()),
                     .where = file.name()});
    matrix = std::move(loaded);
}

static void load_parameters_of(Objective& objective, const hdf5::Reader& file) {
    objective.load(file);
    for (Parameter& p : objective.parameters()) load_into(p.value, file, "/parameters/" + p.name);
}

void load_model(Objective& objective, const std::filesystem::path& path) {
    load_parameters_of(objective, hdf5::Reader(path, model_format, model_version));
}

void load_checkpoint(Objective& objective, Trainer& trainer, const std::filesystem::path& path) {
    const hdf5::Reader file(path, model_format, model_version);
    const std::string state = file.attribute("/", "trainer");
    if (state.empty())
        throw Error({.what = "this model cannot be trained further",
                     .expected = "a checkpoint",
                     .got = "a model alone",
                     .where = file.name(),
                     .hint = "resume from model-last.h5"});
    load_parameters_of(objective, file);
    for (const Optimizer::State& s : trainer.matrices()) load_into(*s.matrix, file, "/optimizer/" + s.name);
    trainer.resume(trainer_state_from_json(state, file.name()));
}

}  // namespace kvmem
