// Runs that several ranks train together have the bits of a run of one process.
#include "kvmem/cluster/threads.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "kvmem/train/group.hpp"
#include "support/ring_events.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_kb.hpp"
#include "support/toy_pairs.hpp"
#include "support/toy_run.hpp"

#include <catch2/catch.hpp>

#include <mutex>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;

namespace {

// A data set of each task, with room for runs.
struct Data {
    TemporaryDirectory directory;
    Data() {
        save_dataset(toy_kb(), directory / "qa.h5");
        save_pairs(toy_pairs(40, 5), directory / "pairs.h5");
        save_events(ring_events(), directory / "events.h5");
    }
    RunConfig config(const TaskType& task, const std::string& kind, const std::string& data) const {
        RunConfig config = find_model(task, kind).recommended;
        config.data = (directory / data).string();
        for (const char* width : {"width", "embedding", "inner"}) set_field(config.model, width, "16");
        config.trainer.epochs = 3;
        config.trainer.min_steps = 0;
        config.trainer.batch = 16;
        config.trainer.patience = 0;
        config.trainer.optimizer.clip_norm = 0.5;
        config.trainer.start_epochs = 1;
        return config;
    }
};

// The numbers of a model after training, and those that resuming needs.
std::vector<Real> numbers_of(const TrainingSession& session) {
    std::vector<Real> all;
    for (const Parameter& p : session.objective().parameters())
        all.insert(all.end(), p.value.data(), p.value.data() + p.value.size());
    all.push_back(static_cast<Real>(session.state().loss));
    all.push_back(static_cast<Real>(session.state().gradient_norm));
    all.push_back(static_cast<Real>(session.state().best.value_or(0)));
    return all;
}

std::vector<Real> trained(const RunConfig& config, const TaskType& task, const fs::path& run) {
    TrainingSession session = TrainingSession::begin(run, config, task);
    session.run();
    return numbers_of(session);
}

using Sessions = std::function<TrainingSession(Cluster&)>;

// The numbers that all ranks have after `steps` steps of a rank, or after all; empty when they differ.
std::vector<Real> trained_by(Index ranks, const Sessions& open, Index steps = 0) {
    std::vector<Real> first;
    bool same = true;
    std::mutex mutex;
    run_on_threads(ranks, [&](Cluster& cluster) {
        TrainingSession session = open(cluster);
        TrainingSession::Callbacks callbacks;
        Index done = 0;
        if (steps > 0 && cluster.rank() == ranks - 1) callbacks.interrupted = [&] { return ++done >= steps; };
        session.run(callbacks);
        const std::vector<Real> numbers = numbers_of(session);
        const std::lock_guard lock(mutex);
        if (first.empty()) first = numbers;
        same = same && first == numbers;
    });
    return same ? first : std::vector<Real>{};
}

}  // namespace

TEST_CASE("models of all tasks have the same bits on any number of ranks and threads", "[ranks]") {
    const Data data;
    struct Case {
        const TaskType& task;
        const char *kind, *file;
    };
    for (const Case& c :
         {Case{question_answering(), "kv-mem-nn", "qa.h5"}, Case{question_answering(), "path-reader", "qa.h5"},
          Case{sequence_transduction(), "seq2seq", "pairs.h5"},
          Case{sequence_transduction(), "transformer", "pairs.h5"}, Case{recommendation(), "sasrec", "events.h5"}}) {
        const RunConfig config = data.config(c.task, c.kind, c.file);
        const std::vector<Real> alone = trained(config, c.task, data.directory / (std::string(c.kind) + "-alone"));
        for (const Index ranks : {2, 3, 4, 8})
            for (const int threads : {1, 2}) {
                CAPTURE(c.kind, ranks, threads);
                const ThreadLimit limit(threads);
                const fs::path run = data.directory / (c.kind + std::to_string(ranks) + "x" + std::to_string(threads));
                CHECK(trained_by(ranks, [&](Cluster& cluster) {
                          return TrainingSession::begin(run, config, c.task, &cluster);
                      }) == alone);
                CHECK(fs::exists(RunFiles{run}.results()));
            }
    }
}

TEST_CASE("a run that any rank stops goes on with the same bits on another number of ranks", "[ranks]") {
    const Data data;
    RunConfig config = data.config(question_answering(), "kv-mem-nn", "qa.h5");
    config.trainer.average = 0.9;
    const std::vector<Real> alone = trained(config, question_answering(), data.directory / "alone");
    const fs::path run = data.directory / "run";
    trained_by(
        3, [&](Cluster& c) { return TrainingSession::begin(run, config, question_answering(), &c); }, 4);
    CHECK_FALSE(fs::exists(RunFiles{run}.results()));
    const auto resume = [&](Cluster& c) { return TrainingSession::resume(run, question_answering(), 0, &c); };
    trained_by(2, resume, 9);
    CHECK_FALSE(fs::exists(RunFiles{run}.results()));
    CHECK(trained_by(4, resume) == alone);
    CHECK(read_file(RunFiles{run}.metrics()).size() > 0);
}

static std::string failure_of(Index ranks, const std::function<void(Cluster&)>& body) {
    try {
        run_on_threads(ranks, body);
    } catch (const std::exception& e) {
        return e.what();
    }
    return "none";
}

TEST_CASE("ranks with other settings or data are an error that names the rank", "[ranks]") {
    const ToyRun toy;
    save_dataset(toy_kb(3), toy / "other.h5");
    const auto begin = [&](const auto& change) {
        return failure_of(3, [&](Cluster& cluster) {
            RunConfig config = toy.config();
            if (cluster.rank() == 1) change(config);
            TrainingSession::begin(toy / "run", config, question_answering(), &cluster).run();
        });
    };
    CHECK_THAT(begin([](RunConfig& c) { c.trainer.batch = 15; }),
               Catch::Contains("rank 1 has other settings or data") && Catch::Contains("\"batch\":15"));
    CHECK_THAT(begin([&](RunConfig& c) { c.data = (toy / "other.h5").string(); }),
               Catch::Contains("rank 1 has other settings or data") && Catch::Contains("data_hash"));
    CHECK_FALSE(fs::exists(toy / "run"));
    CHECK(begin([](RunConfig&) {}) == "none");
}

