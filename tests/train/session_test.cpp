#include "kvmem/train/session.hpp"
#include "kvmem/train/group.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "support/toy_run.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <thread>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;
namespace json = boost::json;

// Trains until `steps` more steps are done, then lets itself be interrupted.
static StopReason run_steps(TrainingSession& session, int steps) {
    TrainingSession::Callbacks callbacks;
    callbacks.interrupted = [steps]() mutable { return --steps <= 0; };
    return session.run(callbacks);
}

static Index lines_in(const fs::path& file) {
    const std::string text = read_file(file);
    return std::count(text.begin(), text.end(), '\n');
}

TEST_CASE("a run leaves its model, curves, results and card", "[session]") {
    const ToyRun toy;
    const RunFiles files{toy / "run"};
    {
        TrainingSession session = TrainingSession::begin(files.directory, toy.config(8), question_answering());
        CHECK(session.run() == StopReason::epochs_done);
        CHECK(session.state().best > 0.9);
    }
    CHECK(hits_at_1(*load_model(files.model()), toy_kb(), "valid") > 0.9);
    CHECK(files.model() == files.best());
    CHECK(lines_in(files.metrics()) == 8);
    const json::value results = json::parse(read_file(files.results()));
    CHECK(results.at("stopped") == "all epochs done");
    CHECK(results.at("epochs") == 8);
    CHECK_THAT(read_file(files.card()), Catch::Contains("A toy") && Catch::Contains("CC0-1.0"));
    CHECK(files.read_config(question_answering()).data == toy.data);
}

TEST_CASE("a run that was begun with relative paths finds its data and word vectors from anywhere", "[session]") {
    const ToyRun toy;
    const fs::path vectors = toy.directory.write("vectors.txt", "who 1 0\nlives 0 1\n");
    RunConfig config = toy.config(1);
    KvMemNNConfig model = toy_config();
    model.words.vectors = fs::relative(vectors).string();
    config.model = model;
    config.data = fs::relative(toy.data).string();
    TrainingSession::begin(toy / "run", config, question_answering());
    const RunConfig begun = RunFiles{toy / "run"}.read_config(question_answering());
    const fs::path read = begun.model.get<KvMemNNConfig>()->words.vectors;
    CHECK(read.is_absolute());
    CHECK(fs::equivalent(read, vectors));
    CHECK(fs::path(begun.data).is_absolute());
    CHECK(fs::equivalent(begun.data, toy.data));
}

TEST_CASE("the card of a run shows texts of others as text", "[session]") {
    const ToyRun toy;
    QaDataset dataset = toy_kb();
    dataset.info.title = "A <b>toy</b>\n# of [ours](x) | \x1b";
    dataset.info.source = "https://x.org or www.x.org, a@x.org";
    save_dataset(dataset, toy.data);
    const RunFiles files{toy / "a `run`"};
    TrainingSession::begin(files.directory, toy.config(1), question_answering()).run();
    const std::string card = read_file(files.card());
    CHECK_THAT(card, Catch::Contains("A \\<b\\>toy\\</b\\>\\\\u000a# of \\[ours\\](x) \\| \\\\u001b\n") &&
                         Catch::Contains("a 'run' \"...\"`.") &&
                         Catch::Contains("| https\\://x.org or www\\.x.org, a<!-- -->@x.org |"));
}

TEST_CASE("an interrupted run goes on with the same bits as one that was not", "[session]") {
    const ToyRun toy;
    RunConfig config = toy.config();
    config.trainer.average = GENERATE(0.0, 0.9);
    TrainingSession whole = TrainingSession::begin(toy / "whole", config, question_answering());
    whole.run();
    const int steps = GENERATE(1, 7, 11, 12, 25);  // an epoch has 11
    CAPTURE(steps, config.trainer.average);
    {
        TrainingSession session = TrainingSession::begin(toy / "run", config, question_answering());
        REQUIRE(run_steps(session, steps) == StopReason::interrupted);
        CHECK_FALSE(fs::exists(toy / "run" / "results.json"));
    }
    {
        TrainingSession session = TrainingSession::resume(toy / "run", question_answering());
        CHECK(run_steps(session, 3) == StopReason::interrupted);  // and again
    }
    TrainingSession session = TrainingSession::resume(toy / "run", question_answering());
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(same_parameters(session.objective().parameters(), whole.objective().parameters()));
    CHECK(session.state().best == whole.state().best);
    CHECK(session.state().best_epoch == whole.state().best_epoch);
    CHECK(lines_in(toy / "run" / "metrics.jsonl") == 3);
    CHECK(same_parameters(load_model(toy / "run" / "model-best.h5")->parameters(),
                          load_model(toy / "whole" / "model-best.h5")->parameters()));
    if (whole.state().best_epoch == 3)  // The best model is the mean, and the last one is not.
        CHECK(same_parameters(load_model(toy / "run" / "model-best.h5")->parameters(),
                              load_model(toy / "run" / "model-last.h5")->parameters()) ==
              (config.trainer.average == 0));
}

