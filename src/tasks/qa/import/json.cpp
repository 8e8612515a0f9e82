#include "tasks/qa/import/json.hpp"

#include "kvmem/io/json_text.hpp"

#include <boost/json/kind.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace kvmem {

namespace json = boost::json;

static constexpr std::size_t max_nesting = 8;

static Error misfit(const Location& loc, const char* expected, const std::string& path, const std::string& got) {
    return loc.error("cannot read the question", std::string(expected) + " at " + path, got);
}

static std::string kind_name(const json::value& value) {
    const json::string_view name = json::to_string(value.kind());
    return std::string(name.data(), name.size());
}

static std::string_view text_of(const json::value& value, const Location& loc, const std::string& path) {
    const json::string* text = value.if_string();
    if (!text) throw misfit(loc, "a string", path, kind_name(value));
    const std::string_view view(text->data(), text->size());
    if (view.find('\0') != std::string_view::npos) throw misfit(loc, "text", path, "a NUL character");
    return trim(view);
}

static const json::array& array_of(const json::value& value, const Location& loc, const std::string& path) {
    const json::array* array = value.if_array();
    if (!array) throw misfit(loc, "an array", path, kind_name(value));
    return *array;
}

static const json::value& member(const json::object& object, const char* name, const Location& loc,
                                 const std::string& path) {
    const json::value* value = object.if_contains(name);
    if (!value) throw misfit(loc, "a member", path, "nothing");
    return *value;
}

static json::value parse_line(std::string_view line, const Location& loc) {
    json::parse_options options;
    options.max_depth = max_nesting;
    json::error_code error;
    json::value value = json::parse(json::string_view(line.data(), line.size()), error, {}, options);
    if (error) throw loc.error("the line is not JSON", {}, error.message());
    if (const auto name = repeated_name(line)) throw loc.error("a name is there twice", "one of each", *name);
    if (!value.is_object()) throw loc.error("cannot read the question", "an object", kind_name(value));
    return value;
}

static std::vector<RawQuestion::Slot> read_memory(DatasetBuilder& builder, const json::array& memory,
                                                  const Location& loc) {
    std::vector<RawQuestion::Slot> slots;
    for (std::size_t i = 0; i < memory.size(); ++i) {
        const std::string path = "memory[" + std::to_string(i) + "]";
        const json::object* slot = memory[i].if_object();
        if (!slot) throw misfit(loc, "an object", path, kind_name(memory[i]));
        const std::string key(text_of(member(*slot, "key", loc, path + ".key"), loc, path + ".key"));
        std::optional<Token> value;
        if (const json::value* name = slot->if_contains("value")) {
            const std::string_view text = text_of(*name, loc, path + ".value");
            require_name(text, "an entity at " + path + ".value", loc);
            value = builder.entity(text);
        }
        slots.push_back({builder.text(key), value});
    }
    return slots;
}

RawQuestion read_json_question(DatasetBuilder& builder, std::string_view line, const Location& loc, bool with_memory) {
    const json::value value = parse_line(line, loc);
    const json::object& object = value.get_object();
    RawQuestion question{loc, builder.keep(text_of(member(object, "question", loc, "question"), loc, "question")), {}};
    const json::array& answers = array_of(member(object, "answers", loc, "answers"), loc, "answers");
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < answers.size(); ++i)
        names.push_back(text_of(answers[i], loc, "answers[" + std::to_string(i) + "]"));
    question.answers = builder.answers(names, loc);
    if (with_memory)
        question.local = std::make_unique<RawQuestion::LocalMemory>(RawQuestion::LocalMemory{
            read_memory(builder, array_of(member(object, "memory", loc, "memory"), loc, "memory"), loc)});
    return question;
}

}  // namespace kvmem
