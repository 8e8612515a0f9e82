#include "kvmem/train/checkpoint.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/io/vectors.hpp"
#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "support/import_helpers.hpp"
#include "support/toy_run.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <fstream>
#include <limits>
#include <numeric>
#include <thread>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// An objective that is never trained: what a trainer needs to be made, and a model file.
class Resting : public Objective {
  public:
    explicit Resting(KvMemNN& model) : model_(model) {}
    Parameters& parameters() override { return model_.parameters(); }
    Index items() const override { return 100; }
    Var loss(Tape&, std::span<const Index>, Rng&) override { return {}; }
    void save(hdf5::Writer& file) const override { write_model_info(file, model_); }
    void load(const hdf5::Reader& file) override { require_same_vocabulary(model_.vocabulary(), file); }

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
    CHECK(to_json(back.settings()) == to_json(model.settings()));
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
    options.average = 0.5;
    KvMemNN model = toy_model(dataset);
    Resting task(model);
    Trainer trainer(task, options);
    const TrainerState state{.epoch = 2, .step = 3, .loss = 1.5, .optimizer_steps = 9, .best_epoch = 1};
    trainer.resume(state);
    Real next = 0;
    for (const Optimizer::State& s : trainer.matrices())
        for (Real& x : s.matrix->view().span()) x = next += Real{0.5};
    save_checkpoint(task, trainer, directory.path() / "c.h5");

    KvMemNNConfig config = toy_config();
    config.seed = 99;
    KvMemNN other = toy_model(dataset, config);
    Resting other_task(other);
    Trainer other_trainer(other_task, options);
    load_checkpoint(other_task, other_trainer, directory.path() / "c.h5");
    CHECK(same_parameters(other.parameters(), model.parameters()));
    CHECK(other_trainer.state() == state);
    CHECK(other_trainer.state().optimizer_steps == 9);
    const auto a = trainer.matrices(), b = other_trainer.matrices();
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        CHECK(std::equal(a[i].matrix->data(), a[i].matrix->data() + a[i].matrix->size(), b[i].matrix->data()));
    // A checkpoint is a model as well.
    CHECK(same_parameters(load_model(directory.path() / "c.h5")->parameters(), model.parameters()));
}

TEST_CASE("an objective has the parameters of a file of its model", "[checkpoint]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    KvMemNN model = toy_model(dataset);
    Resting task(model);
    save_model(task, directory.path() / "m.h5");
    KvMemNNConfig config = toy_config();
    config.seed = 99;
    KvMemNN other = toy_model(dataset, config);
    Resting other_task(other);
    load_model(other_task, directory.path() / "m.h5");
    CHECK(same_parameters(other.parameters(), model.parameters()));
    config.width = 33;
    KvMemNN wider = toy_model(dataset, config);
    Resting wider_task(wider);
    CHECK_THROWS_WITH(load_model(wider_task, directory.path() / "m.h5"), Catch::Contains("m.h5"));
}

TEST_CASE("a checkpoint of another shape, optimiser or data set is refused", "[checkpoint]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    KvMemNN model = toy_model(dataset);
    Resting task(model);
    Trainer trainer(task, {});
    save_checkpoint(task, trainer, directory.path() / "c.h5");
    const auto load_into = [&](KvMemNN into, const TrainerOptions& options) {
        Resting into_task(into);
        Trainer into_trainer(into_task, options);
        load_checkpoint(into_task, into_trainer, directory.path() / "c.h5");
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

TEST_CASE("a bit that was flipped anywhere in a model of many parameters is an Error or changes nothing",
          "[checkpoint][hostile]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    PathReaderConfig config;
    config.width = 2;
    config.ngram_buckets = 16;
    const std::unique_ptr<Model> model = make_model(config, dataset.vocabulary, dataset.candidates);
    REQUIRE(model->parameters().size() > 8);
    const std::filesystem::path path = directory.path() / "m.h5";
    save_model(*model, path);
    const std::string whole = read_file(path);
    int refused = 0, wrong = 0;
    for (std::size_t at = 0; at < whole.size(); at += 1 + at % 5) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        const auto put = [&](char byte) { file.seekp(static_cast<std::streamoff>(at)).put(byte).flush(); };
        put(static_cast<char>(whole[at] ^ (1 << at % 8)));
        try {
            wrong += !same_parameters(load_model(path)->parameters(), model->parameters());
        } catch (const Error&) {
            ++refused;
        }
        put(whole[at]);
    }
    CHECK(wrong == 0);
    CHECK(refused > 1000);
}

TEST_CASE("files of all kinds may be written and read by several threads at once", "[checkpoint][threads]") {
    const TemporaryDirectory directory;
    const QaDataset dataset = toy_kb();
    const KvMemNN model = toy_model(dataset);
    const Matrix keys(100, 4);
    std::vector<store::Id> ids(100);
    std::iota(ids.begin(), ids.end(), store::Id{0});
    std::atomic<int> right = 0;
    constexpr int threads = 4, rounds = 5;
    const auto work = [&](int thread) {
        const auto name = [&](const char* ending) { return directory.path() / (std::to_string(thread) + ending); };
        for (int round = 0; round < rounds; ++round) {
            save_dataset(dataset, name(".data.h5"));
            save_model(model, name(".model.h5"));
            store::MemoryStore slots({.key_width = 4});
            slots.add(keys, {}, ids);
            slots.save(name(".store.h5"));
            right += error_of([&] { load_model(name(".data.h5")); }).find("not a kvmem-model") != std::string::npos;
            right += load_dataset(name(".data.h5")).memory.size() == dataset.memory.size();
            right += same_parameters(load_model(name(".model.h5"))->parameters(), model.parameters());
            right += store::MemoryStore::open(name(".store.h5"), store::Access::map).size() == keys.rows();
            right += read_vectors(name(".store.h5"), "keys").vectors.rows() == keys.rows();
        }
    };
    std::vector<std::thread> all;
    for (int thread = 0; thread < threads; ++thread) all.emplace_back(work, thread);
    for (std::thread& thread : all) thread.join();
    CHECK(right == threads * rounds * 5);
}
