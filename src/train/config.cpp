#include "kvmem/train/config.hpp"

#include "io/strict_json.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "text/nearest_names.hpp"
#include "text/words.hpp"
#include "train/fields.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
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

static double exact_number(const json::value& value) {
    const double number =
        value.is_string() ? number_of<double>(value.as_string()).value_or(NAN) : json::value_to<double>(value);
    if (!std::isfinite(number)) throw std::invalid_argument("not a finite number");
    return number;
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
        else if constexpr (std::is_same_v<T, std::optional<double>>)
            object[name] = field ? json::value(exact_text(*field)) : json::value(nullptr);
        else
            object[name] = json::value_from(field);
    }
};

// What is not known yet is null, and was -1 in files of before.
std::optional<double> number_unless_none(const json::value& value) {
    if (value.is_null()) return {};
    const double number = exact_number(value);
    return number == -1 ? std::nullopt : std::optional(number);
}

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
                field = exact_number(*value);
            else if constexpr (std::is_same_v<T, std::optional<double>>)
                field = number_unless_none(*value);
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

struct Names {
    std::vector<std::string>& names;
    template <class T>
    void operator()(const char* name, const T&) const {
        names.emplace_back(name);
    }
};

}  // namespace

// A field that is not known would leave the setting that it was meant for as it is.
static void require_fields(const json::object& object, const std::vector<std::string>& names) {
    for (const auto& [key, value] : object) {
        const std::string_view name = key;
        if (std::ranges::find(names, name) != names.end()) continue;
        const auto& near = *std::ranges::min_element(names, {}, [&](const std::string& known) {
            return edit_distance(words::characters(name), words::characters(known));
        });
        throw Error({.what = "no such field",
                     .expected = "fields of this version, such as " + near,
                     .got = std::string(name.substr(0, 40)),
                     .where = {},
                     .hint = "mend the name, or read the file with the version that wrote it"});
    }
}

// Fills a configuration from an object that has no fields but its own and `others`.
template <class Config>
static void read_fields(const json::object& object, Config& config, std::vector<std::string> others = {}) {
    fields_of(config, Names{others});
    require_fields(object, others);
    fields_of(config, Get{object});
}

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
    json::object object = object_of<RunConfig>(config);
    object["model"] = object_of(config.model);
    object["trainer"] = object_of(config.trainer);
    return json::serialize(object) + "\n";
}

// Runs `fill` on the parsed object; whatever fails becomes an Error about `where`.
template <class Fill>
static void from_json(std::string_view text, const std::string& where, Fill fill) {
    try {
        fill(parse_strictly(text).as_object());
    } catch (const Error& e) {
        Problem problem = e.problem();
        problem.where = where;
        throw Error(std::move(problem));
    } catch (const std::exception& e) {
        throw Error(
            {.what = "not a configuration of kvmem", .expected = {}, .got = reason_of(e), .where = where, .hint = {}});
    }
}

static ModelConfig model_from(const json::object& object) {
    std::string kind = KvMemNNConfig::kind;
    Get{object}("model", kind);
    ModelConfig config = default_config(kind);
    std::visit([&](auto& c) { read_fields(object, c, {"model"}); }, config);
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
    from_json(text, where, [&](const json::object& object) { read_fields(object, state); });
    return state;
}

RunConfig run_config_from_json(std::string_view text, const std::string& where) {
    RunConfig config;
    from_json(text, where, [&](const json::object& object) {
        object.at("data");  // must be there
        read_fields(object, config, {"model", "trainer"});
        config.model = model_from(object.at("model").as_object());
        read_fields(object.at("trainer").as_object(), config.trainer);
        config.validate();
    });
    return config;
}

}  // namespace kvmem
