#include "members.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/io/json_text.hpp"
#include "program.hpp"

#include <algorithm>

namespace kvmem::apps {

namespace json = boost::json;

// A type of members: what a value must be, in words and as JSON Schema.
struct TypeOfMember {
    const char* expected;
    const char* schema;
    bool (*holds)(const json::value& value);
};

template <class Holds>
static bool all_of(const json::value& value, Holds holds) {
    return value.is_array() && std::ranges::all_of(value.as_array(), holds);
}

static bool is_text(const json::value& value) { return value.is_string(); }
static bool is_whole(const json::value& value) {
    if (value.is_string()) return kvmem::number_of<std::uint64_t>(std::string(value.as_string())).has_value();
    return value.is_uint64() || (value.is_int64() && value.as_int64() >= 0);
}
static bool is_row(const json::value& value) {
    return all_of(value, [](const json::value& number) { return number.is_number(); });
}
// Whether an object has no members but these, each of which holds what it must.
struct MemberPart {
    std::string_view name;
    bool (*holds)(const json::value& value);
    bool required;
};
static bool is_object_of(const json::value& value, std::initializer_list<MemberPart> parts) {
    if (!value.is_object()) return false;
    const json::object& object = value.as_object();
    std::size_t found = 0;
    for (const MemberPart& part : parts) {
        const json::value* at = object.if_contains(part.name);
        if (at ? !part.holds(*at) : part.required) return false;
        found += at != nullptr;
    }
    return found == object.size();
}
static bool is_slot(const json::value& value) {
    return is_object_of(value, {{"key", is_text, true}, {"value", is_text, false}});
}
static bool is_event(const json::value& value) {
    return is_text(value) || is_object_of(value, {{"item", is_text, true},
                                                  {"time", [](const auto& time) { return time.is_int64(); }, false}});
}
static bool is_put(const json::value& value) {
    return is_object_of(
        value, {{"id", is_whole, true}, {"key", is_row, true}, {"value", is_row, false}, {"text", is_text, false}});
}

static const TypeOfMember& type_of(MemberType type) {
    static const TypeOfMember types[] = {
        {"a text", R"({"type":"string"})", is_text},
        {"true or false", R"({"type":"boolean"})", [](const json::value& v) { return v.is_bool(); }},
        {"a whole number", R"({"type":"integer"})", [](const json::value& v) { return v.is_int64(); }},
        {"a number", R"({"type":"number"})", [](const json::value& v) { return v.is_number(); }},
        {"an array of texts", R"({"type":"array","items":{"type":"string"}})",
         [](const json::value& v) { return all_of(v, is_text); }},
        {"a text, or an array of texts", R"({"oneOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]})",
         [](const json::value& v) { return is_text(v) || all_of(v, is_text); }},
        {"an array of {\"key\": text, \"value\": text}",
         R"({"type":"array","items":{"type":"object","required":["key"],"additionalProperties":false,"properties":{"key":{"type":"string"},"value":{"type":"string"}}}})",
         [](const json::value& v) { return all_of(v, is_slot); }},
        {"an array of rows of numbers, or base64 of float32",
         R"({"oneOf":[{"type":"array","items":{"type":"array","items":{"type":"number"}}},{"type":"string","contentEncoding":"base64"}]})",
         [](const json::value& v) { return is_text(v) || all_of(v, is_row); }},
        {"an array of whole numbers, or of texts with them",
         R"({"type":"array","items":{"oneOf":[{"type":"integer","minimum":0},{"type":"string","pattern":"^[0-9]+$"}]}})",
         [](const json::value& v) { return all_of(v, is_whole); }},
        {"an array of items, or of {\"item\": text, \"time\": seconds}",
         R"({"type":"array","items":{"oneOf":[{"type":"string"},{"type":"object","required":["item"],"additionalProperties":false,"properties":{"item":{"type":"string"},"time":{"type":"integer"}}}]}})",
         [](const json::value& v) { return all_of(v, is_event); }},
        {"an array of {\"id\", \"key\": numbers, \"value\": numbers, \"text\"}",
         R"({"type":"array","items":{"type":"object","required":["id","key"],"additionalProperties":false,"properties":{"id":{"oneOf":[{"type":"integer","minimum":0},{"type":"string","pattern":"^[0-9]+$"}]},"key":{"type":"array","items":{"type":"number"}},"value":{"type":"array","items":{"type":"number"}},"text":{"type":"string"}}}})",
         [](const json::value& v) { return all_of(v, is_put); }},
    };
    return types[static_cast<std::size_t>(type)];
}

