#include "store/files/manifest.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/version.hpp"
#include "store/files/write_ahead_log.hpp"
#include "store/search/inverted_lists.hpp"

#include <algorithm>
#include <set>

namespace kvmem::store {

namespace fs = std::filesystem;
namespace json = boost::json;

static constexpr const char* manifest_format = "kvmem-shards";
static constexpr int manifest_version = 1;
static constexpr const char* unreadable_manifest = "this manifest of a store cannot be read";

bool is_sharded(const fs::path& path) { return is_manifest(path, manifest_format); }

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

// --- Making ----------------------------------------------------------------------------------------------

// A manifest is JSON and names its shards after itself.
static void require_utf8_name(const fs::path& path) {
    const std::string name = path.stem().string();
    if (const std::size_t at = invalid_utf8_at(name); at != std::string::npos)
        throw Error({.what = "a store in shards cannot have this name",
                     .expected = "UTF-8",
                     .got = "another byte at position " + std::to_string(at),
                     .where = printable(path.string()),
                     .hint = "choose another name"});
}

NewStoreFiles::NewStoreFiles(const fs::path& at, Index shard_count) : path(shard_count > 0 ? behind_links(at) : at) {
    require_option(shard_count >= 0 && shard_count <= max_shards, "shards", "0 to 1024");
    if (shard_count > 0) require_utf8_name(path);
    shards.reserve(static_cast<std::size_t>(shard_count));
    for (Index i = 0; i < shard_count; ++i) shards.push_back(shard_name(path, i, shard_count));
}

std::vector<fs::path> NewStoreFiles::all() const {
    std::vector<fs::path> files{path, log_path(path)};
    files.reserve(shards.size() + 2);
    for (const std::string& shard : shards) files.push_back(path.parent_path() / shard);
    return files;
}

void NewStoreFiles::require_none() const {
    constexpr std::size_t shards_begin = 2;
    const std::vector<fs::path> files = all();
    for (std::size_t i = 0; i < files.size(); ++i)
        if (is_there(files[i]))
            throw Error({.what = "there is a file of this name already",
                         .expected = {},
                         .got = {},
                         .where = files[i].string(),
                         .hint = i < shards_begin
                                     ? "open it, or choose another name"
                                     : "choose another name; or delete this file and the like beside it, if no "
                                       "store names them, as when the making of one was killed"});
}

void NewStoreFiles::remove() const noexcept {
    try {
        std::error_code ignored;
        for (const fs::path& file : all()) fs::remove(file, ignored);
    } catch (const std::exception&) {
        return;  // no memory for their names
    }
}

// --- Writing ---------------------------------------------------------------------------------------------

// Numbers of 64 bits are texts, since readers of JSON may have doubles alone.
void write_manifest(const fs::path& path, const Manifest& manifest) {
    const FileHead& head = manifest.head;
    json::object all{{"format", manifest_format},
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
                     {"follows", std::to_string(head.follows)},
                     {"set", std::to_string(head.shard.set)},
                     {"log", head.is_logged}};
    json::array shards;
    for (const Manifest::Shard& shard : manifest.shards)
        shards.push_back(json::object{
            {"file", shard.file}, {"generation", std::to_string(shard.generation)}, {"slots", shard.slots}});
    all["shards"] = std::move(shards);
    kvmem::write_manifest(path, std::move(all));
}

Manifest::Shard write_shard(const fs::path& path, const std::string& name, const StoreShard& shard,
                            const Segment& segment, const FileHead& head) {
    FileHead of_shard = head;
    of_shard.generation = new_generation();
    of_shard.is_logged = false;  // the log is the manifest's
    of_shard.shard = shard;
    write_store(path.parent_path() / name, segment, of_shard);
    return {name, of_shard.generation, segment.capacity};
}

void write_segments(const fs::path& path, std::span<const std::string> shards,
                    std::span<const std::shared_ptr<const Segment>> segments, const FileHead& head) {
    if (shards.empty()) return write_store(path, *segments[0], head);
    Manifest manifest{head, {}};
    manifest.head.lists = 0;
    manifest.shards.reserve(shards.size());
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const StoreShard shard{head.shard.set, static_cast<Index>(i), std::ssize(shards)};
        manifest.shards.push_back(write_shard(path, shards[i], shard, *segments[i], head));
        if (segments[i]->lists) manifest.head.lists = segments[i]->lists->count();
    }
    write_manifest(path, manifest);
}

// --- Reading ---------------------------------------------------------------------------------------------

static FileHead head_of(const ManifestFields& fields) {
    if (fields.text("format") != manifest_format) fields.fail("the format kvmem-shards", fields.text("format"));
    (void)fields.number("version", manifest_version, manifest_version);
    FileHead head;
    head.options = {fields.number("key_width", 1, 65536), fields.number("value_width", 0, 65536),
                    fields.one_of<Similarity>("metric", metric_names),
                    fields.one_of<KeyEncoding>("form", encoding_names)};
    head.has_texts = fields.flag("texts");
    head.lists = fields.number("lists", 0, Index{1} << 32);
    head.version = fields.large("changes");
    head.next_id = fields.large("next_id");
    head.generation = fields.large("generation");
    head.follows = fields.large("follows");
    head.generator = fields.text("generator");
    if (fields.has("set")) head.shard.set = fields.large("set");
    if (fields.has("log")) head.is_logged = fields.flag("log");
    if (head.generation == 0) fields.fail("a generation that is not 0", "0");
    return head;
}

Manifest read_manifest(const fs::path& path) {
    const json::value value = read_manifest_json(path, unreadable_manifest);
    const ManifestFields fields(value, unreadable_manifest, path.string());
    Manifest manifest{head_of(fields), {}};
    std::set<std::string> names;
    for (const json::value& shard : fields.shards()) {
        const ManifestFields of(shard, unreadable_manifest, path.string());
        manifest.shards.push_back({of.file(), of.large("generation"), of.number("slots", 0, Index{1} << 32)});
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
    return lists ? std::to_string(lists->count()) + " lists" : "no lists";
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

// All shards have the lists of one index. A checkpoint that did not end may leave two, and then none is taken. Returns
// whether that is so.
static bool unite_lists(std::span<const StoredSegment> shards, bool is_mixed, const fs::path& path) {
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
        return true;
    }
    return false;
}

StoredSegments read_segments(const fs::path& path, bool mapped, const ShardSpan& own) {
    if (!is_sharded(path)) {
        StoredSegment stored = mapped ? map_store(path) : load_store(path);
        return {stored.head, {stored.segment}};
    }
    const Manifest manifest = read_manifest(path);
    StoredSegments all{manifest.head, {}};
    std::vector<StoredSegment> shards;
    all.shards.reserve(manifest.shards.size());
    for (Index i = 0; i < std::ssize(manifest.shards); ++i) {
        all.shards.push_back(manifest.shards[i].file);
        if (!own.contains(i)) continue;
        shards.push_back(read_shard(path, manifest, i, mapped));
        const FileHead& head = shards.back().head;
        all.segments.push_back(shards.back().segment);
        all.head.has_texts |= head.has_texts;
        all.head.next_id = std::max(all.head.next_id, head.next_id);
        if (is_ahead(head, manifest)) all.ahead = std::max(all.ahead, head.version);
    }
    all.lost_lists = unite_lists(shards, all.ahead > 0, path);
    return all;
}

}  // namespace kvmem::store
