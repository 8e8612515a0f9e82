// Files that no kvmem wrote, made with HDF5 itself.
#include "io/hdf5/handle.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/hdf5.hpp"
#include "support/temporary_directory.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>

using namespace kvmem;
using Catch::Matchers::Contains;
using hdf5::Handle;
using test::TemporaryDirectory;

namespace {

// A file of format "test", version 1, that HDF5's own calls put anything in.
class RawFile {
  public:
    explicit RawFile(const std::filesystem::path& path, H5F_libver_t version = H5F_LIBVER_V110) {
        const Handle access(H5Pcreate(H5P_FILE_ACCESS));
        H5Pset_libver_bounds(access, version, H5F_LIBVER_V110);
        file_ = Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access));
        text("format", "test");
        text("version", "1");
    }
    operator hid_t() const { return file_; }

    void text(const char* name, const std::string& value) {
        const Handle type(H5Tcopy(H5T_C_S1));
        H5Tset_size(type, value.size());
        const Handle space(H5Screate(H5S_SCALAR));
        if (H5Aexists(file_, name) > 0) H5Adelete(file_, name);
        H5Awrite(Handle(H5Acreate2(file_, name, type, space, H5P_DEFAULT, H5P_DEFAULT)), type, value.data());
    }
    Handle dataset(const char* name, hid_t type, const std::vector<hsize_t>& shape, hid_t layout = H5P_DEFAULT) {
        const Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr));
        const Handle links(H5Pcreate(H5P_LINK_CREATE));
        H5Pset_create_intermediate_group(links, 1);
        return Handle(H5Dcreate2(file_, name, type, space, links, layout, H5P_DEFAULT));
    }
    template <class T>
    void write(const char* name, hid_t type, const std::vector<T>& values) {
        H5Dwrite(dataset(name, type, {values.size()}), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    }

  private:
    Handle file_;
};

Handle chunked(const std::vector<hsize_t>& chunk) {
    Handle layout(H5Pcreate(H5P_DATASET_CREATE));
    H5Pset_chunk(layout, static_cast<int>(chunk.size()), chunk.data());
    return layout;
}

// A file with one dataset /x that `make` writes.
template <class Make>
std::filesystem::path file_with(const TemporaryDirectory& folder, Make make) {
    RawFile file(folder / "raw.h5");
    make(file);
    return folder / "raw.h5";
}

hdf5::Reader open(const std::filesystem::path& path) { return {path, "test", 1}; }

// Everything in a file: paths with values, a line each.
std::string contents_of(const std::string& bytes) {
    const hdf5::Reader reader(std::as_bytes(std::span(bytes)), "bytes", "test", 1);
    std::string contents = reader.attribute("/", "a") + "\n";
    for (const std::string& name : reader.children("/many")) {
        contents += name;
        for (const std::int32_t value : reader.int32s("/many/" + name)) contents += " " + std::to_string(value);
        contents += "\n";
    }
    return contents;
}

// Opens the file with one bit flipped, in about every other byte. How often that was an Error.
int refused_flips(const std::string& whole) {
    const std::string right = contents_of(whole);
    int refused = 0, wrong = 0;
    for (std::size_t at = 0; at < whole.size(); at += 1 + at % 3) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
        try {
            wrong += contents_of(damaged) != right;
        } catch (const Error&) {
            ++refused;
        }
    }
    CHECK(wrong == 0);
    return refused;
}

const std::vector<std::int32_t> three{1, 2, 3};

}  // namespace

TEST_CASE("what is not an HDF5 file is said to be none", "[hdf5]") {
    const TemporaryDirectory folder;
    replace_file(folder / "empty", "");
    replace_file(folder / "text", "subject\trelation\tobject\n");
    replace_file(folder / "short", "\x89HDF\r\n");
    CHECK_THROWS_WITH(open(folder / "missing"), Contains("No such file"));
    CHECK_THROWS_WITH(open(folder.path()), Contains("directory"));
    CHECK_THROWS_WITH(open("/dev/null"), Contains("not a regular file"));
    CHECK_THROWS_WITH(open(folder / "empty"), Contains("not an HDF5 file"));
    CHECK_THROWS_WITH(open(folder / "text"), Contains("not an HDF5 file"));
    CHECK_THROWS_WITH(open(folder / "short"), Contains("not an HDF5 file"));
}

