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

// The file of each graph: `path` of the only one, or of several the path with the name before its extension, such as
// "dates-encoder.onnx".
std::vector<std::filesystem::path> onnx_paths(const std::vector<OnnxModel>& graphs, const std::filesystem::path& path);
// Replaces these files, each all or nothing, with the metadata as their metadata_props. Throws Error when one cannot be
// written, and, before any is written, for a graph beyond the 2 GiB of a protocol buffer.
void save_onnx(const std::vector<OnnxModel>& graphs, const std::filesystem::path& path, const Metadata& metadata = {});

}  // namespace kvmem
