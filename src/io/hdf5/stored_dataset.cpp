#include "io/hdf5/stored_dataset.hpp"

#include "io/hdf5/chunk_filters.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>

namespace kvmem::hdf5 {

static constexpr std::size_t max_chunk_bytes = std::size_t{64} << 20;
static constexpr std::size_t max_inflation = 1040;              // deflate reaches 1032
static constexpr std::size_t max_bytes = std::size_t{1} << 60;  // so that sums of sizes cannot overflow

StoredDataset::StoredDataset(Handle dataset, std::string where)
    : where_(std::move(where)), dataset_(std::move(dataset)) {
    find_type();
    find_shape();
    check_layout();
}

void StoredDataset::refuse(const std::string& expected, const std::string& got) const {
    throw unreadable(where_, expected, got);
}

static const char* class_name(H5T_class_t type) {
    static constexpr std::pair<H5T_class_t, const char*> names[] = {{H5T_INTEGER, "big-endian or odd integers"},
                                                                    {H5T_FLOAT, "big-endian or odd floating point"},
                                                                    {H5T_STRING, "strings"},
                                                                    {H5T_COMPOUND, "compounds"},
                                                                    {H5T_REFERENCE, "references"},
                                                                    {H5T_ENUM, "enumerations"},
                                                                    {H5T_VLEN, "sequences of variable length"},
                                                                    {H5T_ARRAY, "arrays"}};
    const auto named = std::ranges::find(names, type, &std::pair<H5T_class_t, const char*>::first);
    return named == std::end(names) ? "another class of type" : named->second;
}

void StoredDataset::find_type() {
    const Handle type = require_handle(H5Dget_type(dataset_), "cannot read a type", where_);
    for (const Element element : all_elements) {
        if (require_done(H5Tequal(type, hdf5_type_of(element)), "cannot read a type", where_) == 0) continue;
        element_ = element;
        return;
    }
    refuse("little-endian integers of 8 to 64 bits or floats of 32 or 64", class_name(H5Tget_class(type)));
}

void StoredDataset::find_shape() {
    const Handle space = require_handle(H5Dget_space(dataset_), "cannot read a shape", where_);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (H5Sget_simple_extent_type(space) != H5S_SIMPLE || rank < 1 || rank > 2)
        refuse("one or two dimensions", rank == 0 ? "none" : std::to_string(rank));
    shape_.resize(rank);
    require_done(H5Sget_simple_extent_dims(space, shape_.data(), nullptr), "cannot read a shape", where_);
    const std::size_t max = max_bytes / size_of(element_);
    for (const hsize_t extent : shape_) {
        if (extent > max || (extent > 0 && size_ > max / extent)) refuse("at most 2^60 bytes", "more elements");
        size_ *= extent;
    }
}

// A hostile file's metadata may claim any storage size, so the size of the file is a second bound. HDF5 has checked
// that size when it opened the file. The sizes of chunks are not used: HDF5 would add up as many as the file claims.
void StoredDataset::check_layout() {
    const Handle creation = require_handle(H5Dget_create_plist(dataset_), "cannot read a layout", where_);
    const H5D_layout_t layout = H5Pget_layout(creation);
    if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT && layout != H5D_CHUNKED)
        refuse("a contiguous, compact or chunked dataset", "a virtual one");
    if (layout == H5D_CONTIGUOUS && H5Pget_external_count(creation) != 0)
        refuse("values in this file", "values in external files");
    if (layout == H5D_CHUNKED) find_chunks(creation);

    hsize_t file_size = 0;
    require_done(H5Fget_filesize(Handle(H5Iget_file_id(dataset_)), &file_size), "cannot read a size", where_);
    const hsize_t stored =
        layout == H5D_CHUNKED ? file_size : std::min<hsize_t>(H5Dget_storage_size(dataset_), file_size);
    const bool deflated = std::count(filters_.begin(), filters_.end(), H5Z_FILTER_DEFLATE) > 0;
    if (bytes() / (deflated ? max_inflation : 1) > stored)
        refuse("no more values than its bytes can hold",
               std::to_string(bytes()) + " bytes of values in " + std::to_string(stored));
}

