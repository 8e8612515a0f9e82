#include "store/files/manifest.hpp"

#include "io/strict_json.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/version.hpp"
#include "store/files/write_ahead_log.hpp"
#include "store/search/inverted_lists.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kvmem::store {

namespace fs = std::filesystem;
namespace json = boost::json;

static constexpr std::string_view beginning = R"({"format":"kvmem-shards")";
static constexpr int manifest_version = 1;

bool is_sharded(const fs::path& path) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored)) return false;  // reading a pipe would wait
    std::string head(beginning.size(), '\0');
    std::ifstream file(path, std::ios::binary);
    return file.read(head.data(), static_cast<std::streamsize>(head.size())) && head == beginning;
}

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), which spreads consecutive ids.
Index shard_of(Id id, Index shards) {
    __extension__ using Wide = unsigned __int128;
    std::uint64_t x = id + 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return static_cast<Index>((Wide{x} * static_cast<std::uint64_t>(shards)) >> 64);
}

fs::path Manifest::shard_path(const fs::path& path, Index shard) const {
    return path.parent_path() / shards[shard].file;
}

fs::path store_path(const fs::path& path) { return is_sharded(path) ? behind_links(path) : path; }

std::vector<std::string> new_shard_names(const fs::path& path, Index shards) {
    std::vector<std::string> names;
    for (Index i = 0; i < shards; ++i)
        names.push_back(path.stem().string() + "." + std::to_string(i) + "-of-" + std::to_string(shards) + ".h5");
    return names;
}

// --- Writing ---------------------------------------------------------------------------------------------

static std::string checksum_of(const json::object& manifest) {
    const std::string text = json::serialize(manifest);
    return std::to_string(XXH3_64bits(text.data(), text.size()));
}

// Numbers of 64 bits are texts, since readers of JSON may have doubles alone.
static void write_manifest(const fs::path& path, const Manifest& manifest) {
    const FileHead& head = manifest.head;
    json::object all{{"format", "kvmem-shards"},
                     {"version", manifest_version},
                     {"generator", "kvmem " KVMEM_VERSION},
                     {"metric", metric_names[static_cast<int>(head.options.metric)]},
                     {"form", encoding_names[static_cast<int>(head.options.encoding)]},
                     {"key_width", head.options.key_width},
                     {"value_width", head.options.value_width},
                     {"texts", head.has_texts},
                     {"lists", head.lists},
                     {"changes", std::to_string(head.version)},
                     {"next_id", std::to_string(head.next_id)},
                     {"generation", std::to_string(head.generation)},
                     {"follows", std::to_string(head.follows)}};
    json::array shards;
    for (const Manifest::Shard& shard : manifest.shards)
        shards.push_back(json::object{
            {"file", shard.file}, {"generation", std::to_string(shard.generation)}, {"slots", shard.slots}});
    all["shards"] = std::move(shards);
    all["checksum"] = checksum_of(all);
    replace_file(path, json::serialize(all) + "\n");
}

void write_segments(const fs::path& path, std::span<const std::string> shards,
                    std::span<const std::shared_ptr<const Segment>> segments, const FileHead& head) {
    if (shards.empty()) return write_store(path, *segments[0], head);
    Manifest manifest{head, {}};
    manifest.head.lists = 0;
    for (std::size_t i = 0; i < shards.size(); ++i) {
        FileHead of_shard = head;
        of_shard.generation = new_generation();
        write_store(path.parent_path() / shards[i], *segments[i], of_shard);
        manifest.shards.push_back({shards[i], of_shard.generation, segments[i]->capacity});
        if (segments[i]->lists) manifest.head.lists = std::ssize(segments[i]->lists->offsets) - 1;
    }
    write_manifest(path, manifest);
}

// --- Reading ---------------------------------------------------------------------------------------------

namespace {

// The fields of a manifest. Every function throws Error for one that is missing or of another type.
class Fields {
  public:
    Fields(const json::value& value, std::string where) : where_(std::move(where)) {
        if (!value.is_object()) fail("objects", "another value");
        object_ = &value.get_object();
    }

