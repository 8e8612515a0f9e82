// Models that are trained: gradients of their losses, what they learn, one pass for all targets, and threads.
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/recommendation/model_file.hpp"
#include "kvmem/tasks/recommendation/models/atrank.hpp"
#include "kvmem/tasks/recommendation/models/baselines.hpp"
#include "kvmem/tasks/recommendation/models/floors.hpp"
#include "kvmem/tasks/recommendation/models/sasrec.hpp"
#include "kvmem/tasks/recommendation/models/sequence_memory.hpp"
#include "kvmem/tasks/recommendation/objective.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/train/config.hpp"
#include "kvmem/train/trainer.hpp"
#include "support/ring_events.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/recommendation/negatives.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace kvmem;

namespace {

SasRecConfig small_sasrec(SequenceLoss loss) {
    SasRecConfig c;
    c.width = 16;
    c.layers = 1;
    c.max_history = 6;
    c.dropout = 0;
    c.loss = loss;
    c.negatives = 8;
    return c;
}

SequenceMemoryConfig small_memory() {
    SequenceMemoryConfig c;
    c.width = 8;
    c.layers = 1;
    c.max_history = 6;
    c.dropout = 0;
    c.inner = 8;
    c.drop_items = 0;
    return c;
}

AtRankConfig small_atrank() {
    AtRankConfig c;
    c.width = 8;
    c.heads = 2;
    c.inner = 8;
    return c;
}

template <class Config>
Config small_baseline() {
    Config c;
    c.width = 8;
    return c;
}

std::vector<Settings> all_settings() {
    return {small_sasrec(SequenceLoss::softmax),
            small_sasrec(SequenceLoss::sampled),
            small_sasrec(SequenceLoss::bce),
            small_memory(),
            small_atrank(),
            small_baseline<BprConfig>(),
            small_baseline<BiLstmConfig>(),
            small_baseline<BiLstmAttentionConfig>(),
            small_baseline<CnnPoolConfig>()};
}

double loss_of(const RecommendationModel& model, const Events& events, std::span<const Window> windows) {
    Tape tape;
    Rng rng(1);
    return double{model.loss(tape, events, windows, rng).value()(0, 0)};
}

std::vector<Real> scores_of(const RecommendationModel& model, std::span<const History> histories) {
    Matrix scores(std::ssize(histories), model.catalog().items());
    model.score(histories, scores);
    return {scores.data(), scores.data() + scores.size()};
}

}  // namespace

TEST_CASE("scores of some items are those that all items have, whatever the number of each history", "[recommenders]") {
    const EventsDataset data = test::ring_events(40, 5);
    const EventMemory memory = memory_before(data, 0, EventMark::valid);
    std::vector<History> histories;
    Ragged<Token> items;
    for (Index user = 0; user < 40; ++user) {
        const auto [first, end] = data.events.of_user(user);
        histories.push_back({&data.events, first, first + user % 5, data.events.time[end - 1]});  // the first is empty
        std::vector<Token> row(user % 4);
        std::iota(row.begin(), row.end(), static_cast<Token>(user % 3));
        items.push_row(row);
    }
    std::vector<Settings> all_models = all_settings();
    all_models.insert(all_models.end(), {PopularityConfig{}, OwnItemsConfig{}, ItemKnnConfig{}});
    for (const Settings& settings : all_models) {
        INFO(settings.kind());
        const auto model = make_recommendation_model(settings, catalog_of(data));
        model->remember(memory);
        const std::vector<Real> all = scores_of(*model, histories);
        std::vector<Real> some(items.values.size());
        model->score(Candidates{histories, items}, some);
        for (Index i = 0, next = 0; i < std::ssize(histories); ++i)
            for (const Token item : items[i])
                CHECK(some[next++] == Approx(all[i * model->catalog().items() + item]).margin(1e-5));
    }
}

// Moves all parameters along their gradients, by `length` in sum.
static void move(Parameters& parameters, Tape& tape, double length, double norm) {
    for (Parameter& p : parameters) {
        const View gradient = tape.gradient(p).dense();
        for (Index i = 0; i < gradient.size(); ++i)
            p.value.data()[i] += static_cast<Real>(length / norm * double{gradient.data[i]});
    }
}

