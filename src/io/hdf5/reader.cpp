#include "io/hdf5/file.hpp"
#include "kvmem/io/hdf5.hpp"

#include "kvmem/core/number.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace kvmem::hdf5 {

struct Reader::Impl {
    // Throws Error unless the file has this format and at most this version.
    Impl(File opened, std::string_view format, int max_version);
    File file;
    int version;
};

// Calls make(), which allocates the dataset's elements as T. Throws Error when that exceeds the limit or fails.
template <class T, class Make>
static auto allocate(const File& file, const StoredDataset& dataset, Make make) {
    const std::size_t bytes = dataset.size() * sizeof(T);
    file.reserve_memory(bytes, dataset.where());
    try {
        return make();
    } catch (const std::bad_alloc&) {
        throw unreadable(dataset.where(), "room in memory", "a need of " + std::to_string(bytes) + " bytes");
    }
}

template <class T>
static std::vector<T> read_vector(const File& file, const std::string& path, const StoredDataset& dataset) {
    auto values = allocate<T>(file, dataset, [&] { return std::vector<T>(dataset.size()); });
    const auto bytes = std::as_writable_bytes(std::span(values));
    dataset.read(bytes);
    file.check_values(dataset, path, bytes);
    return values;
}

// Whether a value is in the range of To. Infinities and NaN are.
template <class To, class From>
static bool fits(From value) {
    if constexpr (std::is_integral_v<To>)
        return std::in_range<To>(value);
    else
        return !std::isfinite(value) || std::abs(value) <= std::numeric_limits<To>::max();
}

template <class To, class From>
static std::vector<To> convert(const File& file, std::vector<From> from, const StoredDataset& dataset) {
    if constexpr (std::is_same_v<To, From>) {
        return from;
    } else {
        auto to = allocate<To>(file, dataset, [&] { return std::vector<To>(from.size()); });
        for (std::size_t i = 0; i < from.size(); ++i) {
            if (!fits<To>(from[i]))
                throw unreadable(dataset.where(), std::string("values that fit ") + name_of(element_of<To>()),
                                 std::to_string(from[i]) + " at " + std::to_string(i));
            to[i] = static_cast<To>(from[i]);
        }
        return to;
    }
}

static void require_rank(const StoredDataset& dataset, std::size_t rank) {
    if (dataset.shape().size() != rank)
        throw unreadable(dataset.where(), "dimensions: " + std::to_string(rank),
                         std::to_string(dataset.shape().size()));
}

// The values as To. Integers may only become integers, and floats only floats.
template <class To>
static std::vector<To> read_as(const File& file, const std::string& path, const StoredDataset& dataset) {
    return with_type_of(dataset.element(), [&](auto stored) -> std::vector<To> {
        using From = decltype(stored);
        if constexpr (std::is_integral_v<From> != std::is_integral_v<To>)
            throw unreadable(dataset.where(), std::is_integral_v<To> ? "integers" : "floating point numbers",
                             name_of(dataset.element()));
        else
            return convert<To>(file, read_vector<From>(file, path, dataset), dataset);
    });
}

template <class To>
static std::vector<To> vector_of(const File& file, const std::string& name) {
    const std::string path = absolute(name);
    const StoredDataset dataset = file.dataset(path);
    require_rank(dataset, 1);
    return read_as<To>(file, path, dataset);
}

// Throws Error unless the offsets split `size` values into rows.
static void check_offsets(const std::vector<Index>& offsets, std::size_t size, const std::string& where) {
    const auto refuse = [&where](const std::string& expected, const std::string& got) {
        throw Error({.what = "these offsets are wrong", .expected = expected, .got = got, .where = where});
    };
    if (offsets.empty() || offsets.front() != 0)
        refuse("a first offset of 0", offsets.empty() ? "none" : std::to_string(offsets.front()));
    for (std::size_t i = 1; i < offsets.size(); ++i)
        if (offsets[i] < offsets[i - 1])
            refuse("offsets that never fall", std::to_string(offsets[i]) + " after " + std::to_string(offsets[i - 1]));
    if (static_cast<std::size_t>(offsets.back()) != size)
        refuse("a last offset of " + std::to_string(size), std::to_string(offsets.back()));
}

// The file's version. Throws Error unless this program can read it and its contents match their hash.
static int check_format(const File& file, std::string_view format, int version) {
    const auto refuse = [&file](const std::string& what, const std::string& expected, const std::string& got,
                                const std::string& hint) {
        throw Error({.what = what, .expected = expected, .got = got, .where = file.name(), .hint = hint});
    };
    const std::string kind = std::string(format) + " file";
    const auto found = file.attribute("/", "format");
    if (found != format)
        refuse("this is not a " + kind, "a root attribute 'format' of '" + std::string(format) + "'",
               found ? "'" + *found + "'" : "none", {});
    const std::string text = file.attribute("/", "version").value_or("none");
    const int found_version = number_of<int>(text).value_or(0);
    const std::string known = "a root attribute 'version' from 1 to " + std::to_string(version);
    if (found_version < 1) refuse("this " + kind + " has no version", known, text, {});
    if (found_version > version) refuse("this " + kind + " is newer than this program", known, text, "update kvmem");
    file.check_hash();
    return found_version;
}

