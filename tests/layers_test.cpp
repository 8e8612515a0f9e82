// Holds the order of the layers against every include of the source tree.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

// Which layers a file of a layer may include from, besides its own.
const std::map<std::string, std::set<std::string>>& rules() {
    static const std::map<std::string, std::set<std::string>> all{
        {"core", {}},
        {"kernels", {"core"}},
        {"autograd", {"core", "kernels"}},
        {"nn", {"core", "kernels", "autograd"}},
        {"text", {"core"}},
        {"io", {"core", "kernels", "autograd", "text"}},
        {"store", {"core", "kernels", "io"}},
        {"cluster", {"core", "kernels", "autograd", "io", "store"}},
        {"train", {"core", "kernels", "autograd", "nn", "text", "io", "store", "cluster"}},
        {"tasks/qa", {"core", "kernels", "autograd", "nn", "text", "io", "store", "cluster", "train"}},
        {"tasks/sequences", {"core", "kernels", "autograd", "nn", "text", "io", "store", "cluster", "train"}},
        {"tasks/recommendation", {"core", "kernels", "autograd", "nn", "text", "io", "store", "cluster", "train"}},
        {"tasks/selection", {"core", "kernels", "autograd", "nn", "text", "io", "store", "cluster", "train"}},
        {"apps",
         {"core", "kernels", "autograd", "nn", "text", "io", "store", "cluster", "train", "tasks/qa", "tasks/sequences",
          "tasks/recommendation", "tasks/selection"}},
    };
    return all;
}

// The name between the quotes or brackets of an include line, or nothing.
std::string included(const std::string& line) {
    std::size_t at = line.find_first_not_of(" \t");
    if (at == std::string::npos || line[at] != '#') return {};
    at = line.find_first_not_of(" \t", at + 1);
    if (at == std::string::npos || line.compare(at, 7, "include") != 0) return {};
    const std::size_t open = line.find_first_of("\"<", at + 7);
    if (open == std::string::npos) return {};
    const std::size_t close = line.find(line[open] == '<' ? '>' : '"', open + 1);
    return close == std::string::npos ? std::string() : line.substr(open + 1, close - open - 1);
}

// The layer of a path such as "<layer>/x.hpp"; each folder of tasks is one. Empty when there is none.
std::string layer_at(const std::string& path) {
    std::size_t end = path.find('/');
    if (end != std::string::npos && path.substr(0, end) == "tasks") end = path.find('/', end + 1);
    return end == std::string::npos ? std::string() : path.substr(0, end);
}

// The layer of "kvmem/<layer>/x.hpp" or "<layer>/x.hpp", or nothing when it is not ours.
std::string layer_of(const std::string& name) {
    if (name.rfind("kvmem/", 0) == 0) return layer_at(name.substr(6));
    const std::string layer = layer_at(name);
    return rules().count(layer) || layer.rfind("tasks/", 0) == 0 ? layer : std::string();
}

bool is_foreign(const std::string& name) {
    for (const char* prefix :
         {"hdf5", "H5", "tbb/", "oneapi/", "boost/", "utf8proc", "unicode/", "gumbo", "md4c", "libstemmer", "mpi"})
        if (name.rfind(prefix, 0) == 0) return true;
    return false;
}

// What is wrong with the includes of a file, one sentence each.
std::vector<std::string> faults(const std::string& file, const std::string& layer, bool is_public, std::istream& text) {
    std::vector<std::string> all;
    std::string line;
    for (int number = 1; std::getline(text, line); ++number) {
        const std::string name = included(line);
        const std::string from = layer_of(name);
        const std::string place = file + ":" + std::to_string(number) + ": ";
        if (!from.empty() && from != layer && !rules().at(layer).count(from))
            all.push_back(place + layer + " may not include from " + from + " (" + name + ")");
        if (is_public && is_foreign(name))
            all.push_back(place + "a public header may not show " + name + " to those who include it");
    }
    return all;
}

std::vector<std::string> faults_of(const std::string& layer, bool is_public, const std::string& text) {
    std::istringstream stream(text);
    return faults("f.hpp", layer, is_public, stream);
}

}  // namespace

