#include "kvmem/io/onnx.hpp"

#include "io/protobuf.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"

#include <cstdint>
#include <limits>

namespace kvmem {

static std::filesystem::path named_path(const OnnxModel& graph, const std::filesystem::path& path) {
    std::filesystem::path named = path;
    return named.replace_filename(path.stem().string() + "-" + graph.name + path.extension().string());
}

std::vector<std::filesystem::path> save_onnx(const std::vector<OnnxModel>& graphs, const std::filesystem::path& path,
                                             const Metadata& metadata) {
    protobuf::Message texts;
    for (const auto& [name, text] : metadata) texts.message(14, protobuf::Message().bytes(1, name).bytes(2, text));
    for (const OnnxModel& graph : graphs)
        if (graph.bytes.size() + texts.wire().size() > std::numeric_limits<std::int32_t>::max())
            throw Error({.what = "the network is too large for ONNX",
                         .expected = "at most 2 GiB",
                         .got = std::to_string(graph.bytes.size()) + " bytes",
                         .where = path.string(),
                         .hint = "export it to safetensors"});
    std::vector<std::filesystem::path> paths;
    for (const OnnxModel& graph : graphs) {
        paths.push_back(graphs.size() == 1 ? path : named_path(graph, path));
        replace_file(paths.back(), graph.bytes + texts.wire());  // fields of a message may come in any order
    }
    return paths;
}

}  // namespace kvmem
