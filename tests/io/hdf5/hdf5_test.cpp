#include "kvmem/io/hdf5.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/rng.hpp"
#include "support/temporary_directory.hpp"

#include <hdf5.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <numeric>

using namespace kvmem;
using test::TemporaryDirectory;

namespace {

template <class T>
std::span<const T> span_of(const std::vector<T>& values) {
    return values;
}

Matrix random_matrix(Index rows, Index cols) {
    Matrix matrix(rows, cols);
    Rng rng(7);
    for (Real& x : matrix.view().span()) x = static_cast<Real>(rng.uniform());
    return matrix;
}

bool equal(ConstView a, ConstView b) {
    return a.rows == b.rows && a.cols == b.cols && std::equal(a.data, a.data + a.size(), b.data);
}

// Address of a contiguous dataset in its file.
std::uint64_t address_of(const std::filesystem::path& path, const char* dataset) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t id = H5Dopen2(file, dataset, H5P_DEFAULT);
    const std::uint64_t address = H5Dget_offset(id);
    H5Dclose(id);
    H5Fclose(file);
    return address;
}

void write_small_file(const std::filesystem::path& path, std::int32_t value) {
    hdf5::Writer writer("test", 1);
    writer.write("/x", span_of(std::vector<std::int32_t>(200'000, value)), hdf5::Layout::mapped);
    writer.save(path);
}

}  // namespace

TEST_CASE("numbers of every type come back as they were written", "[hdf5]") {
    const TemporaryDirectory folder;
    std::vector<std::int32_t> many(200'001);
    std::iota(many.begin(), many.end(), -100'000);
    const std::vector<std::int64_t> wide{std::numeric_limits<std::int64_t>::min(), 0, 1};
    const std::vector<std::uint8_t> bytes{0, 127, 255};
    const std::vector<double> reals{0.1, -1e300, std::numeric_limits<double>::infinity()};
    for (const auto layout : {hdf5::Layout::packed, hdf5::Layout::mapped}) {
        hdf5::Writer writer("test", 3);
        writer.write("/many", span_of(many), layout);
        writer.write("/deep/er/wide", span_of(wide), layout);
        writer.write("bytes", span_of(bytes), layout);
        writer.write("/reals", span_of(reals), layout);
        writer.save(folder / "x.h5");
        const hdf5::Reader reader(folder / "x.h5", "test", 4);
        CHECK(reader.version() == 3);
        CHECK(reader.int32s("/many") == many);
        CHECK(reader.int64s("many").size() == many.size());
        CHECK(reader.int64s("/deep/er/wide") == wide);
        CHECK(reader.bytes("/bytes") == bytes);
        CHECK(reader.doubles("/reals") == reals);
        CHECK(reader.children("/") == std::vector<std::string>{"bytes", "deep", "many", "reals"});
        CHECK(reader.children("/deep") == std::vector<std::string>{"er"});
        CHECK(reader.has("/deep/er"));
        CHECK_FALSE(reader.has("/deep/e"));
    }
}

TEST_CASE("matrices come back, in both layouts and of any shape", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto layout = GENERATE(hdf5::Layout::packed, hdf5::Layout::mapped);
    const auto [rows, cols] =
        GENERATE(table<Index, Index>({{1, 1}, {300, 50}, {5000, 70}, {3, 100'000}, {0, 5}, {5, 0}, {0, 0}}));
    const Matrix matrix = random_matrix(rows, cols);
    hdf5::Writer writer("test", 1);
    writer.write("/m", matrix, layout);
    writer.save(folder / "x.h5");
    CHECK(equal(hdf5::Reader(folder / "x.h5", "test", 1).matrix("/m"), matrix));
}

TEST_CASE("a mapped matrix lies at a page's start", "[hdf5]") {
    const TemporaryDirectory folder;
    hdf5::Writer writer("test", 1);
    writer.write("/a", random_matrix(33, 50));
    writer.write("/b", random_matrix(50, 50));
    writer.save(folder / "x.h5");
    CHECK(address_of(folder / "x.h5", "/a") % 4096 == 0);
    CHECK(address_of(folder / "x.h5", "/b") % 4096 == 0);
}

TEST_CASE("empty data comes back empty", "[hdf5]") {
    const TemporaryDirectory folder;
    hdf5::Writer writer("test", 1);
    writer.write("/none", std::span<const std::int32_t>());
    writer.write("/rows", Ragged<Token>());
    writer.write("/texts", std::span<const std::string>());
    writer.attribute("/", "title", "");
    writer.save(folder / "x.h5");
    const hdf5::Reader reader(folder / "x.h5", "test", 1);
    CHECK(reader.int32s("/none").empty());
    CHECK(reader.ragged("/rows") == Ragged<Token>());
    CHECK(reader.strings("/texts").empty());
    CHECK(reader.attribute("/", "title").empty());
}

TEST_CASE("texts and ragged rows come back, empty ones among them", "[hdf5]") {
    const TemporaryDirectory folder;
    Ragged<Token> rows;
    rows.push_row(std::vector<Token>{3, 1});
    rows.end_row();
    rows.push_row(std::vector<Token>{2});
    const std::vector<std::string> texts{"", "Amélie", std::string("\0x", 2), ""};
    hdf5::Writer writer("test", 1);
    writer.write("/rows", rows);
    writer.write("/texts", span_of(texts));
    writer.save(folder / "x.h5");
    const hdf5::Reader reader(folder / "x.h5", "test", 1);
    CHECK(reader.ragged("/rows") == rows);
    CHECK(reader.strings("/texts") == texts);
}

TEST_CASE("attributes of the root, groups and datasets come back", "[hdf5]") {
    const TemporaryDirectory folder;
    const std::string config(100'000, 'c');
    hdf5::Writer writer("test", 1);
    writer.write("/group/x", std::span<const std::int32_t>());
    writer.attribute("", "title", "Amélie");
    writer.attribute("/", "config", config);
    writer.attribute("/group", "about", "a group");
    writer.attribute("/group/x", "unit", "m");
    writer.attribute("/another", "about", "made for this");
    writer.save(folder / "x.h5");
    const hdf5::Reader reader(folder / "x.h5", "test", 1);
    CHECK(reader.attribute("/", "title") == "Amélie");
    CHECK(reader.attribute("/", "config") == config);
    CHECK(reader.attribute("/group", "about") == "a group");
    CHECK(reader.attribute("/group/x", "unit") == "m");
    CHECK(reader.attribute("/another", "about") == "made for this");
    CHECK(reader.attribute("/", "none").empty());
}

TEST_CASE("attributes that are too large for a header come back, beside many others", "[hdf5]") {
    const TemporaryDirectory folder;
    const std::string large(100'000, 'x');
    hdf5::Writer writer("test", 1);
    for (const char* object : {"/", "/group"}) {
        for (int i = 0; i < 50; ++i) writer.attribute(object, "number " + std::to_string(i), std::to_string(i));
        writer.attribute(object, "large", large);
    }
    writer.save(folder / "x.h5");
    const hdf5::Reader reader(folder / "x.h5", "test", 1);
    CHECK(reader.attribute("/", "large") == large);
    CHECK(reader.attribute("/group", "large") == large);
    CHECK(reader.attribute("/group", "number 49") == "49");
}

TEST_CASE("a text with a zero byte is no attribute", "[hdf5]") {
    hdf5::Writer writer("test", 1);
    CHECK_THROWS_AS(writer.attribute("/", "title", std::string_view("x\0", 2)), Error);
}

TEST_CASE("two files may be written and read at once", "[hdf5]") {
    const TemporaryDirectory folder;
    hdf5::Writer first("test", 1);
    hdf5::Writer second("test", 1);
    first.write("/x", span_of(std::vector<std::int32_t>{1}));
    second.write("/x", span_of(std::vector<std::int32_t>{2}));
    first.save(folder / "1.h5");
    second.save(folder / "2.h5");
    const std::string one = read_file(folder / "1.h5");
    const std::string two = read_file(folder / "2.h5");
    const hdf5::Reader a(std::as_bytes(std::span(one)), "same name", "test", 1);
    const hdf5::Reader b(std::as_bytes(std::span(two)), "same name", "test", 1);
    CHECK(a.int32s("/x").front() == 1);
    CHECK(b.int32s("/x").front() == 2);
}

TEST_CASE("the same contents are the same bytes, whenever they are written", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto write = [&](const char* name) {
        hdf5::Writer writer("test", 1);
        writer.write("/group/in/group/x", span_of(std::vector<std::int32_t>{1, 2}));
        writer.attribute("/another", "about", "a group");
        writer.save(folder / name);
        return read_file(folder / name);
    };
    const std::string first = write("1.h5");
    ::sleep(1);  // HDF5 keeps times in seconds
    CHECK(write("2.h5") == first);
}

TEST_CASE("a file is saved once", "[hdf5]") {
    const TemporaryDirectory folder;
    hdf5::Writer writer("test", 1);
    writer.save(folder / "x.h5");
    CHECK_THROWS_AS(writer.save(folder / "x.h5"), Error);
}

TEST_CASE("a file that is replaced while it is read stays readable", "[hdf5]") {
    const TemporaryDirectory folder;
    write_small_file(folder / "x.h5", 1);
    const hdf5::Reader reader(folder / "x.h5", "test", 1);
    write_small_file(folder / "x.h5", 2);
    CHECK(reader.int32s("/x").front() == 1);
    CHECK(hdf5::Reader(folder / "x.h5", "test", 1).int32s("/x").front() == 2);
}

TEST_CASE("a full disk leaves the old file and nothing else", "[hdf5]") {
    const TemporaryDirectory folder;
    write_small_file(folder / "x.h5", 1);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // A file that may not grow fails as one on a full disk does.
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{4096, 4096};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
            write_small_file(folder / "x.h5", 2);
        } catch (const Error&) {
            ::_exit(0);
        } catch (...) {
        }
        ::_exit(1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(hdf5::Reader(folder / "x.h5", "test", 1).int32s("/x").front() == 1);
    const std::filesystem::directory_iterator left(folder.path());
    CHECK(std::distance(begin(left), end(left)) == 1);
}

TEST_CASE("a place that cannot be written is an Error", "[hdf5]") {
    const TemporaryDirectory folder;
    write_small_file(folder / "file", 1);
    std::filesystem::create_directory(folder / "directory");
    CHECK_THROWS_AS(write_small_file(folder / "file/x.h5", 1), Error);
    CHECK_THROWS_AS(write_small_file(folder / "missing/x.h5", 1), Error);
    CHECK_THROWS_AS(write_small_file(folder / "directory", 1), Error);
    CHECK_THROWS_AS(write_small_file("/proc/x.h5", 1), Error);
}

TEST_CASE("a folder that is read-only stays as it is", "[hdf5]") {
    if (::geteuid() == 0) return;  // root may write anywhere
    const TemporaryDirectory folder;
    write_small_file(folder / "x.h5", 1);
    std::filesystem::permissions(folder.path(),
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    CHECK_THROWS_AS(write_small_file(folder / "x.h5", 2), Error);
    CHECK(hdf5::Reader(folder / "x.h5", "test", 1).int32s("/x").front() == 1);
    std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
}