static void check(const Member& member, const json::value& value) {
    const TypeOfMember& type = type_of(member.type);
    const auto fail = [&](const std::string& expected) {
        throw Error({.what = std::string("bad \"") + member.name + "\"",
                     .expected = expected,
                     .got = json::serialize(value).substr(0, 40)});
    };
    if (!type.holds(value)) fail(type.expected);
    if (!value.is_number() || member.min == member.max) return;
    const auto number = value.to_number<double>();
    if (!(number >= member.min && number <= member.max))
        fail(std::string(type.expected) + " from " + formatted("%g", member.min) + " to " +
             formatted("%g", member.max));
}

json::object parse_members(const std::string& body, std::span<const Member> members) {
    json::error_code code;
    const json::value value = json::parse(body, code);
    if (code) throw Error({.what = "bad JSON", .got = code.message(), .where = "the body"});
    if (!value.is_object()) throw Error({.what = "bad body", .expected = "a JSON object"});
    if (const auto name = repeated_name(body))
        throw Error({.what = "a name is there twice", .expected = "one of each", .got = *name});
    const json::object& object = value.as_object();
    for (const Member& member : members) {
        const json::value* at = object.if_contains(member.name);
        if (at) check(member, *at);
        if (!at && member.required)
            throw Error({.what = std::string("no \"") + member.name + "\"", .expected = type_of(member.type).expected});
    }
    std::vector<std::string> names;
    for (const Member& member : members) names.emplace_back(member.name);
    for (const auto& member : object)
        if (std::ranges::find(names, member.key()) == names.end())
            throw Error({.what = "no such member", .expected = joined(names), .got = std::string(member.key())});
    return object;
}

json::object schema_of(std::span<const Member> members) {
    json::object properties;
    json::array required;
    for (const Member& member : members) {
        json::object schema = json::parse(type_of(member.type).schema).as_object();
        schema["description"] = member.about;
        if (member.min != member.max) schema["minimum"] = member.min, schema["maximum"] = member.max;
        properties[member.name] = std::move(schema);
        if (member.required) required.emplace_back(member.name);
    }
    json::object all{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
    if (!required.empty()) all["required"] = std::move(required);
    return all;
}

std::string text_of(const json::object& body, const char* name, std::string otherwise) {
    const json::value* value = body.if_contains(name);
    return value ? std::string(value->as_string()) : otherwise;
}

bool flag_of(const json::object& body, const char* name, bool otherwise) {
    const json::value* value = body.if_contains(name);
    return value ? value->as_bool() : otherwise;
}

Index integer_of(const json::object& body, const char* name, Index otherwise) {
    const json::value* value = body.if_contains(name);
    return value ? value->as_int64() : otherwise;
}

std::optional<double> number_of(const json::object& body, const char* name) {
    const json::value* value = body.if_contains(name);
    if (!value) return {};
    return value->to_number<double>();
}

std::vector<std::string> texts_of(const json::object& body, const char* name) {
    std::vector<std::string> all;
    const json::value* value = body.if_contains(name);
    if (!value) return all;
    if (value->is_string()) return {std::string(value->as_string())};
    for (const json::value& text : value->as_array()) all.emplace_back(text.as_string());
    return all;
}

std::vector<std::uint64_t> ids_of(const json::object& body, const char* name) {
    std::vector<std::uint64_t> all;
    const json::value* value = body.if_contains(name);
    if (!value) return all;
    for (const json::value& id : value->as_array())
        all.push_back(id.is_string() ? *kvmem::number_of<std::uint64_t>(std::string(id.as_string()))
                                     : id.to_number<std::uint64_t>());
    return all;
}

}  // namespace kvmem::apps
