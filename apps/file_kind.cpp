#include "file_kind.hpp"

#include "ask_documents.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "kvmem/train/session.hpp"
#include "output.hpp"
#include "program.hpp"

#include <algorithm>

namespace kvmem::apps {

namespace fs = std::filesystem;

namespace {

struct FileKind {
    std::string name, use;
};

}  // namespace

static FileKind kind_of(const fs::path& path, const std::string& format) {
    const std::string name = quoted(path.string());
    if (is_folder(path))
        return is_there(RunFiles{path}.config())
                   ? FileKind{"a run directory", "see 'kvmem evaluate', 'kvmem ask' and 'kvmem plot'"}
                   : FileKind{"a folder", ""};
    if (format == model_format) return {"a model file", "see 'kvmem evaluate', 'kvmem ask' and 'kvmem plot'"};
    if (are_documents(path)) return {"a data set of documents", "ask it: kvmem ask " + name + " QUESTION"};
    if (format == "kvmem-store") return {"a store of vectors", "search it: kvmem query " + name + " VECTORS"};
    if (format.starts_with("kvmem-"))
        return {"a data set of format " + format, "train on it: kvmem train " + name + " --run DIRECTORY"};
    return {is_hdf5(path) ? "another program's HDF5 file" : "no HDF5 file",
            "make a data set of it with 'kvmem import', or a store of vectors with 'kvmem index'"};
}

void require_format(const fs::path& path, const std::vector<std::string>& formats, const std::string& needed) {
    if (!is_there(path) || fs::is_other(path)) return;
    const std::string format = format_of_file(path);
    if (std::ranges::find(formats, format) != formats.end()) return;
    const FileKind kind = kind_of(path, format);
    throw Error({.what = "this is not " + needed,
                 .expected = "format " + joined(formats, " or "),
                 .got = kind.name,
                 .where = path.string(),
                 .hint = kind.use});
}

}  // namespace kvmem::apps