Reader::Impl::Impl(File opened, std::string_view format, int max_version)
    : file(std::move(opened)), version(check_format(file, format, max_version)) {}

static std::size_t or_half_of_memory(std::size_t max_memory) {
    return max_memory > 0 ? max_memory : detail::half_of_memory();
}

Reader::Reader(const std::filesystem::path& path, std::string_view format, int version, std::size_t max_memory) {
    impl_ = std::make_unique<Impl>(File(path, or_half_of_memory(max_memory)), format, version);
}

Reader::Reader(std::span<const std::byte> bytes, const std::string& name, std::string_view format, int version,
               std::size_t max_memory) {
    impl_ = std::make_unique<Impl>(File(bytes, name, or_half_of_memory(max_memory)), format, version);
}

Reader::~Reader() = default;

const std::string& Reader::name() const { return impl_->file.name(); }

int Reader::version() const { return impl_->version; }

bool Reader::has(const std::string& object) const { return impl_->file.has(absolute(object)); }

std::vector<std::string> Reader::children(const std::string& group) const {
    const std::string prefix = absolute(group) == "/" ? "/" : absolute(group) + "/";
    std::vector<std::string> names;
    for (const auto& [path, object] : impl_->file.objects())
        if (path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos)
            names.push_back(path.substr(prefix.size()));
    return names;
}

std::string Reader::attribute(const std::string& object, const std::string& attribute) const {
    return impl_->file.attribute(absolute(object), attribute).value_or("");
}

std::vector<std::int32_t> Reader::int32s(const std::string& dataset) const {
    return vector_of<std::int32_t>(impl_->file, dataset);
}

std::vector<std::int64_t> Reader::int64s(const std::string& dataset) const {
    return vector_of<std::int64_t>(impl_->file, dataset);
}

std::vector<std::uint8_t> Reader::bytes(const std::string& dataset) const {
    return vector_of<std::uint8_t>(impl_->file, dataset);
}

std::vector<double> Reader::doubles(const std::string& dataset) const {
    return vector_of<double>(impl_->file, dataset);
}

static Matrix matrix_of(const File& file, const std::string& name) {
    const std::string path = absolute(name);
    const StoredDataset dataset = file.dataset(path);
    require_rank(dataset, 2);
    Matrix matrix = allocate<Real>(file, dataset, [&] {
        return Matrix(static_cast<Index>(dataset.shape()[0]), static_cast<Index>(dataset.shape()[1]));
    });
    if (dataset.element() == element_of<Real>()) {
        const auto bytes = std::as_writable_bytes(matrix.view().span());
        dataset.read(bytes);
        file.check_values(dataset, path, bytes);
    } else {
        const auto values = read_as<Real>(file, path, dataset);
        std::copy(values.begin(), values.end(), matrix.data());
    }
    return matrix;
}

Matrix Reader::matrix(const std::string& name) const { return matrix_of(impl_->file, name); }

Matrix read_matrix(const std::filesystem::path& path, const std::string& dataset) {
    return matrix_of(File(path), dataset);
}

Extent Reader::extent(const std::string& name) const {
    const StoredDataset dataset = impl_->file.dataset(absolute(name));
    Extent extent{0, dataset.bytes(), name_of(dataset.element()), {dataset.shape().begin(), dataset.shape().end()}};
    if (extent.bytes == 0) return extent;
    extent.offset = dataset.address();
    if (extent.offset == no_address) throw unreadable(dataset.where(), "a contiguous dataset", "another layout");
    return extent;
}

Ragged<Token> Reader::ragged(const std::string& group) const {
    Ragged<Token> rows;
    rows.values = int32s(group + "/values");
    rows.offsets = int64s(group + "/offsets");
    check_offsets(rows.offsets, rows.values.size(), impl_->file.where(absolute(group)));
    return rows;
}

Texts Reader::texts(const std::string& group) const {
    Texts texts{bytes(group + "/bytes"), int64s(group + "/offsets")};
    const std::string where = impl_->file.where(absolute(group));
    check_offsets(texts.offsets, texts.bytes.size(), where);
    impl_->file.reserve_memory(texts.bytes.size() + texts.offsets.size() * sizeof(std::string), where);
    return texts;
}

std::vector<std::string> Reader::strings(const std::string& group) const {
    const Texts all = texts(group);
    std::vector<std::string> strings;
    strings.reserve(all.size());
    for (Index i = 0; i < all.size(); ++i) strings.emplace_back(all[i]);
    return strings;
}

}  // namespace kvmem::hdf5
