#include "io/manifest_json.hpp"

#include "io/strict_json.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/number.hpp"

#include <fstream>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvmem {

namespace fs = std::filesystem;
namespace json = boost::json;

bool is_manifest(const fs::path& path, std::string_view format) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) return false;  // reading a pipe would wait
    const std::string beginning = R"({"format":")" + std::string(format) + "\"";
    std::string head(beginning.size(), '\0');
    std::ifstream file(path, std::ios::binary);
    return file.read(head.data(), static_cast<std::streamsize>(head.size())) && head == beginning;
}

std::string shard_name(const fs::path& manifest, Index shard, Index shards) {
    return manifest.stem().string() + "." + std::to_string(shard) + "-of-" + std::to_string(shards) + ".h5";
}

static std::string checksum_of(const json::object& fields) {
    const std::string text = json::serialize(fields);
    return std::to_string(XXH3_64bits(text.data(), text.size()));
}

void write_manifest(const fs::path& path, json::object fields) {
    fields["checksum"] = checksum_of(fields);
    replace_file(path, json::serialize(fields) + "\n");
}

json::value read_manifest_json(const fs::path& path, const std::string& what) {
    try {
        json::value value = parse_strictly(read_file(path));
        const ManifestFields fields(value, what, path.string());
        const std::string checksum = fields.text("checksum");
        value.get_object().erase("checksum");
        if (checksum != checksum_of(value.get_object())) fields.fail("fields with their checksum", "another checksum");
        return value;
    } catch (const boost::system::system_error& e) {
        throw Error({.what = what, .expected = "JSON", .got = e.code().message(), .where = path.string(), .hint = {}});
    }
}

ManifestFields::ManifestFields(const json::value& value, std::string what, std::string where)
    : what_(std::move(what)), where_(std::move(where)) {
    if (!value.is_object()) fail("objects", "another value");
    object_ = &value.get_object();
}

const json::value& ManifestFields::at(const char* name) const {
    const json::value* value = object_->if_contains(name);
    if (!value) fail("a field " + std::string(name), "none");
    return *value;
}

std::string ManifestFields::text(const char* name) const {
    const json::value& value = at(name);
    if (!value.is_string()) fail("a text as " + std::string(name), "another value");
    return std::string(value.get_string());
}

bool ManifestFields::flag(const char* name) const {
    const json::value& value = at(name);
    if (!value.is_bool()) fail("true or false as " + std::string(name), json::serialize(value));
    return value.get_bool();
}

Index ManifestFields::number(const char* name, Index min, Index max) const {
    const json::value& value = at(name);
    if (!value.is_int64() || value.get_int64() < min || value.get_int64() > max)
        fail(std::string(name) + " from " + std::to_string(min) + " to " + std::to_string(max), json::serialize(value));
    return value.get_int64();
}

std::uint64_t ManifestFields::large(const char* name) const {
    const auto value = number_of<std::uint64_t>(text(name));
    if (!value) fail("a number as " + std::string(name), text(name));
    return *value;
}

std::string ManifestFields::file() const {
    std::string name = text("file");
    const bool is_plain = !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
                          name.find('\0') == std::string::npos;
    if (!is_plain) fail("the name of a file beside it", name);
    return name;
}

const json::array& ManifestFields::shards() const {
    const json::value& shards = at("shards");
    if (!shards.is_array()) fail("an array as shards", json::serialize(shards).substr(0, 40));
    if (shards.get_array().empty() || std::ssize(shards.get_array()) > max_shards)
        fail("1 to " + std::to_string(max_shards) + " shards", std::to_string(shards.get_array().size()));
    return shards.get_array();
}

void ManifestFields::fail(const std::string& expected, const std::string& got) const {
    throw Error({.what = what_, .expected = expected, .got = got, .where = where_, .hint = {}});
}

}  // namespace kvmem