// A float is too coarse for single parameters. Along the gradient, the loss rises by its length.
TEST_CASE("the loss of a recommender rises along its gradient by the gradient's length", "[recommenders]") {
    const EventsDataset data = test::ring_events(4, 5);
    const EventMemory memory = memory_before(data, 0, EventMark::valid);
    for (const Settings& settings : all_settings()) {
        const auto model = make_recommendation_model(settings, catalog_of(data));
        model->remember(memory);
        const auto windows = model->training() == Training::each ? std::vector<Window>{{0, 2, 3}, {5, 7, 8}}
                                                                 : std::vector<Window>{{0, 0, 3}, {5, 6, 8}};
        Tape tape;
        Rng rng(1);
        tape.backward(model->loss(tape, data.events, windows, rng));
        double squares = 0;
        for (const Parameter& p : model->parameters())
            for (const Real x : tape.gradient(p).dense().span()) squares += double{x} * double{x};
        const double norm = std::sqrt(squares), step = 5e-4;
        REQUIRE(norm > 0);
        move(model->parameters(), tape, step, norm);
        const double above = loss_of(*model, data.events, windows);
        move(model->parameters(), tape, -2 * step, norm);
        const double below = loss_of(*model, data.events, windows);
        INFO(to_json(settings));
        CHECK((above - below) / (2 * step) == Approx(norm).epsilon(0.02));
    }
}

static TrainerOptions short_training(Index epochs, Index batch, double rate) {
    TrainerOptions options;
    options.epochs = epochs;
    options.batch = batch;
    options.patience = 0;
    options.schedule.rate = rate;
    return options;
}

TEST_CASE("trained recommenders learn a ring, with the same bits on any number of threads", "[recommenders]") {
    const EventsDataset data = test::ring_events(24, 14, 20);
    for (const Settings& settings : all_settings()) {
        std::vector<Real> bits[2];
        for (const int threads : {1, 3}) {
            const ThreadLimit limit(threads);
            const auto model = make_recommendation_model(settings, catalog_of(data));
            RecommendationObjective objective(*model, data);
            TrainerOptions options = short_training(25, 8, 0.02);
            options.shards = 4;
            options.optimizer.clip_norm = 5;
            Trainer(objective, options, recommendation().score()).run({});
            INFO(settings.kind() << to_json(settings));
            CHECK(objective.validate().score > 0.9);
            const EventMemory memory = memory_before(data, 0, EventMark::test);
            model->remember(memory);
            const auto queries = ranking_queries(data, 0, usual_evaluation(data));
            bits[threads == 1] = scores_of(*model, std::vector{queries[0].history, queries[1].history});
        }
        CHECK(bits[0] == bits[1]);
    }
}

// Users take something to eat and something to drink in turn. "new-food" and "new-drink" come in the test alone.
static EventsDataset meals() {
    EventsBuilder builder;
    for (const char* kind : {"food", "drink"})
        for (const char* name : {"0-", "1-", "2-", "3-", "new-"})
            builder.add_value("item", builder.object("item", std::string(name) + kind), "kind", kind);
    Rng rng(1);
    for (Index user = 0; user < 30; ++user)
        for (Index t = 0; t < 10; ++t) {
            const std::string name = "u" + std::to_string(user);
            const std::string item = std::to_string(rng.below(4)) + (t % 2 == 0 ? "-food" : "-drink");
            builder.add({.user = name,
                         .object = item,
                         .time = t * 86400,
                         .mark = t == 9 ? EventMark::valid : EventMark::train});
        }
    return builder.finish();
}

// With the memory of all users or without it.
TEST_CASE("an item that training never saw is scored by its features", "[recommenders]") {
    const EventsDataset data = meals();
    for (const bool memory : {false, true}) {
        SequenceMemoryConfig config = small_memory();
        config.drop_items = 0.5;
        config.own = config.neighbours = config.popular = memory;
        const auto model = make_recommendation_model(config, catalog_of(data));
        RecommendationObjective objective(*model, data);
        Trainer(objective, short_training(10, 8, 0.02), recommendation().score()).run({});
        const EventMemory before = memory_before(data, 0, EventMark::valid);
        model->remember(before);
        const History after_food{&data.events, 0, 9, 9 * 86400};
        const std::vector<Real> scores = scores_of(*model, std::vector{after_food});
        const Names& items = data.groups[0].ids;
        const Token food = *items.find("new-food"), drink = *items.find("new-drink");
        INFO(memory);
        CHECK(scores[drink] > scores[food] + 1);
        for (Token item = 0; item < items.size(); ++item)
            if (items[item].ends_with("food")) CHECK(scores[drink] > scores[item]);
    }
}

