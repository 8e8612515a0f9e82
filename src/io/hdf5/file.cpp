#include "io/hdf5/file.hpp"

#include "io/content_hash.hpp"

#include <algorithm>

namespace kvmem::hdf5 {

static constexpr int max_depth = 16;
static constexpr std::size_t max_objects = 10'000;
static constexpr std::ptrdiff_t max_attributes = 1'000;
static constexpr std::size_t max_name = 1'000;

// --- Opening ---------------------------------------------------------------------------------------------

File::File(const std::filesystem::path& path, std::size_t max_memory)
    : source_(std::make_unique<Source>(path)), max_memory_(max_memory) {
    open();
}

File::File(std::span<const std::byte> bytes, const std::string& name, std::size_t max_memory)
    : source_(std::make_unique<Source>(bytes, name)), max_memory_(max_memory) {
    open();
}

static void check_head(const Source& source) {
    constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
    constexpr std::size_t head_bytes = 9;
    std::vector<std::byte> head(head_bytes);
    if (source.has(0, head_bytes)) source.read(0, head);
    if (std::memcmp(head.data(), signature.data(), signature.size()) != 0)
        throw Error({.what = "this is not an HDF5 file",
                     .expected = "HDF5's signature at its start",
                     .got = source.size() == 0 ? "an empty file" : "other bytes",
                     .where = source.name()});
    if (const auto version = std::to_integer<int>(head[8]); version != 2 && version != 3)
        throw ForeignLayout({.what = version < 2 ? "this HDF5 file's metadata has no checksums"
                                                 : "this HDF5 file is newer than this program",
                             .expected = "superblock version 2 or 3",
                             .got = "version " + std::to_string(version),
                             .where = source.name(),
                             .hint = "'kvmem import hdf5 FILE -o NEW' writes it anew, and in h5py "
                                     "h5py.File(path, 'w', libver='latest') writes it so from the start"});
}

// The address of the root's header (II.A).
static std::uint64_t read_superblock(Metadata& metadata, const std::string& where) {
    constexpr std::size_t superblock_bytes = 48, head_bytes = 9;
    enum : unsigned { open_for_writing = 1, open_for_both = 4 };
    Cursor cursor(checked(metadata.read(0, superblock_bytes, where), where), where);
    cursor.skip(head_bytes);
    if (cursor.u16() != 0x0808) throw foreign(where, "addresses and sizes of 8 bytes", "others");
    if ((cursor.u8() & (open_for_writing | open_for_both)) != 0)
        throw damaged(where, "a file that its writer has closed",
                      "one that is being written, or whose writer was killed");
    if (cursor.u64() != 0) throw foreign(where, "addresses from the start of the file on", "another base");
    cursor.skip(8);
    if (cursor.u64() > metadata.source().size()) throw damaged(where, "a whole file", "one that was cut off");
    return cursor.u64();
}

void File::open() {
    check_head(*source_);
    metadata_ = std::make_unique<Metadata>(*source_);
    root_ = object_at(read_superblock(*metadata_, name()), "/");
    if (!root_.is_group) throw damaged(name(), "a group at the root", "another object");
    std::vector<Group> groups{{"", root_.header, 0}};
    while (!groups.empty()) {
        const Group group = std::move(groups.back());
        groups.pop_back();
        list_links(group, groups);
    }
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

static Error refused(const std::string& where, const std::string& expected, const std::string& got) {
    return Error({.what = "this HDF5 file cannot be read", .expected = expected, .got = got, .where = where});
}

Object File::object_at(std::uint64_t address, const std::string& path) {
    if (const auto found = by_address_.find(address); found != by_address_.end()) return found->second;
    const std::string at = where(path);
    auto header = std::make_shared<const ObjectHeader>(*metadata_, address, at);
    if (std::ranges::count(header->messages(), MessageType::attribute, &ObjectHeader::Message::type) > max_attributes)
        throw refused(at, "at most 1000 attributes", "more");
    const auto has = [&](MessageType type) { return header->find(type, at) != nullptr; };
    if (has(MessageType::symbol_table)) throw foreign(at, "a group whose links have checksums", "a symbol table");
    const bool is_group = has(MessageType::link_info);
    if (!is_group && !has(MessageType::layout)) throw refused(at, "groups and datasets", "another kind of object");
    return by_address_[address] = {std::move(header), is_group};
}

void File::list_links(const Group& group, std::vector<Group>& groups) {
    const std::string at = where(group.path.empty() ? "/" : group.path);
    for (const ObjectHeader::Message& message : group.header->messages()) {
        if (message.type != MessageType::link) continue;
        const Link link = link_in({message.bytes, at});
        if (link.name.empty() || link.name.size() > max_name ||
            link.name.find_first_of(std::string("/\0", 2)) != link.name.npos)
            throw refused(at, "names of 1 to 1000 bytes without slashes and zeros", "another");
        const std::string path = group.path + "/" + link.name;
        if (!link.is_hard) throw refused(where(path), "hard links alone", "a soft or external link");
        const Object object = object_at(link.address, path);
        if (!objects_.emplace(path, object).second) throw damaged(where(path), "each name once", "it twice");
        if (objects_.size() > max_objects) throw refused(at, "at most 10000 objects", "more or a circle of links");
        if (!object.is_group) continue;
        if (group.depth == max_depth)
            throw refused(where(path), "groups at most 16 deep", "deeper ones or a circle of links");
        groups.push_back({path, object.header, group.depth + 1});
    }
}

const ObjectHeader& File::header_of(const std::string& path) const {
    if (path.empty() || path == "/") return *root_.header;
    const auto at = objects_.find(path);
    if (at == objects_.end())
        throw Error({.what = "an object is missing", .expected = path, .got = "nothing", .where = name()});
    return *at->second.header;
}

StoredDataset File::dataset(const std::string& path) const {
    const auto at = objects_.find(path);
    if (at == objects_.end() || at->second.is_group)
        throw Error({.what = "a dataset is missing",
                     .expected = path,
                     .got = at == objects_.end() ? "nothing" : "a group",
                     .where = name()});
    return StoredDataset(*source_, *at->second.header, where(path));
}

// --- Attributes ------------------------------------------------------------------------------------------

static std::optional<std::string> integer_text(const Datatype& type, std::span<const std::byte> value) {
    if (!type.element || value.size() < type.size) return std::nullopt;
    return with_type_of(*type.element, [&](auto number) {
        std::memcpy(&number, value.data(), sizeof(number));
        return std::to_string(number);
    });
}

static std::optional<std::string> fixed_text(const Datatype& type, std::span<const std::byte> value) {
    if (type.size == 0 || value.size() < type.size) return std::nullopt;
    const std::string_view text(reinterpret_cast<const char*>(value.data()), type.size);
    return std::string(text.substr(0, type.padding == 0 ? text.find('\0') : text.find_last_not_of('\0') + 1));
}

// The text of one integer or of one string of fixed length. Nothing for any other attribute.
static std::optional<std::string> as_text(const Attribute& attribute, const std::string& where) {
    if (attribute.is_shared) return std::nullopt;
    const Datatype type = datatype_in({attribute.datatype, where});
    const Dataspace space = dataspace_in({attribute.dataspace, where});
    // h5py writes an empty string as one without a value.
    if (space.kind == Dataspace::Kind::null)
        return type.type_class == Datatype::text ? std::optional<std::string>("") : std::nullopt;
    if (std::ranges::any_of(space.shape, [](auto extent) { return extent != 1; })) return std::nullopt;
    if (type.type_class == Datatype::integer) return integer_text(type, attribute.value);
    if (type.type_class == Datatype::text) return fixed_text(type, attribute.value);
    return std::nullopt;
}

std::optional<std::string> File::text_of(const std::string& path, const std::string& name) const {
    const std::string at = where(path) + "@" + name;
    for (const ObjectHeader::Message& message : header_of(path).messages()) {
        if (message.type != MessageType::attribute) continue;
        const Attribute attribute = attribute_in({message.bytes, at});
        if (attribute.name != name) continue;
        if (auto text = as_text(attribute, at)) return text;
        throw Error({.what = "this attribute cannot be read",
                     .expected = "one text of fixed length or one integer",
                     .got = "another type",
                     .where = at,
                     .hint = "in h5py: attrs[name] = numpy.bytes_(text.encode())"});
    }
    return std::nullopt;
}

std::optional<std::string> File::attribute(const std::string& path, const std::string& name) const {
    std::optional<std::string> text = text_of(path, name);
    if (!text || text->size() < max_attribute_bytes) return text;
    for (int part = 2; const auto more = text_of(path, part_name(name, part)); ++part) *text += *more;
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

static void hash_attributes(const ObjectHeader& header, const std::string& path, const std::string& where,
                            ContentHash& hash) {
    for (const ObjectHeader::Message& message : header.messages()) {
        if (message.type != MessageType::attribute) continue;
        const Attribute attribute = attribute_in({message.bytes, where});
        if (attribute.name == "hash" || attribute.name == "xxh3") continue;
        if (const auto text = as_text(attribute, where)) hash.attribute(path, attribute.name, *text);
    }
}

void File::check_hash() const {
    const auto expected = attribute("/", "hash");
    if (!expected) return;
    ContentHash hash;
    hash_attributes(*root_.header, "/", name(), hash);
    for (const auto& [path, object] : objects_) {
        hash_attributes(*object.header, path, where(path), hash);
        if (object.is_group) continue;
        const StoredDataset stored = dataset(path);
        const auto values = attribute(path, "xxh3");
        if (!values) throw hash_error(where(path), "an attribute 'xxh3'", "none");
        hash.dataset(path, name_of(stored.element()), shape_text(stored.shape()), *values);
    }
    if (const std::string got = hash.digest(); got != *expected) throw hash_error(name(), *expected, got);
}

}  // namespace kvmem::hdf5
