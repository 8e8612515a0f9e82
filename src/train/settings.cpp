#include "kvmem/train/settings.hpp"

#include "kvmem/core/number.hpp"
#include "kvmem/core/option_error.hpp"
#include "train/visit_each.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace kvmem {

bool Range::contains(double number) const {
    return std::isfinite(number) && (min_is_open ? number > min : number >= min) &&
           (max_is_open ? number < max : number <= max);
}

std::string Range::text() const {
    const auto plain = [](double number) {
        return std::abs(number) < 1e15 && number == std::floor(number) ? shortest_text(static_cast<Index>(number))
                                                                       : shortest_text(number);
    };
    if (std::isinf(max))
        return std::isinf(min) ? "a number"
                               : (min_is_open ? "above " : "") + plain(min) + (min_is_open ? "" : " or more");
    return (min_is_open ? "above " : "") + plain(min) + " to " + (max_is_open ? "below " : "") + plain(max);
}

template <class T>
static constexpr bool is_number = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

[[noreturn]] static void refuse(std::string_view name, const std::string& expected, std::string_view text) {
    throw OptionError(std::string(name), expected, std::string(text));
}

static bool truth_of(const Field& field, std::string_view text) {
    if (text == "yes" || text == "true" || text == "on" || text == "1") return true;
    if (text == "no" || text == "false" || text == "off" || text == "0") return false;
    refuse(field.name, "yes or no", text);
}

bool set_choice(Choice& choice, std::string_view name) {
    const auto found = std::ranges::find(choice.names, name);
    if (found == choice.names.end()) return false;
    choice.value = static_cast<std::size_t>(found - choice.names.begin());
    return true;
}

std::string names_of(const Choice& choice) {
    std::string all = "one of ";
    for (const char* name : choice.names) all += (name == choice.names.front() ? "" : ", ") + std::string(name);
    return all;
}

bool set_field(FieldsRef fields, std::string_view name, std::string_view text) {
    bool found = false;
    visit_each(fields, [&](const Field& field, auto& value) {
        using T = std::remove_reference_t<decltype(value)>;
        if (!field.has_name(name)) return;
        found = true;
        if constexpr (std::is_same_v<T, Choice>) {
            if (!set_choice(value, text)) refuse(name, names_of(value), text);
        } else if constexpr (std::is_same_v<T, bool>) {
            value = truth_of(field, text);
        } else if constexpr (std::is_arithmetic_v<T>) {
            const std::optional<T> number = number_of<T>(text);
            if (!number) refuse(name, numbers_expected<T>(), text);
            value = *number;
        } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
            value = text;
        } else {
            found = false;  // Strings, lists and optional numbers are not set from texts.
        }
    });
    return found;
}

std::vector<FieldText> field_texts(FieldsRef fields) {
    std::vector<FieldText> all;
    visit_each(fields, [&](const Field& field, const auto& value) {
        using T = std::remove_cvref_t<decltype(value)>;
        FieldText text{std::string(field.name), std::string(field.help), std::string(field.old_name), {}, false};
        if constexpr (std::is_same_v<T, Choice>) {
            text.value = value.names[value.value];
        } else if constexpr (std::is_same_v<T, bool>) {
            text.value = value ? "yes" : "no";
            text.is_flag = true;
        } else if constexpr (std::is_arithmetic_v<T>) {
            text.value = shortest_text(value);
        } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
            text.value = value.string();
        } else {
            return;
        }
        all.push_back(std::move(text));
    });
    return all;
}

void check_ranges(FieldsRef fields) {
    visit_each(fields, [](const Field& field, const auto& value) {
        using T = std::remove_cvref_t<decltype(value)>;
        const auto check = [&](auto number) {
            if (!field.range.contains(static_cast<double>(number)))
                refuse(field.name, field.range.text(), shortest_text(number));
        };
        if constexpr (std::is_same_v<T, std::optional<double>>) {
            if (value) check(*value);
        } else if constexpr (is_number<T>) {
            check(value);
        }
    });
}

void Settings::validate() const {
    Settings copy = *this;
    check_ranges(copy);
    if (config_.has_value()) type_->check(config_);
}

}  // namespace kvmem
