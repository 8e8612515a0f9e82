#include "kvmem/io/word_vectors.hpp"

#include "core/memory.hpp"
#include "io/word_vectors_group.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/hdf5.hpp"
#include "random.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <utility>

using namespace kvmem;
using namespace kvmem::test;

namespace {

template <class T>
std::string bytes_of(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

std::string npy(const std::string& type, const std::string& shape, const std::string& data) {
    const std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + data;
}

WordVectors some_vectors() {
    return {{"the", "Paris", "director", "directed", "films"}, matrix_of({{0, 1}, {2, 3}, {4, 0}, {6, 0}, {0, 8}})};
}

std::vector<Real> estimate(const WordVectors& vectors, std::string_view text) {
    std::vector<Real> out(static_cast<std::size_t>(vectors.width()));
    return vectors.estimate(text, out) ? out : std::vector<Real>();
}

}  // namespace

TEST_CASE("word vectors are read from text, word2vec's binary format, NumPy and our own file", "[word_vectors]") {
    const TemporaryDirectory directory;
    const auto check = [&](const std::filesystem::path& path) {
        CAPTURE(path);
        const WordVectors all = read_word_vectors(path);
        CHECK(all.words() == std::vector<std::string>{"king", "queen"});
        CHECK(same_bits(all.matrix(), matrix_of({{1, 2}, {-3, 0.5}})));
        const WordVectors first = read_word_vectors(path, {.max_words = 1});
        CHECK(first.words() == std::vector<std::string>{"king"});
        const WordVectors some = read_word_vectors(path, {.keep = [](auto word) { return word == "queen"; }});
        CHECK(some.words() == std::vector<std::string>{"queen"});
        CHECK(some.find("queen")[0] == -3);
        const WordVectors none = read_word_vectors(path, {.keep = [](auto) { return false; }});
        CHECK(none.empty());
    };
    check(directory.write("glove.txt", "king 1 2\nqueen -3 0.5\n"));
    check(directory.write("fast.vec", "2 2\nking 1 2 \nqueen -3 0.5 \n"));
    const std::vector<float> king{1, 2}, queen{-3, 0.5f};
    check(directory.write("a.bin", "2 2\nking " + bytes_of(king) + "\nqueen " + bytes_of(queen) + "\n"));
    check(directory.write("b.bin", "2 2\nking " + bytes_of(king) + "queen " + bytes_of(queen)));
    const std::string halves = bytes_of(std::vector<std::uint16_t>{0x3c00, 0x4000, 0xc200, 0x3800});
    directory.write("words.txt", "king\nqueen\n");
    check(directory.write("c.f16.npy", npy("<f2", "(2, 2)", halves)));
    directory.write("d.txt", "queen\nking\n");
    const auto named = directory.write("d.npy", npy("<f2", "(2, 2)", halves));
    CHECK(read_word_vectors(named).words().front() == "queen");
    CHECK(read_word_vectors(named, {.words = directory.path() / "words.txt"}).words().front() == "king");
    const auto own = directory.path() / "own.h5";
    write_word_vectors(own, read_word_vectors(directory.path() / "glove.txt"));
    check(own);
}

TEST_CASE("a word is found by its spelling, otherwise by its lower case", "[word_vectors]") {
    const WordVectors vectors({"paris", "Paris", "US", "Us", "Éire", "paris"},
                              matrix_of({{1}, {2}, {3}, {4}, {5}, {6}}));
    CHECK(vectors.row("paris") == 0);
    CHECK(vectors.row("Paris") == 1);
    CHECK(vectors.row("PARIS") == 0);
    CHECK(vectors.row("us") == 2);
    CHECK(vectors.row("éire") == 4);
    CHECK_FALSE(vectors.row("").has_value());
    CHECK(vectors.find("rome").empty());
    CHECK(WordVectors().find("paris").empty());
}

TEST_CASE("a name has the mean of its words' vectors", "[word_vectors]") {
    const WordVectors vectors = some_vectors();
    CHECK(estimate(vectors, "The Paris Films") == std::vector<Real>{Real{2} / 3, 4});
    CHECK(estimate(vectors, "Paris (xyzzy)") == std::vector<Real>{2, 3});
    CHECK(estimate(vectors, "paris") == std::vector<Real>{2, 3});
}

TEST_CASE("an unknown word has the vector of words of similar spelling", "[word_vectors]") {
    const WordVectors vectors = some_vectors();
    const std::vector<Real> misspelt = estimate(vectors, "directorr"), inflected = estimate(vectors, "Directors");
    REQUIRE(inflected.size() == 2);
    REQUIRE(misspelt.size() == 2);
    CHECK(misspelt[1] == 0);
    CHECK(inflected[0] >= 4);
    CHECK(inflected[0] < 5);
    CHECK(inflected[1] == 0);
    CHECK(estimate(vectors, "film") == std::vector<Real>{0, 8});
    CHECK(estimate(vectors, "xyzzy").empty());
    CHECK(estimate(vectors, "").empty());
    CHECK(estimate(vectors, "\xff\xfe").empty());
    CHECK(estimate(vectors, std::string(100'000, 'x')).empty());
    CHECK(estimate(WordVectors(), "film").empty());
    std::vector<Real> short_of_one(1);
    CHECK_THROWS_AS(vectors.estimate("film", short_of_one), Error);
}

TEST_CASE("word vectors that do not fit their words are refused", "[word_vectors]") {
    CHECK_THROWS_AS(WordVectors({"a"}, Matrix(2, 1)), Error);
    CHECK_THROWS_WITH(WordVectors({"a", ""}, Matrix(2, 1)), Catch::Contains("an empty one in row 1"));
    CHECK_THROWS_AS(WordVectors({"\xff"}, Matrix(1, 1)), Error);
    CHECK_THROWS_WITH(WordVectors({"a", "b"}, matrix_of({{0}, {std::numeric_limits<Real>::quiet_NaN()}})),
                      Catch::Contains("finite numbers") && Catch::Contains("nan in row 1"));
}

TEST_CASE("damaged files of word vectors are refused", "[word_vectors]") {
    const TemporaryDirectory directory;
    const auto refused = [&](const std::string& name, const std::string& bytes) {
        CAPTURE(name, bytes);
        CHECK_THROWS_AS(read_word_vectors(directory.write(name, bytes)), Error);
    };
    const std::string whole =
        "2 2\nking " + bytes_of(std::vector<float>{1, 2}) + "\nqueen " + bytes_of(std::vector<float>{3, 4});
    for (std::size_t size = 0; size < whole.size(); ++size) refused("a.bin", whole.substr(0, size));
    const std::string row = "king " + bytes_of(std::vector<float>{1, 2});
    for (const char* heading : {"0 2\n", "1 0\n", "-1 2\n", "1 -2\n", "1 4611686018427387905\n",
                                "99999999999999999999 2\n", "x 2\n", "1.5 2\n"})
        refused("a.bin", heading + row);
    refused("nan.bin", "1 1\na " + bytes_of(std::vector<float>{std::numeric_limits<float>::quiet_NaN()}));
    refused("fasttext.bin", "\xba\x16\x4f\x2f\x0c");
    refused("numbers.txt", "1 2\n3 4\n");
    refused("empty.txt", "");
    refused("cut.vec", "2 2\nking 1 2\nqueen 3\n");
    refused("a.h5", "no HDF5");
    const std::string numbers = npy("<f4", "(2, 2)", bytes_of(std::vector<float>{1, 2, 3, 4}));
    refused("a.npy", numbers);
    directory.write("words.txt", "one\n");
    refused("a.npy", numbers);
    directory.write("words.txt", "one\n\n");
    refused("a.npy", numbers);
    hdf5::Writer file("kvmem-vectors", 1);
    const std::vector<std::string> words{"a", "b"};
    file.write("/words", std::span<const std::string>(words));
    file.write("/vectors", Matrix(3, 1));
    file.save(directory.path() / "b.h5");
    CHECK_THROWS_WITH(read_word_vectors(directory.path() / "b.h5", {.max_words = 1}), Catch::Contains("each vector"));
    CHECK_THROWS_AS(read_word_vectors(directory.path() / "none.txt"), Error);
}

TEST_CASE("a file of word vectors that takes more than half of the memory is refused", "[word_vectors]") {
    const TemporaryDirectory directory;
    for (const char* name : {"a.txt", "a.bin", "a.fvecs"}) {
        const auto path = directory.write(name, "a 1\n");
        std::filesystem::resize_file(path, kvmem::detail::half_of_memory() + 1);  // a hole, which takes no disk
        CHECK_THROWS_WITH(read_word_vectors(path), Catch::Contains("half of the memory") && Catch::Contains(name));
    }
}

TEST_CASE("a number that bfloat16 rounds to infinity is an error that names the file", "[word_vectors]") {
    const TemporaryDirectory directory;
    const auto path = directory.write("large.txt", "a 3.4e38\n");
    CHECK(read_word_vectors(path).size() == 1);
    CHECK_THROWS_WITH(read_model_vectors(path.string()), Catch::Contains("large.txt") && Catch::Contains("finite"));
}

TEST_CASE("bytes of a word that are no UTF-8 are replaced", "[word_vectors]") {
    const TemporaryDirectory directory;
    const WordVectors vectors = read_word_vectors(directory.write("a.txt", "a\xff 1\nb 2\n"));
    CHECK(vectors.words() == std::vector<std::string>{"a\ufffd", "b"});
}
