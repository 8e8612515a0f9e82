// HDF5 files in layouts that only the HDF5 library reads, which the program does in a process of its own.
#include "io/hdf5/handle.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/io/vectors.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "support/program_fixture.hpp"

#include <cstdlib>

using namespace kvmem;
using namespace kvmem::test;
using hdf5::Handle;

namespace {

// A file as ann-benchmarks and h5py write it: superblock 0, and a dataset of doubles in chunks that can grow.
void write_foreign_vectors(const std::string& path, const std::vector<double>& values, hsize_t cols) {
    const hdf5::Lock lock;
    const Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const hsize_t shape[] = {values.size() / cols, cols}, max[] = {H5S_UNLIMITED, cols}, chunk[] = {7, cols};
    const Handle layout(H5Pcreate(H5P_DATASET_CREATE)), space(H5Screate_simple(2, shape, max));
    H5Pset_chunk(layout, 2, chunk);
    H5Pset_shuffle(layout);
    H5Pset_deflate(layout, 6);
    const Handle dataset(H5Dcreate2(file, "train", H5T_IEEE_F64LE, space, H5P_DEFAULT, layout, H5P_DEFAULT));
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    for (int i = 0; i < 20; ++i)
        H5Gclose(H5Gcreate2(file, ("group" + std::to_string(i)).c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}

std::vector<double> some_numbers(std::size_t count) {
    std::vector<double> numbers(count);
    Rng rng(3);
    for (double& x : numbers) x = rng.uniform();
    return numbers;
}

// A copy of a file by the HDF5 library with superblock 0.
void copy_as_old(const std::string& from, const std::string& to) {
    const hdf5::Lock lock;
    const Handle source(H5Fopen(from.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    const Handle target(H5Fcreate(to.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const Handle texts(H5Tcopy(H5T_C_S1)), scalar(H5Screate(H5S_SCALAR));
    H5Tset_size(texts, H5T_VARIABLE);
    for (const auto& [name, text] : {std::pair{"format", "kvmem-qa"}, {"version", "1"}})
        H5Awrite(Handle(H5Acreate2(target, name, texts, scalar, H5P_DEFAULT, H5P_DEFAULT)), texts, &text);
    for (const char* object : {"vocab", "memory", "candidates", "splits"})
        H5Ocopy(source, object, target, object, H5P_DEFAULT, H5P_DEFAULT);
}

std::size_t files_in(const TemporaryDirectory& directory) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(directory.path()), {}));
}

}  // namespace

TEST_CASE("a store is made of vectors in any layout of HDF5", "[program][hdf5]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string source = f.path("ann.hdf5"), store = f.path("ann.store.h5");
    const std::vector<double> numbers = some_numbers(100 * 5);
    write_foreign_vectors(source, numbers, 5);
    CHECK_THROWS_AS(read_vectors(source), hdf5::ForeignLayout);
    const Output made = kvmem_program({"index", source, "-o", store, "--values", source});
    INFO(made.err);
    REQUIRE(made.code == 0);
    const Matrix keys = read_vectors(store, "keys").vectors;
    REQUIRE(keys.size() == 500);
    for (Index i = 0; i < keys.size(); ++i)
        CHECK(keys.data()[i] == static_cast<Real>(numbers[static_cast<std::size_t>(i)]));
    const Output none = kvmem_program({"index", source, "-o", f.path("none.h5"), "--dataset", "test"});
    CHECK(none.code == 1);
    CHECK(none.errors().size() == 1);
    CHECK_THAT(none.err, Catch::Contains("a dataset test"));
}

TEST_CASE("a damaged file of another layout is one line, and nothing half-made stays", "[program][hdf5]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string source = f.path("ann.hdf5");
    write_foreign_vectors(source, some_numbers(50 * 5), 5);
    const std::string whole = read_file(source);
    const std::size_t before = files_in(f.directory);
    Rng rng(1);
    int refused = 0;
    const char* wanted = std::getenv("KVMEM_FOREIGN_FILES");
    const int files = wanted != nullptr ? std::atoi(wanted) : 60;
    for (int i = 0; i < files; ++i) {
        std::string damaged = whole;
        for (int j = 0; j < 1 + i % 8; ++j) {
            const auto at = 9 + static_cast<std::size_t>(rng.below(std::ssize(whole) - 9));
            damaged[at] = static_cast<char>(rng.below(256));
        }
        replace_file(source, damaged);
        const Output made = kvmem_program({"index", source, "-o", f.path("s.h5")});
        CAPTURE(i, made.err);
        REQUIRE((made.code == 0 || made.code == 1));
        refused += made.code;
        if (made.code == 0) {
            for (const char* ending : {"", ".log"}) std::filesystem::remove(f.path("s.h5") + ending);
        } else {
            CHECK(made.errors().size() == 1);
        }
        REQUIRE(files_in(f.directory) == before);
    }
    CHECK(refused > files / 6);
}

TEST_CASE("a small file that claims rows that nobody wrote makes no large store", "[program][hdf5]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    write_foreign_vectors(f.path("x.h5"), some_numbers(40 * 3), 3);
    const auto grow = [&](hsize_t rows) {
        const hdf5::Lock lock;
        const Handle file(H5Fopen(f.path("x.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT));
        const hsize_t shape[] = {rows, 3};
        H5Dset_extent(Handle(H5Dopen2(file, "train", H5P_DEFAULT)), shape);
    };
    grow(60);
    CHECK(kvmem_program({"index", f.path("x.h5"), "-o", f.path("some.store")}).code == 0);
    grow(1'000'000'000);
    const std::size_t before = files_in(f.directory);
    check_refused(kvmem_program({"index", f.path("x.h5"), "-o", f.path("all.store")}));
    CHECK(files_in(f.directory) == before);
}

TEST_CASE("a dataset that was never written is refused in any layout", "[program][hdf5]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    for (const H5D_layout_t kind : {H5D_CONTIGUOUS, H5D_CHUNKED}) {
        {
            const hdf5::Lock lock;
            const Handle file(H5Fcreate(f.path("x.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
            const Handle layout(H5Pcreate(H5P_DATASET_CREATE));
            const hsize_t shape[] = {1'000'000'000, 3}, chunk[] = {1000, 3};
            H5Pset_layout(layout, kind);
            if (kind == H5D_CHUNKED) H5Pset_chunk(layout, 2, chunk);
            const Handle space(H5Screate_simple(2, shape, nullptr));
            const Handle dataset(H5Dcreate2(file, "train", H5T_IEEE_F64LE, space, H5P_DEFAULT, layout, H5P_DEFAULT));
        }
        const Output made = kvmem_program({"index", f.path("x.h5"), "-o", f.path("x.store")});
        CHECK(made.code == 1);
        CHECK_THAT(made.err, Catch::Contains("expected a dataset that was written"));
        CHECK_FALSE(f.exists("x.store"));
    }
}

TEST_CASE("a data set of another layout is refused with the command that writes it anew", "[program][hdf5]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import();
    const std::string old = f.path("old.h5"), anew = f.path("anew.h5");
    copy_as_old(f.data, old);
    const Output refused = kvmem_program({"inspect", old});
    CHECK(refused.code == 1);
    CHECK_THAT(refused.err, Catch::Contains("kvmem import hdf5 FILE -o NEW"));
    const Output written = kvmem_program({"import", "hdf5", old, "-o", anew});
    INFO(written.err);
    REQUIRE(written.code == 0);
    const QaDataset expected = load_dataset(f.data), found = load_dataset(anew);
    CHECK(found.memory.key == expected.memory.key);
    CHECK(found.candidates == expected.candidates);
    CHECK(found.splits.at("train").question == expected.splits.at("train").question);
    CHECK(kvmem_program({"import", "hdf5", old, "-o", anew}).code == 1);  // it is there already
    write_foreign_vectors(f.path("ann.h5"), some_numbers(10), 5);
    CHECK_THAT(kvmem_program({"import", "hdf5", f.path("ann.h5"), "-o", f.path("x.h5")}).err,
               Catch::Contains("no file of a kvmem format"));
}

TEST_CASE("values in other files are not read", "[program][hdf5]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string secret = f.write("secret", std::string(80, 'x')), source = f.path("x.h5");
    write_foreign_vectors(f.path("other.h5"), some_numbers(10), 5);
    {
        const hdf5::Lock lock;
        const Handle file(H5Fcreate(source.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
        const Handle layout(H5Pcreate(H5P_DATASET_CREATE));
        const hsize_t shape[] = {2, 5};
        H5Pset_external(layout, secret.c_str(), 0, 80);
        const Handle space(H5Screate_simple(2, shape, nullptr));
        const Handle dataset(H5Dcreate2(file, "train", H5T_IEEE_F64LE, space, H5P_DEFAULT, layout, H5P_DEFAULT));
        H5Lcreate_external(f.path("other.h5").c_str(), "/train", file, "linked", H5P_DEFAULT, H5P_DEFAULT);
    }
    CHECK_THAT(kvmem_program({"index", source, "-o", f.path("s.h5")}).err, Catch::Contains("in other files"));
    CHECK(kvmem_program({"index", source, "-o", f.path("s.h5"), "--dataset", "linked"}).code == 1);
}
