#include "callback.hpp"
#include "choice.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/train/group.hpp"
#include "module.hpp"
#include "option_text.hpp"
#include "task_files.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace kvmem::python {

namespace fs = std::filesystem;
using py::literals::operator""_a;

namespace {

// What train() returns.
struct Run {
    fs::path directory;
    std::string reason;           // why the training ended
    std::optional<double> score;  // of the best validation
    Index epochs = 0;
    double seconds = 0;
};

// Passes reports to Python. An exception, or a signal, saves the run and ends it; then it is thrown.
class Listener {
  public:
    explicit Listener(py::object on_epoch) : on_epoch_(std::move(on_epoch)) {
        if (!on_epoch_.is_none() && !PyCallable_Check(on_epoch_.ptr()))
            throw py::type_error("bad type of on_epoch: expected a function of a report");
    }
    TrainingSession::Callbacks callbacks() {
        return {.step = {},
                .epoch =
                    [this](const EpochReport& report) {
                        if (!on_epoch_.is_none()) error_.call([&] { return on_epoch_(report), true; }, false);
                    },
                .interrupted = [this] { return !error_.call([] { return check_signals(); }, false); }};
    }
    void rethrow() { error_.rethrow(); }

  private:
    static bool check_signals() {
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
        return true;
    }

    py::object on_epoch_;
    FirstError error_;
};

}  // namespace

// The task of the preset or the model, or else of the data.
static const TaskType& task_for(const fs::path& data, const std::optional<std::string>& model,
                                const std::optional<std::string>& preset) {
    if (preset) return apps::task_of_preset(*preset).type();
    if (!model) return task_of_data(data).type();
    return apps::task_of_model(*model, is_there(data) ? apps::data_format(data) : "").type();
}

// The configuration that `kvmem train` makes of the same options.
static RunConfig config_for(const TaskType& task, const fs::path& data, const std::optional<std::string>& model,
                            const std::optional<std::string>& preset, const py::dict& settings) {
    RunConfig config = preset ? kvmem::preset(task, *preset) : task.recommended(data.string(), model.value_or(""));
    if (preset && model && config.model.kind() != *model)
        throw OptionError("model", config.model.kind() + ", which the preset is of, or None", *model);
    config.data = data.string();
    for (const auto& [name, value] : settings) {
        const std::string field = py::str(name);
        if (!set_field(config.trainer, field, option_text(value)) &&
            !set_field(config.model, field, option_text(value)))
            throw UsageError({.what = "a model of this kind has no such setting",
                              .expected = "a setting of " + config.model.kind(),
                              .got = field,
                              .hint = "see kvmem train --model " + config.model.kind() + " --help"});
    }
    if (settings.contains("epochs") && !settings.contains("min_steps")) config.trainer.min_steps = 0;
    config.set_seed(config.trainer.seed);
    return config;
}

static Run train_one(TrainingSession session, Listener& listener, const fs::path& directory) {
    const StopReason reason = session.run(listener.callbacks());
    const TrainerState& state = session.state();
    return {directory, describe(reason), state.best, state.epoch, state.seconds};
}

static Run train_group(TrainingGroup group, Listener& listener, const fs::path& directory) {
    const StopReason reason = group.run(
        {.begin = [&](const std::string&, const TrainingSession&) { return listener.callbacks(); }, .end = {}});
    Run run{directory, describe(reason), {}, 0, group.seconds()};
    if (const TrainingGroup::Member* best = group.best()) run.score = best->score;
    for (const TrainingGroup::Member& member : group.members()) run.epochs += member.epochs;
    return run;
}

// Runs work() without the GIL, on this number of threads, and throws what Python functions threw meanwhile.
template <class Work>
static Run listen(Listener& listener, int threads, Work work) {
    Run run = [&] {
        const py::gil_scoped_release no_gil;
        const ThreadLimit limit(threads);
        return work();
    }();
    listener.rethrow();
    return run;
}

static void require_threads(int threads) {
    if (threads < 0) throw OptionError("threads", "0 or more", std::to_string(threads));
}

