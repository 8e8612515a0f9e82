#include "kvmem/train/config.hpp"

#include "kvmem/core/error.hpp"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <utility>

namespace kvmem {

namespace json = boost::json;

template <class T>
using Names = std::span<const std::pair<const char*, T>>;

static constexpr std::array tyings{std::pair{"shared", Tying::shared}, std::pair{"answers", Tying::answers},
                                   std::pair{"sides", Tying::sides}};
static constexpr std::array bag_scales{std::pair{"sum", BagScale::sum},
                                       std::pair{"inverse-sqrt", BagScale::inverse_sqrt},
                                       std::pair{"mean", BagScale::mean}};
static constexpr std::array methods{std::pair{"sgd", Method::sgd}, std::pair{"adagrad", Method::adagrad},
                                    std::pair{"adam", Method::adam}};
static constexpr std::array decays{std::pair{"constant", Decay::constant}, std::pair{"linear", Decay::linear},
                                   std::pair{"cosine", Decay::cosine}};

template <class T>
static std::string name_in(Names<T> names, T value) {
    for (const auto& [name, v] : names)
        if (v == value) return name;
    return "?";
}

template <class T>
static void parse_in(Names<T> names, std::string_view text, T& value) {
    std::string all;
    for (const auto& [name, v] : names) {
        if (text == name) {
            value = v;
            return;
        }
        all += (all.empty() ? "" : ", ") + std::string(name);
    }
    throw UsageError(
        {.what = "unknown choice", .expected = "one of " + all, .got = std::string(text), .where = {}, .hint = {}});
}

std::string name_of(Tying value) { return name_in<Tying>(tyings, value); }
std::string name_of(BagScale value) { return name_in<BagScale>(bag_scales, value); }
std::string name_of(Method value) { return name_in<Method>(methods, value); }
std::string name_of(Decay value) { return name_in<Decay>(decays, value); }
void parse(std::string_view name, Tying& value) { parse_in<Tying>(tyings, name, value); }
void parse(std::string_view name, BagScale& value) { parse_in<BagScale>(bag_scales, name, value); }
void parse(std::string_view name, Method& value) { parse_in<Method>(methods, name, value); }
void parse(std::string_view name, Decay& value) { parse_in<Decay>(decays, name, value); }

// Each struct once, for both directions: visit(name, field) for all fields.
template <class Config, class Visit>
static void fields_of_model(Config& c, Visit visit) {
    visit("width", c.width);
    visit("hops", c.hops);
    visit("tying", c.tying);
    visit("bag_scale", c.bag_scale);
    visit("init", c.deviation);
    visit("negatives", c.negatives);
    visit("word_dropout", c.word_dropout);
    visit("match", c.match);
    visit("train_entities", c.train_entities);
    visit("hash_entities_only", c.retriever.entities_only);
    visit("max_frequency", c.retriever.max_frequency);
    visit("max_slots", c.retriever.max_slots);
    visit("seed", c.seed);
}

template <class Config, class Visit>
static void fields_of_trainer(Config& c, Visit visit) {
    visit("epochs", c.epochs);
    visit("batch", c.batch);
    visit("shards", c.shards);
    visit("optimizer", c.optimizer.method);
    visit("beta1", c.optimizer.beta1);
    visit("beta2", c.optimizer.beta2);
    visit("epsilon", c.optimizer.epsilon);
    visit("clip", c.optimizer.clip_norm);
    visit("rate", c.schedule.rate);
    visit("warmup", c.schedule.warmup);
    visit("decay", c.schedule.decay);
    visit("patience", c.patience);
    visit("max_seconds", c.max_seconds);
    visit("target_metric", c.target_metric);
    visit("check_nan", c.check_nan);
    visit("save_seconds", c.save_seconds);
    visit("seed", c.seed);
}

template <class State, class Visit>
static void fields_of_state(State& s, Visit visit) {
    visit("epoch", s.epoch);
    visit("step", s.step);
    visit("loss", s.loss);
    visit("optimizer_steps", s.optimizer_steps);
    visit("best", s.best);
    visit("best_epoch", s.best_epoch);
    visit("epochs_without_improvement", s.epochs_without_improvement);
    visit("seconds", s.seconds);
}

// Floating-point numbers are written as texts: what Boost.JSON reads of a number may differ in the last bit, and
// a run that is resumed must have the very same rate.
static std::string exact_text(double value) {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    return std::string(text.data(), end);
}

static double exact_number(std::string_view text) {
    double value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc() || end != text.data() + text.size()) throw std::invalid_argument("not a number");
    return value;
}

