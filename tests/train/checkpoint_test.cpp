#include "kvmem/train/checkpoint.hpp"

#include "data/hdf5.hpp"
#include "kvmem/core/error.hpp"
#include "support/toy_run.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// A task that is never run: what a trainer needs to be made.
class Resting : public Task {
  public:
    explicit Resting(KvMemNN& model) : model_(model) {}
    Parameters& parameters() override { return model_.parameters(); }
    Index units() const override { return 100; }
    Var loss(Tape&, std::span<const Index>, Rng&) override { return {}; }
    bool can_validate() const override { return false; }
    Metrics validate() override { return {}; }

  private:
    KvMemNN& model_;
};

}  // namespace

TEST_CASE("a model comes back from its file with every bit", "[checkpoint]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    KvMemNNConfig config = toy_config();
    config.tying = GENERATE(Tying::shared, Tying::answers, Tying::sides);
    config.hops = 3;
    KvMemNN model = toy_model(dataset, config);
    teach(model, dataset, 1);
    save_model(model, directory.path() / "m.h5");
    const std::unique_ptr<Model> loaded = load_model(directory.path() / "m.h5");
    const Model& back = *loaded;
    CHECK(same_parameters(back.parameters(), model.parameters()));
    CHECK(to_json(back.configuration()) == to_json(model.config()));
    CHECK(std::equal(back.candidates().begin(), back.candidates().end(), model.candidates().begin()));
    CHECK(back.vocabulary().size() == model.vocabulary().size());
    CHECK(hits_at_1(back, dataset, "valid") == hits_at_1(model, dataset, "valid"));
}

TEST_CASE("a checkpoint comes back with the optimiser and where training stood", "[checkpoint]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    const Method method = GENERATE(Method::sgd, Method::adagrad, Method::adam);
    TrainerOptions options;
    options.optimizer.method = method;
    KvMemNN model = toy_model(dataset);
    Resting task(model);
    Trainer trainer(task, options);
    const TrainerState state{.epoch = 2, .step = 3, .loss = 1.5, .optimizer_steps = 9, .best_epoch = 1};
    trainer.resume(state);
    Real next = 0;
    for (const Optimizer::State& s : trainer.optimizer().state())
        for (Real& x : s.matrix->view().span()) x = next += Real{0.5};
    save_checkpoint(model, trainer, directory.path() / "c.h5");

    KvMemNNConfig config = toy_config();
    config.seed = 99;
    KvMemNN other = toy_model(dataset, config);
    Resting other_task(other);
    Trainer other_trainer(other_task, options);
    load_checkpoint(other, other_trainer, directory.path() / "c.h5");
    CHECK(same_parameters(other.parameters(), model.parameters()));
    CHECK(other_trainer.state() == state);
    CHECK(other_trainer.optimizer().steps() == 9);
    const auto a = trainer.optimizer().state(), b = other_trainer.optimizer().state();
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        CHECK(std::equal(a[i].matrix->data(), a[i].matrix->data() + a[i].matrix->size(), b[i].matrix->data()));
    // A checkpoint is a model as well.
    CHECK(same_parameters(load_model(directory.path() / "c.h5")->parameters(), model.parameters()));
}

TEST_CASE("a checkpoint of another shape, optimiser or data set is refused", "[checkpoint]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    KvMemNN model = toy_model(dataset);
    Resting task(model);
    Trainer trainer(task, {});
    save_checkpoint(model, trainer, directory.path() / "c.h5");
    const auto load_into = [&](KvMemNN into, const TrainerOptions& options) {
        Resting into_task(into);
        Trainer into_trainer(into_task, options);
        load_checkpoint(into, into_trainer, directory.path() / "c.h5");
    };
    CHECK_NOTHROW(load_into(toy_model(dataset), {}));
    KvMemNNConfig wider = toy_config();
    wider.width = 33;
    CHECK_THROWS_WITH(load_into(toy_model(dataset, wider), {}), Catch::Contains("c.h5"));
    KvMemNNConfig deeper = toy_config();
    deeper.hops = 3;
    CHECK_THROWS_WITH(load_into(toy_model(dataset, deeper), {}), Catch::Contains("c.h5"));
    TrainerOptions adagrad;
    adagrad.optimizer.method = Method::adagrad;
    CHECK_THROWS_WITH(load_into(toy_model(dataset), adagrad), Catch::Contains("c.h5"));
    CHECK_THROWS_WITH(load_into(toy_model(toy_kb(1)), {}), Catch::Contains("the data set has changed"));
    save_model(model, directory.path() / "c.h5");
    CHECK_THROWS_WITH(load_into(toy_model(dataset), {}), Catch::Contains("cannot be trained further"));
}

TEST_CASE("a model file with a number that is none is refused", "[checkpoint]") {
    const TemporaryDirectory directory;
    KvMemNN model = toy_model(toy_kb());
    model.parameters()[1].value(3, 4) =
        GENERATE(std::numeric_limits<Real>::quiet_NaN(), std::numeric_limits<Real>::infinity());
    save_model(model, directory.path() / "m.h5");
    CHECK_THROWS_WITH(load_model(directory.path() / "m.h5"),
                      Catch::Contains("m.h5") && Catch::Contains("NaN or infinity in /parameters/B"));
}

TEST_CASE("model files whose parts do not fit are refused", "[checkpoint]") {
    const TemporaryDirectory directory;
    const std::filesystem::path path = directory.path() / "m.h5";
    const auto write = [&](const std::string& kind, const std::string& config, std::vector<Token> candidates,
                           Index rows) {
        hdf5::Writer file("kvmem-model", 1);
        file.attribute("/", "model", kind);
        file.attribute("/", "config", config);
        const std::vector<std::string> texts{"<unknown>", "A"};
        file.write("/vocab", texts);
        file.write("/vocab/kinds", std::vector<std::uint8_t>{0, 2});
        file.write("/vocab/counts", std::vector<std::int64_t>{0, 0});
        file.write("/candidates", candidates);
        file.write("/parameters/A", Matrix(rows, 2));
        file.write("/parameters/memory.R1", Matrix(2, 2));
        file.save(path);
        try {
            load_model(path);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    const std::string config = R"({"width": 2, "hops": 1, "tying": "shared"})";
    CHECK_THAT(write("kv-mem-nn", config, {1}, 3), Catch::Contains("m.h5") && Catch::Contains("2 x 2"));
    CHECK_THAT(write("other", config, {1}, 2), Catch::Contains("not a model that this program knows"));
    CHECK_THAT(write("kv-mem-nn", config, {2}, 2), Catch::Contains("candidates"));
    CHECK_THAT(write("kv-mem-nn", config, {-1}, 2), Catch::Contains("candidates"));
    CHECK_THAT(write("kv-mem-nn", config, {1, 1}, 2), Catch::Contains("candidates"));
    CHECK_THAT(write("kv-mem-nn", "{", {1}, 2), Catch::Contains("configuration"));
    CHECK_THAT(write("kv-mem-nn", R"({"width": 0})", {1}, 2), Catch::Contains("width"));
    CHECK_THAT(write("kv-mem-nn", R"({"width": 2, "hops": 9})", {1}, 2), Catch::Contains("m.h5"));
    CHECK_THAT(write("kv-mem-nn", "", {1}, 2), Catch::Contains("configuration"));
}
