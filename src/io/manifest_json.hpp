// Manifests: JSON files with a checksum that name other files beside them. Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>

namespace kvmem {

// The largest number of files that a manifest names.
inline constexpr Index max_shards = 1024;

// Whether a regular file begins with `{"format":"FORMAT"`. False for what cannot be read.
bool is_manifest(const std::filesystem::path& path, std::string_view format);

// Replaces the file by this object with a field `checksum` behind the others: the XXH3-64 of the object without it, as
// compact JSON. All or nothing.
void write_manifest(const std::filesystem::path& path, boost::json::object fields);
// The object of such a file, without the checksum, which must be right. Throws Error, which says `what` for the file.
boost::json::value read_manifest_json(const std::filesystem::path& path, const std::string& what);

// The name of a shard's file: "wiki.0-of-3.h5" of "wiki.json".
std::string shard_name(const std::filesystem::path& manifest, Index shard, Index shards);

// The fields of an object in a manifest. Every function throws Error for one that is missing or of another type.
class ManifestFields {
  public:
    // `what` and `where` are for errors. The value must outlive the object.
    ManifestFields(const boost::json::value& value, std::string what, std::string where);

    [[nodiscard]] bool has(const char* name) const { return object_->contains(name); }
    [[nodiscard]] const boost::json::value& at(const char* name) const;
    [[nodiscard]] std::string text(const char* name) const;
    [[nodiscard]] bool flag(const char* name) const;
    [[nodiscard]] Index number(const char* name, Index min, Index max) const;
    // A number of 64 bits, which is a text, since readers of JSON may have doubles alone.
    [[nodiscard]] std::uint64_t large(const char* name) const;
    // A file beside the manifest: a name that leads out of the folder is refused.
    [[nodiscard]] std::string file() const;
    // 1 to max_shards objects.
    [[nodiscard]] const boost::json::array& shards() const;
    template <class T, std::size_t count>
    [[nodiscard]] T one_of(const char* name, const char* const (&names)[count]) const {
        const auto* const found = std::find(std::begin(names), std::end(names), text(name));
        if (found == std::end(names)) fail(std::string(name) + " that is known", text(name));
        return static_cast<T>(found - std::begin(names));
    }
    [[noreturn]] void fail(const std::string& expected, const std::string& got) const;

  private:
    const boost::json::object* object_ = nullptr;
    std::string what_, where_;
};

}  // namespace kvmem
