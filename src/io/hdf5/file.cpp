#include "io/hdf5/file.hpp"

#include "io/content_hash.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace kvmem::hdf5 {

static constexpr int max_depth = 16;
static constexpr std::size_t max_objects = 10'000;
static constexpr std::size_t max_attributes = 1'000;
static constexpr std::size_t max_text = std::size_t{16} << 20;

// --- Opening ---------------------------------------------------------------------------------------------

using Head = std::array<char, 9>;  // HDF5's signature and the version of its superblock

static void check_head(const Head& head, std::size_t size, const std::string& name) {
    if (size < head.size() || std::memcmp(head.data(), "\x89HDF\r\n\x1a\n", 8) != 0)
        throw Error({.what = "this is not an HDF5 file",
                     .expected = "HDF5's signature at its start",
                     .got = size == 0 ? "an empty file" : "other bytes",
                     .where = name});
    if (head[8] < 2)
        throw Error({.what = "this HDF5 file's metadata has no checksums",
                     .expected = "superblock version 2 or 3",
                     .got = "version " + std::to_string(head[8]),
                     .where = name,
                     .hint = "write it with h5py.File(path, 'w', libver='latest')"});
}

static void check_file(const std::filesystem::path& path) {
    const auto refuse = [&path](const std::string& reason) {
        throw Error({.what = "cannot read", .got = reason, .where = path.string()});
    };
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) refuse(std::strerror(errno));
    if (S_ISDIR(status.st_mode)) refuse(std::strerror(EISDIR));
    if (!S_ISREG(status.st_mode)) refuse("not a regular file");
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) refuse(std::strerror(errno));
    Head head{};
    const ssize_t size = ::read(descriptor, head.data(), head.size());
    const int code = errno;
    ::close(descriptor);
    if (size < 0) refuse(std::strerror(code));
    check_head(head, size, path.string());
}

static Handle open_file(const std::string& path, hid_t access, const std::string& name) {
    return require_handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), "this HDF5 file is damaged", name);
}

static Handle access_list() { return require_handle(H5Pcreate(H5P_FILE_ACCESS), "cannot set HDF5 up", "hdf5"); }

File::File(const std::filesystem::path& path, std::size_t max_memory) : name_(path.string()), max_memory_(max_memory) {
    check_file(path);
    const Handle access = access_list();
    // Files are replaced as a whole, so readers need no file locks, which some file systems lack.
    H5Pset_file_locking(access, false, true);
    file_ = open_file(name_, access, name_);
    list_objects(file_, "", 0);
}

File::File(std::span<const std::byte> bytes, const std::string& name, std::size_t max_memory)
    : name_(name), max_memory_(max_memory) {
    Head head{};
    std::memcpy(head.data(), bytes.data(), std::min(head.size(), bytes.size()));
    check_head(head, bytes.size(), name);
    const Handle access = access_list();
    H5Pset_fapl_core(access, std::size_t{1} << 16, false);
    if (H5Pset_file_image(access, const_cast<std::byte*>(bytes.data()), bytes.size()) < 0)
        fail("cannot hold the file in memory", name);
    // HDF5 treats two images of the same name as one file.
    const std::string unique = "/dev/null/" + std::to_string(static_cast<hid_t>(access));
    file_ = open_file(unique, access, name);
    list_objects(file_, "", 0);
}

// --- Memory ----------------------------------------------------------------------------------------------

void File::reserve_memory(std::size_t bytes, const std::string& where) const {
    const std::size_t left = max_memory_ - reserved_memory_;
    if (bytes > left)
        throw Error({.what = "this file takes more memory than there is for it",
                     .expected = "at most " + std::to_string(max_memory_) + " bytes",
                     .got = std::to_string(reserved_memory_) + " so far, and " + std::to_string(bytes) + " more",
                     .where = where});
    reserved_memory_ += bytes;
}

// --- Objects ---------------------------------------------------------------------------------------------

namespace {
struct Link {
    std::string name;
    H5L_type_t type;
};
}  // namespace

static herr_t append_link(hid_t, const char* name, const H5L_info_t* info, void* data) noexcept {
    auto& links = *static_cast<std::vector<Link>*>(data);
    if (links.size() > max_objects) return -1;
    try {
        links.push_back({name, info->type});
    } catch (const std::bad_alloc&) {
        return -1;
    }
    return 0;
}

void File::list_objects(hid_t group, const std::string& path, int depth) {
    const auto refuse = [this](const std::string& expected, const std::string& got, const std::string& at) {
        throw Error({.what = "this HDF5 file cannot be read", .expected = expected, .got = got, .where = where(at)});
    };
    if (depth > max_depth) refuse("groups at most 16 deep", "deeper ones or a circle of links", path);
    // The links come in the order of the file: to sort them, HDF5 1.10 frees a table that a damaged group never filled.
    std::vector<Link> links;
    hsize_t next = 0;
    require_done(H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &next, append_link, &links), "cannot list a group",
                 where(path.empty() ? "/" : path));
    for (const Link& link : links) {
        const std::string at = path + "/" + link.name;
        if (link.type != H5L_TYPE_HARD) refuse("hard links alone", "a soft or external link", at);
        const Handle object = require_handle(H5Oopen(group, link.name.c_str(), H5P_DEFAULT), "cannot open", where(at));
        const H5I_type_t type = H5Iget_type(object);
        if (type != H5I_GROUP && type != H5I_DATASET) refuse("groups and datasets", "another kind of object", at);
        objects_[at] = type == H5I_GROUP ? H5O_TYPE_GROUP : H5O_TYPE_DATASET;
        if (objects_.size() > max_objects) refuse("at most 10000 objects", "more or a circle of links", at);
        if (type == H5I_GROUP) list_objects(object, at, depth + 1);
    }
}

