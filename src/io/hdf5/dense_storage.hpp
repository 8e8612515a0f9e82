// Links and attributes that are not in their object's header (HDF5 file format 3.0, III.A.2 and III.G): objects in a
// fractal heap, found by a B-tree of version 2. HDF5 stores more than eight of them so.
#pragma once

#include "io/hdf5/messages.hpp"
#include "io/hdf5/metadata.hpp"

namespace kvmem::hdf5 {

// The messages in the heap, in the order of the tree. They live as long as `metadata`. Throws ForeignLayout for more
// than trees of two levels and heaps of one level of blocks hold: some 1,000 links, 500 KB.
std::vector<std::span<const std::byte>> dense_messages(Metadata& metadata, const DenseStorage& storage,
                                                       const std::string& where);

}  // namespace kvmem::hdf5
