#include "store/files/store_file.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/io/hdf5.hpp"
#include "store/files/mapped_file.hpp"
#include "store/search/lists.hpp"
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

static void write_texts(hdf5::Writer& file, const Part& part) {
    std::vector<std::uint8_t> bytes;
    std::vector<Index> offsets{0};
    for (Index i = 0; i < part.capacity; ++i) {
        bytes.insert(bytes.end(), part.texts[i].begin(), part.texts[i].end());
        offsets.push_back(static_cast<Index>(bytes.size()));
    }
    file.write("/texts/bytes", std::span<const std::uint8_t>(bytes), Layout::mapped);
    file.write("/texts/offsets", std::span<const Index>(offsets));
}

static void write_scan(hdf5::Writer& file, const Part& part) {
    const Index tiles = part.tiles(), slots = tiles * scan_tile;
    if (part.words() > 0) {
        const auto* codes = reinterpret_cast<const std::uint8_t*>(part.codes.data());
        file.write("/scan/codes", std::span(codes, static_cast<std::size_t>(slots * part.words() * 4)), Layout::mapped);
    }
    if (part.factor) file.write("/scan/factors", ConstView{part.factor.data(), slots, 1});
    if (part.bias) file.write("/scan/biases", ConstView{part.bias.data(), slots, 1});
    static_assert(sizeof(detail::CodeBound) == 2 * sizeof(float));
    file.write("/scan/bounds", ConstView{reinterpret_cast<const float*>(part.bounds.data()), tiles, 2});
}

void write_store(const std::filesystem::path& path, const Part& part, const FileHead& head) {
    hdf5::Writer file(format_name, format_version);
    const auto number = [&file](const char* name, std::uint64_t value) {
        file.attribute("/", name, std::to_string(value));
    };
    const StoreOptions& options = part.options;
    const Index n = part.capacity;
    file.attribute("/", "generator", "kvmem " KVMEM_VERSION);
    file.attribute("/", "metric", metric_names[static_cast<int>(options.metric)]);
    file.attribute("/", "form", encoding_names[static_cast<int>(options.encoding)]);
    number("key_width", static_cast<std::uint64_t>(options.key_width));
    number("value_width", static_cast<std::uint64_t>(options.value_width));
    number("slots", static_cast<std::uint64_t>(n));
    number("texts", part.texts || head.has_texts ? 1 : 0);
    number("lists", part.lists ? part.lists->offsets.size() - 1 : 0);
    number("changes", head.version);
    number("generation", head.generation);
    number("follows", head.follows);
    const auto* ids = reinterpret_cast<const std::int64_t*>(part.ids.data());
    file.write("/ids", std::span(ids, static_cast<std::size_t>(n)), Layout::mapped);
    file.write("/keys", ConstView{part.keys.data(), n, options.key_width});
    if (options.value_width > 0) file.write("/values", ConstView{part.values.data(), n, options.value_width});
    if (part.texts || head.has_texts) write_texts(file, part);
    write_scan(file, part);
    if (part.lists) {
        const Part& centroids = *part.lists->centroids;
        file.write("/lists/centroids", ConstView{centroids.keys.data(), centroids.capacity, options.key_width});
        file.write("/lists/offsets", std::span<const Index>(part.lists->offsets), Layout::mapped);
    }
    file.save(path);
}

// --- The head --------------------------------------------------------------------------------------------

static Error not_right(const Reader& file, const std::string& what, const std::string& expected,
                       const std::string& got) {
    return Error({.what = "this store cannot be read",
                  .expected = expected,
                  .got = got,
                  .where = file.name() + ": " + what,
                  .hint = {}});
}

static std::uint64_t number_of(const Reader& file, const std::string& name, std::uint64_t least, std::uint64_t most) {
    const std::string text = file.attribute("/", name);
    const std::optional<std::uint64_t> value = kvmem::number_of<std::uint64_t>(text);
    if (!value || *value < least || *value > most)
        throw not_right(file, "/@" + name, "a number from " + std::to_string(least) + " to " + std::to_string(most),
                        text.empty() ? "none" : text);
    return *value;
}

template <class T, std::size_t count>
static T name_in(const Reader& file, const std::string& name, const char* const (&names)[count]) {
    const std::string text = file.attribute("/", name);
    for (std::size_t i = 0; i < count; ++i)
        if (text == names[i]) return static_cast<T>(i);
    throw not_right(file, "/@" + name, "one that is known", text.empty() ? "none" : text);
}

static FileHead head_of(const Reader& file) {
    constexpr std::uint64_t most = ~std::uint64_t{0}, most_slots = (std::uint64_t{1} << 32) - 2;
    FileHead head;
    head.options.key_width = static_cast<Index>(number_of(file, "key_width", 1, 65536));
    head.options.value_width = static_cast<Index>(number_of(file, "value_width", 0, 65536));
    head.options.metric = name_in<Similarity>(file, "metric", metric_names);
    head.options.encoding = name_in<KeyEncoding>(file, "form", encoding_names);
    head.slots = static_cast<Index>(number_of(file, "slots", 0, most_slots));
    head.has_texts = number_of(file, "texts", 0, 1) == 1;
    head.lists = static_cast<Index>(number_of(file, "lists", 0, most_slots));
    head.version = number_of(file, "changes", 0, most);
    head.generation = number_of(file, "generation", 1, most);
    head.follows = number_of(file, "follows", 0, most);
    head.generator = file.attribute("/", "generator");
    return head;
}

FileHead read_head(const std::filesystem::path& path) { return head_of(Reader(path, format_name, format_version)); }