// The lines of a run's metrics without their times.
static std::vector<json::value> metrics_of(const fs::path& directory) {
    std::vector<json::value> lines;
    const std::string text = read_file(RunFiles{directory}.metrics());
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
        json::value line = json::parse(text.substr(at, text.find('\n', at) - at));
        line.as_object().erase("seconds");
        lines.push_back(std::move(line));
    }
    return lines;
}

TEST_CASE("a run that is interrupted after every step has the same metrics as one that was not", "[session]") {
    const ToyRun toy;
    TrainingSession::begin(toy / "whole", toy.config(2), question_answering()).run();
    TrainingSession::begin(toy / "run", toy.config(2), question_answering());
    int starts = 1;
    while (true) {
        TrainingSession session = TrainingSession::resume(toy / "run", question_answering());
        if (run_steps(session, 1) != StopReason::interrupted) break;
        ++starts;
    }
    CHECK(starts > 20);
    CHECK(metrics_of(toy / "run") == metrics_of(toy / "whole"));
}

TEST_CASE("a run that was killed before it could tell that it gave up does not train on", "[session]") {
    const ToyRun toy;
    RunConfig config = toy.config(30);
    config.trainer.patience = 1;
    config.trainer.schedule.rate = 1e-9;  // nothing is learned
    TrainingSession::begin(toy / "run", config, question_answering()).run();
    const RunFiles files{toy / "run"};
    const std::string last = read_file(files.last());
    const Index epochs = lines_in(files.metrics());
    REQUIRE(epochs < 30);
    fs::remove(files.results());
    CHECK(TrainingSession::resume(toy / "run", question_answering()).run() == StopReason::no_improvement);
    CHECK(fs::exists(files.results()));
    CHECK(lines_in(files.metrics()) == epochs);
    TrainingSession more = TrainingSession::resume(toy / "run", question_answering(), 30);  // asked for, it goes on
    CHECK(more.state().epochs_without_improvement == 0);
    CHECK(run_steps(more, 1) == StopReason::interrupted);
    CHECK_FALSE(fs::exists(files.results()));
}

TEST_CASE("training gives the same bits on one thread and on two", "[session][threads]") {
    const ToyRun toy;
    RunConfig config = toy.config(2);
    const auto train = [&](int threads) {
        const ThreadLimit limit(threads);
        TrainingSession session =
            TrainingSession::begin(toy / (config.model.kind() + std::to_string(threads)), config, question_answering());
        session.run();
        return session;
    };
    for (const Settings& model : {config.model, Settings(PathReaderConfig{.width = 16, .max_fanout = 2})}) {
        config.model = model;
        const TrainingSession one = train(1), two = train(2);
        CHECK(same_parameters(one.objective().parameters(), two.objective().parameters()));
        CHECK(one.state().best == two.state().best);
    }
}

TEST_CASE("a finished run can be given more epochs", "[session]") {
    const ToyRun toy;
    TrainingSession::begin(toy / "run", toy.config(1), question_answering()).run();
    CHECK(TrainingSession::resume(toy / "run", question_answering()).run() ==
          StopReason::epochs_done);  // nothing to do
    TrainingSession session = TrainingSession::resume(toy / "run", question_answering(), 2);
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(session.state().epoch == 2);
    CHECK(RunFiles{toy / "run"}.read_config(question_answering()).trainer.epochs == 2);
    CHECK(lines_in(toy / "run" / "metrics.jsonl") == 2);
}

// The process that the next test kills: a training in the directory that the environment names.
TEST_CASE("train where the environment says", "[.][killed]") {
    const char* directory = std::getenv("KVMEM_TEST_RUN");
    if (!directory) return;
    const ThreadLimit limit(1);
    TrainingSession::resume(directory, question_answering()).run();
}

static pid_t spawn_training(const fs::path& directory) {
    const std::string variable = "KVMEM_TEST_RUN=" + directory.string();
    std::string self = "/proc/self/exe", name = "train where the environment says";
    char* const arguments[] = {self.data(), name.data(), nullptr};
    std::vector<char*> environment{const_cast<char*>(variable.c_str())};
    for (char** e = ::environ; *e; ++e) environment.push_back(*e);
    environment.push_back(nullptr);
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = -1;
    const int code = ::posix_spawn(&child, self.c_str(), &quiet, nullptr, arguments, environment.data());
    posix_spawn_file_actions_destroy(&quiet);
    REQUIRE(code == 0);
    return child;
}

