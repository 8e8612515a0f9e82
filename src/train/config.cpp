#include "kvmem/train/config.hpp"

#include "kvmem/core/error.hpp"
#include "train/fields.hpp"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <stdexcept>
#include <system_error>
#include <type_traits>
#include <variant>

namespace kvmem {

namespace json = boost::json;

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
            object[name] = json::value_from(field);
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

void RunConfig::validate() const {
    require_option(runs >= 1 && runs <= 1000, "runs", "1 to 1000");
    kvmem::validate(model);
    trainer.validate();
}

template <class Config>
static json::object object_of(const Config& config) {
    json::object object;
    fields_of(config, Put{object});
    return object;
}

static json::object object_of(const ModelConfig& config) {
    json::object object{{"model", kind_of(config)}};
    std::visit([&](const auto& c) { fields_of(c, Put{object}); }, config);
    return object;
}

std::string to_json(const ModelConfig& config) { return json::serialize(object_of(config)); }
std::string to_json(const TrainerState& state) { return json::serialize(object_of(state)); }

std::string to_json(const RunConfig& config) {
    return json::serialize(json::object{{"data", config.data},
                                        {"data_hash", config.data_hash},
                                        {"tasks", json::value_from(config.tasks)},
                                        {"runs", config.runs},
                                        {"per_task", config.per_task},
                                        {"model", object_of(config.model)},
                                        {"trainer", object_of(config.trainer)}}) +
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

static ModelConfig model_from(const json::object& object) {
    std::string kind = KvMemNNConfig::kind;
    Get{object}("model", kind);
    ModelConfig config = default_config(kind);
    std::visit([&](auto& c) { fields_of(c, Get{object}); }, config);
    validate(config);
    return config;
}

ModelConfig model_config_from_json(std::string_view text, const std::string& where) {
    ModelConfig config;
    from_json(text, where, [&](const json::object& object) { config = model_from(object); });
    return config;
}

TrainerState trainer_state_from_json(std::string_view text, const std::string& where) {
    TrainerState state;
    from_json(text, where, [&](const json::object& object) { fields_of(state, Get{object}); });
    return state;
}

RunConfig run_config_from_json(std::string_view text, const std::string& where) {
    RunConfig config;
    from_json(text, where, [&](const json::object& object) {
        config.data = json::value_to<std::string>(object.at("data"));
        Get{object}("data_hash", config.data_hash);
        Get{object}("tasks", config.tasks);
        Get{object}("runs", config.runs);
        Get{object}("per_task", config.per_task);
        config.model = model_from(object.at("model").as_object());
        fields_of(config.trainer, Get{object.at("trainer").as_object()});
        config.validate();
    });
    return config;
}

}  // namespace kvmem
