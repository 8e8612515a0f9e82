#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/tasks/qa/models/mem_n2n.hpp"
#include "kvmem/tasks/qa/models/memory_transformer.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "kvmem/tasks/qa/models/query_reduction.hpp"
#include "kvmem/tasks/qa/task_type.hpp"

#include "kvmem/core/error.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace kvmem;

// No field has its default.
static RunConfig unusual() {
    RunConfig c;
    c.task_type = "question answering";
    c.data = "a \"quoted\" näme.h5";
    c.data_hash = "0123456789abcdef";
    c.tasks = {"1", "qa2_whether"};
    c.runs = 10;
    c.per_task = true;
    c.model = KvMemNNConfig{
        .width = 33,
        .hops = 5,
        .tying = Tying::answers,
        .bag_scale = BagScale::mean,
        .deviation = 0.3,
        .negatives = 7,
        .word_dropout = 0.25,
        .copy_weight = 12.5,
        .train_entities = true,
        .retriever = {.strategy = Retrieval::hops, .entities_only = false, .max_frequency = 17, .max_slots = 19},
        .seed = 18446744073709551615u};
    c.trainer.epochs = 11;
    c.trainer.min_steps = 77;
    c.trainer.batch = 13;
    c.trainer.max_batch_size = 170;
    c.trainer.shards = 3;
    c.trainer.optimizer = {.method = Method::adagrad,
                           .beta1 = 0.8,
                           .beta2 = 0.99,
                           .epsilon = 1e-6,
                           .clip_norm = 2.5,
                           .weight_decay = 0.02};
    c.trainer.schedule = {.rate = 0.1234567890123, .warmup = 0.05, .decay = Decay::cosine, .halve_every = 7};
    c.trainer.average = 0.995;
    c.trainer.sum_losses = true;
    c.trainer.start_epochs = 5;
    c.trainer.start_patience = 3;
    c.trainer.start_rate = 0.004;
    c.trainer.patience = 9;
    c.trainer.max_seconds = 100.5;
    c.trainer.target_metric = 0.75;
    c.trainer.check_nan = true;
    c.trainer.save_seconds = 0;
    c.trainer.balance = true;
    c.trainer.focus = true;
    c.trainer.paraphrase = 0.375;
    c.trainer.seed = 42;
    return c;
}

TEST_CASE("a configuration comes back from its JSON with every field", "[config]") {
    const RunConfig c = unusual(), back = run_config_from_json(to_json(c), question_answering(), "test");
    CHECK(back.task_type == c.task_type);
    CHECK(back.data == c.data);
    CHECK(back.data_hash == c.data_hash);
    CHECK(back.tasks == c.tasks);
    CHECK(back.runs == 10);
    CHECK(back.per_task);
    const auto& model = *back.model.get<KvMemNNConfig>();
    CHECK(model.width == 33);
    CHECK(model.hops == 5);
    CHECK(model.tying == Tying::answers);
    CHECK(model.bag_scale == BagScale::mean);
    CHECK(model.deviation == 0.3);
    CHECK(model.negatives == 7);
    CHECK(model.word_dropout == 0.25);
    CHECK(model.copy_weight == 12.5);
    CHECK(model.train_entities);
    CHECK_FALSE(model.retriever.entities_only);
    CHECK(model.retriever.max_frequency == 17);
    CHECK(model.retriever.max_slots == 19);
    CHECK(model.seed == 18446744073709551615u);
    CHECK(back.trainer.epochs == 11);
    CHECK(back.trainer.batch == 13);
    CHECK(back.trainer.shards == 3);
    CHECK(back.trainer.optimizer.method == Method::adagrad);
    CHECK(back.trainer.optimizer.beta1 == 0.8);
    CHECK(back.trainer.optimizer.beta2 == 0.99);
    CHECK(back.trainer.optimizer.epsilon == 1e-6);
    CHECK(back.trainer.optimizer.clip_norm == 2.5);
    CHECK(back.trainer.optimizer.weight_decay == 0.02);
    CHECK(back.trainer.schedule.rate == 0.1234567890123);
    CHECK(back.trainer.schedule.warmup == 0.05);
    CHECK(back.trainer.schedule.decay == Decay::cosine);
    CHECK(back.trainer.schedule.halve_every == 7);
    CHECK(back.trainer.sum_losses);
    CHECK(back.trainer.min_steps == 77);
    CHECK(back.trainer.start_epochs == 5);
    CHECK(back.trainer.start_patience == 3);
    CHECK(back.trainer.start_rate == 0.004);
    CHECK(back.trainer.patience == 9);
    CHECK(back.trainer.max_seconds == 100.5);
    CHECK(back.trainer.target_metric == 0.75);
    CHECK(back.trainer.check_nan);
    CHECK(back.trainer.save_seconds == 0);
    CHECK(back.trainer.balance);
    CHECK(back.trainer.focus);
    CHECK(back.trainer.paraphrase == 0.375);
    CHECK(back.trainer.seed == 42);
    CHECK(to_json(back) == to_json(c));
    CHECK(to_json(model_settings_from_json(to_json(c.model), question_answering(), "test")) == to_json(c.model));
}