    const json::value& at(const char* name) const {
        const json::value* value = object_->if_contains(name);
        if (!value) fail("a field " + std::string(name), "none");
        return *value;
    }
    std::string text(const char* name) const {
        const json::value& value = at(name);
        if (!value.is_string()) fail("a text as " + std::string(name), "another value");
        return std::string(value.get_string());
    }
    Index number(const char* name, Index min, Index max) const {
        const json::value& value = at(name);
        if (!value.is_int64() || value.get_int64() < min || value.get_int64() > max)
            fail(std::string(name) + " from " + std::to_string(min) + " to " + std::to_string(max),
                 json::serialize(value));
        return value.get_int64();
    }
    std::uint64_t large(const char* name) const {
        const auto value = number_of<std::uint64_t>(text(name));
        if (!value) fail("a number as " + std::string(name), text(name));
        return *value;
    }
    template <class T, std::size_t count>
    T one_of(const char* name, const char* const (&names)[count]) const {
        const auto* const found = std::find(std::begin(names), std::end(names), text(name));
        if (found == std::end(names)) fail(std::string(name) + " that is known", text(name));
        return static_cast<T>(found - std::begin(names));
    }
    [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
        throw Error({.what = "this manifest of a store cannot be read",
                     .expected = expected,
                     .got = got,
                     .where = where_,
                     .hint = {}});
    }

  private:
    const json::object* object_ = nullptr;
    std::string where_;
};

}  // namespace

static json::value parse_manifest(const fs::path& path) {
    try {
        json::value value = parse_strictly(read_file(path));
        const Fields fields(value, path.string());
        const std::string checksum = fields.text("checksum");
        value.get_object().erase("checksum");
        if (checksum != checksum_of(value.get_object())) fields.fail("fields with their checksum", "another checksum");
        return value;
    } catch (const boost::system::system_error& e) {
        throw Error({.what = "this manifest of a store cannot be read",
                     .expected = "JSON",
                     .got = e.code().message(),
                     .where = path.string(),
                     .hint = {}});
    }
}

static FileHead head_of(const Fields& fields) {
    if (fields.text("format") != "kvmem-shards") fields.fail("the format kvmem-shards", fields.text("format"));
    fields.number("version", manifest_version, manifest_version);
    FileHead head;
    head.options = {fields.number("key_width", 1, 65536), fields.number("value_width", 0, 65536),
                    fields.one_of<Similarity>("metric", metric_names),
                    fields.one_of<KeyEncoding>("form", encoding_names)};
    if (!fields.at("texts").is_bool()) fields.fail("true or false as texts", json::serialize(fields.at("texts")));
    head.has_texts = fields.at("texts").get_bool();
    head.lists = fields.number("lists", 0, Index{1} << 32);
    head.version = fields.large("changes");
    head.next_id = fields.large("next_id");
    head.generation = fields.large("generation");
    head.follows = fields.large("follows");
    head.generator = fields.text("generator");
    if (head.generation == 0) fields.fail("a generation that is not 0", "0");
    return head;
}

// A name that leads out of the manifest's folder is refused.
static std::string file_name_in(const Fields& fields) {
    std::string name = fields.text("file");
    const bool is_plain = !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
                          name.find('\0') == std::string::npos;
    if (!is_plain) fields.fail("the name of a file beside it", name);
    return name;
}

Manifest read_manifest(const fs::path& path) {
    const json::value value = parse_manifest(path);
    const Fields fields(value, path.string());
    Manifest manifest{head_of(fields), {}};
    const json::value& shards = fields.at("shards");
    if (!shards.is_array()) fields.fail("an array as shards", json::serialize(shards).substr(0, 40));
    if (shards.get_array().empty() || std::ssize(shards.get_array()) > max_shards)
        fields.fail("1 to 1024 shards", std::to_string(shards.get_array().size()));
    std::set<std::string> names;
    for (const json::value& shard : shards.get_array()) {
        const Fields of(shard, path.string());
        manifest.shards.push_back({file_name_in(of), of.large("generation"), of.number("slots", 0, Index{1} << 32)});
        manifest.head.slots += manifest.shards.back().slots;
        if (!names.insert(manifest.shards.back().file).second)
            of.fail("each file once", manifest.shards.back().file + " twice");
    }
    return manifest;
}

static Error wrong_shard(const fs::path& file, const char* what, const std::string& expected, const std::string& got) {
    return Error({.what = what,
                  .expected = expected,
                  .got = got,
                  .where = file.string(),
                  .hint = "put the file back that the manifest names"});
}

