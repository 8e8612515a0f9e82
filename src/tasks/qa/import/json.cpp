#include "tasks/qa/import/json.hpp"

#include "kvmem/io/json_text.hpp"

#include <boost/json/kind.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <charconv>

namespace kvmem {

namespace json = boost::json;

static constexpr std::size_t max_nesting = 8;

namespace {

// A value of a line, and where it stands there, such as "memory[2].key". Every function throws Error for another kind.
struct Node {
    const json::value& value;
    const Location& loc;
    std::string path;

    Error misfit(const char* expected, const std::string& got) const {
        return loc.error("cannot read the question", std::string(expected) + " at " + path, got);
    }
    std::string kind() const { return json::to_string(value.kind()); }

    std::string_view text() const {
        const json::string* string = value.if_string();
        if (!string) throw misfit("a string", kind());
        const std::string_view view(string->data(), string->size());
        if (view.find('\0') != std::string_view::npos) throw misfit("text", "a NUL character");
        return trim(view);
    }
    // A name, or a number as one. A text that the line lacks lasts as long as the builder.
    std::string_view name(DatasetBuilder& builder) const {
        char text[32];
        const auto kept = [&](auto number) {
            return builder.keep(
                {text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, number).ptr - text)});
        };
        if (value.is_int64()) return kept(value.get_int64());
        if (value.is_uint64()) return kept(value.get_uint64());
        if (value.is_double()) return kept(value.get_double());
        return this->text();
    }
    std::vector<Node> elements() const {
        const json::array* array = value.if_array();
        if (!array) throw misfit("an array", kind());
        std::vector<Node> nodes;
        for (const json::value& element : *array)
            nodes.push_back({element, loc, path + "[" + std::to_string(nodes.size()) + "]"});
        return nodes;
    }
    // The member of this name of an object, if it has one.
    std::optional<Node> find(const std::string& name) const {
        const json::object* object = value.if_object();
        if (!object) throw misfit("an object", kind());
        const json::value* found = object->if_contains(name);
        if (!found) return std::nullopt;
        return Node{*found, loc, path.empty() ? name : path + "." + name};
    }
    Node member(const std::string& name) const {
        if (const auto found = find(name)) return *found;
        throw loc.error("cannot read the question", "a member at " + (path.empty() ? name : path + "." + name),
                        "nothing");
    }
};

}  // namespace

static json::value parse_line(std::string_view line, const Location& loc) {
    json::parse_options options;
    options.max_depth = max_nesting;
    json::error_code error;
    json::value value = json::parse(json::string_view(line.data(), line.size()), error, {}, options);
    if (error) throw loc.error("the line is not JSON", {}, error.message());
    if (const auto name = repeated_name(line)) throw loc.error("a name is there twice", "one of each", *name);
    if (!value.is_object()) throw loc.error("cannot read the question", "an object", json::to_string(value.kind()));
    return value;
}

static std::vector<RawQuestion::Slot> read_memory(DatasetBuilder& builder, const Node& memory) {
    std::vector<RawQuestion::Slot> slots;
    for (const Node& slot : memory.elements()) {
        const std::string_view key = slot.member("key").text();
        std::optional<Token> value;
        if (const auto name = slot.find("value")) {
            const std::string_view text = name->name(builder);
            require_name(text, "an entity at " + name->path, name->loc);
            value = builder.entity(text);
        }
        slots.push_back({builder.text(key), value});
    }
    return slots;
}

RawQuestion read_json_question(DatasetBuilder& builder, std::string_view line, const Location& loc, bool with_memory) {
    const json::value value = parse_line(line, loc);
    const Node object{value, loc, {}};
    RawQuestion question{loc, builder.keep(object.member("question").text()), {}};
    std::vector<std::string_view> names;
    for (const Node& answer : object.member("answers").elements()) names.push_back(answer.name(builder));
    question.answers = builder.answers(names, loc);
    if (with_memory)
        question.local = std::make_unique<RawQuestion::LocalMemory>(
            RawQuestion::LocalMemory{read_memory(builder, object.member("memory"))});
    return question;
}

}  // namespace kvmem