// `unusual` differs from `usual` in every field, and comes back from its JSON.
static void check_every_field(const Settings& unusual, const Settings& usual) {
    namespace json = boost::json;
    const Settings back = model_settings_from_json(to_json(unusual), question_answering(), "test");
    CHECK(to_json(back) == to_json(unusual));
    const json::value expected = json::parse(to_json(usual)), other = json::parse(to_json(back));
    for (const auto& [name, value] : expected.as_object()) {
        CAPTURE(std::string(name));
        CHECK((value != other.at(name)) == (name != "model"));
    }
}

TEST_CASE("a MemN2N's configuration comes back from its JSON with every field", "[config]") {
    const Settings unusual = MemN2NConfig{.width = 33,
                                          .hops = 5,
                                          .memory = 70,
                                          .tying = HopTying::layerwise,
                                          .encoding = Encoding::bag,
                                          .aligned_length = 20,
                                          .temporal = false,
                                          .empty_slots = true,
                                          .random_noise = 0.25,
                                          .linear_start = false,
                                          .linear_map = true,
                                          .relu = true,
                                          .deviation = 0.3,
                                          .seed = 7,
                                          .words = {"glove.txt", false}};
    check_every_field(unusual, MemN2NConfig{});
    CHECK_THROWS_AS(model_settings_from_json(R"({"model": "mem-n2n", "memory": 0})", question_answering(), "x"), Error);
}

TEST_CASE("a memory transformer's configuration comes back from its JSON with every field", "[config]") {
    const Settings unusual = MemoryTransformerConfig{.width = 60,
                                                     .heads = 5,
                                                     .hops = 3,
                                                     .share_hops = true,
                                                     .ffn_factor = 2,
                                                     .max_words = 20,
                                                     .dropout = 0.2,
                                                     .seed = 7,
                                                     .words = {"glove.txt", false}};
    check_every_field(unusual, MemoryTransformerConfig{});
    CHECK_THROWS_AS(
        model_settings_from_json(R"({"model": "memory-transformer", "heads": 3})", question_answering(), "x"), Error);
}

TEST_CASE("a query-reduction network's configuration comes back from its JSON with every field", "[config]") {
    const Settings unusual = QueryReductionConfig{.width = 60,
                                                  .hops = 3,
                                                  .share_hops = false,
                                                  .chain_hops = 2,
                                                  .max_words = 20,
                                                  .position_std = 0.25,
                                                  .dropout = 0.2,
                                                  .seed = 7,
                                                  .words = {"glove.txt", false}};
    check_every_field(unusual, QueryReductionConfig{});
    CHECK_THROWS_AS(model_settings_from_json(R"({"model": "query-reduction", "chain": -1})", question_answering(), "x"),
                    Error);
}

