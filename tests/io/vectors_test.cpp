#include "kvmem/io/vectors.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/hdf5.hpp"
#include "random.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <limits>

using namespace kvmem;
using namespace kvmem::test;

namespace {

template <class T>
std::string bytes_of(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

std::string npy(const std::string& header, const std::string& data) {
    std::string bytes = "\x93NUMPY";
    bytes += std::string("\x01\x00", 2);
    bytes += static_cast<char>(header.size() & 255), bytes += static_cast<char>(header.size() >> 8);
    return bytes + header + data;
}

const std::string good_header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";

}  // namespace

TEST_CASE("vectors are read from NumPy, fvecs, HDF5 and text", "[vectors]") {
    const TemporaryDirectory directory;
    const std::vector<float> numbers{1, 2, 3, -4, 5.5f, 6};
    const auto check = [&](const VectorFile& file) {
        REQUIRE(file.vectors.rows() == 2);
        REQUIRE(file.vectors.cols() == 3);
        CHECK(std::equal(numbers.begin(), numbers.end(), file.vectors.data()));
    };
    check(read_vectors(directory.write("a.npy", npy(good_header, bytes_of(numbers)))));
    const std::vector<double> doubles(numbers.begin(), numbers.end());
    check(read_vectors(directory.write(
        "b.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n", bytes_of(doubles)))));
    const std::string width = bytes_of(std::vector<std::int32_t>{3});
    check(read_vectors(directory.write(
        "c.fvecs", width + bytes_of(std::vector<float>{1, 2, 3}) + width + bytes_of(std::vector<float>{-4, 5.5f, 6}))));
    check(read_vectors(directory.write("d.txt", "1 2 3\r\n\n-4\t5.5  6")));
    hdf5::Writer writer("anything", 7);
    Matrix m(2, 3);
    std::copy(numbers.begin(), numbers.end(), m.data());
    writer.write("/some/where", m);
    writer.save(directory.path() / "e.h5");
    check(read_vectors(directory.path() / "e.h5", "some/where"));
    const VectorFile named = read_vectors(directory.write("f.tsv", "new york\t1 2 3\nrome -4 5.5 6\n"));
    check(named);
    CHECK(named.names == std::vector<std::string>{"new york", "rome"});
    CHECK(parse_vectors("", "nothing").vectors.rows() == 0);
}

TEST_CASE("words that look like numbers are names where lines have names", "[vectors]") {
    const VectorFile words = parse_vectors("the 1 2\n1984 3 4\nnan 5 6\n-1e5 7 8\n7 up\t9 10\n", "words");
    CHECK(words.names == std::vector<std::string>{"the", "1984", "nan", "-1e5", "7 up"});
    CHECK(words.vectors.cols() == 2);
    CHECK(words.vectors(1, 0) == 3);
    CHECK(parse_vectors("7 up\t9 10\n1\t2 3\n", "tabs").names == std::vector<std::string>{"7 up", "1"});
    const VectorFile numbers = parse_vectors("1984\t3 4\n1 2\t3\n", "numbers");
    CHECK(numbers.names.empty());
    CHECK(numbers.vectors.cols() == 3);
}

TEST_CASE("numbers are read as they are written by any program", "[vectors]") {
    const Matrix m =
        parse_vectors("+1 -0.5 .5 5. 1e-50 -1e-400 1E+2 +2.5e-1 1e-40 3.40282347e+38\n", "numbers").vectors;
    const std::vector<float> right{1, -0.5f, 0.5f, 5, 0, 0, 100, 0.25f, 1e-40f, 3.40282347e+38f};
    REQUIRE(m.cols() == 10);
    for (Index j = 0; j < 10; ++j) CHECK(m(0, j) == right[static_cast<std::size_t>(j)]);
}

