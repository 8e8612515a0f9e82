#include "io/hdf5/messages.hpp"

#include <algorithm>
#include <array>

namespace kvmem::hdf5 {

static std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// --- Values ----------------------------------------------------------------------------------------------

Dataspace dataspace_in(Cursor message) {
    const unsigned version = message.u8(), rank = message.u8(), flags = message.u8();
    if (version != 2) throw foreign(message.where(), "a dataspace of version 2", std::to_string(version));
    const unsigned kind = message.u8();
    if (kind > 2) throw damaged(message.where(), "a scalar, simple or null dataspace", std::to_string(kind));
    Dataspace space{static_cast<Dataspace::Kind>(kind), {}, false};
    if (space.kind != Dataspace::Kind::simple) return space;
    for (unsigned i = 0; i < rank; ++i) space.shape.push_back(message.u64());
    const bool has_max = (flags & 1u) != 0;
    for (unsigned i = 0; has_max && i < rank; ++i) space.can_grow |= message.u64() != space.shape[i];
    return space;
}

using TypeBytes = std::array<unsigned char, 20>;  // with zeros behind the end

// Every Element has one description but for its version: the class, flags, size, and the places of its bits.
static TypeBytes description_of(Element element) {
    const auto size = static_cast<unsigned char>(size_of(element)), bits = static_cast<unsigned char>(8 * size);
    if (element == Element::float32) return {1, 0x20, 31, 0, size, 0, 0, 0, 0, 0, bits, 0, 23, 8, 0, 23, 127};
    if (element == Element::float64) return {1, 0x20, 63, 0, size, 0, 0, 0, 0, 0, bits, 0, 52, 11, 0, 52, 0xff, 3};
    const auto flags = static_cast<unsigned char>(element <= Element::int64 ? 8 : 0);
    return {0, flags, 0, 0, size, 0, 0, 0, 0, 0, bits};
}

static std::optional<Element> element_in(std::span<const std::byte> bytes) {
    TypeBytes found{};
    std::memcpy(found.data(), bytes.data(), std::min(bytes.size(), found.size()));
    const std::size_t used = (found[0] & 15u) == Datatype::integer ? 12 : found.size();
    if (bytes.size() < used) return std::nullopt;
    found[0] &= 15u;
    for (const Element element : all_elements) {
        const TypeBytes expected = description_of(element);
        if (std::equal(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(used), expected.begin()))
            return element;
    }
    return std::nullopt;
}

Datatype datatype_in(Cursor message) {
    Cursor whole = message;
    const unsigned head = message.u8(), flags = message.u8();
    message.skip(2);
    Datatype type{head & 15u, message.u32(), flags & 15u, std::nullopt};
    if (type.type_class == Datatype::integer || type.type_class == Datatype::floating)
        type.element = element_in(whole.take(whole.left()));
    return type;
}

const char* class_name(const Datatype& type) {
    static constexpr const char* names[] = {"big-endian or odd integers",
                                            "big-endian or odd floating point",
                                            "times",
                                            "strings",
                                            "bits",
                                            "opaque values",
                                            "compounds",
                                            "references",
                                            "enumerations",
                                            "sequences of variable length",
                                            "arrays"};
    return type.type_class < std::size(names) ? names[type.type_class] : "another class of type";
}

// --- Layout ----------------------------------------------------------------------------------------------

static void read_chunked(Cursor& message, StorageLayout& layout) {
    enum : unsigned { unfiltered_edges = 1, single_filtered = 2 };
    const unsigned flags = message.u8(), dimensions = message.u8(), width = message.u8();
    if (dimensions < 2 || width < 1 || width > 8)
        throw damaged(message.where(), "a chunk of one dimension or more", "a wrong shape");
    for (unsigned i = 1; i < dimensions; ++i) layout.chunk_shape.push_back(message.number(width));
    message.skip(width);  // the last dimension is the size of an element
    const unsigned index = message.u8();
    if (index < 1 || index > 3)
        throw foreign(message.where(), "chunks of a dataset that cannot grow", "an index for unlimited extents");
    if ((flags & unfiltered_edges) != 0)
        throw foreign(message.where(), "filters on all chunks", "none on those at the edges");
    layout.index = static_cast<ChunkIndex>(index);
    if (layout.index == ChunkIndex::single && (flags & single_filtered) != 0) {
        layout.filtered_size = message.u64();
        layout.skipped = message.u32();
    }
    if (layout.index == ChunkIndex::fixed_array) message.skip(1);  // the array's header says it, too
    layout.address = message.u64();
}

StorageLayout layout_in(Cursor message) {
    const unsigned version = message.u8(), kind = message.u8();
    if (version != 3 && version != 4)
        throw foreign(message.where(), "a layout of version 3 or 4", "version " + std::to_string(version));
    if (kind > 2) throw unreadable(message.where(), "a contiguous, compact or chunked dataset", "a virtual one");
    StorageLayout layout{static_cast<StorageLayout::Kind>(kind), {}, no_address, 0, {}, {}, {}, 0};
    if (layout.kind == StorageLayout::Kind::compact) {
        layout.values = message.take(message.u16());
    } else if (layout.kind == StorageLayout::Kind::contiguous) {
        layout.address = message.u64();
        layout.size = message.u64();
    } else if (version == 4) {
        read_chunked(message, layout);
    } else {
        throw foreign(message.where(), "an index of chunks with checksums", "a B-tree of version 1");
    }
    return layout;
}

std::vector<Filter> filters_in(Cursor message) {
    if (const unsigned version = message.u8(); version != 2)
        throw foreign(message.where(), "filters of version 2", std::to_string(version));
    std::vector<Filter> filters;
    const unsigned count = message.u8();
    if (count > 3) throw unreadable(message.where(), "each filter once", std::to_string(count) + " filters");
    for (unsigned i = 0; i < count; ++i) {
        const unsigned id = message.u16();
        if (!is_known_filter(id))
            throw unreadable(message.where(), "no filters but shuffle, deflate and fletcher32",
                             "filter " + std::to_string(id));
        message.skip(2);
        message.skip(4 * message.u16());
        filters.push_back(static_cast<Filter>(id));
    }
    return filters;
}

// --- Links and attributes --------------------------------------------------------------------------------

Link link_in(Cursor message) {
    enum : unsigned { name_width = 3, creation_order = 4, type = 8, character_set = 16 };
    if (const unsigned version = message.u8(); version != 1)
        throw foreign(message.where(), "links of version 1", std::to_string(version));
    const unsigned flags = message.u8();
    const unsigned kind = (flags & type) != 0 ? message.u8() : 0;
    if ((flags & creation_order) != 0) message.skip(8);
    if ((flags & character_set) != 0) message.skip(1);
    Link link{text_of(message.take(message.number(std::size_t{1} << (flags & name_width)))), kind == 0, no_address};
    if (link.is_hard) link.address = message.u64();
    return link;
}

static DenseStorage dense_storage_in(Cursor message, std::size_t creation_order_width) {
    enum : unsigned { creation_order = 1 };
    if (const unsigned version = message.u8(); version != 0)
        throw foreign(message.where(), "an object's info of version 0", std::to_string(version));
    if ((message.u8() & creation_order) != 0) message.skip(creation_order_width);
    const std::uint64_t heap = message.u64();
    return {heap, message.u64()};
}

DenseStorage link_info_in(Cursor message) { return dense_storage_in(message, 8); }
DenseStorage attribute_info_in(Cursor message) { return dense_storage_in(message, 2); }

Attribute attribute_in(Cursor message) {
    if (const unsigned version = message.u8(); version != 3)
        throw foreign(message.where(), "attributes of version 3", std::to_string(version));
    const bool is_shared = (message.u8() & 3u) != 0;
    const unsigned name = message.u16(), type = message.u16(), space = message.u16();
    message.skip(1);
    std::string text = text_of(message.take(name));
    text.resize(std::min(text.size(), text.find('\0')));
    const auto datatype = message.take(type), dataspace = message.take(space);
    return {std::move(text), datatype, dataspace, message.take(message.left()), is_shared};
}

}  // namespace kvmem::hdf5
