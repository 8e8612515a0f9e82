#include "kvmem/io/vectors.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/hdf5.hpp"
#include "random.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cmath>
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
    for (const char* header : {"{'descr': '<U1', 'fortran_order': False, 'shape': (2, 3), }",
                               "{'descr': '<f16', 'fortran_order': False, 'shape': (2, 3), }",
                               "{'descr': 'f4', 'fortran_order': False, 'shape': (2, 3), }",
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
    refused("a.txt", "1 3\nb 3 4\n");
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

TEST_CASE("a heading of word2vec and fastText is no row", "[vectors]") {
    const auto names = [](const std::string& text, Index rows, Index cols) {
        const VectorFile file = parse_vectors(text, "x");
        CHECK(file.vectors.rows() == rows);
        CHECK(file.vectors.cols() == cols);
        return file.names;
    };
    CHECK(names("3 2\nking 1 2 \nqueen 3 4\n7 5 6\n", 3, 2) == std::vector<std::string>{"king", "queen", "7"});
    CHECK(names("9 2\n1984 1 2\nqueen 3 4\n", 2, 2) == std::vector<std::string>{"1984", "queen"});
    CHECK(names("1 2\na b\t1 2\n", 1, 2) == std::vector<std::string>{"a b"});
    CHECK(names("3 4\n5 6\n", 2, 2).empty());
    CHECK(names("3 1\n5 6\n", 2, 2).empty());
    CHECK_THROWS_AS(parse_vectors("3 4\nking 1 2\n", "x"), Error);
    CHECK_THROWS_AS(parse_vectors("2 2\nking 1 2\nqueen 3\n", "x"), Error);
}

TEST_CASE("a name of several words ends where a row's numbers begin", "[vectors]") {
    const VectorFile file = parse_vectors("the 1 2\n. . . 3 4\nat name@domain.com 5 6\n", "glove.txt");
    CHECK(file.names == std::vector<std::string>{"the", ". . .", "at name@domain.com"});
    CHECK(file.vectors(2, 1) == 6);
    CHECK_THROWS_AS(parse_vectors("the 1 2\nking 3 4 5\n", "x"), Error);
}

TEST_CASE("arrays of NumPy are read in every order and type of numbers", "[vectors]") {
    const TemporaryDirectory directory;
    const auto read = [&](const std::string& descr, bool by_columns, const std::string& data) {
        const std::string order = by_columns ? "True" : "False";
        return read_vectors(directory.write(
            "a.npy", npy("{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': (2, 3), }\n", data)));
    };
    const auto check = [](const VectorFile& file, std::vector<float> numbers) {
        REQUIRE(file.vectors.rows() == 2);
        REQUIRE(file.vectors.cols() == 3);
        CHECK(std::equal(numbers.begin(), numbers.end(), file.vectors.data()));
    };
    check(read("<f4", true, bytes_of(std::vector<float>{1, 4, 2, 5, 3, 6})), {1, 2, 3, 4, 5, 6});
    check(read("<f2", false, bytes_of(std::vector<std::uint16_t>{0x3c00, 0xc100, 1, 0x7bff, 0x8000, 0x3555})),
          {1, -2.5f, std::ldexp(1.0f, -24), 65504, 0, 0.333251953125f});
    check(read("|i1", false, bytes_of(std::vector<std::int8_t>{1, -2, 3, 4, 5, 6})), {1, -2, 3, 4, 5, 6});
    check(read("|b1", false, bytes_of(std::vector<std::int8_t>{1, 0, 1, 1, 0, 0})), {1, 0, 1, 1, 0, 0});
    check(read("<u2", false, bytes_of(std::vector<std::uint16_t>{65535, 0, 1, 1, 0, 0})), {65535, 0, 1, 1, 0, 0});
    check(read("<i8", false, bytes_of(std::vector<std::int64_t>{-1, 0, 1, 1, 0, 9})), {-1, 0, 1, 1, 0, 9});
    check(read(">i2", false, std::string("\0\1\1\0\xff\xfe\0\0\0\0\0\7", 12)), {1, 256, -2, 0, 0, 7});
    CHECK_THROWS_WITH(read("<c8", false, std::string(48, 'x')), Catch::Contains("got '<c8'"));
    CHECK_THROWS_WITH(read("<f2", false, std::string(11, 'x')), Catch::Contains("fewer"));
}

// A member of a zip file that is stored, and its entry in the directory.
static std::string zip_of(const std::vector<std::pair<std::string, std::string>>& members) {
    const auto number = [](std::size_t x, int bytes) {
        std::string text;
        for (int i = 0; i < bytes; ++i) text += static_cast<char>(x >> 8 * i & 255);
        return text;
    };
    std::string zip, directory;
    for (const auto& [name, data] : members) {
        const std::string sizes = number(data.size(), 4) + number(data.size(), 4) + number(name.size(), 2);
        directory += "PK\1\2" + std::string(16, '\0') + sizes + std::string(12, '\0') + number(zip.size(), 4) + name;
        zip += "PK\3\4" + std::string(14, '\0') + sizes + std::string(2, '\0') + name + data;
    }
    const std::size_t at = zip.size();
    return zip + directory + "PK\5\6" + std::string(4, '\0') + number(members.size(), 2) + number(members.size(), 2) +
           number(directory.size(), 4) + number(at, 4) + std::string(2, '\0');
}

TEST_CASE("an array of a npz file is read by its name, and a cut file is refused", "[vectors]") {
    const TemporaryDirectory directory;
    const std::string array = npy(good_header, bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6}));
    const std::string other = npy(good_header, bytes_of(std::vector<float>{9, 2, 3, 4, 5, 6}));
    const std::string both = zip_of({{"train.npy", array}, {"arr_0.npy", other}});
    CHECK(read_vectors(directory.write("a.npz", both), "arr_0").vectors(0, 0) == 9);
    CHECK(read_vectors(directory.write("b.npz", zip_of({{"x.npy", other}}))).vectors(0, 0) == 9);
    CHECK_THROWS_WITH(read_vectors(directory.path() / "a.npz", "test"), Catch::Contains("one of train, arr_0"));
    for (std::size_t size = 0; size < both.size(); size += 7)
        CHECK_THROWS_AS(read_vectors(directory.write("c.npz", both.substr(0, size))), Error);
    for (std::size_t at = 0; at < both.size(); ++at) {
        std::string changed = both;
        changed[at] = static_cast<char>(changed[at] ^ 0x55);
        try {
            read_vectors(directory.write("d.npz", changed));
        } catch (const Error&) {
        }
    }
}

TEST_CASE("vectors in gzip are read, in several members too, and a damaged file is refused", "[vectors]") {
    const TemporaryDirectory directory;
    const std::string member("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);
    // A stored block of four bytes, then its checksum and size.
    const auto gzip = [&](const std::string& text, const std::string& checksum) {
        return member + std::string("\x01\x04\x00\xfb\xff", 5) + text + checksum + std::string("\4\0\0\0", 4);
    };
    const std::string bytes = gzip("1 2\n", "\x57\xbb\x3b\x5c") + gzip("3 4\n", "\x5a\xd4\x68\xa0");
    const VectorFile file = read_vectors(directory.write("a.txt.gz", bytes));
    CHECK(file.vectors.rows() == 2);
    CHECK(file.vectors(1, 1) == 4);
    for (std::size_t cut : {1u, 5u, 12u, 30u})
        CHECK_THROWS_WITH(read_vectors(directory.write("b.gz", bytes.substr(0, bytes.size() - cut))),
                          Catch::Contains("do not inflate"));
}
