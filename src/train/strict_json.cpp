#include "train/strict_json.hpp"

#include "kvmem/core/error.hpp"

#include <set>
#include <string>
#include <vector>

namespace kvmem {

namespace json = boost::json;

// One past the end of the string that begins here.
static std::size_t end_of_string(std::string_view text, std::size_t at) {
    for (++at; text[at] != '"'; ++at) at += text[at] == '\\';
    return at + 1;
}

// Of a text that is JSON. A string before a colon is the name of a field.
static void require_each_name_once(std::string_view text) {
    std::vector<std::set<std::string>> open;  // the names in each object under way
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '{') open.emplace_back();
        if (text[at] == '}') open.pop_back();
        if (text[at] != '"') continue;
        const std::size_t end = end_of_string(text, at), next = text.find_first_not_of(" \t\r\n", end);
        if (next < text.size() && text[next] == ':') {
            const json::value name = json::parse(text.substr(at, end - at));  // whatever it is written with
            if (!open.back().insert(std::string(name.as_string())).second)
                throw Error({.what = "a field is there twice",
                             .expected = "each once",
                             .got = std::string(name.as_string()).substr(0, 40),
                             .where = {},
                             .hint = {}});
        }
        at = end - 1;
    }
}

json::value parse_strictly(std::string_view text) {
    json::value value = json::parse(text);
    require_each_name_once(text);
    return value;
}

}  // namespace kvmem
