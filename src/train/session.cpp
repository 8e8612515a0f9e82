#include "kvmem/train/session.hpp"

#include "kvmem/cluster/agreement.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/io/event_file.hpp"
#include "kvmem/io/json_text.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "train/model_card.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <optional>

namespace kvmem {

namespace fs = std::filesystem;
namespace json = boost::json;

RunConfig RunFiles::read_config(const TaskType& task) const {
    if (!is_there(config()))
        throw Error({.what = "no run here",
                     .expected = "config.json",
                     .got = "none",
                     .where = directory.string(),
                     .hint = "begin one with 'kvmem train DATA --run DIRECTORY'"});
    return run_config_from_json(read_file(config()), task, config().string());
}

// The name of a group's best run, or "". A name with slashes or periods could lead out of the group's directory.
static std::string best_member(const RunFiles& files) {
    if (!is_there(files.results())) return {};
    json::error_code code;
    const json::value results = json::parse(read_file(files.results()), code);
    const json::object* object = code ? nullptr : results.if_object();
    const json::value* best = object ? object->if_contains("best") : nullptr;
    if (!best || !best->is_string()) return {};
    const std::string name(best->as_string());
    return name.find_first_of("/\\.") == std::string::npos ? name : "";
}

fs::path RunFiles::model() const {
    if (is_there(best())) return best();
    if (is_there(last())) return last();
    if (const std::string name = best_member(*this); !name.empty()) return RunFiles{directory / name}.model();
    throw Error({.what = "no model here yet",
                 .expected = "model-best.h5 or model-last.h5",
                 .got = "neither",
                 .where = directory.string(),
                 .hint = "train first, or give a model file or one of the runs of a group"});
}

void require_no_run(const RunFiles& files) {
    if (is_there(files.config()))
        throw Error({.what = "a run is here already",
                     .expected = "a new directory",
                     .got = "config.json",
                     .where = files.directory.string(),
                     .hint = "go on with --resume, or choose another --run"});
}

static fs::path absolute_path(const fs::path& path) { return path.empty() ? path : fs::absolute(path); }

fs::path model_file_of(const fs::path& path) { return is_folder(path) ? RunFiles{path}.model() : path; }

RunConfig new_run_config(const RunConfig& config, const TaskType& task) {
    RunConfig absolute = config;
    absolute.task_type = task.name();
    absolute.data = absolute_path(config.data).string();
    absolute.model.visit([](const Field&, FieldValue value) {
        if (auto* const* path = std::get_if<fs::path*>(&value)) **path = absolute_path(model_file_of(**path));
    });
    absolute.validate();
    return absolute;
}

static RunConfig require_one_run(const RunConfig& config, const RunFiles& files) {
    if (config.is_group())
        throw UsageError({.what = "a session trains one model",
                          .expected = "a configuration with runs 1 and without per_task",
                          .got = config.per_task ? "per_task" : "runs " + std::to_string(config.runs),
                          .where = files.directory.string(),
                          .hint = "a TrainingGroup trains several"});
    return config;
}

static bool is_first(const Cluster* cluster) { return !cluster || cluster->rank() == 0; }

struct TrainingSession::Impl {
    RunFiles files;
    Cluster* cluster;              // null: no other ranks
    std::optional<FileLock> lock;  // of the rank that writes
    RunConfig config;
    ScoreType score;
    std::unique_ptr<Objective> objective;
    Trainer trainer;
    std::optional<EventFile> events;
    std::string metrics;                 // the contents of metrics.jsonl
    std::map<std::string, Matrix> best;  // the best parameters, until they are written to model-best.h5

    // Calls `read` for the configuration under the lock, so that no other process changes it meanwhile.
    template <class Read>
    Impl(const fs::path& directory, const TaskType& task, Cluster* ranks, Read read)
        : files{directory},
          cluster(ranks),
          lock(writes() ? std::optional<FileLock>(std::in_place, files.lock(), directory, "another kvmem train")
                        : std::nullopt),
          config(read()),
          score(task.score()),
          objective(task.make_objective(config)),
          trainer(*objective, config.trainer, score, cluster) {
        if (writes()) remove_leftovers(files);
    }

