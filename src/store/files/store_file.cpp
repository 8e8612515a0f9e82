#include "store/files/store_file.hpp"

#include "io/manifest_json.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/version.hpp"
#include "store/files/mapped_file.hpp"
#include "store/search/inverted_lists.hpp"
#include "store/search/query.hpp"

#include <algorithm>
#include <random>

namespace kvmem::store {

using detail::scan_tile;
using hdf5::Layout;
using hdf5::Reader;

static constexpr const char* format_name = "kvmem-store";
static constexpr int format_version = 1;

std::uint64_t new_generation() {
    std::random_device random;
    const std::uint64_t bits = (std::uint64_t{random()} << 32) | random();
    return bits == 0 ? 1 : bits;
}

// --- Writing ---------------------------------------------------------------------------------------------

static void write_texts(hdf5::Writer& file, const Segment& segment) {
    std::vector<std::uint8_t> bytes;
    std::vector<Index> offsets{0};
    for (Index i = 0; i < segment.capacity; ++i) {
        bytes.insert(bytes.end(), segment.texts[i].begin(), segment.texts[i].end());
        offsets.push_back(std::ssize(bytes));
    }
    file.write("/texts/bytes", std::span<const std::uint8_t>(bytes), Layout::mapped);
    file.write("/texts/offsets", std::span<const Index>(offsets));
}

static void write_scan(hdf5::Writer& file, const Segment& segment) {
    const Index tiles = segment.tiles(), slots = tiles * scan_tile;
    if (segment.words() > 0) {
        const auto* codes = reinterpret_cast<const std::uint8_t*>(segment.codes.data());
        file.write("/scan/codes", std::span(codes, slots * segment.words() * 4), Layout::mapped);
    }
    if (segment.factor) file.write("/scan/factors", ConstView{segment.factor.data(), slots, 1});
    if (segment.bias) file.write("/scan/biases", ConstView{segment.bias.data(), slots, 1});
    static_assert(sizeof(detail::CodeBound) == 2 * sizeof(float));
    file.write("/scan/bounds", ConstView{reinterpret_cast<const float*>(segment.bounds.data()), tiles, 2});
}

static void write_head(hdf5::Writer& file, const Segment& segment, const FileHead& head) {
    const StoreOptions& options = segment.options;
    const auto text = [&file](const char* name, const std::string& value) { file.attribute("/", name, value); };
    const auto number = [&](const char* name, std::uint64_t value) { text(name, std::to_string(value)); };
    text("generator", "kvmem " KVMEM_VERSION);
    text("metric", metric_names[static_cast<int>(options.metric)]);
    text("form", encoding_names[static_cast<int>(options.encoding)]);
    number("key_width", options.key_width);
    number("value_width", options.value_width);
    number("slots", segment.capacity);
    number("texts", segment.texts || head.has_texts ? 1 : 0);
    number("lists", segment.lists ? segment.lists->count() : 0);
    number("changes", head.version);
    number("next_id", head.next_id);
    number("generation", head.generation);
    number("follows", head.follows);
    if (head.is_logged) number("log", 1);
    if (head.shard.set == 0) return;
    number("set", head.shard.set);
    number("shard", head.shard.number);
    number("shards", head.shard.count);
}

static ConstView all_keys(const Segment& segment) {
    return {segment.keys.data(), segment.capacity, segment.options.key_width};
}

void write_store(const std::filesystem::path& path, const Segment& segment, const FileHead& head) {
    hdf5::Writer file(format_name, format_version);
    write_head(file, segment, head);
    const Index n = segment.capacity, value_width = segment.options.value_width;
    const auto* ids = reinterpret_cast<const std::int64_t*>(segment.ids.data());
    file.write("/ids", std::span(ids, n), Layout::mapped);
    file.write("/keys", all_keys(segment));
    if (value_width > 0) file.write("/values", ConstView{segment.values.data(), n, value_width});
    if (segment.texts || head.has_texts) write_texts(file, segment);
    write_scan(file, segment);
    if (segment.lists) {
        file.write("/lists/centroids", all_keys(*segment.lists->centroids));
        file.write("/lists/offsets", std::span<const Index>(segment.lists->offsets), Layout::mapped);
    }
    file.save(path);
}

// --- The head --------------------------------------------------------------------------------------------

static Error unreadable(const Reader& file, const std::string& what, const std::string& expected,
                        const std::string& got) {
    return Error({.what = "this store cannot be read",
                  .expected = expected,
                  .got = got,
                  .where = file.name() + ": " + what,
                  .hint = {}});
}

static std::uint64_t number_of(const Reader& file, const std::string& name, std::uint64_t min, std::uint64_t max) {
    const std::string text = file.attribute("/", name);
    const std::optional<std::uint64_t> value = kvmem::number_of<std::uint64_t>(text);
    if (!value || *value < min || *value > max)
        throw unreadable(file, "/@" + name, "a number from " + std::to_string(min) + " to " + std::to_string(max),
                         text.empty() ? "none" : text);
    return *value;
}

template <class T, std::size_t count>
static T name_in(const Reader& file, const std::string& name, const char* const (&names)[count]) {
    const std::string text = file.attribute("/", name);
    for (std::size_t i = 0; i < count; ++i)
        if (text == names[i]) return static_cast<T>(i);
    throw unreadable(file, "/@" + name, "one that is known", text.empty() ? "none" : text);
}

static FileHead head_of(const Reader& file) {
    constexpr std::uint64_t max = ~std::uint64_t{0}, max_slots = (std::uint64_t{1} << 32) - 2;
    FileHead head;
    head.options.key_width = static_cast<Index>(number_of(file, "key_width", 1, 65536));
    head.options.value_width = static_cast<Index>(number_of(file, "value_width", 0, 65536));
    head.options.metric = name_in<Similarity>(file, "metric", metric_names);
    head.options.encoding = name_in<KeyEncoding>(file, "form", encoding_names);
    head.slots = static_cast<Index>(number_of(file, "slots", 0, max_slots));
    head.has_texts = number_of(file, "texts", 0, 1) == 1;
    head.lists = static_cast<Index>(number_of(file, "lists", 0, max_slots));
    head.version = number_of(file, "changes", 0, max);
    if (!file.attribute("/", "next_id").empty()) head.next_id = number_of(file, "next_id", 0, max);
    head.generation = number_of(file, "generation", 1, max);
    head.follows = number_of(file, "follows", 0, max);
    head.generator = file.attribute("/", "generator");
    head.is_logged = file.attribute("/", "log") == "1";
    if (file.attribute("/", "set").empty()) return head;
    head.shard.set = number_of(file, "set", 1, max);
    head.shard.count = static_cast<Index>(number_of(file, "shards", 1, max_shards));
    head.shard.number = static_cast<Index>(number_of(file, "shard", 0, head.shard.count - 1));
    return head;
}

FileHead read_head(const std::filesystem::path& path) { return head_of(Reader(path, format_name, format_version)); }

// --- Reading ---------------------------------------------------------------------------------------------

static std::vector<Id> read_ids(const Reader& file, const FileHead& head) {
    const std::vector<std::int64_t> stored = file.int64s("/ids");
    std::vector<Id> ids(stored.begin(), stored.end());
    if (std::ssize(ids) != head.slots)
        throw unreadable(file, "/ids", std::to_string(head.slots) + " of them", std::to_string(ids.size()));
    if (const auto twice = find_duplicate(ids))
        throw unreadable(file, "/ids", "each id once", std::to_string(*twice) + " twice");
    return ids;
}

static Matrix read_rows(const Reader& file, const std::string& name, Index rows, Index cols) {
    Matrix m = file.matrix(name);
    if (m.rows() != rows || m.cols() != cols)
        throw unreadable(file, name, std::to_string(rows) + "x" + std::to_string(cols) + " numbers",
                         std::to_string(m.rows()) + "x" + std::to_string(m.cols()));
    require_valid(m, name.c_str());
    return m;
}

static std::vector<std::string> read_texts(const Reader& file, const FileHead& head) {
    if (!head.has_texts) return {};
    std::vector<std::string> texts = file.strings("/texts");
    if (std::ssize(texts) != head.slots)
        throw unreadable(file, "/texts", std::to_string(head.slots) + " of them", std::to_string(texts.size()));
    return texts;
}

static std::shared_ptr<const InvertedLists> read_lists(const Reader& file, const FileHead& head) {
    if (head.lists == 0) return nullptr;
    auto lists = std::make_shared<InvertedLists>();
    const Matrix centroids = read_rows(file, "/lists/centroids", head.lists, head.options.key_width);
    lists->offsets = file.int64s("/lists/offsets");
    const std::vector<Index>& offsets = lists->offsets;
    if (std::ssize(offsets) != head.lists + 1 || offsets.front() != 0 || offsets.back() != head.slots ||
        !std::is_sorted(offsets.begin(), offsets.end()))
        throw unreadable(file, "/lists/offsets", "offsets that rise from 0 to the number of slots", "others");
    lists->centroids = centroids_for_queries(centroids, head.options.metric);
    return lists;
}

static StoredSegment load(const Reader& file) {
    const FileHead head = head_of(file);
    const std::vector<Id> ids = read_ids(file, head);
    const Matrix keys = read_rows(file, "/keys", head.slots, head.options.key_width);
    const Matrix values = head.options.value_width > 0
                              ? read_rows(file, "/values", head.slots, head.options.value_width)
                              : Matrix(head.slots, 0);
    const std::vector<std::string> texts = read_texts(file, head);
    const auto segment = std::make_shared<Segment>(head.options, head.slots, head.has_texts);
    segment->append(0, keys, {values, texts}, ids);
    segment->lists = read_lists(file, head);
    return {head, segment};
}

StoredSegment load_store(const std::filesystem::path& path) { return load(Reader(path, format_name, format_version)); }

StoredSegment load_store(std::span<const std::byte> bytes, const std::string& name) {
    return load(Reader(bytes, name, format_name, format_version));
}

// --- Mapping ---------------------------------------------------------------------------------------------

// Makes `array` a view of a dataset in the mapping. A dataset at an offset that kvmem does not write is copied, to be
// aligned.
template <class T>
static void map(Buffer<T>& array, const Reader& file, const MappedFile& mapped, const std::string& name,
                const char* element, const std::vector<Index>& shape) {
    const hdf5::Extent extent = file.extent(name);
    if (extent.element != element || !std::ranges::equal(extent.shape, shape, std::equal_to<std::uint64_t>()))
        throw unreadable(file, name, std::string(element) + " of the shape that the head tells",
                         "another type or shape");
    array = {};
    if (extent.bytes == 0) return;
    const std::byte* at = mapped.at(extent.offset, extent.bytes);
    if (extent.offset % 64 == 0) {
        array = {reinterpret_cast<const T*>(at), mapped.owner()};
    } else {
        array = Buffer<T>(static_cast<Index>(extent.bytes / sizeof(T)));
        std::copy_n(at, extent.bytes, reinterpret_cast<std::byte*>(array.data()));
    }
}

static void map_arrays(Segment& segment, const Reader& file, const MappedFile& mapped) {
    const Index n = segment.capacity, tiles = segment.tiles(), padded = tiles * scan_tile;
    const Index width = segment.options.key_width, value_width = segment.options.value_width;
    map(segment.keys, file, mapped, "/keys", "float32", {n, width});
    if (value_width > 0) map(segment.values, file, mapped, "/values", "float32", {n, value_width});
    if (segment.words() > 0) map(segment.codes, file, mapped, "/scan/codes", "uint8", {padded * segment.words() * 4});
    if (segment.factor) map(segment.factor, file, mapped, "/scan/factors", "float32", {padded, 1});
    if (segment.bias) map(segment.bias, file, mapped, "/scan/biases", "float32", {padded, 1});
    map(segment.bounds, file, mapped, "/scan/bounds", "float32", {tiles, 2});
    segment.is_mapped = true;
}

StoredSegment map_store(const std::filesystem::path& path) {
    const MappedFile mapped(path);
    const Reader file(path, format_name, format_version);
    mapped.require_same(path);
    const FileHead head = head_of(file);
    const std::vector<Id> ids = read_ids(file, head);
    const std::vector<std::string> texts = read_texts(file, head);
    const auto segment = std::make_shared<Segment>(head.options, head.slots, head.has_texts);
    map_arrays(*segment, file, mapped);
    segment->adopt(ids, texts);
    segment->lists = read_lists(file, head);
    return {head, segment};
}

}  // namespace kvmem::store