TEST_CASE("a path reader's configuration comes back from its JSON with every field", "[config]") {
    const Settings unusual = PathReaderConfig{.width = 60,
                                              .hops = 2,
                                              .members = 2,
                                              .coverage = false,
                                              .ngram_buckets = 100,
                                              .word_dropout = 0.5,
                                              .word_deletion = 0.25,
                                              .synonyms = 0.1,
                                              .dropout = 0.1,
                                              .min_relation_weight = 0.01,
                                              .max_fanout = 5,
                                              .seed = 7,
                                              .vectors = "glove.txt"};
    check_every_field(unusual, PathReaderConfig{});
    CHECK_THROWS_AS(model_settings_from_json(R"({"model": "path-reader", "spellings": 0})", question_answering(), "x"),
                    Error);
    const Settings earlier = model_settings_from_json(R"({"model": "path-reader"})", question_answering(), "x");
    CHECK(earlier.get<PathReaderConfig>()->max_fanout == 0);  // as was read before there was a choice
    CHECK_FALSE(earlier.get<PathReaderConfig>()->coverage);
    CHECK(earlier.get<PathReaderConfig>()->members == 1);
}

TEST_CASE("the test of all fields leaves none out", "[config]") {
    namespace json = boost::json;
    const json::value usual = json::parse(to_json(RunConfig{})), other = json::parse(to_json(unusual()));
    for (const char* part : {"model", "trainer"})
        for (const auto& [name, value] : usual.at(part).as_object()) {
            CAPTURE(part, std::string(name));
            if (name == "model") continue;  // its kind
            CHECK(value != other.at(part).at(name));
        }
}

TEST_CASE("where training stands comes back from its JSON", "[config]") {
    const TrainerState state{3,    14, 15.92653589793238, 358, 0.979, 0.125, 2, 1, 1234.5, 1, 2,
                             0.75, 4,  {5, 0, 17},        1.25};
    CHECK(trainer_state_from_json(to_json(state), "test") == state);
    const TrainerState begun;
    CHECK(trainer_state_from_json(to_json(begun), "test") == begun);
    // -1 was what is not known yet.
    CHECK(trainer_state_from_json(R"({"best": "-1", "lowest_loss": "-1"})", "test") == begun);
}

TEST_CASE("what a configuration does not say is as usual", "[config]") {
    const RunConfig c =
        run_config_from_json(R"({"data": "x", "model": {}, "trainer": {}})", question_answering(), "test");
    CHECK(c.data == "x");
    CHECK(to_json(c.model) == to_json(KvMemNNConfig{}));
}

TEST_CASE("a field that is not known is an error that names the nearest one", "[config]") {
    const auto refused = [](const char* text, const char* field, const char* near) {
        CHECK_THROWS_WITH(run_config_from_json(text, question_answering(), "x"),
                          Catch::Contains(field) && Catch::Contains(near));
    };
    refused(R"({"data": "x", "model": {"widht": 8}, "trainer": {}})", "widht", "such as width");
    refused(R"({"data": "x", "model": {"model": "mem-n2n", "tieing": "x"}, "trainer": {}})", "tieing", "such as tying");
    refused(R"({"data": "x", "model": {}, "trainer": {"epoch": 3}})", "got epoch ", "such as epochs");
    refused(R"({"data": "x", "model": {}, "trainer": {}, "run": 3})", "run", "such as runs");
    CHECK_THROWS_WITH(trainer_state_from_json(R"({"stepp": 1})", "x"), Catch::Contains("such as step"));
}

TEST_CASE("a field that is there twice is an error", "[config]") {
    for (const char* text : {R"({"data": "x", "data": "y", "model": {}, "trainer": {}})",
                             R"({"data": "x", "model": {"hops": 2, "width": 8, "hops": 3}, "trainer": {}})",
                             R"({"data": "x", "model": {}, "trainer": {"rate": "1", "\u0072ate" : "2"}})"})
        CHECK_THROWS_WITH(run_config_from_json(text, question_answering(), "x"), Catch::Contains("twice"));
    // The same name in two objects, and names as values, are not.
    CHECK_NOTHROW(run_config_from_json(
        R"({"data": "a \" { [: seed", "tasks": ["data", "data"], "model": {"seed": 1}, "trainer": {"seed": 1}})",
        question_answering(), "x"));
}

