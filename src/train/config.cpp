#include "kvmem/train/config.hpp"

#include "io/strict_json.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/train/task_type.hpp"
#include "text/nearest_names.hpp"
#include "text/words.hpp"
#include "train/visit_each.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <system_error>
#include <type_traits>

namespace kvmem {

namespace json = boost::json;

// Floating-point numbers are written as strings. Boost.JSON may read a number with another last bit, and a resumed run
// must have exactly the same rate.
static double exact_number(const json::value& value) {
    const double number =
        value.is_string() ? number_of<double>(value.as_string()).value_or(NAN) : json::value_to<double>(value);
    if (!std::isfinite(number)) throw std::invalid_argument("not a finite number");
    return number;
}

// The message of an exception, without the position in Boost's sources.
static std::string reason_of(const std::exception& e) {
    const auto* coded = dynamic_cast<const boost::system::system_error*>(&e);
    return coded ? coded->code().message() : e.what();
}

static json::value value_of(const Choice& choice) { return json::value(choice.names[choice.value]); }
static json::value value_of(double number) { return json::value(shortest_text(number)); }
static json::value value_of(const std::optional<double>& number) {
    return number ? value_of(*number) : json::value(nullptr);
}
static json::value value_of(const std::filesystem::path& path) { return json::value(path.string()); }
template <class T>
static json::value value_of(const T& value) {
    return json::value_from(value);
}

static void read(const json::value& value, Choice& choice) {
    if (!set_choice(choice, value.as_string()))
        throw Error({.what = "unknown choice", .expected = names_of(choice), .got = std::string(value.as_string())});
}
static void read(const json::value& value, double& number) { number = exact_number(value); }
static void read(const json::value& value, std::optional<double>& number) {
    number = value.is_null() ? std::nullopt : std::optional(exact_number(value));
}
static void read(const json::value& value, std::filesystem::path& path) { path = json::value_to<std::string>(value); }
template <class T>
static void read(const json::value& value, T& field) {
    field = json::value_to<T>(value);
}

// The value of a field, by its name or its old one. Null when it is missing.
static const json::value* find(const json::object& object, const Field& field) {
    const json::value* value = object.if_contains(field.name);
    const json::value* old = field.old_name.empty() ? nullptr : object.if_contains(field.old_name);
    if (value && old)
        throw Error({.what = "a field is there twice",
                     .expected = std::string(field.name) + " alone",
                     .got = std::string(field.old_name) + ", its old name, too"});
    return value ? value : old;
}

// Throws Error for a field that is not known. If it were ignored, a misspelled setting would have its default.
static void require_known(const json::object& object, const std::vector<std::string>& names,
                          const std::vector<std::string>& old_names) {
    for (const auto& [key, value] : object) {
        const std::string_view name = key;
        if (std::ranges::find(names, name) != names.end() || std::ranges::find(old_names, name) != old_names.end())
            continue;
        const auto& near = *std::ranges::min_element(names, {}, [&](const std::string& known) {
            return edit_distance(words::characters(name), words::characters(known));
        });
        throw Error({.what = "no such field",
                     .expected = "fields of this version, such as " + near,
                     .got = std::string(name.substr(0, 40)),
                     .hint = "mend the name, or read the file with the version that wrote it"});
    }
}

// Fills a struct from an object, which may have the struct's fields and `others`, and no more.
static void read_fields(const json::object& object, FieldsRef fields, std::vector<std::string> others = {}) {
    std::vector<std::string> old_names;
    visit_each(fields, [&](const Field& field, auto&) {
        others.emplace_back(field.name);
        if (!field.old_name.empty()) old_names.emplace_back(field.old_name);
    });
    require_known(object, others, old_names);
    visit_each(fields, [&](const Field& field, auto& target) {
        const json::value* value = find(object, field);
        if (!value) return;
        try {
            read(*value, target);
        } catch (const std::exception& e) {
            throw Error({.what = "bad value of " + std::string(field.name), .got = reason_of(e)});
        }
    });
}

static void write_fields(json::object& object, FieldsRef fields) {
    visit_each(fields, [&](const Field& field, const auto& value) { object[field.name] = value_of(value); });
}

template <class Config>
static json::object object_of(Config config) {
    json::object object;
    write_fields(object, config);
    return object;
}

static json::object object_of(const Settings& model) {
    json::object object{{"model", model.kind()}};
    Settings copy = model;
    write_fields(object, copy);
    return object;
}

void RunConfig::validate() const {
    RunConfig copy = *this;
    check_ranges(copy);
    model.validate();
    trainer.validate();
}

void RunConfig::set_seed(std::uint64_t seed) {
    trainer.seed = seed;
    set_field(model, "seed", std::to_string(seed));
}

std::string to_json(const Settings& model) { return json::serialize(object_of(model)); }
std::string to_json(const TrainerState& state) { return json::serialize(object_of<TrainerState>(state)); }

std::string to_json(const RunConfig& config) {
    json::object object = object_of<RunConfig>(config);
    object["model"] = object_of(config.model);
    object["trainer"] = object_of<TrainerOptions>(config.trainer);
    return json::serialize(object) + "\n";
}

// Calls fill(object) with the parsed object. Any exception becomes an Error with `where`.
template <class Fill>
static void from_json(std::string_view text, const std::string& where, Fill fill) {
    try {
        fill(parse_strictly(text).as_object());
    } catch (const Error& e) {
        throw Error(e.problem_at(where));
    } catch (const std::exception& e) {
        throw Error({.what = "not a configuration of kvmem", .got = reason_of(e), .where = where});
    }
}

static Settings model_from(const json::object& object, const TaskType& task) {
    std::string kind = task.models().front()->kind();
    if (const json::value* named = object.if_contains("model")) kind = json::value_to<std::string>(*named);
    Settings model = find_model(task, kind).defaults;
    read_fields(object, model, {"model"});
    model.validate();
    return model;
}

Settings model_settings_from_json(std::string_view text, const TaskType& task, const std::string& where) {
    Settings model;
    from_json(text, where, [&](const json::object& object) { model = model_from(object, task); });
    return model;
}

Settings model_settings_from_json(std::string_view text, const TaskType& task, const std::string& kind,
                                  const std::string& where) {
    Settings model = model_settings_from_json(text, task, where);
    if (model.kind() != kind)
        throw Error(
            {.what = "the configuration is of another model", .expected = kind, .got = model.kind(), .where = where});
    return model;
}

TrainerState trainer_state_from_json(std::string_view text, const std::string& where) {
    TrainerState state;
    from_json(text, where, [&](const json::object& object) { read_fields(object, state); });
    // Earlier versions wrote -1 for numbers that no epoch had set yet.
    if (state.best_epoch == 0) state.best.reset();
    if (state.lowest_epoch == 0) state.lowest_loss.reset();
    return state;
}

RunConfig run_config_from_json(std::string_view text, const TaskType& task, const std::string& where) {
    RunConfig config;
    from_json(text, where, [&](const json::object& object) {
        object.at("data");  // throws if it is missing
        read_fields(object, config, {"model", "trainer"});
        config.model = model_from(object.at("model").as_object(), task);
        read_fields(object.at("trainer").as_object(), config.trainer);
        config.validate();
    });
    return config;
}

void require_no_tasks(const RunConfig& config) {
    if (!config.tasks.empty() || config.per_task)
        throw UsageError({.what = "this data set has no tasks",
                          .expected = "neither tasks nor per_task",
                          .got = config.per_task ? "per_task" : config.tasks.front()});
}

}  // namespace kvmem
