#include "io/hdf5/dense_storage.hpp"

#include <algorithm>
#include <map>

namespace kvmem::hdf5 {

namespace {

class FractalHeap {
  public:
    FractalHeap(Metadata& metadata, std::uint64_t address, const std::string& where);

    std::size_t id_bytes() const { return id_bytes_; }
    // The object of an id. Throws Error.
    std::span<const std::byte> object(std::span<const std::byte> id) const;

  private:
    std::size_t offset_bytes() const { return (offset_bits_ + 7) / 8; }
    Cursor block(std::span<const std::byte> bytes, std::string_view signature, std::uint64_t offset) const;
    void read_direct(std::uint64_t address, std::uint64_t offset, std::uint64_t size);
    void read_children(std::uint64_t address, unsigned rows);

    Metadata& metadata_;
    const std::string& where_;
    std::uint64_t address_;
    std::size_t id_bytes_ = 0, offset_bits_ = 0;
    unsigned width_ = 0;
    std::uint64_t first_size_ = 0, max_direct_ = 0;
    bool has_checksums_ = false;
    std::map<std::uint64_t, std::span<const std::byte>> blocks_;  // by their offset in the heap
};

}  // namespace

FractalHeap::FractalHeap(Metadata& metadata, std::uint64_t address, const std::string& where)
    : metadata_(metadata), where_(where), address_(address) {
    constexpr std::size_t header_bytes = 146;
    Cursor header(checked(metadata.read(address, header_bytes, where), where), where);
    header.signature("FRHP", 0);
    id_bytes_ = header.u16();
    if (header.u16() != 0) throw foreign(where, "a heap without filters", "filters");
    has_checksums_ = (header.u8() & 2u) != 0;
    header.skip(4 + 12 * 8);
    width_ = header.u16();
    first_size_ = header.u64();
    max_direct_ = header.u64();
    offset_bits_ = header.u16();
    header.skip(2);
    const std::uint64_t root = header.u64();
    const unsigned rows = header.u16();
    const bool is_right = std::has_single_bit(first_size_) && std::has_single_bit(max_direct_) &&
                          max_direct_ >= first_size_ && width_ > 0 && offset_bits_ > 0 && offset_bits_ <= 64 &&
                          id_bytes_ > 1 + offset_bytes() && id_bytes_ <= 1 + offset_bytes() + 8;
    if (!is_right) throw damaged(where, "a heap of blocks of powers of two", "impossible sizes");
    if (rows == 0)
        read_direct(root, 0, first_size_);
    else
        read_children(root, rows);
}

// A cursor behind the head of a block.
Cursor FractalHeap::block(std::span<const std::byte> bytes, std::string_view signature, std::uint64_t offset) const {
    Cursor cursor(bytes, where_);
    cursor.signature(signature, 0);
    const bool is_mine = cursor.u64() == address_ && cursor.number(offset_bytes()) == offset;
    if (!is_mine) throw damaged(where_, "a block of this heap", "one of another");
    return cursor;
}

void FractalHeap::read_direct(std::uint64_t address, std::uint64_t offset, std::uint64_t size) {
    const auto bytes = metadata_.read(address, size, where_);
    Cursor cursor = block(bytes, "FHDB", offset);
    if (has_checksums_) {  // of the block with zeros in its place
        std::vector<std::byte> content(bytes.begin(), bytes.end());
        const std::size_t at = bytes.size() - cursor.left();
        cursor.skip(4);
        std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), 4, std::byte{0});
        content.insert(content.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                       bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4);
        checked(content, where_);
    }
    blocks_[offset] = bytes;
}

// Rows of blocks: two of the first size, then each of twice the size of the one before.
void FractalHeap::read_children(std::uint64_t address, unsigned rows) {
    const unsigned max_rows = static_cast<unsigned>(std::countr_zero(max_direct_) - std::countr_zero(first_size_)) + 2;
    if (rows > max_rows) throw foreign(where_, "a heap of one level of blocks", "more levels");
    const std::size_t size = 13 + offset_bytes() + std::size_t{8} * rows * width_ + 4;
    Cursor cursor = block(checked(metadata_.read(address, size, where_), where_), "FHIB", 0);
    std::uint64_t offset = 0;
    for (unsigned row = 0; row < rows; ++row)
        for (unsigned i = 0; i < width_; ++i) {
            const std::uint64_t bytes = first_size_ << (row > 0 ? row - 1 : 0), child = cursor.u64();
            if (child != no_address) read_direct(child, offset, bytes);
            offset += bytes;
        }
}

