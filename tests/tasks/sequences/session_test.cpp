// Run directories of sequences: a run that was stopped goes on with the same bits, and other data are refused.
#include "kvmem/train/session.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/sequences/models/recurrent_text.hpp"
#include "kvmem/tasks/sequences/models/seq2seq.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "support/small_sequences.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_pairs.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

namespace {
RunConfig run_of(const Settings& model, const std::filesystem::path& data) {
    RunConfig config;
    config.model = model;
    config.data = data.string();
    config.trainer.epochs = 3;
    config.trainer.batch = 5;
    config.trainer.save_seconds = 0;
    config.trainer.patience = 0;
    return config;
}

std::vector<Real> parameters_of(TrainingSession& session) {
    std::vector<Real> all;
    for (const Parameter& p : session.objective().parameters())
        all.insert(all.end(), p.value.data(), p.value.data() + p.value.size());
    return all;
}

void check_resumed(const TaskType& task, const RunConfig& config, const std::filesystem::path& directory) {
    TrainingSession whole = TrainingSession::begin(directory / "whole", config, task);
    whole.run();
    {
        TrainingSession session = TrainingSession::begin(directory / "stopped", config, task);
        int steps = 0;
        TrainingSession::Callbacks callbacks;
        callbacks.interrupted = [&] { return ++steps == 2; };
        CHECK(session.run(callbacks) == StopReason::interrupted);
    }
    TrainingSession again = TrainingSession::resume(directory / "stopped", task);
    again.run();
    CHECK(parameters_of(again) == parameters_of(whole));
    CHECK(again.state().best == whole.state().best);
}
}  // namespace

TEST_CASE("a stopped training on pairs goes on with the same bits", "[sequences]") {
    const test::TemporaryDirectory directory;
    const PairsDataset data = test::toy_pairs(30, 5);
    save_pairs(data, directory / "pairs.h5");
    Seq2SeqConfig model;
    model.width = model.embedding = 8;
    model.recurrent_dropout = 0.2;
    check_resumed(sequence_transduction(), run_of(model, directory / "pairs.h5"), directory.path());
    const RunFiles files{directory / "whole"};
    save_pairs(test::toy_pairs(31, 5), directory / "pairs.h5");
    CHECK_THROWS_AS(TrainingSession::resume(files.directory, sequence_transduction(), 5), Error);
}

TEST_CASE("a stopped training on a text goes on with the same bits", "[sequences]") {
    const test::TemporaryDirectory directory;
    save_text(test::small_text(), directory / "text.h5");
    RecurrentTextConfig model;
    model.width = model.embedding = model.piece = 8;
    check_resumed(language_modelling(), run_of(model, directory / "text.h5"), directory.path());
}

TEST_CASE("a run of sequences has no tasks to choose from", "[sequences]") {
    const test::TemporaryDirectory directory;
    save_text(test::small_text(), directory / "text.h5");
    RunConfig config = run_of(RecurrentTextConfig{}, directory / "text.h5");
    config.tasks = {"1"};
    CHECK_THROWS_AS(TrainingSession::begin(directory / "run", config, language_modelling()), UsageError);
}
