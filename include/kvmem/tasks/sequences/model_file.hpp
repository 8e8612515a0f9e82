// Files of networks that write sequences (train/checkpoint.hpp), with the root attributes `model` (its kind, such as
// "seq2seq") and `config` (JSON); /source and /target are units as in a data set.
#pragma once

#include "kvmem/io/metadata.hpp"
#include "kvmem/tasks/sequences/model.hpp"

#include <filesystem>
#include <memory>

namespace kvmem {

namespace hdf5 {
class Reader;
class Writer;
}  // namespace hdf5

// Replaces `path` by the network's file, all or nothing. Throws Error.
void save_sequence_network(const SequenceNetwork& network, const std::filesystem::path& path);
// Reads a network. Throws Error with the name of the file.
std::unique_ptr<SequenceNetwork> load_sequence_network(const std::filesystem::path& path);

// All of a network but its parameters, as texts for other programs' files: `model`, `config`, and `source` and `target`
// (JSON with the kind of the units and the texts of all tokens, or the merges of bpe).
Metadata metadata_of(const SequenceNetwork& network);

// Writes all of a network but its parameters.
void write_network_info(hdf5::Writer& file, const SequenceNetwork& network);
// Throws Error unless the file has the same units.
void require_same_units(const SequenceNetwork& ours, const hdf5::Reader& file);

}  // namespace kvmem