TEST_CASE("text that is no configuration is an error that says where", "[config]") {
    for (const char* text : {"",
                             "{",
                             "[]",
                             "null",
                             "1",
                             "{}",
                             R"({"data": 1, "model": {}, "trainer": {}})",
                             R"({"data": "x", "model": [], "trainer": {}})",
                             R"({"data": "x", "model": {}})",
                             R"({"data": "x", "model": {"width": -1}, "trainer": {}})",
                             R"({"data": "x", "model": {"width": 1e99}, "trainer": {}})",
                             R"({"data": "x", "model": {"width": 8.5}, "trainer": {}})",
                             R"({"data": "x", "model": {"width": "8"}, "trainer": {}})",
                             R"({"data": "x", "model": {"tying": "none"}, "trainer": {}})",
                             R"({"data": "x", "model": {"tying": 1}, "trainer": {}})",
                             R"({"data": "x", "model": {"seed": -1}, "trainer": {}})",
                             R"({"data": "x", "model": {"train_entities": 1}, "trainer": {}})",
                             R"({"data": "x", "model": {}, "trainer": {"epochs": 0}})",
                             R"({"data": "x", "model": {}, "trainer": {"batch": 9223372036854775807}})",
                             R"({"data": "x", "model": {}, "trainer": {"rate": null}})",
                             R"({"data": "x", "model": {}, "trainer": {"clip": "inf"}})",
                             R"({"data": "x", "model": {}, "trainer": {"clip": 1e400}})",
                             R"({"data": "x", "model": {}, "trainer": {"max_seconds": "nan"}})",
                             R"({"data": "x", "model": {}, "trainer": {"patience": 9223372036854775807}})",
                             R"({"data": "x", "model": {}, "trainer": {"start_patience": 9223372036854775807}})",
                             "{\"data\": \"\xff\"}"}) {
        CAPTURE(text);
        CHECK_THROWS_WITH(run_config_from_json(text, question_answering(), "run/config.json"),
                          Catch::StartsWith("run/config.json: "));
    }
    const std::string deep(100000, '[');
    CHECK_THROWS_AS(run_config_from_json(deep, question_answering(), "x"), Error);
    CHECK_THROWS_AS(model_settings_from_json("[1]", question_answering(), "x"), Error);
    CHECK_THROWS_AS(trainer_state_from_json(R"({"step": "1"})", "x"), Error);
}

static std::string text_of(const Settings& model, const std::string& name) {
    Settings copy = model;
    for (const FieldText& field : field_texts(copy))
        if (field.name == name) return field.value;
    return {};
}

