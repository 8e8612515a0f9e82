#include "tasks/qa/documents/json_literal.hpp"

#include <boost/json.hpp>

namespace kvmem::documents {

std::size_t literal_end(std::string_view json, std::size_t at) {
    for (++at; at < json.size() && json[at] != '"'; ++at)
        if (json[at] == '\\') ++at;
    return std::min(at + 1, json.size());
}

// The size of the escape that a text begins with; that of both halves of a pair of \u.
static std::size_t escape_size(std::string_view text) {
    if (!text.starts_with("\\u")) return 2;
    const bool is_high =
        text.size() > 3 && (text[2] == 'd' || text[2] == 'D') && std::string_view("89abAB").find(text[3]) != text.npos;
    return is_high ? 12 : 6;
}

MappedText unescaped(std::string_view literal, std::string_view whole) {
    MappedText text;
    if (literal.size() < 2) return text;
    literal = literal.substr(1, literal.size() - 2);
    while (!literal.empty()) {
        const Index at = literal.data() - whole.data();
        const std::size_t plain = std::min(literal.find('\\'), literal.size());
        if (plain > 0) {
            text.append(literal.substr(0, plain), at);
            literal.remove_prefix(plain);
            continue;
        }
        const std::size_t size = std::min(escape_size(literal), literal.size());
        const std::string escape = "\"" + std::string(literal.substr(0, size)) + "\"";
        boost::system::error_code bad;
        const boost::json::value value = boost::json::parse(escape, bad);
        if (!bad) text.append(std::string_view(value.get_string()), Range{at, at + static_cast<Index>(size)});
        literal.remove_prefix(size);
    }
    return text;
}

}  // namespace kvmem::documents
