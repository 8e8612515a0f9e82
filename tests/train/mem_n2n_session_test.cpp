// Models that read stories, trained in run directories and in groups of them.
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/models/answerer.hpp"
#include "kvmem/train/group.hpp"
#include "kvmem/train/presets.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_stories.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;

namespace {

struct StoryRun {
    TemporaryDirectory directory;
    fs::path data = directory.path() / "stories.h5";

    explicit StoryRun(Index stories = 40) { save_dataset(toy_stories(stories), data); }
    fs::path operator/(const std::string& name) const { return directory.path() / name; }

    RunConfig config(Index epochs) const {
        RunConfig config = preset("memn2n-babi-1k");
        config.data = data.string();
        config.trainer.epochs = epochs;
        config.trainer.start_epochs = 2;
        return config;
    }
};

StopReason run_steps(TrainingSession& session, int steps) {
    TrainingSession::Callbacks callbacks;
    callbacks.interrupted = [steps]() mutable { return --steps <= 0; };
    return session.run(callbacks);
}

}  // namespace

TEST_CASE("a MemN2N learns where people are", "[session][mem-n2n]") {
    const StoryRun stories(300);
    RunConfig config = stories.config(40);
    config.tasks = {"1"};
    config.trainer.start_epochs = 5;
    TrainingSession session = TrainingSession::begin(stories / "run", config);
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(session.state().best > 0.9);
    CHECK(session.state().phase == 1);
    CHECK(session.dataset().split("train").size() == 450);

    QaDataset dataset = toy_stories(3);
    const Answerer answerer(load_model(RunFiles{stories / "run"}.model()), dataset);
    const Answer answer = answerer.ask("Where is Mary?", {.candidates = 1, .slots = 3},
                                       {{"Mary went to the office"},
                                        {"John went to the garden"},
                                        {"Mary went to the kitchen"},
                                        {"John went to the hallway"}});
    REQUIRE(answer.candidates.size() == 1);
    CHECK(answer.candidates[0].text == "kitchen");
    CHECK(answer.slots == 4);
    CHECK(answer.own_slots == 4);
    CHECK(answer.suggestions.empty());
    REQUIRE(answer.hops.size() == 3);
    CHECK(answer.hops[0].heads.size() == 1);
    CHECK(answer.hops[0].heads[0].slots.size() == 3);
    CHECK(answer.hops[0].heads[0].slots[0].key == answer.hops[0].heads[0].slots[0].value);
}

TEST_CASE("an interrupted linear start goes on with the same bits", "[session][mem-n2n]") {
    const StoryRun stories;
    TrainingSession whole = TrainingSession::begin(stories / "whole", stories.config(2));
    whole.run();
    const int steps = GENERATE(1, 4, 8, 9, 11);  // an epoch has 4
    CAPTURE(steps);
    {
        TrainingSession session = TrainingSession::begin(stories / "run", stories.config(2));
        REQUIRE(run_steps(session, steps) == StopReason::interrupted);
    }
    if (steps < 8) {
        const auto model = load_model(stories / "run" / "model-last.h5");
        CHECK(model->phase() == 0);  // what the file says it was trained as
    }
    TrainingSession session = TrainingSession::resume(stories / "run");
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(same_parameters(session.model().parameters(), whole.model().parameters()));
    CHECK(session.state().best == whole.state().best);
    const auto best = load_model(RunFiles{stories / "run"}.best());
    CHECK(best->phase() == 1);
    CHECK(best->kind() == "mem-n2n");
    CHECK(same_parameters(best->parameters(), load_model(RunFiles{stories / "whole"}.best())->parameters()));
}

TEST_CASE("an interrupted epoch of what was answered wrong goes on with the same bits", "[session][mem-n2n]") {
    const StoryRun stories;
    RunConfig config = stories.config(3);
    config.trainer.focus = true;
    TrainingSession whole = TrainingSession::begin(stories / "whole", config);
    whole.run();
    CHECK(whole.state().wrong.size() == 2);
    const int steps = GENERATE(5, 8, 10);
    CAPTURE(steps);
    {
        TrainingSession session = TrainingSession::begin(stories / "run", config);
        REQUIRE(run_steps(session, steps) == StopReason::interrupted);
    }
    TrainingSession session = TrainingSession::resume(stories / "run");
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(same_parameters(session.model().parameters(), whole.model().parameters()));
    CHECK(session.state().wrong == whole.state().wrong);
}

TEST_CASE("a MemN2N has the same bits on one thread and on two", "[session][threads][mem-n2n]") {
    const StoryRun stories;
    const auto train = [&](int threads, const std::string& name) {
        const ThreadLimit limit(threads);
        TrainingSession session = TrainingSession::begin(stories / name, stories.config(2));
        session.run();
        return session;
    };
    const TrainingSession one = train(1, "one"), two = train(2, "two");
    CHECK(same_parameters(one.model().parameters(), two.model().parameters()));
    CHECK(one.state().best == two.state().best);
}

