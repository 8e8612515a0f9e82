// Networks for other programs: ONNX (onnx.ai), operator set 17, with standard operators alone.
#pragma once

#include "kvmem/io/metadata.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kvmem {

// A graph of a network: a ModelProto, which holds its parameters by their names and describes each input and output.
struct OnnxModel {
    // The name among the graphs of the network, such as "encoder", and the contents of a file.
    std::string name;
    std::string bytes;
};

// Replaces `path` by the only graph, or each of several graphs by a file with its name: "-encoder" before the
// extension. Each file is written all or nothing, with the metadata as its metadata_props. Returns the paths. Throws
// Error when a file cannot be written, and for a graph beyond the 2 GiB of a protocol buffer, before any is written.
std::vector<std::filesystem::path> save_onnx(const std::vector<OnnxModel>& graphs, const std::filesystem::path& path,
                                             const Metadata& metadata = {});

}  // namespace kvmem