TEST_CASE("no layer includes from a layer above it", "[layers]") {
    const fs::path source = KVMEM_SOURCE_DIR;
    std::vector<std::string> found;
    int files = 0;
    for (const char* root : {"include/kvmem", "src", "apps"}) {
        if (!fs::exists(source / root)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(source / root)) {
            const std::string extension = entry.path().extension().string();
            if (extension != ".hpp" && extension != ".cpp") continue;
            const fs::path inside = entry.path().lexically_relative(source / root);
            const bool is_public = std::string(root) == "include/kvmem";
            if (is_public && !inside.has_parent_path()) continue;  // a header for all of it
            const std::string layer = std::string(root) == "apps" ? "apps" : layer_at(inside.string());
            INFO(entry.path() << " is in no layer that tests/layers_test.cpp knows");
            REQUIRE(rules().count(layer) == 1);
            std::ifstream text(entry.path());
            REQUIRE(text.good());
            const auto here = faults(entry.path().lexically_relative(source).string(), layer, is_public, text);
            found.insert(found.end(), here.begin(), here.end());
            ++files;
        }
    }
    for (const std::string& fault : found) FAIL_CHECK(fault);
    CHECK(files > 30);
}

TEST_CASE("the header for all of it includes every header below the tasks", "[layers]") {
    const fs::path headers = fs::path(KVMEM_SOURCE_DIR) / "include/kvmem";
    std::set<std::string> expected, found;
    for (const char* layer : {"core", "kernels", "autograd", "nn", "text", "io", "store", "cluster"})
        for (const auto& entry : fs::directory_iterator(headers / layer))
            expected.insert((fs::path("kvmem") / layer / entry.path().filename()).string());
    std::ifstream text(headers / "kvmem.hpp");
    for (std::string line; std::getline(text, line);)
        if (const std::string name = included(line); !layer_of(name).empty()) found.insert(name);
    CHECK(found == expected);
}

TEST_CASE("an upward include is found in every form", "[layers]") {
    CHECK(faults_of("kernels", true, "#pragma once\n#include \"kvmem/nn/layers.hpp\"\n") ==
          std::vector<std::string>{"f.hpp:2: kernels may not include from nn (kvmem/nn/layers.hpp)"});
    CHECK(faults_of("io", false, "#include \"nn/orthonormal.hpp\"").size() == 1);
    CHECK(faults_of("core", false, "  #  include <kvmem/kernels/attend.hpp>").size() == 1);
    CHECK(faults_of("nn", false, "#include \"apps/options.hpp\"").size() == 1);
    CHECK(faults_of("tasks/qa", false, "#include \"kvmem/tasks/ranking/model.hpp\"").size() == 1);
    CHECK(faults_of("nn", false, "#include \"io/hdf5/hdf5.hpp\"\n#include \"tasks/qa/x.hpp\"").size() == 2);
}

TEST_CASE("a public header that shows another library is found", "[layers]") {
    for (const char* name : {"hdf5.h", "H5public.h", "tbb/tbb.h", "oneapi/tbb/parallel_for.h", "boost/json.hpp",
                             "utf8proc.h", "unicode/ubrk.h"}) {
        CHECK(faults_of("io", true, std::string("#include <") + name + ">").size() == 1);
        CHECK(faults_of("io", false, std::string("#include <") + name + ">").empty());
    }
}

TEST_CASE("an include from the own layer, from below or from elsewhere is no fault", "[layers]") {
    CHECK(faults_of("tasks/qa", true,
                    "#include \"kvmem/tasks/qa/batch.hpp\"\n#include \"kvmem/text/tokenizer.hpp\"\n"
                    "#include \"kvmem/core/types.hpp\"\n#include <vector>\n#include <sys/file.h>\n"
                    "// #include \"kvmem/tasks/ranking/model.hpp\"\n#include <Eigen/Core>\n")
              .empty());
    CHECK(faults_of("kernels", false, "#include \"kernels/vector.hpp\"").empty());
}