Handle File::object(const std::string& path) const {
    return require_handle(H5Oopen(file_, path.c_str(), H5P_DEFAULT), "cannot open", where(path));
}

StoredDataset File::dataset(const std::string& path) const {
    const auto at = objects_.find(path);
    if (at == objects_.end() || at->second != H5O_TYPE_DATASET)
        throw Error({.what = "a dataset is missing",
                     .expected = path,
                     .got = at == objects_.end() ? "nothing" : "a group",
                     .where = name_});
    return StoredDataset(object(path), where(path));
}

// --- Attributes ------------------------------------------------------------------------------------------

static std::optional<std::string> integer_text(hid_t attribute) {
    std::int64_t value = 0;
    if (H5Aread(attribute, H5T_NATIVE_INT64, &value) < 0) return std::nullopt;
    return std::to_string(value);
}

static std::optional<std::string> fixed_text(hid_t attribute, hid_t type) {
    const std::size_t size = H5Tget_size(type);
    if (size == 0 || size > max_text) return std::nullopt;
    std::string text(size, '\0');
    if (H5Aread(attribute, type, text.data()) < 0) return std::nullopt;
    const std::size_t end = H5Tget_strpad(type) == H5T_STR_NULLTERM ? text.find('\0') : text.find_last_not_of('\0') + 1;
    text.resize(std::min(end, size));
    return text;
}

// The text of one integer or of one string of fixed length. Nothing for any other attribute.
static std::optional<std::string> as_text(hid_t attribute) {
    const Handle type(H5Aget_type(attribute));
    const Handle space(H5Aget_space(attribute));
    if (type < 0 || space < 0) return std::nullopt;
    const H5T_class_t type_class = H5Tget_class(type);
    // h5py writes an empty string as one without a value.
    if (type_class == H5T_STRING && H5Sget_simple_extent_type(space) == H5S_NULL) return "";
    if (H5Sget_simple_extent_npoints(space) != 1) return std::nullopt;
    if (type_class == H5T_INTEGER) return integer_text(attribute);
    // Strings of variable length are in a heap without a checksum, and HDF5 1.10 overflows when it is damaged.
    if (type_class == H5T_STRING && H5Tis_variable_str(type) == 0) return fixed_text(attribute, type);
    return std::nullopt;
}

std::optional<std::string> File::attribute(const std::string& path, const std::string& attribute) const {
    const Handle owner = object(path);
    if (require_done(H5Aexists(owner, attribute.c_str()), "cannot look for an attribute", where(path)) == 0)
        return std::nullopt;
    const Handle handle = require_handle(H5Aopen(owner, attribute.c_str(), H5P_DEFAULT), "cannot open an attribute",
                                         where(path + "@" + attribute));
    std::optional<std::string> text = as_text(handle);
    if (!text)
        throw Error({.what = "this attribute cannot be read",
                     .expected = "one text of fixed length or one integer",
                     .got = "another type",
                     .where = where(path + "@" + attribute),
                     .hint = "in h5py: attrs[name] = numpy.bytes_(text.encode())"});
    return text;
}

// --- Hashes ----------------------------------------------------------------------------------------------

static Error hash_error(const std::string& where, const std::string& expected, const std::string& got) {
    return Error({.what = "the contents do not match their hash",
                  .expected = expected,
                  .got = got,
                  .where = where,
                  .hint = "the file is damaged, or was changed by a program that left the old hashes in it"});
}

void File::check_values(const StoredDataset& dataset, const std::string& path,
                        std::span<const std::byte> values) const {
    const auto expected = attribute(path, "xxh3");
    if (!expected) return;
    const std::string got = xxh3(values);
    if (got != *expected) throw hash_error(dataset.where(), *expected, got);
}

static void hash_attributes(hid_t object, const std::string& path, const std::string& where, ContentHash& hash) {
    H5O_info_t info;
    require_done(H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS), "cannot count attributes", where);
    if (info.num_attrs > max_attributes)
        throw Error({.what = "too many attributes", .expected = "at most 1000", .where = where});
    for (hsize_t i = 0; i < info.num_attrs; ++i) {
        const Handle attribute =
            require_handle(H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_NATIVE, i, H5P_DEFAULT, H5P_DEFAULT),
                           "cannot open an attribute", where);
        std::string name(std::max<ssize_t>(0, H5Aget_name(attribute, 0, nullptr)), '\0');
        H5Aget_name(attribute, name.size() + 1, name.data());
        if (name == "hash" || name == "xxh3") continue;
        if (const auto text = as_text(attribute)) hash.attribute(path, name, *text);
    }
}

void File::check_hash() const {
    const auto expected = attribute("/", "hash");
    if (!expected) return;
    ContentHash hash;
    hash_attributes(file_, "/", name_, hash);
    for (const auto& [path, type] : objects_) {
        hash_attributes(object(path), path, where(path), hash);
        if (type != H5O_TYPE_DATASET) continue;
        const StoredDataset stored = dataset(path);
        const auto values = attribute(path, "xxh3");
        if (!values) throw hash_error(where(path), "an attribute 'xxh3'", "none");
        hash.dataset(path, name_of(stored.element()), shape_text(stored.shape()), *values);
    }
    if (const std::string got = hash.digest(); got != *expected) throw hash_error(name_, *expected, got);
}

}  // namespace kvmem::hdf5
