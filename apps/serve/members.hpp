// The members of JSON bodies: one list checks a body and documents it.
#pragma once

#include "kvmem/core/types.hpp"

#include <boost/json.hpp>

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

enum class MemberType {
    text,
    flag,
    integer,
    number,
    texts,          // an array of texts
    text_or_texts,  // one or several
    slots,          // [{"key": text, "value": text}]; without "value" a slot is a sentence
    vectors,        // an array of rows of numbers, or base64 of float32 in little endian
    ids,            // an array of whole numbers, or of texts with them, up to 2^64 - 1
    events,         // an array of items, or of {"item": text, "time": seconds}
    puts,           // [{"id", "key": numbers, "value": numbers, "text"}]
};

struct Member {
    const char* name;
    MemberType type;
    const char* about;
    bool required = false;
    double min = 0, max = 0;  // of numbers; equal: any
};

// Parses a body and checks it against the list. Throws Error for what is no JSON object, for a name that is not in the
// list or comes twice, and for a value of another type or out of its range.
boost::json::object parse_members(const std::string& body, std::span<const Member> members);
// The JSON Schema of such bodies.
boost::json::object schema_of(std::span<const Member> members);

// The value of a member that was checked, or the default.
std::string text_of(const boost::json::object& body, const char* name, std::string otherwise = {});
bool flag_of(const boost::json::object& body, const char* name, bool otherwise = false);
Index integer_of(const boost::json::object& body, const char* name, Index otherwise);
std::optional<double> number_of(const boost::json::object& body, const char* name);
std::vector<std::string> texts_of(const boost::json::object& body, const char* name);
std::vector<std::uint64_t> ids_of(const boost::json::object& body, const char* name);

}  // namespace kvmem::apps