// --- Reading ---------------------------------------------------------------------------------------------

static std::vector<Id> read_ids(const Reader& file, const FileHead& head) {
    const std::vector<std::int64_t> stored = file.int64s("/ids");
    std::vector<Id> ids(stored.begin(), stored.end());
    if (static_cast<Index>(ids.size()) != head.slots)
        throw not_right(file, "/ids", std::to_string(head.slots) + " of them", std::to_string(ids.size()));
    std::vector<Id> sorted = ids;
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
        throw not_right(file, "/ids", "each id once", std::to_string(*twice) + " twice");
    return ids;
}

static Matrix read_rows(const Reader& file, const std::string& name, Index rows, Index cols) {
    Matrix m = file.matrix(name);
    if (m.rows() != rows || m.cols() != cols)
        throw not_right(file, name, std::to_string(rows) + "x" + std::to_string(cols) + " numbers",
                        std::to_string(m.rows()) + "x" + std::to_string(m.cols()));
    require_numbers(m, name.c_str());
    return m;
}

static std::vector<std::string> read_texts(const Reader& file, const FileHead& head) {
    if (!head.has_texts) return {};
    std::vector<std::string> texts = file.strings("/texts");
    if (static_cast<Index>(texts.size()) != head.slots)
        throw not_right(file, "/texts", std::to_string(head.slots) + " of them", std::to_string(texts.size()));
    return texts;
}

static std::shared_ptr<const Lists> read_lists(const Reader& file, const FileHead& head) {
    if (head.lists == 0) return nullptr;
    auto lists = std::make_shared<Lists>();
    const Matrix centroids = read_rows(file, "/lists/centroids", head.lists, head.options.key_width);
    lists->offsets = file.int64s("/lists/offsets");
    const std::vector<Index>& offsets = lists->offsets;
    if (static_cast<Index>(offsets.size()) != head.lists + 1 || offsets.front() != 0 || offsets.back() != head.slots ||
        !std::is_sorted(offsets.begin(), offsets.end()))
        throw not_right(file, "/lists/offsets", "offsets that rise from 0 to the number of slots", "others");
    lists->centroids = searchable(centroids, head.options.metric);
    return lists;
}

static StoredPart load(const Reader& file) {
    const FileHead head = head_of(file);
    const std::vector<Id> ids = read_ids(file, head);
    const Matrix keys = read_rows(file, "/keys", head.slots, head.options.key_width);
    const Matrix values = head.options.value_width > 0
                              ? read_rows(file, "/values", head.slots, head.options.value_width)
                              : Matrix(head.slots, 0);
    const std::vector<std::string> texts = read_texts(file, head);
    const auto part = std::make_shared<Part>(head.options, head.slots, head.has_texts);
    part->append(0, keys, {values, texts}, ids);
    part->lists = read_lists(file, head);
    return {head, part};
}

StoredPart load_store(const std::filesystem::path& path) { return load(Reader(path, format_name, format_version)); }

StoredPart load_store(std::span<const std::byte> bytes, const std::string& name) {
    return load(Reader(bytes, name, format_name, format_version));
}

// --- Mapping ---------------------------------------------------------------------------------------------

// A dataset where it lies, if it lies well; a copy of it otherwise.
template <class T>
static Buffer<T> map(const Reader& file, const MappedFile& mapped, const std::string& name, const char* element,
                     std::vector<std::uint64_t> shape) {
    const hdf5::Extent extent = file.extent(name);
    if (extent.element != element || extent.shape != shape)
        throw not_right(file, name, std::string(element) + " of the shape that the head tells",
                        "another type or shape");
    if (extent.bytes == 0) return {};
    const std::byte* at = mapped.at(extent.offset, extent.bytes);
    if (extent.offset % 64 == 0) return {reinterpret_cast<const T*>(at), mapped.owner()};
    Buffer<T> copy(static_cast<Index>(extent.bytes / sizeof(T)));
    std::copy_n(at, extent.bytes, reinterpret_cast<std::byte*>(copy.data()));
    return copy;
}

StoredPart map_store(const std::filesystem::path& path) {
    const MappedFile mapped(path);
    const Reader file(path, format_name, format_version);
    mapped.require_same(path);
    const FileHead head = head_of(file);
    const StoreOptions& options = head.options;
    const std::vector<Id> ids = read_ids(file, head);
    const std::vector<std::string> texts = read_texts(file, head);
    const auto part = std::make_shared<Part>(options, head.slots, head.has_texts);
    const auto n = static_cast<std::uint64_t>(head.slots), tiles = static_cast<std::uint64_t>(part->tiles());
    const auto width = [](Index w) { return static_cast<std::uint64_t>(w); };
    part->is_mapped = true;
    part->keys = map<float>(file, mapped, "/keys", "float32", {n, width(options.key_width)});
    if (options.value_width > 0)
        part->values = map<float>(file, mapped, "/values", "float32", {n, width(options.value_width)});
    if (part->words() > 0)
        part->codes = map<std::uint32_t>(file, mapped, "/scan/codes", "uint8", {tiles * 64 * 4 * width(part->words())});
    if (part->factor) part->factor = map<float>(file, mapped, "/scan/factors", "float32", {tiles * 64, 1});
    if (part->bias) part->bias = map<float>(file, mapped, "/scan/biases", "float32", {tiles * 64, 1});
    part->bounds = map<detail::CodeBound>(file, mapped, "/scan/bounds", "float32", {tiles, 2});
    part->adopt(ids, texts);
    part->lists = read_lists(file, head);
    return {head, part};
}

}  // namespace kvmem::store
