// Python beside the tests, and the programs of the specification.
#pragma once

#include "kvmem/core/file.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace kvmem::test {

// Whether a script ran in a folder without an error.
inline bool python(const std::string& script, const std::filesystem::path& folder) {
    std::ofstream(folder / "script.py") << script;
    return std::system(("cd '" + folder.string() + "' && /usr/bin/python3 script.py").c_str()) == 0;
}

inline bool has_h5py() {
    const bool has = std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") == 0;
    if (!has) WARN("no h5py here: not tested against it");
    return has;
}

// The block of this language under a heading of datasets/README.md: the first one, or with `skipped` a later one.
inline std::string code_in_readme(const std::string& heading, const std::string& language, int skipped = 0) {
    const std::string text = read_file(std::filesystem::path(KVMEM_SOURCE_DIR) / "datasets/README.md");
    const std::string fence = "```" + language + "\n";
    std::size_t begin = text.find(fence, text.find(heading)) + fence.size();
    for (; skipped > 0; --skipped) begin = text.find(fence, begin) + fence.size();
    return text.substr(begin, text.find("```", begin) - begin);
}

}  // namespace kvmem::test
