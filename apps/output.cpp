#include "output.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/qa/shards.hpp"

#include <fstream>

namespace kvmem::apps {

namespace fs = std::filesystem;

static bool begins_with(const fs::path& path, const std::string& signature) {
    std::string head(signature.size(), '\0');
    std::ifstream(path, std::ios::binary).read(head.data(), static_cast<std::streamsize>(head.size()));
    return head == signature;
}

bool is_hdf5(const fs::path& path) { return begins_with(path, "\x89HDF\r\n\x1a\n"); }

std::string format_of_file(const fs::path& path) {
    if (is_folder(path)) return {};
    if (store::is_sharded(path)) return "kvmem-store";
    if (is_sharded_dataset(path)) return "kvmem-qa";
    return is_hdf5(path) ? file_format(path) : std::string();
}

// The format, such as "kvmem-qa", or a description.
static std::string kind_of_hdf5(const fs::path& path) {
    try {
        const std::string format = file_format(path);
        return format.empty() ? "another program's HDF5" : format;
    } catch (const Error&) {
        return "HDF5 that cannot be read";
    }
}

static void require_kind(const fs::path& output, const std::string& format) {
    const bool is_log = begins_with(output, "kvmemlog");
    std::string kind = is_log ? "the log of a store" : "a file that is not HDF5";
    if (store::is_sharded(output)) {
        kind = "kvmem-store";
    } else if (is_sharded_dataset(output)) {
        kind = "kvmem-qa-shards";
    } else if (is_hdf5(output)) {
        kind = kind_of_hdf5(output);
    } else if (!is_log) {
        // What is left of a file of ours still has its name.
        const bool has_name = output.extension() == ".h5" || output.extension() == ".hdf5";
        std::error_code missing;
        const bool has_contents = fs::is_regular_file(output, missing) && fs::file_size(output, missing) > 0;
        if (format.empty() || has_name || !has_contents) return;
    }
    if (kind == format) return;
    throw Error({.what = "the output would replace a file of another kind",
                 .expected = format.empty() ? "a new name" : "a new name, or a file of " + format,
                 .got = kind,
                 .where = output.string(),
                 .hint = "delete it if it is not wanted"});
}

void require_output(const fs::path& output, const std::string& format, const std::vector<fs::path>& inputs) {
    require_writable(output);
    for (const fs::path& input : inputs) {
        std::error_code missing;  // a missing file is not equivalent
        if (!fs::equivalent(output, input == "-" ? "/dev/stdin" : input, missing)) continue;
        throw UsageError({.what = "the output is one of the inputs",
                          .expected = "another file",
                          .got = input.string(),
                          .where = output.string()});
    }
    require_kind(output, format);
}

}  // namespace kvmem::apps