TEST_CASE("a run that is killed again and again ends with the same bits", "[session][kill]") {
    const ToyRun toy;
    RunConfig config = toy.config(4);
    config.trainer.save_seconds = 0;  // after every step
    TrainingSession whole = TrainingSession::begin(toy / "whole", config, question_answering());
    whole.run();
    { TrainingSession begun = TrainingSession::begin(toy / "run", config, question_answering()); }
    Rng rng(static_cast<std::uint64_t>(::getpid()));
    const fs::path last = toy / "run" / "model-last.h5";
    int killed = 0;
    for (int i = 0; i < 4; ++i) {
        const auto written = fs::exists(last) ? fs::last_write_time(last) : fs::file_time_type{};
        const pid_t child = spawn_training(toy / "run");
        int status = 0;
        pid_t ended = 0;
        for (int wait = 0; wait < 5000 && ended == 0 && (!fs::exists(last) || fs::last_write_time(last) == written);
             ++wait) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            ended = ::waitpid(child, &status, WNOHANG);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(rng.below(30000)));
        if (ended == 0) {
            ::kill(child, SIGKILL);
            REQUIRE(::waitpid(child, &status, 0) == child);
        }
        killed += WIFSIGNALED(status);
    }
    CHECK(killed > 0);
    TrainingSession session = TrainingSession::resume(toy / "run", question_answering());
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(same_parameters(session.objective().parameters(), whole.objective().parameters()));
    CHECK(lines_in(toy / "run" / "metrics.jsonl") == 4);
}

TEST_CASE("a run that diverges leaves the best model that it had", "[session]") {
    const ToyRun toy;
    RunConfig config = toy.config(40);
    config.trainer.patience = 0;
    config.trainer.optimizer.method = Method::sgd;
    config.trainer.schedule = {.rate = 1e6, .warmup = 1, .decay = Decay::constant};  // rises until it breaks
    TrainingSession session = TrainingSession::begin(toy / "run", config, question_answering());
    Index epochs = 0;
    TrainingSession::Callbacks callbacks;
    callbacks.epoch = [&](const EpochReport&) { ++epochs; };
    CHECK_THROWS_AS(session.run(callbacks), Error);
    CHECK(fs::exists(toy / "run" / "model-best.h5") == (epochs > 0));
}

TEST_CASE("a run that diverges before it has a model makes room for another", "[session]") {
    const ToyRun toy;
    RunConfig config = toy.config();
    config.trainer.optimizer.method = Method::sgd;
    config.trainer.schedule = {.rate = 1e30, .warmup = 0, .decay = Decay::constant};
    CHECK_THROWS_WITH(TrainingSession::begin(toy / "run", config, question_answering()).run(),
                      Catch::Contains("diverged"));
    CHECK(fs::is_empty(toy / "run"));
    CHECK_NOTHROW(TrainingSession::begin(toy / "run", toy.config(), question_answering()));
}

TEST_CASE("only one process trains in a directory", "[session]") {
    const ToyRun toy;
    std::optional<TrainingSession> session = TrainingSession::begin(toy / "run", toy.config(), question_answering());
    CHECK_THROWS_WITH(TrainingSession::resume(toy / "run", question_answering()),
                      Catch::Contains("in use by another kvmem train"));
    session.reset();
    CHECK_NOTHROW(TrainingSession::resume(toy / "run", question_answering()));
}

TEST_CASE("a run is not begun over another", "[session]") {
    const ToyRun toy;
    { TrainingSession begun = TrainingSession::begin(toy / "run", toy.config(), question_answering()); }
    CHECK_THROWS_WITH(TrainingSession::begin(toy / "run", toy.config(), question_answering()),
                      Catch::Contains("a run is here already"));
}

TEST_CASE("a run that cannot begin leaves no directory behind", "[session]") {
    const ToyRun toy;
    RunConfig config = toy.config();
    config.data = toy.directory.write("text.h5", "not HDF5").string();
    CHECK_THROWS_AS(TrainingSession::begin(toy / "run", config, question_answering()), Error);
    CHECK_FALSE(fs::exists(toy / "run"));
    QaDataset memory_alone = toy_kb();
    memory_alone.splits.clear();
    save_dataset(memory_alone, toy.data);
    CHECK_THROWS_WITH(TrainingSession::begin(toy / "run", toy.config(), question_answering()),
                      Catch::Contains("train"));
    CHECK_FALSE(fs::exists(toy / "run"));
    CHECK_THROWS_AS(TrainingSession::begin(toy.data / "run", toy.config(), question_answering()), Error);  // in a file
}

