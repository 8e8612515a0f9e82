// Fields of configurations as texts of a command line.
#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "train/fields.hpp"

#include <array>
#include <charconv>
#include <string>

namespace kvmem {

[[noreturn]] static void refuse(std::string_view name, const std::string& expected, std::string_view text) {
    std::string option(name);
    for (char& c : option)
        if (c == '_') c = '-';
    throw UsageError({.what = "bad value of --" + option,
                      .expected = expected,
                      .got = std::string(text),
                      .where = {},
                      .hint = "see --help"});
}

static bool truth_of(std::string_view name, std::string_view text) {
    if (text == "yes" || text == "true" || text == "on" || text == "1") return true;
    if (text == "no" || text == "false" || text == "off" || text == "0") return false;
    refuse(name, "yes or no", text);
}

namespace {

// Sets the field of a name.
struct Set {
    std::string_view name, text;
    bool& found;

    template <class T>
    void operator()(const char* field_name, T& field) const {
        if (name != field_name) return;
        found = true;
        if constexpr (std::is_enum_v<T>) {
            parse(text, field);
        } else if constexpr (std::is_same_v<T, bool>) {
            field = truth_of(name, text);
        } else {
            const std::optional<T> value = number_of<T>(text);
            if (!value) refuse(name, numbers_expected<T>(), text);
            field = *value;
        }
    }
};

// Gives the text of the field of a name.
struct TextOf {
    std::string_view name;
    std::string& text;

    template <class T>
    void operator()(const char* field_name, const T& field) const {
        if (name != field_name) return;
        if constexpr (std::is_enum_v<T>) {
            text = name_of(field);
        } else if constexpr (std::is_same_v<T, bool>) {
            text = field ? "yes" : "no";
        } else {
            std::array<char, 32> number;
            text.assign(number.data(), std::to_chars(number.data(), number.data() + number.size(), field).ptr);
        }
    }
};

}  // namespace

void set_field(ModelConfig& config, std::string_view name, std::string_view text) {
    bool found = false;
    std::visit([&](auto& c) { fields_of(c, Set{name, text, found}); }, config);
    if (!found)
        throw UsageError({.what = "a model of this kind has no such setting",
                          .expected = "settings of " + kind_of(config),
                          .got = std::string(name),
                          .where = {},
                          .hint = "see --help, or choose another --model"});
}

void set_field(TrainerOptions& options, std::string_view name, std::string_view text) {
    bool found = false;
    fields_of(options, Set{name, text, found});
    require_option(found, std::string(name).c_str(), "a setting of training");
}

std::string field_text(const ModelConfig& config, std::string_view name) {
    std::string text;
    std::visit([&](const auto& c) { fields_of(c, TextOf{name, text}); }, config);
    return text;
}

std::string field_text(const TrainerOptions& options, std::string_view name) {
    std::string text;
    fields_of(options, TextOf{name, text});
    return text;
}

}  // namespace kvmem