TEST_CASE("files whose metadata have no checksums are refused with advice", "[hdf5]") {
    const TemporaryDirectory folder;
    { const RawFile file(folder / "old.h5", H5F_LIBVER_EARLIEST); }
    CHECK_THROWS_WITH(open(folder / "old.h5"), Contains("no checksums") && Contains("libver='latest'"));
}

TEST_CASE("other formats and newer versions are told apart", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto with_version = [&](const char* version) {
        return file_with(folder, [=](RawFile& file) { file.text("version", version); });
    };
    CHECK_NOTHROW(open(with_version("1")));
    CHECK_THROWS_WITH(open(with_version("2")), Contains("newer"));
    for (const char* wrong : {"0", "-1", "x", "1x", "99999999999999999999"})
        CHECK_THROWS_WITH(open(with_version(wrong)), Contains("no version"));
    CHECK_THROWS_WITH(open(file_with(folder, [](RawFile& file) { file.text("format", "else"); })),
                      Contains("not a test file") && Contains("'else'"));
    CHECK_THROWS_WITH(open(file_with(folder, [](RawFile& file) { H5Adelete(file, "format"); })), Contains("got none"));
    CHECK_THROWS_WITH(open(file_with(folder, [](RawFile& file) { H5Adelete(file, "version"); })), Contains("none"));
}

TEST_CASE("a version may be an integer", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto path = file_with(folder, [](RawFile& file) {
        H5Adelete(file, "version");
        const Handle space(H5Screate(H5S_SCALAR));
        const int version = 1;
        H5Awrite(Handle(H5Acreate2(file, "version", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT)), H5T_NATIVE_INT,
                 &version);
    });
    CHECK(open(path).version() == 1);
}

TEST_CASE("attributes of another type are refused when they are read", "[hdf5]") {
    const TemporaryDirectory folder;
    const Handle scalar(H5Screate(H5S_SCALAR));
    const Handle variable(H5Tcopy(H5T_C_S1));
    H5Tset_size(variable, H5T_VARIABLE);
    const auto path = file_with(folder, [&](RawFile& file) {
        const char* text = "x";
        H5Awrite(Handle(H5Acreate2(file, "variable", variable, scalar, H5P_DEFAULT, H5P_DEFAULT)), variable, &text);
        const Handle real(H5Acreate2(file, "real", H5T_IEEE_F64LE, scalar, H5P_DEFAULT, H5P_DEFAULT));
        const hsize_t size = 3;
        const Handle array(H5Screate_simple(1, &size, nullptr));
        const Handle numbers(H5Acreate2(file, "array", H5T_STD_I32LE, array, H5P_DEFAULT, H5P_DEFAULT));
    });
    const auto reader = open(path);
    CHECK_THROWS_WITH(reader.attribute("/", "variable"), Contains("fixed length") && Contains("numpy.bytes_"));
    CHECK_THROWS_AS(reader.attribute("/", "real"), Error);
    CHECK_THROWS_AS(reader.attribute("/", "array"), Error);
}