static Run train(const fs::path& data, const fs::path& run, const std::optional<std::string>& model,
                 const std::optional<std::string>& preset, std::vector<std::string> parts, bool per_task, Index runs,
                 int threads, py::object on_epoch, const py::kwargs& settings) {
    require_threads(threads);
    Listener listener(std::move(on_epoch));
    const TaskType& task = task_for(data, model, preset);
    RunConfig config = config_for(task, data, model, preset, settings);
    config.tasks = std::move(parts);
    config.per_task = per_task;
    config.runs = runs;
    config.validate();
    return listen(listener, threads, [&] {
        return config.is_group() ? train_group(TrainingGroup::begin(run, config, task), listener, run)
                                 : train_one(TrainingSession::begin(run, config, task), listener, run);
    });
}

static Run resume(const fs::path& run, Index epochs, int threads, py::object on_epoch) {
    require_threads(threads);
    if (epochs < 0) throw OptionError("epochs", "0 or more", std::to_string(epochs));
    Listener listener(std::move(on_epoch));
    const TaskType& task = apps::task_of_run(run).type();
    return listen(listener, threads, [&] {
        return RunFiles{run}.read_config(task).is_group()
                   ? train_group(TrainingGroup::resume(run, task, epochs), listener, run)
                   : train_one(TrainingSession::resume(run, task, epochs), listener, run);
    });
}

static std::string number_text(double number) { return py::repr(py::float_(number)); }

static void define_reports(py::module_& module) {
    py::class_<EpochReport>(module, "EpochReport", "What an epoch of a training did.")
        .def_readonly("epoch", &EpochReport::epoch, "The number of the epoch, from 1.")
        .def_readonly("phase", &EpochReport::phase, "The number of the phase, from 0.")
        .def_readonly("loss", &EpochReport::loss, "The mean loss of the epoch's examples.")
        .def_readonly("rate", &EpochReport::rate, "The learning rate.")
        .def_readonly("seconds", &EpochReport::seconds, "The training time so far.")
        .def_readonly("gradient_norm", &EpochReport::gradient_norm, "The length of the last step's gradient.")
        .def_readonly("improved", &EpochReport::improved, "Whether the model is the best so far.")
        .def_property_readonly(
            "score",
            [](const EpochReport& report) {
                return report.validation ? std::optional(report.validation->score) : std::nullopt;
            },
            "The score of the validation, or None.")
        .def("__repr__", [](const EpochReport& report) {
            return "<kvmem.EpochReport epoch " + std::to_string(report.epoch) + ": loss " + number_text(report.loss) +
                   (report.validation ? ", score " + number_text(report.validation->score) : "") +
                   (report.improved ? ", the best so far>" : ">");
        });
    py::class_<Run>(module, "Run", "A training that ended, in its directory.")
        .def_readonly("directory", &Run::directory, "The run directory.")
        .def_readonly("reason", &Run::reason, "Why the training ended.")
        .def_readonly("score", &Run::score, "The score of the best validation, or None.")
        .def_readonly("epochs", &Run::epochs, "The number of finished epochs.")
        .def_readonly("seconds", &Run::seconds, "The training time.")
        .def("__fspath__", [](const Run& run) { return run.directory.string(); })
        .def("__repr__", [](const Run& run) {
            return "<kvmem.Run '" + run.directory.string() + "': " + std::to_string(run.epochs) + " epochs" +
                   (run.score ? ", score " + number_text(*run.score) : "") + ", " + run.reason + ">";
        });
}

void define_training(py::module_& module) {
    define_reports(module);
    module.def("_train", &train, "data"_a, "run"_a, "model"_a, "preset"_a, "tasks"_a, "per_task"_a, "runs"_a,
               "threads"_a, "on_epoch"_a);
    module.def("resume", &resume,
               "resume(run, *, epochs=0, threads=0, on_epoch=None)\n--\n\n"
               "Goes on with an interrupted or finished run, with the same bits as if nothing had happened. `epochs`,\n"
               "unless 0, replaces their number.",
               "run"_a, py::kw_only(), "epochs"_a = 0, "threads"_a = 0, "on_epoch"_a = py::none());
}

}  // namespace kvmem::python