// What went wrong, without Boost's places in its own sources.
static std::string reason_of(const std::exception& e) {
    const auto* coded = dynamic_cast<const boost::system::system_error*>(&e);
    return coded ? coded->code().message() : e.what();
}

namespace {

struct Put {
    json::object& object;
    template <class T>
    void operator()(const char* name, const T& field) const {
        if constexpr (std::is_enum_v<T>)
            object[name] = name_of(field);
        else if constexpr (std::is_floating_point_v<T>)
            object[name] = exact_text(field);
        else
            object[name] = field;
    }
};

struct Get {
    const json::object& object;
    template <class T>
    void operator()(const char* name, T& field) const {
        const json::value* value = object.if_contains(name);
        if (!value) return;
        try {
            if constexpr (std::is_enum_v<T>)
                parse(std::string_view(value->as_string()), field);
            else if constexpr (std::is_floating_point_v<T>)
                field = value->is_string() ? exact_number(value->as_string()) : json::value_to<T>(*value);
            else
                field = json::value_to<T>(*value);
        } catch (const std::exception& e) {
            throw Error({.what = std::string("bad value of ") + name,
                         .expected = {},
                         .got = reason_of(e),
                         .where = {},
                         .hint = {}});
        }
    }
};

}  // namespace

static json::object object_of(const KvMemNNConfig& config) {
    json::object object;
    fields_of_model(config, Put{object});
    return object;
}

std::string to_json(const KvMemNNConfig& config) { return json::serialize(object_of(config)); }

std::string to_json(const TrainerState& state) {
    json::object object;
    fields_of_state(state, Put{object});
    return json::serialize(object);
}

std::string to_json(const RunConfig& config) {
    json::object trainer;
    fields_of_trainer(config.trainer, Put{trainer});
    return json::serialize(json::object{{"data", config.data},
                                        {"data_hash", config.data_hash},
                                        {"model", object_of(config.model)},
                                        {"trainer", trainer}}) +
           "\n";
}

// Runs `fill` on the parsed object; whatever fails becomes an Error about `where`.
template <class Fill>
static void from_json(std::string_view text, const std::string& where, Fill fill) {
    try {
        const json::value value = json::parse(text);
        fill(value.as_object());
    } catch (const std::exception& e) {
        throw Error(
            {.what = "not a configuration of kvmem", .expected = {}, .got = reason_of(e), .where = where, .hint = {}});
    }
}

KvMemNNConfig model_config_from_json(std::string_view text, const std::string& where) {
    KvMemNNConfig config;
    from_json(text, where, [&](const json::object& object) {
        fields_of_model(config, Get{object});
        config.validate();
    });
    return config;
}

TrainerState trainer_state_from_json(std::string_view text, const std::string& where) {
    TrainerState state;
    from_json(text, where, [&](const json::object& object) { fields_of_state(state, Get{object}); });
    return state;
}

RunConfig run_config_from_json(std::string_view text, const std::string& where) {
    RunConfig config;
    from_json(text, where, [&](const json::object& object) {
        config.data = json::value_to<std::string>(object.at("data"));
        Get{object}("data_hash", config.data_hash);
        fields_of_model(config.model, Get{object.at("model").as_object()});
        fields_of_trainer(config.trainer, Get{object.at("trainer").as_object()});
        config.model.validate();
        config.trainer.validate();
    });
    return config;
}

}  // namespace kvmem
