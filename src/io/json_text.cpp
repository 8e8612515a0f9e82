#include "kvmem/io/json_text.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <set>
#include <utility>
#include <vector>

namespace kvmem {

namespace json = boost::json;

static constexpr std::string_view blanks = " \t\r\n";

// The position behind the string that begins at `at`.
static std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\';
    return std::min(at + 1, text.size());
}

static std::string decoded(std::string_view name) {
    if (name.find('\\') == name.npos) return std::string(name.substr(1, name.size() - 2));
    json::error_code code;
    const json::value value = json::parse(json::string_view(name.data(), name.size()), code);
    return code || !value.is_string() ? std::string(name) : std::string(value.as_string());
}

// Calls take(depth, start of the object, name, start of its value) for each name until take() returns true.
template <class Take>
static void for_each_name(std::string_view text, Take take) {
    std::vector<std::size_t> open;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '{' || c == '[') open.push_back(at);
        if ((c == '}' || c == ']') && !open.empty()) open.pop_back();
        if (c != '"') continue;
        const std::size_t end = end_of_string(text, at), colon = text.find_first_not_of(blanks, end);
        if (!open.empty() && colon != text.npos && text[colon] == ':') {
            const std::size_t value = std::min(text.find_first_not_of(blanks, colon + 1), text.size());
            if (take(open.size(), open.back(), decoded(text.substr(at, end - at)), value)) return;
        }
        at = end - 1;
    }
}

std::optional<std::string> repeated_name(std::string_view text) {
    std::set<std::pair<std::size_t, std::string>> seen;
    std::optional<std::string> repeated;
    for_each_name(text, [&](std::size_t, std::size_t object, const std::string& name, std::size_t) {
        if (!seen.emplace(object, name).second) repeated = name;
        return repeated.has_value();
    });
    return repeated;
}

// The value that begins at `begin`, up to the comma or bracket behind it.
static std::string_view value_at(std::string_view text, std::size_t begin) {
    std::size_t depth = 0, at = begin;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"') at = end_of_string(text, at) - 1;
        if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
    }
    const std::string_view value = text.substr(begin, at - begin);
    return value.substr(0, value.find_last_not_of(blanks) + 1);
}

std::string_view member_text(std::string_view text, std::string_view name) {
    std::string_view value;
    for_each_name(text, [&](std::size_t depth, std::size_t, const std::string& here, std::size_t begin) {
        if (depth != 1 || here != name) return false;
        value = value_at(text, begin);
        return true;
    });
    return value;
}

static bool is_of_number(char c) {
    return (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E';
}

void append_number(std::string& json, double number) {
    char text[32];
    const std::string_view plain(text,
                                 static_cast<std::size_t>(std::to_chars(text, text + sizeof text, number).ptr - text));
    json += plain;
    if (plain.find_first_of(".e") == plain.npos) json += ".0";
}

// A number in Boost's way of writing, "1.5E0".
static void append_plain(std::string& out, std::string_view number) {
    double value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    append_number(out, value);
}

std::string with_plain_numbers(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    std::size_t copied = 0;  // bytes of the text that are in `out`
    for (std::size_t at = 0, end; at < json.size(); at = end) {
        end = json[at] == '"' ? end_of_string(json, at) : at + 1;
        if (json[at] != '-' && (json[at] < '0' || json[at] > '9')) continue;
        while (end < json.size() && is_of_number(json[end])) ++end;
        const std::string_view number = json.substr(at, end - at);
        if (number.find('E') == number.npos) continue;
        out += json.substr(copied, at - copied);
        append_plain(out, number);
        copied = end;
    }
    return out += json.substr(copied);
}

}  // namespace kvmem