TEST_CASE("a field is set by its name and a text", "[config]") {
    Settings model = KvMemNNConfig{};
    CHECK(set_field(model, "width", "48"));
    CHECK(set_field(model, "tying", "shared"));
    CHECK(set_field(model, "match", "0.25"));  // its name of before
    CHECK(set_field(model, "vectors", "a b.txt"));
    CHECK(set_field(model, "copy_weight", "0.5"));
    CHECK(set_field(model, "train_entities", "yes"));
    const auto& set = *model.get<KvMemNNConfig>();
    CHECK(set.width == 48);
    CHECK(set.words.vectors == "a b.txt");
    CHECK(set.tying == Tying::shared);
    CHECK(set.copy_weight == 0.5);
    CHECK(set.train_entities);
    CHECK(text_of(model, "width") == "48");
    CHECK(text_of(model, "copy_weight") == "0.5");
    CHECK(text_of(model, "train_entities") == "yes");
    CHECK(text_of(model, "tying") == "shared");
    for (const char* text : {"", "4x", "x", "4.5", "1e99", " 4"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(set_field(model, "width", text), UsageError);
    }
    CHECK_THROWS_AS(set_field(model, "train_entities", "perhaps"), UsageError);
    CHECK_THROWS_WITH(set_field(model, "tying", "none"),
                      Catch::Contains("shared, answers, sides") && Catch::Contains("none"));
    CHECK_FALSE(set_field(model, "no_such", "1"));
    CHECK(set.width == 48);
    CHECK(set.words.vectors == "a b.txt");
    TrainerOptions trainer;
    CHECK(set_field(trainer, "decay", "halve"));
    CHECK(trainer.schedule.decay == Decay::halve);
    CHECK_FALSE(set_field(trainer, "width", "1"));
    for (const char* text : {"inf", "nan", "1e400", "0x1p3", " 1", "1 ", "+1"}) {
        CAPTURE(text);
        CHECK_THROWS_WITH(set_field(trainer, "rate", text), Catch::Contains("finite") && Catch::Contains(text));
    }
    CHECK_THROWS_WITH(set_field(trainer, "seed", "-1"), Catch::Contains("from 0 to 18446744073709551615, got -1"));
}

namespace {
struct OptionalShare {
    std::optional<double> share{};
    static void fields(OptionalShare& c, FieldList field) { field("share", c.share, Range{0, 1}, ""); }
};
}  // namespace

TEST_CASE("a range holds for an optional number, too", "[config]") {
    CHECK_NOTHROW(validated(OptionalShare{}));
    CHECK_NOTHROW(validated(OptionalShare{0.5}));
    CHECK_THROWS_WITH(validated(OptionalShare{7}), Catch::Contains("0 to 1, got 7"));
}

TEST_CASE("a score of -1 is one", "[config]") {
    TrainerState state;
    state.epoch = state.best_epoch = 1;
    state.best = -1;
    CHECK(trainer_state_from_json(to_json(state), "test") == state);
}

TEST_CASE("fields are read by their names of before", "[config]") {
    const auto json = [](const char* text) {
        return to_json(model_settings_from_json(text, question_answering(), "x"));
    };
    KvMemNNConfig copying;
    copying.copy_weight = 7;
    CHECK(json(R"({"match": 7})") == to_json(Settings(copying)));
    CHECK(json(R"({"model": "mem-n2n", "sentence": 7})") == to_json(MemN2NConfig{.aligned_length = 7}));
    CHECK(json(R"({"model": "memory-transformer", "inner": 2, "longest": 9})") ==
          to_json(MemoryTransformerConfig{.ffn_factor = 2, .max_words = 9}));
    CHECK(
        json(R"({"model": "path-reader", "spellings": 9, "least": 0.5})") ==
        to_json(PathReaderConfig{.coverage = false, .ngram_buckets = 9, .min_relation_weight = 0.5, .max_fanout = 0}));
    CHECK(json(R"({"model": "query-reduction", "chain": 1, "longest": 9, "places": 2})") ==
          to_json(QueryReductionConfig{.chain_hops = 1, .max_words = 9, .position_std = 2}));
    CHECK(trainer_state_from_json(R"({"wrong": [1, 2]})", "x").errors_by_group == std::vector<Index>{1, 2});
    CHECK_THROWS_WITH(json(R"({"match": 7, "copy_weight": 7})"), Catch::Contains("twice"));
}

TEST_CASE("a range says which numbers it holds", "[config]") {
    CHECK(Range{1, 8192}.text() == "1 to 8192");
    CHECK(Range::below(0, 1).text() == "0 to below 1");
    CHECK(Range::above(0).text() == "above 0");
    CHECK(Range::from(0).text() == "0 or more");
    CHECK(Range{}.text() == "a number");
    CHECK(Range{0, 1e30}.text() == "0 to 1e+30");
    CHECK(Range::below(0, 1).contains(0));
    CHECK_FALSE(Range::below(0, 1).contains(1));
    CHECK_FALSE(Range::above(0).contains(0));
    CHECK_FALSE(Range{}.contains(std::numeric_limits<double>::infinity()));
    CHECK_FALSE(Range{}.contains(std::numeric_limits<double>::quiet_NaN()));
}

TEST_CASE("settings are values of their struct", "[config]") {
    KvMemNNConfig config;
    config.hops = 2;
    Settings settings = config;
    Settings copy = settings;
    copy.get<KvMemNNConfig>()->hops = 3;
    CHECK(settings.get<KvMemNNConfig>()->hops == 2);
    CHECK(copy.get<MemN2NConfig>() == nullptr);
    settings = std::move(copy);
    CHECK(settings.get<KvMemNNConfig>()->hops == 3);
    CHECK(Settings().kind().empty());
    CHECK_NOTHROW(Settings().validate());
}

TEST_CASE("a model that nobody knows is an error", "[config]") {
    CHECK_THROWS_WITH(model_settings_from_json(R"({"model": "rnn"})", question_answering(), "x"),
                      Catch::Contains("rnn") && Catch::Contains("kv-mem-nn"));
}
