#include "io/hdf5/stored_dataset.hpp"

#include "io/hdf5/chunk_index.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem::hdf5 {

static constexpr std::size_t max_chunk_bytes = std::size_t{64} << 20;
static constexpr std::size_t max_inflation = 1040;              // deflate reaches 1032
static constexpr std::size_t max_bytes = std::size_t{1} << 60;  // so that sums of sizes cannot overflow

StoredDataset::StoredDataset(const Source& source, const ObjectHeader& header, std::string where)
    : where_(std::move(where)), source_(&source) {
    find_type(header);
    find_shape(header);
    find_layout(header);
}

void StoredDataset::refuse(const std::string& expected, const std::string& got) const {
    throw unreadable(where_, expected, got);
}

Cursor StoredDataset::message(const ObjectHeader& header, MessageType type) const {
    const ObjectHeader::Message* found = header.find(type, where_);
    if (found == nullptr) throw damaged(where_, "a dataset's type, shape and layout", "one without");
    return {found->bytes, where_};
}

void StoredDataset::find_type(const ObjectHeader& header) {
    const Datatype type = datatype_in(message(header, MessageType::datatype));
    if (!type.element) refuse("little-endian integers of 8 to 64 bits or floats of 32 or 64", class_name(type));
    element_ = *type.element;
}

void StoredDataset::find_shape(const ObjectHeader& header) {
    Dataspace space = dataspace_in(message(header, MessageType::dataspace));
    const std::size_t rank = space.shape.size();
    if (rank < 1 || rank > 2) refuse("one or two dimensions", rank == 0 ? "none" : std::to_string(rank));
    shape_ = std::move(space.shape);
    can_grow_ = space.can_grow;
    const std::size_t max = max_bytes / size_of(element_);
    for (const auto extent : shape_) {
        if (extent > max || (extent > 0 && size_ > max / extent)) refuse("at most 2^60 bytes", "more elements");
        size_ *= extent;
    }
}

// A file's metadata may claim any storage size, so the size of the file is a second bound.
void StoredDataset::find_layout(const ObjectHeader& header) {
    if (header.find(MessageType::external_files, where_) != nullptr)
        refuse("values in this file", "values in external files");
    layout_ = layout_in(message(header, MessageType::layout));
    const ObjectHeader::Message* filters = header.find(MessageType::filters, where_);
    if (filters != nullptr) filters_ = filters_in({filters->bytes, where_});
    if (layout_.kind == StorageLayout::Kind::chunked) check_chunk_shape();
    std::uint64_t stored = source_->size();
    if (layout_.kind == StorageLayout::Kind::compact) stored = layout_.values.size();
    if (layout_.kind == StorageLayout::Kind::contiguous) stored = layout_.address == no_address ? 0 : layout_.size;
    const bool is_deflated = std::ranges::find(filters_, Filter::deflate) != filters_.end();
    if (bytes() / (is_deflated ? max_inflation : 1) > stored)
        refuse("no more values than its bytes can hold",
               std::to_string(bytes()) + " bytes of values in " + std::to_string(stored));
    if (layout_.kind == StorageLayout::Kind::chunked) return;
    if (!filters_.empty()) throw damaged(where_, "filters on chunks alone", "filters on a dataset without chunks");
    if (layout_.kind == StorageLayout::Kind::contiguous && bytes() > 0 && !source_->has(layout_.address, bytes()))
        throw damaged(where_, "values inside the file", "values beyond its end");
}

// Chunks that are no larger than the dataset hold at most four times its bytes.
void StoredDataset::check_chunk_shape() {
    const auto& chunk = layout_.chunk_shape;
    if (chunk.size() != shape_.size()) refuse("chunks of the same rank", "another");
    if (can_grow_) throw foreign(where_, "datasets that cannot grow", "a larger maximum extent");
    std::size_t elements = 1;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
        const std::size_t max = max_chunk_bytes / size_of(element_) / elements;
        if (chunk[i] == 0 || chunk[i] > max) refuse("chunks of at most 64 MiB", "larger ones");
        if (chunk[i] > shape_[i] && size_ > 0) refuse("chunks within the dataset", "larger ones");
        elements *= chunk[i];
    }
    chunk_bytes_ = elements * size_of(element_);
}

// --- Reading ---------------------------------------------------------------------------------------------

std::uint64_t StoredDataset::chunk_count() const {
    std::uint64_t count = 1;
    for (std::size_t i = 0; i < shape_.size(); ++i)
        count *= (shape_[i] + layout_.chunk_shape[i] - 1) / layout_.chunk_shape[i];
    return count;
}

void StoredDataset::read(std::span<std::byte> out) const {
    if (out.empty()) return;
    if (layout_.kind == StorageLayout::Kind::contiguous)
        source_->read(layout_.address, out);
    else if (layout_.kind == StorageLayout::Kind::compact)
        std::copy_n(layout_.values.begin(), out.size(), out.begin());
    else
        read_chunks(out);
}

void StoredDataset::read_chunks(std::span<std::byte> out) const {
    const auto chunks = chunks_of(*source_, layout_, !filters_.empty(), chunk_count(), chunk_bytes_, where_);
    std::vector<const char*> problems(chunks.size(), nullptr);
    constexpr Index chunks_at_once = 4;  // the buffers of one decoder serve them
    parallel_for(std::ssize(chunks), chunks_at_once, [&](Index first, Index last) {
        ChunkDecoder decoder(filters_, size_of(element_), chunk_bytes_);
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
            source_->read(chunks[i].address, decoder.stored(chunks[i].size));
            problems[i] = decoder.decode(chunks[i].skipped);
            if (problems[i] == nullptr) copy_rows(i, decoder.chunk(), out);
        }
    });
    for (const char* problem : problems)
        if (problem != nullptr) throw Error({.what = "the data is damaged", .got = problem, .where = where_});
}

void StoredDataset::copy_rows(std::uint64_t chunk, std::span<const std::byte> values, std::span<std::byte> out) const {
    // A vector is one row. Chunks at the edges extend past the dataset's end.
    const bool is_matrix = shape_.size() == 2;
    const auto& extent = layout_.chunk_shape;
    const std::uint64_t across = (shape_.back() + extent.back() - 1) / extent.back();
    const std::uint64_t first_row = is_matrix ? chunk / across * extent[0] : 0,
                        first_col = chunk % across * extent.back();
    const std::uint64_t rows = is_matrix ? std::min<std::uint64_t>(extent[0], shape_[0] - first_row) : 1;
    const std::uint64_t cols = std::min<std::uint64_t>(extent.back(), shape_.back() - first_col);
    const std::size_t element = size_of(element_);
    for (std::uint64_t row = 0; row < rows; ++row) {
        const std::uint64_t target = (first_row + row) * shape_.back() + first_col;
        std::copy_n(values.data() + row * extent.back() * element, cols * element, out.data() + target * element);
    }
}

}  // namespace kvmem::hdf5
