#include "kvmem/train/group.hpp"

#include "kvmem/core/error.hpp"
#include "support/story_run.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <set>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;
namespace json = boost::json;

TEST_CASE("of several runs the best on validation stands for all", "[group]") {
    const StoryRun stories;
    RunConfig config = stories.config(2);
    config.runs = 3;
    const fs::path directory = stories / "group";
    std::vector<std::string> begun, ended;
    {
        TrainingGroup group = TrainingGroup::begin(directory, config, question_answering());
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
            REQUIRE(member.score);
            most = std::max(most, *member.score);
            sum += *member.score;
        }
        REQUIRE(group.best());
        CHECK(group.best()->score == most);
        CHECK(*group.mean() == Approx(sum / 3));
        CHECK(RunFiles{directory}.model() == RunFiles{directory / group.best()->name}.model());
        CHECK_THROWS_WITH(TrainingGroup::resume(directory, question_answering()),
                          Catch::Contains("in use by another kvmem train"));
    }
    CHECK(RunFiles{directory}.read_config(question_answering()).data == stories.data);
    CHECK_THROWS_WITH(TrainingGroup::begin(directory, config, question_answering()),
                      Catch::Contains("a run is here already"));
    TrainingGroup again = TrainingGroup::resume(directory, question_answering());
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
    CHECK(run(TrainingGroup::begin(stories / "whole", config, question_answering()), -1) == StopReason::epochs_done);
    CHECK(run(TrainingGroup::begin(stories / "group", config, question_answering()), 17) == StopReason::interrupted);
    CHECK(fs::exists(stories / "group" / "run-2" / "config.json"));
    CHECK(run(TrainingGroup::resume(stories / "group", question_answering()), -1) == StopReason::epochs_done);
    for (const char* name : {"run-1", "run-2"})
        CHECK(same_parameters(load_model(stories / "group" / name / "model-last.h5")->parameters(),
                              load_model(stories / "whole" / name / "model-last.h5")->parameters()));
}

TEST_CASE("each task can have a model of its own", "[group]") {
    const StoryRun stories;
    RunConfig config = stories.config(1);
    config.per_task = true;
    config.runs = 2;
    TrainingGroup group = TrainingGroup::begin(stories / "group", config, question_answering());
    CHECK(group.run() == StopReason::epochs_done);
    REQUIRE(group.members().size() == 2);
    CHECK(group.members()[0].name == "qa1_where");
    CHECK(fs::exists(stories / "group" / "qa2_whether" / "run-2" / "model-last.h5"));
    CHECK(RunFiles{stories / "group" / "qa1_where"}.read_config(question_answering()).tasks ==
          std::vector<std::string>{"qa1_where"});
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
    CHECK_THROWS_WITH(TrainingGroup::begin(stories / "group", config, question_answering()),
                      Catch::Contains("no tasks"));
    CHECK_FALSE(fs::exists(stories / "group"));
}

// Saves the stories with other names of their tasks, and as many tasks as there are names.
static void save_tasks(const StoryRun& stories, const std::vector<std::string>& names) {
    QaDataset dataset = toy_stories(40);
    dataset.tasks = names;
    for (auto& [split_name, split] : dataset.splits)
        for (std::size_t i = 0; i < split.task.size(); ++i)  // whole stories, of three questions
            split.task[i] = static_cast<Index>(i / 3 % names.size());
    save_dataset(dataset, stories.data);
}

static RunConfig one_epoch_per_task(const StoryRun& stories) {
    RunConfig config = stories.config(1);
    config.per_task = true;
    config.trainer.start_epochs = 1;
    return config;
}

TEST_CASE("each task of a group has a directory of its own, whatever it is called", "[group]") {
    const StoryRun stories;
    const std::vector<std::string> tasks{"who?", "who!", "who_-2", "", "誰", "何", "lock", std::string(300, 'x')};
    save_tasks(stories, tasks);
    TrainingGroup group = TrainingGroup::begin(stories / "group", one_epoch_per_task(stories), question_answering());
    CHECK(group.run() == StopReason::epochs_done);
    REQUIRE(group.members().size() == tasks.size());
    std::set<std::string> names;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        const TrainingGroup::Member& member = group.members()[i];
        CAPTURE(tasks[i], member.name);
        CHECK(names.insert(member.name).second);
        CHECK(member.task == tasks[i]);
        const RunFiles files{stories / "group" / member.name};
        CHECK(files.read_config(question_answering()).tasks == std::vector{tasks[i]});
        CHECK(fs::exists(files.results()));
    }
    CHECK(names.contains("who_"));  // as it was called before
    CHECK(group.members()[2].name == "who_-2");

    const RunFiles files{stories / "group"};
    const std::vector<MemberRun> members = member_runs(files, files.read_config(question_answering()), tasks);
    REQUIRE(members.size() == tasks.size());
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        CHECK(members[i].tasks == std::vector{tasks[i]});
        CHECK(members[i].files.directory.filename() == group.members()[i].name);
    }
}

