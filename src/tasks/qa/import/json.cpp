#include "tasks/qa/import/json.hpp"

#include "kvmem/io/json_text.hpp"

#include <boost/json/kind.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace kvmem {

namespace json = boost::json;

static constexpr std::size_t deepest_nesting = 8;

static Error misfit(const Place& place, const char* expected, const std::string& path, const std::string& got) {
    return place.error("cannot read the question", std::string(expected) + " at " + path, got);
}

static std::string kind_name(const json::value& value) {
    const json::string_view name = json::to_string(value.kind());
    return std::string(name.data(), name.size());
}

static std::string_view text_of(const json::value& value, const Place& place, const std::string& path) {
    const json::string* text = value.if_string();
    if (!text) throw misfit(place, "a string", path, kind_name(value));
    const std::string_view view(text->data(), text->size());
    if (view.find('\0') != std::string_view::npos) throw misfit(place, "text", path, "a NUL character");
    return trim(view);
}

static const json::array& array_of(const json::value& value, const Place& place, const std::string& path) {
    const json::array* array = value.if_array();
    if (!array) throw misfit(place, "an array", path, kind_name(value));
    return *array;
}

static const json::value& member(const json::object& object, const char* name, const Place& place,
                                 const std::string& path) {
    const json::value* value = object.if_contains(name);
    if (!value) throw misfit(place, "a member", path, "nothing");
    return *value;
}

static json::value parse_line(std::string_view line, const Place& place) {
    json::parse_options options;
    options.max_depth = deepest_nesting;
    json::error_code error;
    json::value value = json::parse(json::string_view(line.data(), line.size()), error, {}, options);
    if (error) throw place.error("the line is not JSON", {}, error.message());
    if (const auto name = repeated_name(line)) throw place.error("a name is there twice", "one of each", *name);
    if (!value.is_object()) throw place.error("cannot read the question", "an object", kind_name(value));
    return value;
}

static std::vector<Question::Slot> read_memory(DatasetBuilder& builder, const json::array& memory, const Place& place) {
    std::vector<Question::Slot> slots;
    for (std::size_t i = 0; i < memory.size(); ++i) {
        const std::string path = "memory[" + std::to_string(i) + "]";
        const json::object* slot = memory[i].if_object();
        if (!slot) throw misfit(place, "an object", path, kind_name(memory[i]));
        const std::string key(text_of(member(*slot, "key", place, path + ".key"), place, path + ".key"));
        std::optional<Token> value;
        if (const json::value* name = slot->if_contains("value")) {
            const std::string_view text = text_of(*name, place, path + ".value");
            require_name(text, "an entity at " + path + ".value", place);
            value = builder.entity(text);
        }
        slots.push_back({builder.text(key), value});
    }
    return slots;
}

Question read_json_question(DatasetBuilder& builder, std::string_view line, const Place& place, bool with_memory) {
    const json::value value = parse_line(line, place);
    const json::object& object = value.get_object();
    Question question{
        place, builder.keep(text_of(member(object, "question", place, "question"), place, "question")), {}};
    const json::array& answers = array_of(member(object, "answers", place, "answers"), place, "answers");
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < answers.size(); ++i)
        names.push_back(text_of(answers[i], place, "answers[" + std::to_string(i) + "]"));
    question.answers = builder.answers(names, place);
    if (with_memory)
        question.own = std::make_unique<Question::Own>(Question::Own{
            read_memory(builder, array_of(member(object, "memory", place, "memory"), place, "memory"), place)});
    return question;
}

}  // namespace kvmem