    // Of several ranks the first one writes the directory.
    bool writes() const { return is_first(cluster); }
    // Throws Error unless all ranks train the same model on the same data from the same state.
    void require_same(const std::string& data_hash) const {
        if (!cluster) return;
        RunConfig settings = config;
        settings.data.clear();  // a path
        settings.data_hash = data_hash;
        require_same_text(*cluster, to_json(settings), "settings or data",
                          "give all ranks the same options and data set");
        require_same_text(*cluster, to_json(trainer.state()), "states",
                          "the run directory must be on a file system that all machines share");
    }

    void snapshot_best() {
        for (const Parameter& p : objective->parameters()) best.insert_or_assign(p.name, p.value);
        objective->note_best();
    }
    void swap_best() {
        for (Parameter& p : objective->parameters()) std::swap(p.value, best.at(p.name));
    }
    void save_best() {
        if (best.empty()) return;
        swap_best();
        try {
            save_model(*objective, files.best());
        } catch (...) {
            swap_best();
            throw;
        }
        swap_best();
        best.clear();
    }
    void save() {
        save_best();
        save_checkpoint(*objective, trainer, files.last());
    }
    // Lets a run that ended without improvement continue, and saves that: a kill may come before the next checkpoint.
    void reset_patience() {
        if (trainer.stop_reason() != StopReason::no_improvement) return;
        TrainerState state = trainer.state();
        state.epochs_without_improvement = 0;
        trainer.resume(state);
        if (writes()) save_checkpoint(*objective, trainer, files.last());
    }
    // A results file says that the run has ended, so none may be left when training continues.
    void remove_outdated_results() const {
        std::error_code ignored;
        if (trainer.stop_reason() == StopReason::running) fs::remove(files.results(), ignored);
    }
    // A run that fails without a model cannot go on. Its files go, so that another run can begin here.
    void remove_without_model() const {
        if (is_there(files.best()) || is_there(files.last())) return;
        std::error_code ignored;
        for (const fs::path& file : {files.config(), files.metrics(), events->path()}) fs::remove(file, ignored);
    }
    void report(const EpochReport& epoch);
    void write_results(StopReason reason) const;
};

TrainingSession::TrainingSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TrainingSession::~TrainingSession() = default;
TrainingSession::TrainingSession(TrainingSession&&) noexcept = default;
TrainingSession& TrainingSession::operator=(TrainingSession&&) noexcept = default;

const TrainerState& TrainingSession::state() const { return impl_->trainer.state(); }
Index TrainingSession::planned_steps() const { return impl_->trainer.planned_steps(); }
Objective& TrainingSession::objective() const { return *impl_->objective; }
const RunConfig& TrainingSession::config() const { return impl_->config; }

void begin_in_directory(const RunFiles& files, const std::function<void()>& begin) {
    std::error_code code;
    const bool made = fs::create_directories(files.directory, code);
    if (code)
        throw Error(
            {.what = "cannot make the run directory", .got = code.message(), .where = files.directory.string()});
    try {
        begin();
    } catch (...) {
        if (made && !fs::exists(files.config(), code)) fs::remove(files.directory, code);
        throw;
    }
}

void remove_leftovers(const RunFiles& files) {
    for (const fs::path& file :
         {files.config(), files.best(), files.last(), files.metrics(), files.results(), files.card()})
        remove_leftovers(file);
}

TrainingSession TrainingSession::begin(const fs::path& directory, const RunConfig& config, const TaskType& task,
                                       Cluster* cluster) {
    const RunFiles files{directory};
    const bool writes = is_first(cluster);
    if (writes) require_no_run(files);
    RunConfig absolute = require_one_run(new_run_config(config, task), files);
    const auto make = [&] {
        auto impl = std::make_unique<Impl>(directory, task, cluster, [&] { return absolute; });
        impl->config.data_hash = impl->objective->fingerprint({});
        if (writes) require_no_run(files);  // another process may have begun and ended one before we had the lock
        impl->require_same(impl->config.data_hash);
        return impl;
    };
    if (!writes) return TrainingSession(make());
    std::unique_ptr<Impl> begun;
    begin_in_directory(files, [&] {
        auto impl = make();
        replace_file(files.config(), to_json(impl->config));
        impl->events.emplace(directory);
        begun = std::move(impl);
    });
    return TrainingSession(std::move(begun));
}

// The first `count` lines of a text.
static std::string first_lines(const std::string& text, Index count) {
    std::size_t end = 0;
    while (count-- > 0 && end < text.size()) end = std::min(text.size(), text.find('\n', end)) + 1;
    return text.substr(0, std::min(end, text.size()));
}

TrainingSession TrainingSession::resume(const fs::path& directory, const TaskType& task, Index epochs,
                                        Cluster* cluster) {
    const RunFiles files{directory};
    files.read_config(task);  // throws where no run is, before a lock file is made there
    auto impl = std::make_unique<Impl>(directory, task, cluster, [&] {
        RunConfig config = require_one_run(files.read_config(task), files);
        if (epochs > 0) config.trainer.epochs = epochs, config.trainer.min_steps = 0;
        return config;
    });
    const RunConfig& config = impl->config;
    const std::string hash = impl->objective->fingerprint(config.data_hash);
    if (!config.data_hash.empty() && config.data_hash != hash)
        throw Error({.what = "the data set has changed since the run began",
                     .expected = "contents of hash " + config.data_hash,
                     .got = hash,
                     .where = config.data,
                     .hint = "begin a new run"});
    // A run that was killed before its first checkpoint begins anew.
    if (is_there(files.last())) load_checkpoint(*impl->objective, impl->trainer, files.last());
    impl->require_same(hash);  // before anything is written: then all ranks have read
    if (epochs > 0) impl->reset_patience();
    if (!impl->writes()) return TrainingSession(std::move(impl));
    if (is_there(files.metrics())) impl->metrics = first_lines(read_file(files.metrics()), impl->trainer.state().epoch);
    if (epochs > 0) {
        impl->remove_outdated_results();
        replace_file(files.config(), to_json(config));
    }
    impl->events.emplace(directory);
    return TrainingSession(std::move(impl));
}

std::string score_field(const ScoreType& score) { return "valid_" + score.name; }

void TrainingSession::Impl::report(const EpochReport& epoch) {
    json::object line{{"epoch", epoch.epoch},
                      {"loss", epoch.loss},
                      {"rate", epoch.rate},
                      {"seconds", epoch.seconds},
                      {"gradient_norm", epoch.gradient_norm}};
    if (objective->phases() > 1) line["phase"] = epoch.phase;
    events->add("train/loss", epoch.epoch, epoch.loss);
    events->add("train/rate", epoch.epoch, epoch.rate);
    if (epoch.validation) {
        json::object valid{{objective->noun() + "s", epoch.validation->examples}};
        const auto add = [&](const std::string& name, double value) {
            valid[name] = std::isfinite(value) ? json::value(value) : json::value(nullptr);
            events->add("valid/" + name, epoch.epoch, value);
        };
        add("loss", epoch.validation->loss);
        add(score.name, epoch.validation->score);
        for (const auto& [name, value] : epoch.validation->others) add(name, value);
        line["valid"] = std::move(valid);
    }
    metrics += with_plain_numbers(json::serialize(line)) + "\n";
    replace_file(files.metrics(), metrics);
}

void TrainingSession::Impl::write_results(StopReason reason) const {
    const TrainerState& state = trainer.state();
    json::object results{{"stopped", describe(reason)},
                         {"epochs", state.epoch},
                         {"best_epoch", state.best_epoch},
                         {"seconds", state.seconds},
                         {"parameters", objective->parameters().count()}};
    results[score_field(score)] = json::value_from(state.best);
    replace_file(files.results(), with_plain_numbers(json::serialize(results)) + "\n");
}

StopReason TrainingSession::run(const Callbacks& callbacks) {
    Impl& in = *impl_;
    Trainer::Callbacks inner;
    inner.step = callbacks.step;
    inner.interrupted = callbacks.interrupted;
    inner.epoch = callbacks.epoch;
    if (!in.writes()) return in.trainer.run(inner);
    inner.snapshot_best = [&in] { in.snapshot_best(); };
    inner.save = [&in] { in.save(); };
    inner.epoch = [&](const EpochReport& epoch) {
        in.report(epoch);
        if (callbacks.epoch) callbacks.epoch(epoch);
    };
    in.remove_outdated_results();
    StopReason reason;
    try {
        reason = in.trainer.run(inner);
    } catch (const Error&) {
        in.save_best();  // The error spoils later parameters only.
        in.remove_without_model();
        throw;
    } catch (...) {
        in.save_best();
        throw;
    }
    if (reason != StopReason::interrupted) {
        in.write_results(reason);
        replace_file(in.files.card(), model_card(*in.objective, in.score, in.config, in.trainer.state(), reason,
                                                 in.files.directory.string()));
    }
    return reason;
}

}  // namespace kvmem