TEST_CASE("a group does not go on with a member that another task left", "[group]") {
    const StoryRun stories;
    save_tasks(stories, {"who?", "who!"});
    {
        TrainingGroup begun =
            TrainingGroup::begin(stories / "group", one_epoch_per_task(stories), question_answering());
    }
    { TrainingGroup::resume(stories / "group", question_answering()).run(); }
    save_tasks(stories, {"who!", "who?"});
    CHECK_THROWS_WITH(TrainingGroup::resume(stories / "group", question_answering()).run(),
                      Catch::Contains("other tasks"));
}

TEST_CASE("a group without validation says that there was none", "[group]") {
    const StoryRun stories;
    QaDataset dataset = toy_stories(10);
    dataset.splits.erase("valid");
    save_dataset(dataset, stories.data);
    RunConfig config = stories.config(1);
    config.runs = 2;
    const auto check = [](TrainingGroup group) {
        CHECK(group.run() == StopReason::epochs_done);
        CHECK_FALSE(group.members()[0].score);
        CHECK_FALSE(group.mean());
        CHECK_FALSE(group.deviation());
        REQUIRE(group.best());
        CHECK(group.best()->name == "run-1");
    };
    check(TrainingGroup::begin(stories / "group", config, question_answering()));
    const RunFiles files{stories / "group"};
    const json::value results = json::parse(read_file(files.results()));
    for (const char* name : {"valid_hits_at_1", "mean", "deviation"}) CHECK(results.at(name).is_null());
    CHECK(results.at("members").at(0).at("valid_hits_at_1").is_null());
    CHECK_NOTHROW(files.model());

    // Groups of before wrote -1.
    std::string text = read_file(RunFiles{files.directory / "run-1"}.results());
    text.replace(text.find("null"), 4, "-1E0");
    replace_file(RunFiles{files.directory / "run-1"}.results(), text);
    check(TrainingGroup::resume(stories / "group", question_answering()));
}

TEST_CASE("a group with a target that is no share leaves nothing", "[group]") {
    const StoryRun stories;
    RunConfig config = stories.config(1);
    config.runs = 2;
    config.trainer.target_metric = 2;
    CHECK_THROWS_AS(TrainingGroup::begin(stories / "group", config, question_answering()), UsageError);
    CHECK_FALSE(fs::exists(stories / "group"));
}

TEST_CASE("members that a kill kept from more epochs get them when the group goes on", "[group]") {
    const StoryRun stories;
    RunConfig config = stories.config(1);
    config.runs = 2;
    config.trainer.start_epochs = 1;
    const bool per_task = GENERATE(false, true);
    config.per_task = per_task;
    { TrainingGroup::begin(stories / "group", config, question_answering()).run(); }
    // Killed as soon as the group knows of the second epoch, or in a member's first step.
    const bool within_a_member = GENERATE(false, true);
    {
        TrainingGroup group = TrainingGroup::resume(stories / "group", question_answering(), 2);
        const auto stop = [](const std::string&, const TrainingSession&) {
            TrainingSession::Callbacks callbacks;
            callbacks.interrupted = [] { return true; };
            return callbacks;
        };
        if (within_a_member) CHECK(group.run({.begin = stop, .end = {}}) == StopReason::interrupted);
    }
    TrainingGroup group = TrainingGroup::resume(stories / "group", question_answering());
    CHECK(group.run() == StopReason::epochs_done);
    Index epochs = 0;
    for (const auto& entry : fs::recursive_directory_iterator(stories / "group"))
        if (entry.path().filename() == "model-last.h5")
            epochs +=
                json::parse(read_file(entry.path().parent_path() / "results.json")).at("epochs").to_number<Index>();
    CHECK(epochs == (per_task ? 4 : 2) * 3);  // one of the linear start
}