std::span<const std::byte> FractalHeap::object(std::span<const std::byte> id) const {
    Cursor cursor(id, where_);
    if ((cursor.u8() & 0xf0u) != 0) throw foreign(where_, "links and attributes of at most 4 KB", "a larger one");
    const std::uint64_t offset = cursor.number(offset_bytes()), size = cursor.number(cursor.left());
    const auto after = blocks_.upper_bound(offset);
    if (after != blocks_.begin()) {
        const auto& [first, bytes] = *std::prev(after);
        const std::uint64_t at = offset - first;
        if (at <= bytes.size() && size <= bytes.size() - at) return bytes.subspan(at, size);
    }
    throw damaged(where_, "an object inside its heap", "one outside of it");
}

// --- The tree --------------------------------------------------------------------------------------------

namespace {

class NameTree {
  public:
    NameTree(Metadata& metadata, std::uint64_t address, const std::string& where);

    std::size_t record_bytes() const { return record_bytes_; }
    // Whether records are those of links, which begin with a hash of four bytes.
    bool has_links() const { return type_ == 5; }
    std::vector<std::span<const std::byte>> records();

  private:
    Cursor node(std::uint64_t address, std::string_view signature, std::size_t content);
    void append_records(Cursor& node, std::uint64_t count);

    Metadata& metadata_;
    const std::string& where_;
    unsigned type_ = 0, depth_ = 0;
    std::size_t node_bytes_ = 0, record_bytes_ = 0;
    std::uint64_t root_ = 0, root_records_ = 0;
    std::vector<std::span<const std::byte>> records_;
};

}  // namespace

static constexpr std::size_t node_head = 6;

NameTree::NameTree(Metadata& metadata, std::uint64_t address, const std::string& where)
    : metadata_(metadata), where_(where) {
    constexpr std::size_t header_bytes = 38;
    Cursor header(checked(metadata.read(address, header_bytes, where), where), where);
    header.signature("BTHD", 0);
    type_ = header.u8();
    node_bytes_ = header.u32();
    record_bytes_ = header.u16();
    depth_ = header.u16();
    header.skip(2);
    root_ = header.u64();
    root_records_ = header.u16();
    if (type_ != 5 && type_ != 8) throw damaged(where, "a tree of links or attributes by name", "another");
    if (depth_ > 1) throw foreign(where, "a tree of two levels", "more of them");
    if (record_bytes_ == 0 || node_bytes_ < node_head + checksum_bytes + record_bytes_)
        throw damaged(where, "nodes with room for a record", "smaller ones");
}

Cursor NameTree::node(std::uint64_t address, std::string_view signature, std::size_t content) {
    const auto bytes = metadata_.read(address, node_head + content + checksum_bytes, where_);
    Cursor cursor(checked(bytes, where_), where_);
    cursor.signature(signature, 0);
    if (cursor.u8() != type_) throw damaged(where_, "a node of this tree", "one of another type");
    return cursor;
}

void NameTree::append_records(Cursor& node, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) records_.push_back(node.take(record_bytes_));
}

std::vector<std::span<const std::byte>> NameTree::records() {
    if (root_ == no_address) return {};
    if (depth_ == 0) {
        Cursor leaf = node(root_, "BTLF", root_records_ * record_bytes_);
        append_records(leaf, root_records_);
        return std::move(records_);
    }
    const std::size_t max = (node_bytes_ - node_head - checksum_bytes) / record_bytes_;
    const auto count_bytes = static_cast<std::size_t>(std::bit_width(max) + 7) / 8;
    Cursor root = node(root_, "BTIN", root_records_ * record_bytes_ + (root_records_ + 1) * (8 + count_bytes));
    append_records(root, root_records_);
    for (std::uint64_t i = 0; i <= root_records_; ++i) {
        const std::uint64_t address = root.u64(), count = root.number(count_bytes);
        if (count > max) throw damaged(where_, "records that fit a node", "more of them");
        Cursor leaf = node(address, "BTLF", count * record_bytes_);
        append_records(leaf, count);
    }
    return std::move(records_);
}

std::vector<std::span<const std::byte>> dense_messages(Metadata& metadata, const DenseStorage& storage,
                                                       const std::string& where) {
    const FractalHeap heap(metadata, storage.heap, where);
    NameTree tree(metadata, storage.names, where);
    const std::size_t at = tree.has_links() ? 4 : 0;
    if (tree.record_bytes() < at + heap.id_bytes()) throw damaged(where, "records with ids", "shorter ones");
    std::vector<std::span<const std::byte>> messages;
    for (const auto record : tree.records()) messages.push_back(heap.object(record.subspan(at, heap.id_bytes())));
    return messages;
}

}  // namespace kvmem::hdf5
