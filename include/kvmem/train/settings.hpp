// Structs of settings that list their fields once. JSON, command lines, help, range checks and model cards use the
// list.
//
//     struct Config {
//         static constexpr const char* kind = "my-network";
//         Index width = 64;
//         Pooling pooling = Pooling::mean;    // with choices(Pooling), see below
//         std::uint64_t seed = 1;
//         void check() const;  // optional: throws UsageError for values that do not fit together
//
//         template <class Self, class Field>
//         static void fields(Self& c, Field field) {
//             field("width", c.width, Range{1, 8192}, "of the embeddings");
//             field("pooling", c.pooling, "of a sentence's words: mean or max", "pool");  // "pool" is its old name.
//             field("seed", c.seed, "of every random choice");
//         }
//     };
//
// A field is a bool, an Index, a 64-bit unsigned number, a double, an optional double, a string, a path of a file, a
// list of strings or of Index, or an enumeration. A new run makes its paths absolute. The enumerators of an enumeration
// E are 0, 1, 2 and so on. A function choices(E), found by argument-dependent lookup, returns a std::span<const char*
// const> with their names in that order.
#pragma once

#include "kvmem/core/types.hpp"

#include <any>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace kvmem {

// The finite numbers from min to max, without an end that is open.
struct Range {
    // The ends, infinite unless set, and whether a number at an end is out of range.
    double min = -std::numeric_limits<double>::infinity(), max = std::numeric_limits<double>::infinity();
    bool min_is_open = false, max_is_open = false;

    // The numbers from `min`, above `min`, and from `min` to below `max`.
    static constexpr Range from(double min) { return {.min = min}; }
    static constexpr Range above(double min) { return {.min = min, .min_is_open = true}; }
    static constexpr Range below(double min, double max) { return {.min = min, .max = max, .max_is_open = true}; }
    // Whether the number is in the range. NaN is in none.
    bool contains(double number) const;
    std::string text() const;  // "1 to 8192", "0 to below 1", "above 0"
};

// The value of an enumeration, an index into its names.
struct Choice {
    // The index is that of the current value.
    std::span<const char* const> names;
    std::size_t value;
};

// The description of a field. `old_name`, if not empty, is read like the name but never written.
struct Field {
    // All texts are valid as long as the program, and may be empty but for the name.
    std::string_view name;
    Range range;
    std::string_view help;
    std::string_view old_name;

    // Whether a file or an option names the field so.
    bool has_name(std::string_view text) const { return text == name || (text == old_name && !text.empty()); }
};

// The value of a field.
using FieldValue = std::variant<bool*, Index*, std::uint64_t*, double*, std::optional<double>*, std::string*,
                                std::filesystem::path*, std::vector<std::string>*, std::vector<Index>*, Choice*>;
// An operation on each field of a struct. It may change the values.
using FieldVisitor = std::function<void(const Field& field, FieldValue value)>;

// The argument `field` of a struct's list: passes each field to a visitor.
class FieldList {
  public:
    // The visitor must outlive the list.
    explicit FieldList(const FieldVisitor& visitor) : visitor_(visitor) {}

    // The field has this name, range and help, and may have had another name. The visitor may change the value.
    template <class T>
    void operator()(const char* name, T& value, const Range& range, const char* help, const char* old_name = "") const {
        const Field field{name, range, help, old_name};
        if constexpr (std::is_enum_v<T>) {
            Choice choice{choices(value), static_cast<std::size_t>(value)};
            visitor_(field, &choice);
            value = static_cast<T>(choice.value);
        } else {
            visitor_(field, &value);
        }
    }
    // The same without a range.
    template <class T>
    void operator()(const char* name, T& value, const char* help = "", const char* old_name = "") const {
        (*this)(name, value, Range{}, help, old_name);
    }

  private:
    const FieldVisitor& visitor_;
};

// A struct of settings of any type, such as a model's, with the semantics of a value. An empty one has the kind "".
class Settings {
  public:
    Settings() = default;
    // Holds a copy of the struct.
    template <class Config>
    requires requires { Config::kind; }
    Settings(Config config) : config_(std::move(config)), type_(&type_of<Config>) {}

    // The kind of the struct.
    std::string kind() const { return config_.has_value() ? type_->kind : ""; }
    // The struct, or null when it is of another type. The pointer is valid until this is assigned to or destroyed.
    template <class Config>
    const Config* get() const {
        return std::any_cast<Config>(&config_);
    }
    // The same, to change its values.
    template <class Config>
    Config* get() {
        return std::any_cast<Config>(&config_);
    }
    // Calls visitor(field, value) for each field of the struct.
    void visit(const FieldVisitor& visitor) {
        if (config_.has_value()) type_->visit(config_, visitor);
    }
    // Throws UsageError for a number that is out of its range, or as the struct's check() does.
    void validate() const;

  private:
    struct Type {
        const char* kind;
        void (*visit)(std::any& config, const FieldVisitor& visitor);
        void (*check)(const std::any& config);
    };
    template <class Config>
    static constexpr Type type_of{Config::kind,
                                  [](std::any& config, const FieldVisitor& visitor) {
                                      Config::fields(std::any_cast<Config&>(config), FieldList(visitor));
                                  },
                                  [](const std::any& config) {
                                      if constexpr (requires(const Config& c) { c.check(); })
                                          std::any_cast<const Config&>(config).check();
                                  }};

    std::any config_;
    const Type* type_ = nullptr;
};

// A reference to the fields of a struct, which must outlive it.
class FieldsRef {
  public:
    // Refers to the fields of a struct, or of the struct that Settings hold.
    template <class Config>
    requires(!std::is_same_v<Config, FieldsRef> && !std::is_const_v<Config>) FieldsRef(Config& config)
        : visit_([&config](const FieldVisitor& visitor) {
              if constexpr (std::is_same_v<Config, Settings>)
                  config.visit(visitor);
              else
                  Config::fields(config, FieldList(visitor));
          }) {}
    // Calls visitor(field, value) for each field.
    void visit(const FieldVisitor& visitor) const { visit_(visitor); }

  private:
    std::function<void(const FieldVisitor&)> visit_;
};

// A field as text, for command lines and help.
struct FieldText {
    // As of Field.
    std::string name, help, old_name;
    std::string value;  // "48", "0.5", "yes", "adam"
    bool is_flag;       // whether the value is "yes" or "no"
};
// All fields but strings, lists and optional numbers.
std::vector<FieldText> field_texts(FieldsRef fields);
// Sets the field of this name, or old name, from a number, the name of a choice, a path, "yes" or "no". Returns false
// when no such field exists, or it is a string, a list or an optional number. Throws UsageError for other text, and
// leaves the field unchanged.
bool set_field(FieldsRef fields, std::string_view name, std::string_view text);
// Throws UsageError for the first number that is out of its range.
void check_ranges(FieldsRef fields);
// Returns the struct. Throws UsageError as Settings::validate() does.
template <class Config>
Config validated(Config config) {
    check_ranges(config);
    if constexpr (requires { config.check(); }) config.check();
    return config;
}

}  // namespace kvmem