// A log beside a shard has changes that the manifest's log does not have.
static void require_no_changes_of_its_own(const fs::path& file) {
    if (is_there(log_path(file)) && fs::file_size(log_path(file)) > log_head_bytes)
        throw wrong_shard(file, "this shard was changed by itself", "changes of the whole store",
                          "a log of its own, " + log_path(file).string());
}

// Whether the shard is newer than the manifest: a checkpoint wrote it and ended before it wrote the manifest.
static bool is_ahead(const FileHead& shard, const Manifest& manifest) {
    return shard.follows == manifest.head.generation;
}

static std::string text_of(const StoreOptions& options) {
    return "keys of " + std::to_string(options.key_width) + " and values of " + std::to_string(options.value_width) +
           " numbers, " + metric_names[static_cast<int>(options.metric)] + ", " +
           encoding_names[static_cast<int>(options.encoding)];
}

static std::string text_of(const InvertedLists* lists) {
    return lists ? std::to_string(std::ssize(lists->offsets) - 1) + " lists" : "no lists";
}

static StoredSegment read_shard(const fs::path& path, const Manifest& manifest, Index i, bool mapped) {
    const fs::path file = manifest.shard_path(path, i);
    require_no_changes_of_its_own(file);
    StoredSegment shard = mapped ? map_store(file) : load_store(file);
    const Manifest::Shard& wanted = manifest.shards[i];
    const Index shards = std::ssize(manifest.shards);
    if (!(shard.head.options == manifest.head.options))
        throw wrong_shard(file, "this shard does not fit its store", text_of(manifest.head.options),
                          text_of(shard.head.options));
    const bool is_same = shard.head.generation == wanted.generation && shard.head.slots == wanted.slots;
    if (!is_same && !is_ahead(shard.head, manifest))
        throw wrong_shard(file, "this shard is not the one that the manifest names",
                          "generation " + std::to_string(wanted.generation), std::to_string(shard.head.generation));
    for (Index slot = 0; slot < shard.head.slots; ++slot)
        if (const Id id = shard.segment->ids[slot]; shard_of(id, shards) != i)
            throw wrong_shard(file, "this shard holds slots of another",
                              "ids of shard " + std::to_string(i) + " of " + std::to_string(shards),
                              std::to_string(id));
    return shard;
}

static bool have_same_lists(const Segment& a, const Segment& b) {
    if (!a.lists || !b.lists) return !a.lists && !b.lists;
    const Segment &x = *a.lists->centroids, &y = *b.lists->centroids;
    return x.capacity == y.capacity &&
           std::equal(x.keys.data(), x.keys.data() + x.capacity * x.options.key_width, y.keys.data());
}

// All shards have the lists of one index. A checkpoint that did not end may leave two.
static void unite_lists(std::span<const StoredSegment> shards, bool is_mixed, const fs::path& path) {
    const StoredSegment* first = nullptr;
    for (const StoredSegment& shard : shards) {
        if (shard.head.slots == 0) continue;
        if (!first) first = &shard;
        if (have_same_lists(*first->segment, *shard.segment)) continue;
        if (!is_mixed)
            throw wrong_shard(path, "the shards have the lists of different indexes",
                              text_of(first->segment->lists.get()),
                              text_of(shard.segment->lists.get()) + " of another index");
        for (const StoredSegment& other : shards) other.segment->lists = nullptr;
        return;
    }
}

StoredSegments read_segments(const fs::path& path, bool mapped) {
    if (!is_sharded(path)) {
        StoredSegment stored = mapped ? map_store(path) : load_store(path);
        return {stored.head, {stored.segment}};
    }
    const Manifest manifest = read_manifest(path);
    StoredSegments all{manifest.head, {}};
    std::vector<StoredSegment> shards;
    for (Index i = 0; i < std::ssize(manifest.shards); ++i) {
        all.shards.push_back(manifest.shards[i].file);
        shards.push_back(read_shard(path, manifest, i, mapped));
        const FileHead& head = shards.back().head;
        all.segments.push_back(shards.back().segment);
        all.head.has_texts |= head.has_texts;
        all.head.next_id = std::max(all.head.next_id, head.next_id);
        if (is_ahead(head, manifest)) all.ahead = std::max(all.ahead, head.version);
    }
    unite_lists(shards, all.ahead > 0, path);
    return all;
}

}  // namespace kvmem::store
