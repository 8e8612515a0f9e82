// What the messages of an object's header say (HDF5 file format 3.0, IV.A.2). Functions throw Error.
#pragma once

#include "io/hdf5/chunk_filters.hpp"
#include "io/hdf5/cursor.hpp"
#include "io/hdf5/element_type.hpp"

#include <optional>

namespace kvmem::hdf5 {

constexpr std::size_t checksum_bytes = 4;  // at the end of a checked block

struct Dataspace {
    enum class Kind : std::uint8_t { scalar = 0, simple = 1, null = 2 } kind;
    std::vector<unsigned long long> shape;  // empty unless simple
    bool can_grow = false;
};
Dataspace dataspace_in(Cursor message);

struct Datatype {
    enum Class : unsigned { integer = 0, floating = 1, text = 3 };
    unsigned type_class;
    std::uint32_t size;              // in bytes
    unsigned padding;                // of a text: 0 ends with a zero, otherwise filled with zeros
    std::optional<Element> element;  // nothing for any other type
};
Datatype datatype_in(Cursor message);
// What is no Element: "strings".
const char* class_name(const Datatype& type);

enum class ChunkIndex : std::uint8_t { single = 1, implicit = 2, fixed_array = 3 };

struct StorageLayout {
    enum class Kind : std::uint8_t { compact = 0, contiguous = 1, chunked = 2 } kind;
    std::span<const std::byte> values;  // of a compact dataset
    std::uint64_t address = no_address, size = 0;
    // Of a chunked dataset:
    std::vector<unsigned long long> chunk_shape;
    ChunkIndex index{};
    std::optional<std::uint64_t> filtered_size;  // of the single chunk, if filters were applied to it
    std::uint32_t skipped = 0;                   // and a bit for each filter that was not
};
StorageLayout layout_in(Cursor message);

std::vector<Filter> filters_in(Cursor message);

struct Link {
    std::string name;
    bool is_hard;
    std::uint64_t address;  // of the object's header, of a hard link
};
Link link_in(Cursor message);

// The address of the heap in which a group's links or an object's attributes are dense, or no_address.
struct DenseStorage {
    std::uint64_t heap, names;  // the addresses of the fractal heap and of the tree by names
};
DenseStorage link_info_in(Cursor message);
DenseStorage attribute_info_in(Cursor message);

struct Attribute {
    std::string name;
    std::span<const std::byte> datatype, dataspace, value;
    bool is_shared;  // its type or its space is elsewhere
};
Attribute attribute_in(Cursor message);

}  // namespace kvmem::hdf5