TEST_CASE("vectors that are not there, or not all there, are refused", "[vectors]") {
    const TemporaryDirectory directory;
    const auto refused = [&](const std::string& name, const std::string& bytes) {
        CAPTURE(name, bytes);
        const auto path = directory.write(name, bytes);
        CHECK_THROWS_AS(read_vectors(path), Error);
    };
    const std::string data = bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6});
    const std::string whole = npy(good_header, data);
    for (std::size_t size = 0; size < whole.size(); ++size) refused("a.npy", whole.substr(0, size));
    for (const char* header : {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }",
                               "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }",
                               "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
                               "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }",
                               "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 1), }",
                               "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3), }",
                               "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }",
                               "{'descr': '<f4', 'fortran_order': False, 'shape': (", "{'descr'", ""})
        refused("a.npy", npy(header, data));
    refused("a.npy", whole + "x");
    refused("a.npy", whole + data);
    for (const char* shape :
         {"(9223372036854775807, 0)", "(2, 0)", "(9223372036854775808, 0)", "(0, -1)", "(-1, 0)",
          "(4294967296, 4294967296)", "(9223372036854775807, 9223372036854775807)", "()", "(0,)", "(0, 0, 0)"})
        refused("a.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': " + std::string(shape) + ", }", ""));
    for (const char* version : {"\0", "\4", "\xff"}) refused("a.npy", whole.substr(0, 6) + *version + whole.substr(7));
    hdf5::Writer widthless("anything", 1);
    widthless.write("/train", Matrix(std::int64_t{1} << 40, 0));
    widthless.save(directory.path() / "widthless.h5");
    CHECK_THROWS_AS(read_vectors(directory.path() / "widthless.h5"), Error);
    refused("a.fvecs", bytes_of(std::vector<std::int32_t>{0}));
    refused("a.fvecs", bytes_of(std::vector<std::int32_t>{0, 0}));
    refused("a.fvecs", bytes_of(std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::max(), 0}));
    refused("a.fvecs", bytes_of(std::vector<std::int32_t>{std::numeric_limits<std::int32_t>::min(), 0}));
    refused("a.fvecs", bytes_of(std::vector<std::int32_t>{-1, 0}));
    refused("a.fvecs", bytes_of(std::vector<std::int32_t>{1, 0, 2, 0}));
    refused("a.fvecs", "abc");
    refused("a.h5", "abc");
    refused("a.txt", "1 2\n3\n");
    refused("a.txt", "1 2\n3 x\n");
    refused("a.txt", "a 1 2\n3 4\n");
    refused("a.txt", "1 2\nb 3 4\n");
    refused("a.txt", "name\n");
    refused("a.txt", "a 1 2\n\t3 4\n");
    for (const char* number : {"nan", "-NAN", "inf", "-infinity", "1e39", "-1e400", "1e5000", "0x10", "1,5", "+-1",
                               "--1", "+", "1e", "1.2.3"}) {
        refused("a.txt", "1 " + std::string(number) + "\n");
        refused("a.txt", "name 1 " + std::string(number) + "\n");
    }
    CHECK_THROWS_WITH(parse_vectors("nan 1\n2 3\n", "v.txt"), Catch::Contains("v.txt:1") && Catch::Contains("finite"));
    CHECK_THROWS_WITH(parse_vectors("1984 1 2\nthe 3 4\n", "v.txt"),
                      Catch::Contains("v.txt:2") && Catch::Contains("names"));
    CHECK_THROWS_AS(read_vectors(directory.path() / "none.npy"), Error);
}

TEST_CASE("text vectors have any line ends and may begin with a byte order mark", "[vectors]") {
    for (const char* text : {"1 2\n3 4\n", "1 2\r\n3 4\r\n", "1 2\r3 4\r", "\ufeff1 2\n3 4\n"}) {
        const VectorFile file = parse_vectors(text, "v.txt");
        CHECK(file.names.empty());
        REQUIRE((file.vectors.rows() == 2 && file.vectors.cols() == 2));
        CHECK((file.vectors(0, 0) == 1 && file.vectors(1, 1) == 4));
    }
    CHECK(parse_vectors("\ufeffking 1 2\rqueen 3 4\r", "v.txt").names == std::vector<std::string>{"king", "queen"});
    CHECK_THROWS_WITH(parse_vectors("1 2\r3\r", "v.txt"), Catch::Contains("v.txt:2"));
    CHECK_THROWS_WITH(parse_vectors(std::string_view("\xff\xfe\x31\x00", 4), "v.txt"), Catch::Contains("UTF-16"));
}