TEST_CASE("types, ranks and values that do not fit are refused", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto path = file_with(folder, [](RawFile& file) {
        file.write("/wide", H5T_STD_I64LE, std::vector<std::int64_t>{1, std::int64_t{1} << 31});
        file.write("/unsigned", H5T_STD_U64LE, std::vector<std::uint64_t>{~std::uint64_t{0}});
        file.write("/negative", H5T_STD_I32LE, std::vector<std::int32_t>{-1});
        file.write("/real", H5T_IEEE_F64LE, std::vector<double>{1e300});
        file.write("/short", H5T_STD_I16LE, std::vector<std::int16_t>{-5});
        file.write("/big-endian", H5T_STD_I32BE, std::vector<std::int32_t>{1});
        file.write("/reference", H5T_STD_REF_OBJ, std::vector<hobj_ref_t>{0});
        file.write("/text", H5T_C_S1, std::vector<char>{'x'});
        const Handle compound(H5Tcreate(H5T_COMPOUND, 4));
        H5Tinsert(compound, "x", 0, H5T_STD_I32LE);
        file.write("/compound", compound, std::vector<std::int32_t>{1});
        const Handle variable(H5Tvlen_create(H5T_STD_I32LE));
        file.dataset("/variable", variable, {1});
        const Handle enumeration(H5Tenum_create(H5T_STD_I8LE));
        const std::int8_t one = 1;
        H5Tenum_insert(enumeration, "one", &one);
        file.dataset("/enumeration", enumeration, {1});
        file.dataset("/cube", H5T_STD_I32LE, {1, 1, 1});
        const Handle scalar(H5Screate(H5S_SCALAR));
        const Handle ds(H5Dcreate2(file, "/scalar", H5T_STD_I32LE, scalar, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        const Handle null(H5Screate(H5S_NULL));
        const Handle dn(H5Dcreate2(file, "/null", H5T_STD_I32LE, null, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        const Handle group(H5Gcreate2(file, "/group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    });
    const auto reader = open(path);
    CHECK(reader.int32s("/short") == std::vector<std::int32_t>{-5});
    CHECK(reader.int64s("/wide").size() == 2);
    CHECK_THROWS_WITH(reader.int32s("/wide"), Contains("fit int32") && Contains("2147483648 at 1"));
    CHECK_THROWS_WITH(reader.int64s("/unsigned"), Contains("fit int64"));
    CHECK_THROWS_WITH(reader.bytes("/negative"), Contains("fit uint8"));
    CHECK_THROWS_WITH(reader.int32s("/real"), Contains("expected integers, got float64"));
    CHECK_THROWS_WITH(reader.doubles("/wide"), Contains("expected floating point numbers"));
    CHECK_THROWS_WITH(reader.matrix("/real"), Contains("dimensions: 2"));
    CHECK_THROWS_WITH(reader.int32s("/group"), Contains("got a group"));
    CHECK_THROWS_WITH(reader.int32s("/none"), Contains("got nothing"));
    for (const char* name : {"/big-endian", "/reference", "/text", "/compound", "/variable", "/enumeration", "/cube",
                             "/scalar", "/null"}) {
        CAPTURE(name);
        CHECK_THROWS_WITH(reader.int32s(name), Contains("this dataset cannot be read"));
    }
}

TEST_CASE("floats that a matrix cannot hold are refused", "[hdf5]") {
    const TemporaryDirectory folder;
    const double huge = 1e300;
    const auto path = file_with(folder, [&](RawFile& file) {
        H5Dwrite(file.dataset("/m", H5T_IEEE_F64LE, {1, 1}), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &huge);
    });
    if constexpr (std::is_same_v<Real, float>) CHECK_THROWS_WITH(open(path).matrix("/m"), Contains("fit float32"));
}

TEST_CASE("offsets that do not cut the values in rows are refused", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto rows = [&](const std::vector<std::int64_t>& offsets) {
        return open(file_with(folder, [&](RawFile& file) {
            file.write("/r/values", H5T_STD_I32LE, std::vector<std::int32_t>{1, 2, 3});
            file.write("/r/bytes", H5T_STD_U8LE, std::vector<std::uint8_t>{1, 2, 3});
            file.write("/r/offsets", H5T_STD_I64LE, offsets);
        }));
    };
    CHECK(rows({0, 1, 1, 3}).ragged("/r").size() == 3);
    const std::vector<std::vector<std::int64_t>> wrong{
        {},      {0},          {1, 3},
        {-1, 3}, {0, 2, 1, 3}, {0, 4, 3},
        {0, 2},  {0, 4},       {0, std::numeric_limits<std::int64_t>::max()}};
    for (const auto& offsets : wrong) {
        CAPTURE(offsets);
        CHECK_THROWS_WITH(rows(offsets).ragged("/r"), Contains("offsets are wrong"));
        CHECK_THROWS_WITH(rows(offsets).strings("/r"), Contains("offsets are wrong"));
    }
}

TEST_CASE("links that lead elsewhere or in circles are refused", "[hdf5]") {
    const TemporaryDirectory folder;
    CHECK_THROWS_WITH(
        open(file_with(
            folder, [](RawFile& file) { H5Lcreate_external("other.h5", "/x", file, "/x", H5P_DEFAULT, H5P_DEFAULT); })),
        Contains("hard links"));
    CHECK_THROWS_WITH(
        open(file_with(folder, [](RawFile& file) { H5Lcreate_soft("/x", file, "/x", H5P_DEFAULT, H5P_DEFAULT); })),
        Contains("hard links"));
    CHECK_THROWS_WITH(open(file_with(folder,
                                     [](RawFile& file) {
                                         H5Lcreate_hard(file, "/", file, "/a", H5P_DEFAULT, H5P_DEFAULT);
                                         H5Lcreate_hard(file, "/", file, "/b", H5P_DEFAULT, H5P_DEFAULT);
                                     })),
                      Contains("circle"));
    CHECK_THROWS_WITH(open(file_with(folder,
                                     [](RawFile& file) {
                                         const Handle type(H5Tcopy(H5T_STD_I32LE));
                                         H5Tcommit2(file, "/t", type, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
                                     })),
                      Contains("another kind"));
}

TEST_CASE("values that lie elsewhere are refused", "[hdf5]") {
    const TemporaryDirectory folder;
    replace_file(folder / "secret", "secrets!");
    const auto external = file_with(folder, [&](RawFile& file) {
        const Handle layout(H5Pcreate(H5P_DATASET_CREATE));
        H5Pset_external(layout, (folder / "secret").c_str(), 0, 8);
        file.dataset("/x", H5T_STD_I32LE, {2}, layout);
    });
    CHECK_THROWS_WITH(open(external).int32s("/x"), Contains("external files"));
    const auto virtual_one = file_with(folder, [&](RawFile& file) {
        const Handle layout(H5Pcreate(H5P_DATASET_CREATE));
        const hsize_t two = 2;
        const Handle space(H5Screate_simple(1, &two, nullptr));
        H5Pset_virtual(layout, space, (folder / "other.h5").c_str(), "/x", space);
        file.dataset("/x", H5T_STD_I32LE, {2}, layout);
    });
    CHECK_THROWS_WITH(open(virtual_one).int32s("/x"), Contains("virtual"));
}

TEST_CASE("sizes that the file cannot hold are refused before memory is asked for", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto open_with = [&](const std::vector<hsize_t>& shape, hid_t layout) {
        return open(file_with(folder, [&](RawFile& file) { file.dataset("/x", H5T_STD_I32LE, shape, layout); }));
    };
    const hsize_t tera = hsize_t{1} << 40;
    CHECK_THROWS_WITH(open_with({tera}, chunked({1024})).int32s("/x"), Contains("its bytes can hold"));
    CHECK_THROWS_WITH(open_with({tera, tera}, chunked({16, 16})).matrix("/x"), Contains("2^60"));
    CHECK_THROWS_WITH(open_with({10'000'000}, H5P_DEFAULT).int32s("/x"), Contains("its bytes can hold"));
    CHECK_THROWS_WITH(open_with({10'000'000}, chunked({1024})).int32s("/x"), Contains("its bytes can hold"));
    const Handle deflated = chunked({1024});
    H5Pset_deflate(deflated, 1);
    CHECK_THROWS_WITH(open_with({10'000'000}, deflated).int32s("/x"), Contains("its bytes can hold"));
    CHECK_THROWS_WITH(open_with({hsize_t{1} << 25}, chunked({hsize_t{1} << 25})).int32s("/x"), Contains("64 MiB"));
}

TEST_CASE("filters other than shuffle, deflate and fletcher32 are refused", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto path = file_with(folder, [](RawFile& file) {
        const Handle layout = chunked({4});
        H5Pset_scaleoffset(layout, H5Z_SO_INT, 0);
        const std::vector<std::int32_t> values{1, 2, 3, 4};
        H5Dwrite(file.dataset("/x", H5T_STD_I32LE, {4}, layout), H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT,
                 values.data());
    });
    CHECK_THROWS_WITH(open(path).int32s("/x"), Contains("filter 6"));
}

TEST_CASE("every order of the known filters is undone", "[hdf5]") {
    const TemporaryDirectory folder;
    std::vector<int> order{0, 1, 2};
    const hsize_t rows = 77, cols = 31;
    std::vector<float> values(rows * cols);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 5);
    do {
        const auto path = file_with(folder, [&](RawFile& file) {
            const Handle layout = chunked({10, 7});
            for (const int filter : order) {
                if (filter == 0) H5Pset_shuffle(layout);
                if (filter == 1) H5Pset_deflate(layout, 6);
                if (filter == 2) H5Pset_fletcher32(layout);
            }
            H5Dwrite(file.dataset("/x", H5T_IEEE_F32LE, {rows, cols}, layout), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL,
                     H5P_DEFAULT, values.data());
        });
        const Matrix matrix = open(path).matrix("/x");
        CHECK(std::equal(values.begin(), values.end(), matrix.data()));
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("chunks that do not inflate to their size are refused", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto read_chunk_of = [&](std::size_t size) {
        std::vector<unsigned char> stored(compressBound(size));
        uLongf stored_size = stored.size();
        compress(stored.data(), &stored_size, std::vector<unsigned char>(size).data(), size);
        const auto path = file_with(folder, [&](RawFile& file) {
            const Handle layout = chunked({1024});
            H5Pset_deflate(layout, 1);
            const Handle dataset = file.dataset("/x", H5T_STD_I32LE, {1024}, layout);
            const hsize_t at = 0;
            H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, &at, stored_size, stored.data());
        });
        return open(path).int32s("/x").size();
    };
    CHECK(read_chunk_of(4096) == 1024);
    CHECK_THROWS_WITH(read_chunk_of(4092), Contains("wrong size"));
    CHECK_THROWS_WITH(read_chunk_of(4100), Contains("wrong size"));
    CHECK_THROWS_WITH(read_chunk_of(1'000'000), Contains("inflates to more"));
}

TEST_CASE("a chunk that was never written is refused", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto path = file_with(folder, [&](RawFile& file) {
        const Handle layout = chunked({1024});
        H5Pset_deflate(layout, 1);
        const Handle dataset = file.dataset("/x", H5T_STD_I32LE, {2048}, layout);
        const std::vector<std::int32_t> values(1024);
        const hsize_t first = 0, count = 1024;
        const Handle memory(H5Screate_simple(1, &count, nullptr));
        const Handle part(H5Dget_space(dataset));
        H5Sselect_hyperslab(part, H5S_SELECT_SET, &first, nullptr, &count, nullptr);
        H5Dwrite(dataset, H5T_NATIVE_INT32, memory, part, H5P_DEFAULT, values.data());
    });
    CHECK_THROWS_AS(open(path).int32s("/x"), Error);
}

TEST_CASE("a file that was changed under its hash is refused", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto changed = [&](auto change) {
        hdf5::Writer writer("test", 1);
        writer.attribute("/", "title", "a title");
        writer.write("/x", std::span<const std::int32_t>(std::vector<std::int32_t>{1, 2}), hdf5::Layout::mapped);
        writer.save(folder / "x.h5");
        const Handle file(H5Fopen((folder / "x.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
        change(file);
        return folder / "x.h5";
    };
    CHECK_NOTHROW(open(changed([](hid_t) {})).int32s("/x"));
    CHECK_THROWS_WITH(open(changed([](hid_t file) { H5Adelete(file, "title"); })), Contains("match their hash"));
    CHECK_THROWS_WITH(open(changed([](hid_t file) { H5Ldelete(file, "/x", H5P_DEFAULT); })),
                      Contains("match their hash"));
    CHECK_THROWS_WITH(open(changed([](hid_t file) { H5Lmove(file, "/x", file, "/y", H5P_DEFAULT, H5P_DEFAULT); })),
                      Contains("match their hash"));
    CHECK_THROWS_WITH(open(changed([](hid_t file) { H5Adelete(Handle(H5Oopen(file, "/x", H5P_DEFAULT)), "xxh3"); })),
                      Contains("match their hash"));
    const auto revalued = [](hid_t file) {
        const std::int32_t values[] = {1, 3};
        H5Dwrite(Handle(H5Dopen2(file, "/x", H5P_DEFAULT)), H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    };
    CHECK_THROWS_WITH(open(changed(revalued)).int32s("/x"), Contains("match their hash"));
    // Without hashes there is nothing to match.
    CHECK(open(changed([&](hid_t file) {
              revalued(file);
              H5Adelete(file, "hash");
              H5Adelete(Handle(H5Oopen(file, "/x", H5P_DEFAULT)), "xxh3");
          })).int32s("/x")[1] == 3);
}

TEST_CASE("groups and attributes that lie in heaps and trees are read, and damage there is an Error", "[hdf5]") {
    const TemporaryDirectory folder;
    const std::string whole = read_file(file_with(folder, [](RawFile& file) {
        const Handle layout = chunked({3});
        H5Pset_fletcher32(layout);
        for (int i = 0; i < 12; ++i)
            H5Dwrite(file.dataset(("/many/x" + std::to_string(i)).c_str(), H5T_STD_I32LE, {3}, layout),
                     H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, three.data());
        for (char name = 'a'; name < 'm'; ++name) file.text(std::string(1, name).c_str(), "text");
    }));
    REQUIRE(whole.find("FRHP") != std::string::npos);
    CHECK(contents_of(whole).find("x11 1 2 3\n") != std::string::npos);
    CHECK(refused_flips(whole) > 1000);
}

TEST_CASE("many datasets and attributes are written without heaps and trees", "[hdf5]") {
    const TemporaryDirectory folder;
    hdf5::Writer writer("test", 1);
    for (int i = 0; i < 12; ++i) writer.write("/many/x" + std::to_string(i), std::span(three));
    for (char name = 'a'; name < 'm'; ++name) writer.attribute("/", std::string(1, name), "text");
    writer.save(folder / "x.h5");
    const std::string whole = read_file(folder / "x.h5");
    for (const char* structure : {"FRHP", "FHDB", "BTHD", "BTLF"}) CHECK(whole.find(structure) == std::string::npos);
    CHECK(contents_of(whole).find("x11 1 2 3\n") != std::string::npos);
    CHECK(refused_flips(whole) > 1000);
}

TEST_CASE("what all datasets of a file hold is counted, conversions too, before memory is asked for", "[hdf5]") {
    const TemporaryDirectory folder;
    const auto path = file_with(folder, [](RawFile& file) {
        const Handle layout = chunked({1 << 20});
        H5Pset_deflate(layout, 9);
        const std::vector<std::int8_t> zeros(1 << 20);
        for (const char* name : {"/x", "/y"})
            H5Dwrite(file.dataset(name, H5T_STD_I8LE, {zeros.size()}, layout), H5T_STD_I8LE, H5S_ALL, H5S_ALL,
                     H5P_DEFAULT, zeros.data());
    });
    REQUIRE(std::filesystem::file_size(path) < 10'000);
    constexpr std::size_t each = std::size_t{1 + 4} << 20;  // as it is stored, and as int32
    const hdf5::Reader roomy(path, "test", 1, 2 * each), tight(path, "test", 1, 2 * each - 1);
    CHECK(roomy.int32s("/x").size() == 1 << 20);
    CHECK(roomy.int32s("/y").size() == 1 << 20);
    CHECK(tight.int32s("/x").size() == 1 << 20);
    CHECK_THROWS_WITH(tight.int32s("/y"), Contains("more memory") && Contains("at most 10485759 bytes") &&
                                              Contains("6291456 so far, and 4194304 more") && Contains("/y"));
    CHECK_THROWS_WITH(hdf5::Reader(path, "test", 1, 1000).int32s("/x"), Contains("0 so far, and 1048576 more"));
}