TEST_CASE("all targets of a window in one pass cost what each costs alone", "[recommenders]") {
    const EventsDataset data = test::ring_events(3, 7);
    const EventMemory memory = memory_before(data, 0, EventMark::valid);
    BprConfig bpr = small_baseline<BprConfig>();
    bpr.redraw = false;  // negatives are those of the targets' numbers
    bpr.l2 = 0.1;
    for (const Settings& settings :
         {Settings(small_sasrec(SequenceLoss::softmax)), Settings(small_memory()), Settings(bpr)}) {
        const auto model = make_recommendation_model(settings, catalog_of(data));
        model->remember(memory);
        double alone = 0;
        for (Index target = 1; target < 5; ++target)
            alone += loss_of(*model, data.events, std::vector<Window>{{0, target, target + 1}});
        CHECK(loss_of(*model, data.events, std::vector<Window>{{0, 0, 7}}) == Approx(alone));
    }
}

// bpr as operations on whole rows, with each history read anew.
static double plain_bpr_loss(RecommendationModel& model, const Events& events, std::span<const Window> windows) {
    Rng rng(1);
    const TargetPairs pairs = target_pairs(events, windows, model.catalog(), false, 1, rng);
    Matrix scores(std::ssize(pairs.histories), model.catalog().items());
    model.score(pairs.histories, scores);
    double loss = 0;
    for (Index i = 0; i < scores.rows(); ++i)
        loss += std::log1p(std::exp(double{scores(i, pairs.negatives[i])} - double{scores(i, pairs.targets[i])}));
    return loss;
}

TEST_CASE("the loss of bpr is that of its scores of targets and negatives, in baskets and among other events",
          "[recommenders]") {
    EventsBuilder builder;
    for (Index item = 0; item < 9; ++item) builder.object("item", std::to_string(item));
    Rng rng(3);
    for (const char* user : {"u", "v", "w"})
        for (Index t = 0; t < 12; ++t) {
            const std::string basket = t % 3 == 0 ? "" : user + std::to_string(t / 3);
            builder.add({.user = user,
                         .object = std::to_string(rng.below(7)),
                         .time = t / 3 * 86400,
                         .group = t == 4 ? "query" : "item",
                         .basket = basket,
                         .mark = t < 11 ? EventMark::train : EventMark::valid});
        }
    const EventsDataset data = builder.finish();
    BprConfig config = small_baseline<BprConfig>();
    config.redraw = false;
    const auto model = make_recommendation_model(config, catalog_of(data));
    std::vector<Window> all, each;
    const Index group = model->catalog().group;
    for (Index user = 0; user < 3; ++user) {
        const auto [first, end] = data.events.of_user(user);
        all.push_back({first, first, end});
        for (Index e = first; e < end; ++e)
            if (data.events.group[e] == group && data.events.mark[e] == EventMark::train &&
                basket_begin(data.events, e) > first)
                each.push_back({first, e, e + 1});
    }
    REQUIRE(each.size() > 15);
    CHECK(loss_of(*model, data.events, all) == Approx(plain_bpr_loss(*model, data.events, each)).epsilon(1e-5));
    CHECK(loss_of(*model, data.events, {}) == 0);
}

TEST_CASE("targets of one basket read the events before it", "[recommenders]") {
    EventsBuilder builder;
    for (const char* item : {"a", "b"}) builder.add({.user = "u", .object = item, .time = 5, .basket = "1"});
    for (const char* item : {"c", "a", "c"}) builder.add({.user = "u", .object = item, .time = 9, .basket = "2"});
    const EventsDataset data = builder.finish();
    const CausalTargets all = causal_targets(data.events, std::vector<Window>{{0, 0, 5}}, 0);
    CHECK(all.rows.objects == std::vector<Token>{0, 1, 2, 0, 2});
    CHECK(all.read == std::vector<Index>{1});
    REQUIRE(all.targets.size() == 1);
    CHECK(all.targets.values == std::vector<Index>{2, 0});
    CHECK(all.histories[0].size() == 2);
    CHECK(all.histories[0].now == 9);
}

TEST_CASE("scores of a history do not depend on those beside it, and candidates have the scores of all",
          "[recommenders]") {
    const EventsDataset data = test::ring_events(9, 8);
    const EventMemory memory = memory_before(data, 0, EventMark::test);
    auto queries = ranking_queries(data, 0, usual_evaluation(data));
    std::vector<History> histories;
    for (const RankingQuery& query : queries) histories.push_back(query.history);
    histories.push_back({&data.events, 0, 0, 100 * seconds_per_day});  // none
    for (const Settings& settings : all_settings()) {
        const auto model = make_recommendation_model(settings, catalog_of(data));
        model->remember(memory);
        const std::vector<Real> together = scores_of(*model, histories);
        for (std::size_t i = 0; i < histories.size(); ++i) {
            const std::vector<Real> alone = scores_of(*model, {&histories[i], 1});
            CHECK(std::equal(alone.begin(), alone.end(), together.begin() + std::ssize(alone) * static_cast<Index>(i)));
        }
        const Ragged<Token> items{{7, 2, 5}, {0, 2, 3}};
        std::vector<Real> some(3);
        model->score({std::span(histories).first(2), items}, some);
        CHECK(some[0] == Approx(together[7]));
        CHECK(some[2] == Approx(together[8 + 5]));
    }
}