TEST_CASE("a session refuses the configuration of a group", "[session]") {
    const ToyRun toy;
    RunConfig config = toy.config();
    config.runs = 2;
    CHECK_THROWS_WITH(TrainingSession::begin(toy / "run", config, question_answering()), Catch::Contains("runs 2"));
    CHECK_FALSE(fs::exists(toy / "run"));
    { TrainingGroup group = TrainingGroup::begin(toy / "group", config, question_answering()); }
    CHECK_THROWS_WITH(TrainingSession::resume(toy / "group", question_answering()), Catch::Contains("TrainingGroup"));
    config.runs = 1;
    config.per_task = true;
    CHECK_THROWS_WITH(TrainingSession::begin(toy / "run", config, question_answering()), Catch::Contains("per_task"));
}

TEST_CASE("there is nothing to resume where no run was begun", "[session]") {
    const ToyRun toy;
    CHECK_THROWS_WITH(TrainingSession::resume(toy / "run", question_answering()), Catch::Contains("no run here"));
    CHECK_FALSE(fs::exists(toy / "run"));
    CHECK_THROWS_WITH(RunFiles{toy / "run"}.model(), Catch::Contains("no model here yet"));
}

TEST_CASE("a run does not go on with another data set", "[session]") {
    const ToyRun toy;
    {
        TrainingSession session = TrainingSession::begin(toy / "run", toy.config(), question_answering());
        run_steps(session, 2);
    }
    QaDataset changed = toy_kb();
    SECTION("that differs in one answer") { changed.splits["train"].answer.values[0] = changed.candidates[0]; }
    SECTION("that has one question less") {
        QaDataset less = toy_kb();
        Split& train = changed.splits["train"];
        train = {};
        for (Index i = 1; i < less.split("train").size(); ++i) {
            train.question.push_row(less.split("train").question[i]);
            train.answer.push_row(less.split("train").answer[i]);
        }
    }
    SECTION("that knows one name more") { changed.vocabulary.add(TokenKind::entity, "Somebody"); }
    save_dataset(changed, toy.data);
    CHECK_THROWS_WITH(TrainingSession::resume(toy / "run", question_answering()),
                      Catch::Contains("the data set has changed"));
    fs::remove(toy.data);
    CHECK_THROWS_AS(TrainingSession::resume(toy / "run", question_answering()), Error);
}

TEST_CASE("a damaged checkpoint is an error that leaves the run as it is", "[session]") {
    const ToyRun toy;
    {
        TrainingSession session = TrainingSession::begin(toy / "run", toy.config(), question_answering());
        run_steps(session, 2);
    }
    const fs::path last = toy / "run" / "model-last.h5";
    std::string bytes = read_file(last);
    SECTION("cut short") { bytes.resize(bytes.size() / 2); }
    SECTION("one byte another") { bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10); }
    SECTION("empty") { bytes.clear(); }
    SECTION("a model alone") {
        save_model(toy_model(toy_kb()), last);
        bytes = read_file(last);
    }
    replace_file(last, bytes);
    CHECK_THROWS_WITH(TrainingSession::resume(toy / "run", question_answering()), Catch::Contains("model-last.h5"));
    CHECK(read_file(last) == bytes);
    CHECK_FALSE(fs::exists(toy / "run" / "results.json"));
}

TEST_CASE("a directory that cannot be written ends a run with an error", "[session]") {
    if (::geteuid() == 0) return;  // whom nothing stops
    const ToyRun toy;
    fs::create_directory(toy / "closed");
    fs::permissions(toy / "closed", fs::perms::owner_read | fs::perms::owner_exec);
    CHECK_THROWS_AS(TrainingSession::begin(toy / "closed", toy.config(), question_answering()), Error);
    CHECK_THROWS_AS(TrainingSession::begin(toy / "closed" / "run", toy.config(), question_answering()), Error);
}

TEST_CASE("a run that was given more epochs has no results until it has done them", "[session]") {
    const ToyRun toy;
    TrainingSession::begin(toy / "run", toy.config(1), question_answering()).run();
    const RunFiles files{toy / "run"};
    CHECK(std::filesystem::exists(files.results()));
    TrainingSession::resume(files.directory, question_answering(), 2);  // and killed before it ran
    CHECK_FALSE(std::filesystem::exists(files.results()));
    CHECK(files.read_config(question_answering()).trainer.epochs == 2);
}
