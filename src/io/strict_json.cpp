#include "io/strict_json.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/io/json_text.hpp"

namespace kvmem {

namespace json = boost::json;

json::value parse_strictly(std::string_view text) {
    json::value value = json::parse(text);
    if (const auto name = repeated_name(text))
        throw Error({.what = "a field is there twice", .expected = "each once", .got = name->substr(0, 40)});
    return value;
}

json::value parse_line(std::string_view line, const Location& location) {
    try {
        return parse_strictly(line);
    } catch (const boost::system::system_error& e) {
        throw location.error("the line is not JSON", "an object", e.code().message());
    } catch (const Error& e) {
        throw location.error(e.problem().what, e.problem().expected, e.problem().got);
    }
}

}  // namespace kvmem