TEST_CASE("scores are products of the vectors of models that have them", "[recommenders]") {
    const EventsDataset data = test::ring_events(9, 8);
    const std::vector<History> histories{{&data.events, 0, 4, data.events.time[4]}, {&data.events, 9, 9, 0}};
    for (const Settings& settings : all_settings()) {
        const auto model = make_recommendation_model(settings, catalog_of(data));
        INFO(settings.kind());
        if (settings.kind() == "atrank" || settings.kind() == "sequence-memory" ||
            settings.kind() == "bi-lstm-attention") {
            CHECK_THROWS_WITH(model->item_vectors(), Catch::Contains(settings.kind()));
            CHECK_THROWS_WITH(model->history_vectors(histories), Catch::Contains("sasrec"));
            continue;
        }
        const Matrix items = model->item_vectors(), states = model->history_vectors(histories);
        REQUIRE(items.cols() == states.cols());
        const std::vector<Real> scores = scores_of(*model, histories);
        for (Index h = 0; h < 2; ++h)
            for (Index i = 0; i < items.rows(); ++i)
                CHECK(std::inner_product(items.row(i), items.row(i) + items.cols(), states.row(h), Real{0}) ==
                      Approx(scores[h * items.rows() + i]).margin(1e-4));
    }
}

TEST_CASE("a history's vector has the same bits among any number of others", "[recommenders]") {
    const EventsDataset data = test::ring_events(300, 4);
    std::vector<History> histories;
    for (Index user = 0; user < 300; ++user) histories.push_back({&data.events, 4 * user, 4 * user + 3, 400 * 86400});
    SasRecConfig sasrec;
    sasrec.width = 8;
    for (const Settings& settings : {Settings(sasrec), Settings(BprConfig{})}) {
        const auto model = make_recommendation_model(settings, catalog_of(data));
        const Matrix all = model->history_vectors(histories);
        REQUIRE(all.rows() == 300);
        for (const Index user : {0, 1, 255, 256, 299}) {
            const Matrix one = model->history_vectors({&histories[user], 1});
            CHECK(std::equal(one.data(), one.data() + one.size(), all.row(user)));
        }
        CHECK(model->history_vectors({}).rows() == 0);
        CHECK(model->history_vectors({}).cols() == all.cols());
    }
}

// Users search for something, and what they take is its item, and what they search for is any.
static EventsDataset searches() {
    EventsBuilder builder;
    for (const char* name : {"a", "b", "c", "d"}) builder.object("item", name), builder.object("query", name);
    Rng rng(1);
    for (Index user = 0; user < 40; ++user)
        for (Index t = 0; t < 8; ++t) {
            const std::string name = "u" + std::to_string(user), what(1, static_cast<char>('a' + rng.below(4)));
            const EventMark mark = t == 7 ? EventMark::valid : EventMark::train;
            builder.add({.user = name, .object = what, .time = t * 86400, .group = "query", .mark = EventMark::none});
            builder.add({.user = name, .object = what, .time = t * 86400 + 9, .mark = mark});
        }
    return builder.finish();
}

TEST_CASE("ATRank reads events of all groups, each by a map of its own", "[recommenders]") {
    const EventsDataset data = searches();
    AtRankConfig config = small_atrank();
    config.width = config.inner = 16;
    config.redraw = config.groups = true;
    config.l2 = 0;
    const auto model = make_recommendation_model(config, catalog_of(data));
    RecommendationObjective objective(*model, data);
    Trainer(objective, short_training(10, 16, 0.005), recommendation().score()).run({});
    for (Token query = 0; query < 4; ++query) {  // the last event of a history that has all others, too
        Events events;
        for (const Token object : {0, 1, 2, 3, query}) {
            events.group.push_back(1), events.object.push_back(object), events.action.push_back(0);
            events.time.push_back(std::ssize(events.object) < 5 ? 0 : 5 * 86400);
        }
        const std::vector<Real> scores = scores_of(*model, std::vector<History>{{&events, 0, 5, 5 * 86400 + 9}});
        CHECK(std::ranges::max_element(scores) - scores.begin() == query);
    }
}

