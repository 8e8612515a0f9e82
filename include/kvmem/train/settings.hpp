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
// A field is a bool, an Index, a 64-bit unsigned number, a double, an optional double, a string, a list of strings or
// of Index, or an enumeration. The enumerators of an enumeration E are 0, 1, 2 and so on. A function choices(E), found
// by argument-dependent lookup, returns a std::span<const char* const> with their names in that order.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace kvmem {

// The finite numbers from min to max, without an end that is open.
struct Range {
    double min = -std::numeric_limits<double>::infinity(), max = std::numeric_limits<double>::infinity();
    bool min_is_open = false, max_is_open = false;

    static constexpr Range from(double min) { return {.min = min}; }
    static constexpr Range above(double min) { return {.min = min, .min_is_open = true}; }
    static constexpr Range below(double min, double max) { return {.min = min, .max = max, .max_is_open = true}; }
    bool contains(double number) const;
    std::string text() const;  // "1 to 8192", "0 to below 1", "above 0"
};

// The value of an enumeration, an index into its names.
struct Choice {
    std::span<const char* const> names;
    std::size_t value;
};

// The description of a field. `old_name`, if not empty, is read like the name but never written.
struct Field {
    std::string_view name;
    Range range;
    std::string_view help;
    std::string_view old_name;

    bool has_name(std::string_view text) const { return text == name || (text == old_name && !text.empty()); }
};

// An operation on each field of a struct. A visitor may change the values.
class FieldVisitor {
  public:
    virtual ~FieldVisitor() = default;
    virtual void visit(const Field& field, bool& value) = 0;
    virtual void visit(const Field& field, Index& value) = 0;
    virtual void visit(const Field& field, std::uint64_t& value) = 0;
    virtual void visit(const Field& field, double& value) = 0;
    virtual void visit(const Field& field, std::optional<double>& value) = 0;
    virtual void visit(const Field& field, std::string& value) = 0;
    virtual void visit(const Field& field, std::vector<std::string>& value) = 0;
    virtual void visit(const Field& field, std::vector<Index>& value) = 0;
    virtual void visit(const Field& field, Choice& value) = 0;
};

// The argument `field` of a struct's list: passes each field to a visitor.
class FieldList {
  public:
    explicit FieldList(FieldVisitor& visitor) : visitor_(visitor) {}

    template <class T>
    void operator()(const char* name, T& value, const Range& range, const char* help, const char* old_name = "") const {
        const Field field{name, range, help, old_name};
        if constexpr (std::is_enum_v<T>) {
            Choice choice{choices(value), static_cast<std::size_t>(value)};
            visitor_.visit(field, choice);
            value = static_cast<T>(choice.value);
        } else {
            visitor_.visit(field, value);
        }
    }
    template <class T>
    void operator()(const char* name, T& value, const char* help = "", const char* old_name = "") const {
        (*this)(name, value, Range{}, help, old_name);
    }

  private:
    FieldVisitor& visitor_;
};

// A struct of settings of any type, such as a model's, with the semantics of a value. An empty one has the kind "".
class Settings {
  public:
    Settings() = default;
    template <class Config>
    requires requires { Config::kind; }
    Settings(Config config) : held_(std::make_unique<Holder<Config>>(std::move(config))) {}
    Settings(const Settings& other) : held_(other.held_ ? other.held_->clone() : nullptr) {}
    Settings(Settings&&) noexcept = default;
    Settings& operator=(Settings other) noexcept {
        held_ = std::move(other.held_);
        return *this;
    }

    std::string kind() const { return held_ ? held_->kind() : ""; }
    // The struct, or null when it is of another type. The pointer is valid until this is assigned to or destroyed.
    template <class Config>
    const Config* get() const {
        const auto* holder = dynamic_cast<const Holder<Config>*>(held_.get());
        return holder ? &holder->config : nullptr;
    }
    template <class Config>
    Config* get() {
        return const_cast<Config*>(std::as_const(*this).get<Config>());
    }
    void visit(FieldVisitor& visitor) const {
        if (held_) held_->visit(visitor);
    }
    // Throws UsageError for a number that is out of its range, or as the struct's check() does.
    void validate() const;

  private:
    struct Base {
        virtual ~Base() = default;
        virtual std::unique_ptr<Base> clone() const = 0;
        virtual std::string kind() const = 0;
        virtual void visit(FieldVisitor& visitor) = 0;
        virtual void check() const = 0;
    };
    template <class Config>
    struct Holder final : Base {
        explicit Holder(Config c) : config(std::move(c)) {}
        std::unique_ptr<Base> clone() const override { return std::make_unique<Holder>(config); }
        std::string kind() const override { return Config::kind; }
        void visit(FieldVisitor& visitor) override { Config::fields(config, FieldList(visitor)); }
        void check() const override {
            if constexpr (requires { config.check(); }) config.check();
        }
        Config config;
    };
    std::unique_ptr<Base> held_;
};

// A reference to the fields of a struct, which must outlive it.
class FieldsRef {
  public:
    template <class Config>
    requires(!std::is_same_v<Config, FieldsRef> && !std::is_const_v<Config>) FieldsRef(Config& config)
        : object_(&config), visit_([](void* object, FieldVisitor& visitor) {
              auto& c = *static_cast<Config*>(object);
              if constexpr (std::is_same_v<Config, Settings>)
                  c.visit(visitor);
              else
                  Config::fields(c, FieldList(visitor));
          }) {}
    void visit(FieldVisitor& visitor) const { visit_(object_, visitor); }

  private:
    void* object_;
    void (*visit_)(void*, FieldVisitor&);
};

// A field as text, for command lines and help.
struct FieldText {
    std::string name, help, old_name;
    std::string value;  // "48", "0.5", "yes", "adam"
    bool is_flag;       // whether the value is "yes" or "no"
};
// All fields but strings and lists.
std::vector<FieldText> field_texts(FieldsRef fields);
// Sets the field of this name, or old name, from a number, the name of a choice, "yes" or "no". Returns false when no
// such field exists, or it is a string or list. Throws UsageError for other text, and leaves the field unchanged.
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