TEST_CASE("of several runs the best on validation stands for all", "[group]") {
    const StoryRun stories;
    RunConfig config = stories.config(2);
    config.runs = 3;
    const fs::path directory = stories / "group";
    std::vector<std::string> begun, ended;
    {
        TrainingGroup group = TrainingGroup::begin(directory, config);
        const StopReason reason = group.run({.begin =
                                                 [&](const std::string& name, const TrainingSession& session) {
                                                     begun.push_back(name);
                                                     CHECK(session.config().trainer.seed == begun.size());
                                                     return TrainingSession::Callbacks{};
                                                 },
                                             .end = [&](const auto& member) { ended.push_back(member.name); }});
        CHECK(reason == StopReason::epochs_done);
        CHECK(begun == std::vector<std::string>{"run-1", "run-2", "run-3"});
        CHECK(ended == begun);
        REQUIRE(group.members().size() == 3);
        double most = 0, sum = 0;
        for (const auto& member : group.members()) {
            most = std::max(most, member.hits_at_1);
            sum += member.hits_at_1;
        }
        REQUIRE(group.best());
        CHECK(group.best()->hits_at_1 == most);
        CHECK(group.mean() == Approx(sum / 3));
        CHECK(RunFiles{directory}.model() == RunFiles{directory / group.best()->name}.model());
        CHECK_THROWS_WITH(TrainingGroup::resume(directory), Catch::Contains("in use by another kvmem train"));
    }
    CHECK(RunFiles{directory}.read_config().data == stories.data);
    CHECK_THROWS_WITH(TrainingGroup::begin(directory, config), Catch::Contains("a run is here already"));
    TrainingGroup again = TrainingGroup::resume(directory);
    begun.clear();
    again.run({.begin =
                   [&](const std::string& name, const TrainingSession&) {
                       begun.push_back(name);
                       return TrainingSession::Callbacks{};
                   },
               .end = {}});
    CHECK(begun.empty());  // all have ended
    CHECK(again.members().size() == 3);
}

TEST_CASE("an interrupted group goes on with the run that was interrupted", "[group]") {
    const StoryRun stories;
    RunConfig config = stories.config(1);
    config.runs = 2;
    const auto run = [&](TrainingGroup group, int steps) {
        return group.run({.begin =
                              [&steps](const std::string&, const TrainingSession&) {
                                  TrainingSession::Callbacks callbacks;
                                  callbacks.interrupted = [&steps] { return --steps == 0; };
                                  return callbacks;
                              },
                          .end = {}});
    };
    CHECK(run(TrainingGroup::begin(stories / "whole", config), -1) == StopReason::epochs_done);
    CHECK(run(TrainingGroup::begin(stories / "group", config), 17) == StopReason::interrupted);
    CHECK(fs::exists(stories / "group" / "run-2" / "config.json"));
    CHECK(run(TrainingGroup::resume(stories / "group"), -1) == StopReason::epochs_done);
    for (const char* name : {"run-1", "run-2"})
        CHECK(same_parameters(load_model(stories / "group" / name / "model-last.h5")->parameters(),
                              load_model(stories / "whole" / name / "model-last.h5")->parameters()));
}

TEST_CASE("each task can have a model of its own", "[group]") {
    const StoryRun stories;
    RunConfig config = stories.config(1);
    config.per_task = true;
    config.runs = 2;
    TrainingGroup group = TrainingGroup::begin(stories / "group", config);
    CHECK(group.run() == StopReason::epochs_done);
    REQUIRE(group.members().size() == 2);
    CHECK(group.members()[0].name == "qa1_where");
    CHECK(fs::exists(stories / "group" / "qa2_whether" / "run-2" / "model-last.h5"));
    CHECK(RunFiles{stories / "group" / "qa1_where"}.read_config().tasks == std::vector<std::string>{"qa1_where"});
    CHECK_NOTHROW(RunFiles{stories / "group" / "qa1_where"}.model());
    CHECK_THROWS_WITH(RunFiles{stories / "group"}.model(), Catch::Contains("no model here"));
}

TEST_CASE("a group of tasks needs tasks", "[group]") {
    const StoryRun stories;
    QaDataset dataset = toy_stories(4);
    dataset.tasks.clear();
    for (auto& [name, split] : dataset.splits) split.task.clear();
    save_dataset(dataset, stories.data);
    RunConfig config = stories.config(1);
    config.per_task = true;
    CHECK_THROWS_WITH(TrainingGroup::begin(stories / "group", config), Catch::Contains("no tasks"));
}

TEST_CASE("presets are the paper's settings", "[presets]") {
    for (const std::string& name : preset_names()) {
        const RunConfig config = preset(name);
        const auto& model = std::get<MemN2NConfig>(config.model);
        const bool joint = name.find("joint") != std::string::npos, large = name.find("10k") != std::string::npos;
        CAPTURE(name);
        CHECK(model.hops == 3);
        CHECK(model.memory == 50);
        CHECK(model.deviation == 0.1);
        CHECK(model.random_noise == 0.1);
        CHECK(model.linear_start);
        CHECK(model.encoding == Encoding::aligned);
        CHECK(model.empty_slots);
        CHECK(config.trainer.start_epochs == (joint ? 30 : 20));
        CHECK(model.relu == large);
        CHECK(model.width == (large ? 100 : joint ? 50 : 20));
        CHECK(config.trainer.epochs == (joint ? 60 : 100));
        CHECK(config.trainer.schedule.halve_every == (joint ? 15 : 25));
        CHECK(config.trainer.schedule.rate == 0.01);
        CHECK(config.trainer.start_rate == 0.005);
        CHECK(config.trainer.optimizer.clip_norm == 40);
        CHECK(config.trainer.optimizer.method == Method::sgd);
        CHECK(config.trainer.sum_losses);
        CHECK_NOTHROW(config.validate());
    }
    CHECK_THROWS_WITH(preset("memn2n"), Catch::Contains("memn2n-babi-1k-joint"));
}