TEST_CASE("targets of all groups have negatives of their own group", "[recommenders]") {
    EventsDataset data = searches();
    for (Index e = 0; e < data.events.size(); ++e)
        if (data.events.time[e] < 7 * 86400) data.events.mark[e] = EventMark::train;
    AtRankConfig config = small_atrank();
    const auto alone = make_recommendation_model(config, catalog_of(data));
    config.groups = true;
    const auto all = make_recommendation_model(config, catalog_of(data));
    const RecommendationObjective few(*alone, data), many(*all, data);
    CHECK(few.items() < many.items());
    Tape tape;
    Rng rng(1);
    tape.backward(all->loss(tape, data.events, std::vector<Window>{{0, 2, 3}, {0, 3, 4}}, rng));
    for (const char* name : {"bias.query", "bias", "token.query.weight", "group.query"})
        CHECK(std::ranges::any_of(tape.gradient(*all->parameters().find(name)).dense().span(),
                                  [](Real x) { return x != 0; }));
}

TEST_CASE("a recommender comes back from its file with the same scores", "[recommenders]") {
    const EventsDataset data = test::ring_events(5, 6);
    const EventMemory memory = memory_before(data, 0, EventMark::test);
    const History history{&data.events, 0, 4, data.events.time[4]};
    const test::TemporaryDirectory directory;
    for (const ModelType* type : recommendation_models()) {
        const auto model = make_recommendation_model(type->defaults, catalog_of(data));
        const auto path = directory.path() / (type->kind() + ".h5");
        save_recommendation_model(*model, path);
        const auto loaded = load_recommendation_model(path);
        CHECK(loaded->catalog() == model->catalog());
        model->remember(memory), loaded->remember(memory);
        CHECK(scores_of(*loaded, {&history, 1}) == scores_of(*model, {&history, 1}));
    }
    CHECK_THROWS_AS(load_recommendation_model(directory.path() / "none.h5"), Error);
}

TEST_CASE("settings that do not fit a recommender are refused", "[recommenders]") {
    const EventsDataset data = test::ring_events(3);
    SasRecConfig sasrec = small_sasrec(SequenceLoss::bce);
    sasrec.heads = 3;
    CHECK_THROWS_AS(make_recommendation_model(sasrec, catalog_of(data)), UsageError);
    AtRankConfig atrank = small_atrank();
    atrank.heads = 5;
    CHECK_THROWS_AS(make_recommendation_model(atrank, catalog_of(data)), UsageError);
    CHECK_THROWS_AS(make_recommendation_model(small_atrank(), Catalog{}), Error);
    CHECK_THROWS_AS(make_recommendation_model(Settings(), catalog_of(data)), UsageError);
    const EventsDataset short_data = test::ring_events(3, 2);  // no event behind another is for training
    const auto model = make_recommendation_model(small_atrank(), catalog_of(short_data));
    CHECK_THROWS_AS(RecommendationObjective(*model, short_data), Error);
}

TEST_CASE("explanations are weights of past events", "[recommenders]") {
    const EventsDataset data = test::ring_events(5, 6);
    const EventMemory memory = memory_before(data, 0, EventMark::test);
    const History history{&data.events, 6, 10, data.events.time[10]};
    for (const Settings& settings : all_settings()) {
        const auto model = make_recommendation_model(settings, catalog_of(data));
        model->remember(memory);
        const Explanation explanation = model->explain(history, 3);
        const std::vector<std::string> silent{"bpr", "bi-lstm", "cnn-pool"};
        if (std::ranges::find(silent, settings.kind()) != silent.end()) continue;
        REQUIRE(explanation.weights.rows() == std::ssize(explanation.names));
        REQUIRE(explanation.weights.cols() == 4);
        double sum = 0;
        for (Index e = 0; e < 4; ++e) sum += double{explanation.weights(0, e)};
        CHECK(sum == Approx(1));  // of the first head
    }
}

TEST_CASE("a model that counts has a run like any other", "[recommenders]") {
    const EventsDataset data = test::ring_events(24, 14, 20);
    for (const char* kind : {"popularity", "own-items", "item-knn"}) {
        const RunConfig config = find_model(recommendation(), kind).recommended;
        const auto model = make_recommendation_model(config.model, catalog_of(data));
        RecommendationObjective objective(*model, data);
        Index epochs = 0;
        Trainer::Callbacks callbacks;
        callbacks.epoch = [&](const EpochReport& report) { epochs += report.validation.has_value(); };
        Trainer(objective, config.trainer, recommendation().score()).run(callbacks);
        CHECK(epochs == 1);
        CHECK(objective.fingerprint({}).size() == 16);
        CHECK(objective.describe("run").counts.front().second == 20);
    }
}