void StoredDataset::find_chunks(hid_t creation) {
    chunk_shape_.resize(shape_.size());
    const int rank = static_cast<int>(shape_.size());
    if (H5Pget_chunk(creation, rank, chunk_shape_.data()) != rank) refuse("chunks of the same rank", "another");
    std::size_t elements = 1;
    for (const hsize_t extent : chunk_shape_) {
        const std::size_t max = max_chunk_bytes / size_of(element_) / elements;
        if (extent == 0 || extent > max) refuse("chunks of at most 64 MiB", "larger ones");
        elements *= extent;
    }
    chunk_bytes_ = elements * size_of(element_);

    const int filters = require_done(H5Pget_nfilters(creation), "cannot read the filters", where_);
    for (unsigned i = 0; i < static_cast<unsigned>(filters); ++i) {
        std::size_t none = 0;
        filters_.push_back(H5Pget_filter2(creation, i, nullptr, &none, nullptr, 0, nullptr, nullptr));
        if (!is_known_filter(filters_.back()))
            refuse("no filters but shuffle, deflate and fletcher32", "filter " + std::to_string(filters_.back()));
    }
    if (filters_.size() > 3) refuse("each filter once", std::to_string(filters_.size()) + " filters");
}

void StoredDataset::read(std::span<std::byte> out) const {
    if (out.empty()) return;
    if (chunk_shape_.empty()) {
        require_done(H5Dread(dataset_, hdf5_type_of(element_), H5S_ALL, H5S_ALL, H5P_DEFAULT, out.data()),
                     "cannot read a dataset", where_);
        return;
    }
    // Only one thread may call HDF5. All threads unpack, which is the larger part of the work.
    constexpr std::size_t max = 16, room = std::size_t{64} << 20;
    const std::size_t batch = std::clamp<std::size_t>(room / chunk_bytes_, 1, max);
    std::vector<StoredChunk> chunks;
    std::vector<hsize_t> at(shape_.size(), 0);
    while (at[0] < shape_[0]) {
        chunks.push_back(read_chunk(at));
        // Moves on to the next chunk, with the last dimension fastest.
        at.back() += chunk_shape_.back();
        if (at.size() == 2 && at[1] >= shape_[1]) {
            at[1] = 0;
            at[0] += chunk_shape_[0];
        }
        if (chunks.size() < batch && at[0] < shape_[0]) continue;
        unpack(chunks, out);
        chunks.clear();
    }
}

void StoredDataset::unpack(std::span<StoredChunk> chunks, std::span<std::byte> out) const {
    std::vector<const char*> problems(chunks.size(), nullptr);
    parallel_for(std::ssize(chunks), 1, [&](Index first, Index last) {
        std::vector<std::byte> plain(chunk_bytes_);
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
            StoredChunk& chunk = chunks[i];
            problems[i] = undo_filters(std::move(chunk.bytes), filters_, chunk.skipped, size_of(element_), plain);
            if (problems[i] == nullptr) copy_rows(chunk.at, plain, out);
        }
    });
    for (const char* problem : problems)
        if (problem != nullptr) throw Error({.what = "the data is damaged", .got = problem, .where = where_});
}

StoredDataset::StoredChunk StoredDataset::read_chunk(std::span<const hsize_t> at) const {
    hsize_t stored_size = 0;
    require_done(H5Dget_chunk_storage_size(dataset_, at.data(), &stored_size), "a chunk is missing", where_);
    if (stored_size == 0 || stored_size > max_stored(chunk_bytes_))
        refuse("chunks that take about their size at most", std::to_string(stored_size) + " bytes");
    StoredChunk chunk{{at.begin(), at.end()}, std::vector<std::byte>(stored_size), 0};
    require_done(H5Dread_chunk(dataset_, H5P_DEFAULT, at.data(), &chunk.skipped, chunk.bytes.data()),
                 "cannot read a chunk", where_);
    return chunk;
}

void StoredDataset::copy_rows(std::span<const hsize_t> at, std::span<const std::byte> chunk,
                              std::span<std::byte> out) const {
    // A vector is one row. Chunks at the edges extend past the dataset's end.
    const bool matrix = shape_.size() == 2;
    const hsize_t rows = matrix ? std::min(chunk_shape_[0], shape_[0] - at[0]) : 1;
    const hsize_t cols = std::min(chunk_shape_.back(), shape_.back() - at.back());
    const std::size_t element = size_of(element_);
    for (hsize_t row = 0; row < rows; ++row) {
        const hsize_t target = (matrix ? (at[0] + row) * shape_[1] : 0) + at.back();
        std::copy_n(chunk.data() + row * chunk_shape_.back() * element, cols * element, out.data() + target * element);
    }
}

}  // namespace kvmem::hdf5
