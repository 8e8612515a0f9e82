#include "kvmem/io/onnx.hpp"

#include "io/protobuf.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"

#include <cstdint>
#include <limits>

namespace kvmem {

std::vector<std::filesystem::path> onnx_paths(const std::vector<OnnxModel>& graphs, const std::filesystem::path& path) {
    if (graphs.size() == 1) return {path};
    std::vector<std::filesystem::path> all;
    all.reserve(graphs.size());
    for (const OnnxModel& graph : graphs)
        all.push_back(path.parent_path() / (path.stem().string() + "-" + graph.name + path.extension().string()));
    return all;
}

void save_onnx(const std::vector<OnnxModel>& graphs, const std::filesystem::path& path, const Metadata& metadata) {
    protobuf::Message texts;
    for (const auto& [name, text] : metadata) texts.message(14, protobuf::Message().bytes(1, name).bytes(2, text));
    for (const OnnxModel& graph : graphs)
        if (graph.bytes.size() + texts.wire().size() > std::numeric_limits<std::int32_t>::max())
            throw Error({.what = "the network is too large for ONNX",
                         .expected = "at most 2 GiB",
                         .got = std::to_string(graph.bytes.size()) + " bytes",
                         .where = path.string(),
                         .hint = "export it to safetensors"});
    const auto paths = onnx_paths(graphs, path);
    for (std::size_t i = 0; i < graphs.size(); ++i)
        replace_file(paths[i], graphs[i].bytes + texts.wire());  // fields of a message may come in any order
}

}  // namespace kvmem