TEST_CASE("a rank whose callback throws ends the run, which resumes", "[ranks]") {
    const Data data;
    RunConfig config = data.config(question_answering(), "kv-mem-nn", "qa.h5");
    config.trainer.save_seconds = 0;
    const std::vector<Real> alone = trained(config, question_answering(), data.directory / "alone");
    const fs::path run = data.directory / "run";
    const std::string failure = failure_of(4, [&](Cluster& cluster) {
        TrainingSession session = TrainingSession::begin(run, config, question_answering(), &cluster);
        TrainingSession::Callbacks callbacks;
        Index steps = 0;
        callbacks.step = [&](const StepReport&) {
            if (++steps == 6 && cluster.rank() == 2) throw Error({.what = "the lights went out"});
        };
        session.run(callbacks);
    });
    CHECK(failure == "rank 2: the lights went out");
    CHECK(trained_by(2, [&](Cluster& c) { return TrainingSession::resume(run, question_answering(), 0, &c); }) ==
          alone);
}

TEST_CASE("parameters that have come to differ between ranks are an error", "[ranks]") {
    const ToyRun toy;
    const std::string failure = failure_of(3, [&](Cluster& cluster) {
        TrainingSession session = TrainingSession::begin(toy / "run", toy.config(), question_answering(), &cluster);
        if (cluster.rank() == 2) session.objective().parameters()[0].value(0, 0) += 1;
        session.run();
    });
    CHECK_THAT(failure, Catch::Contains("rank 2 has other parameters"));
}

TEST_CASE("the runs of a group are dealt to ranks, with the results of one process", "[ranks]") {
    const ToyRun toy;
    RunConfig config = toy.config();
    config.runs = 5;
    const auto scores_of = [](const TrainingGroup& group) {
        std::vector<double> scores;
        for (const TrainingGroup::Member& m : group.members()) scores.push_back(m.score.value());
        return scores;
    };
    TrainingGroup alone = TrainingGroup::begin(toy / "alone", config, question_answering());
    alone.run();
    std::vector<double> dealt;
    std::vector<Index> begun(3);
    run_on_threads(3, [&](Cluster& cluster) {
        TrainingGroup group = TrainingGroup::begin(toy / "dealt", config, question_answering(), &cluster);
        group.run({.begin =
                       [&](const std::string&, const TrainingSession&) {
                           ++begun[cluster.rank()];
                           return TrainingSession::Callbacks{};
                       },
                   .end = {}});
        if (cluster.rank() == 0) dealt = scores_of(group);
    });
    CHECK(dealt == scores_of(alone));
    CHECK(begun == std::vector<Index>{2, 2, 1});
    CHECK(fs::exists(RunFiles{toy / "dealt"}.results()));
}

TEST_CASE("a group whose ranks have other settings or data is an error that names the rank", "[ranks]") {
    const ToyRun toy;
    save_dataset(toy_kb(3), toy / "other.h5");
    const auto begin = [&](const auto& change) {
        return failure_of(3, [&](Cluster& cluster) {
            RunConfig config = toy.config(1);
            config.runs = 2;
            if (cluster.rank() == 1) change(config);
            TrainingGroup::begin(toy / "run", config, question_answering(), &cluster).run();
        });
    };
    CHECK_THAT(begin([](RunConfig& c) { c.runs = 3; }), Catch::Contains("rank 1 has other settings or data"));
    CHECK_THAT(begin([](RunConfig& c) { c.trainer.batch = 15; }),
               Catch::Contains("rank 1 has other settings or data") && Catch::Contains("\"batch\":15"));
    CHECK_THAT(begin([&](RunConfig& c) { c.data = (toy / "other.h5").string(); }),
               Catch::Contains("rank 1 has other settings or data") && Catch::Contains("data_hash"));
    CHECK_FALSE(fs::exists(toy / "run"));
    CHECK(begin([](RunConfig&) {}) == "none");
    const auto resume = [&](Index epochs) {
        return failure_of(2, [&](Cluster& cluster) {
            TrainingGroup::resume(toy / "run", question_answering(), cluster.rank() == 1 ? epochs : 2, &cluster).run();
        });
    };
    CHECK_THAT(resume(3), Catch::Contains("rank 1 has other settings or data"));
    CHECK(resume(2) == "none");
}

TEST_CASE("a rank that is interrupted stops the runs of all ranks", "[ranks]") {
    const ToyRun toy;
    RunConfig config = toy.config(100'000);
    config.runs = 3;
    Index interrupted = 0;
    std::mutex mutex;
    run_on_threads(3, [&](Cluster& cluster) {
        TrainingGroup group = TrainingGroup::begin(toy / "run", config, question_answering(), &cluster);
        Index steps = 0;
        const StopReason reason =
            group.run({.begin =
                           [&](const std::string&, const TrainingSession&) {
                               TrainingSession::Callbacks callbacks;
                               callbacks.interrupted = [&] { return cluster.rank() == 1 && ++steps == 5; };
                               return callbacks;
                           },
                       .end = {}});
        const std::lock_guard lock(mutex);
        interrupted += reason == StopReason::interrupted;
    });
    CHECK(interrupted == 3);
    for (const char* member : {"run-1", "run-2", "run-3"}) CHECK(fs::exists(RunFiles{toy / "run" / member}.last()));
}
