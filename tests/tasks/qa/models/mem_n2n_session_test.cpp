// Models that read stories, trained in run directories.
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/tasks/qa/models/mem_n2n.hpp"
#include "kvmem/train/session.hpp"
#include "support/story_run.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;

static StopReason run_steps(TrainingSession& session, int steps) {
    TrainingSession::Callbacks callbacks;
    callbacks.interrupted = [steps]() mutable { return --steps <= 0; };
    return session.run(callbacks);
}

TEST_CASE("a MemN2N learns where people are", "[session][mem-n2n]") {
    const StoryRun stories(300);
    RunConfig config = stories.config(40);
    config.tasks = {"1"};
    config.trainer.start_epochs = 5;
    TrainingSession session = TrainingSession::begin(stories / "run", config, question_answering());
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(session.state().best > 0.9);
    CHECK(session.state().phase == 1);
    CHECK(dynamic_cast<QaObjective&>(session.objective()).dataset().split("train").size() == 450);

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
    CHECK(answer.local_slots == 4);
    CHECK(answer.suggestions.empty());
    REQUIRE(answer.hops.size() == 3);
    CHECK(answer.hops[0].heads.size() == 1);
    CHECK(answer.hops[0].heads[0].slots.size() == 3);
    CHECK(answer.hops[0].heads[0].slots[0].key == answer.hops[0].heads[0].slots[0].value);
}

TEST_CASE("an interrupted linear start goes on with the same bits", "[session][mem-n2n]") {
    const StoryRun stories;
    TrainingSession whole = TrainingSession::begin(stories / "whole", stories.config(2), question_answering());
    whole.run();
    const int steps = GENERATE(1, 4, 8, 9, 11);  // an epoch has 4
    CAPTURE(steps);
    {
        TrainingSession session = TrainingSession::begin(stories / "run", stories.config(2), question_answering());
        REQUIRE(run_steps(session, steps) == StopReason::interrupted);
    }
    if (steps < 8) {
        const auto model = load_model(stories / "run" / "model-last.h5");
        CHECK(model->phase() == 0);  // what the file says it was trained as
    }
    TrainingSession session = TrainingSession::resume(stories / "run", question_answering());
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(same_parameters(session.objective().parameters(), whole.objective().parameters()));
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
    TrainingSession whole = TrainingSession::begin(stories / "whole", config, question_answering());
    whole.run();
    CHECK(whole.state().errors_by_group.size() == 2);
    const int steps = GENERATE(5, 8, 10);
    CAPTURE(steps);
    {
        TrainingSession session = TrainingSession::begin(stories / "run", config, question_answering());
        REQUIRE(run_steps(session, steps) == StopReason::interrupted);
    }
    TrainingSession session = TrainingSession::resume(stories / "run", question_answering());
    CHECK(session.run() == StopReason::epochs_done);
    CHECK(same_parameters(session.objective().parameters(), whole.objective().parameters()));
    CHECK(session.state().errors_by_group == whole.state().errors_by_group);
}

TEST_CASE("a MemN2N has the same bits on one thread and on two", "[session][threads][mem-n2n]") {
    const StoryRun stories;
    const auto train = [&](int threads, const std::string& name) {
        const ThreadLimit limit(threads);
        TrainingSession session = TrainingSession::begin(stories / name, stories.config(2), question_answering());
        session.run();
        return session;
    };
    const TrainingSession one = train(1, "one"), two = train(2, "two");
    CHECK(same_parameters(one.objective().parameters(), two.objective().parameters()));
    CHECK(one.state().best == two.state().best);
}

TEST_CASE("presets are the paper's settings", "[presets]") {
    for (const std::string& name : preset_names(question_answering())) {
        const RunConfig config = preset(question_answering(), name);
        const auto& model = *config.model.get<MemN2NConfig>();
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
    CHECK_THROWS_WITH(preset(question_answering(), "memn2n"), Catch::Contains("memn2n-babi-1k-joint"));
}
