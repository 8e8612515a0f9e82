// kvmem's reader of HDF5 beside the HDF5 library on right files, and alone on forged ones.
#include "forged_file.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "oracle.hpp"
#include "read_everything.hpp"
#include "store/files/store_file.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// Files of every kind that earlier versions and h5py wrote.
std::vector<std::filesystem::path> stored_files() {
    std::vector<std::filesystem::path> paths;
    const std::filesystem::path tests = std::filesystem::path(KVMEM_SOURCE_DIR) / "tests";
    for (const char* folder : {"golden", "fuzz/corpus"})
        for (const auto& entry : std::filesystem::recursive_directory_iterator(tests / folder))
            if (entry.is_regular_file() && (entry.path().extension() == ".h5" || entry.path().extension() == ".hdf5"))
                paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
}

// Reads the bytes in every way that the formats have. Whether no way was an Error.
bool opens(const std::string& file) {
    const auto bytes = std::as_bytes(std::span(file));
    try {
        everything_in(bytes);
        const std::string format = hdf5::File(bytes, "forged", 1 << 20).attribute("/", "format").value_or("");
        if (format == "kvmem-qa") load_dataset(bytes, "forged");
        if (format == "kvmem-store") store::load_store(bytes, "forged");
        return true;
    } catch (const Error&) {
        return false;
    }
}

}  // namespace

TEST_CASE("every stored file has the same values by kvmem and by the HDF5 library", "[hdf5]") {
    int read = 0;
    for (const auto& path : stored_files()) {
        CAPTURE(path);
        const auto expected = datasets_by_library(path);
        const hdf5::File file(path);
        for (const auto& [name, values] : expected) {
            CAPTURE(name);
            try {
                const hdf5::StoredDataset dataset = file.dataset(name);
                std::string found(dataset.bytes(), '\0');
                dataset.read(std::as_writable_bytes(std::span(found)));
                CHECK((found == values));
                ++read;
            } catch (const hdf5::ForeignLayout&) {
                CHECK_THAT(path.string(), Catch::Contains("h5py-gzip"));  // datasets that can grow
            }
        }
        for (const auto& [name, text] : root_texts_by_library(path)) CHECK(file.attribute("/", name) == text);
    }
    CHECK(read > 200);
}

TEST_CASE("a forged file with right checksums is read or an Error", "[hdf5]") {
    const char* wanted = std::getenv("KVMEM_FORGED_FILES");
    const int total = wanted != nullptr ? std::atoi(wanted) : 3000;
    const auto paths = stored_files();
    const int each = total / static_cast<int>(paths.size()) + 1;
    int opened = 0, refused = 0;
    std::chrono::steady_clock::duration longest{};
    for (std::size_t i = 0; i < paths.size(); ++i) {
        const ForgedFile forged(read_file(paths[i]));
        REQUIRE(forged.structures() > 5);
        for (int seed = 0; seed < each; ++seed) {
            const auto begin = std::chrono::steady_clock::now();
            ++(opens(forged.forge(1'000'000 * i + static_cast<std::uint64_t>(seed))) ? opened : refused);
            longest = std::max(longest, std::chrono::steady_clock::now() - begin);
        }
    }
    CHECK(opened > total / 50);
    CHECK(refused > total / 5);
    if (wanted != nullptr)
        WARN(opened << " opened, " << refused << " were Errors, the longest took "
                    << std::chrono::duration<double>(longest).count() << " s");
}
