#include "kvmem/tasks/selection/dataset.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/hdf5.hpp"
#include "support/python.hpp"
#include "support/small_sentences.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace kvmem;
using namespace kvmem::test;
using Catch::Matchers::Contains;

namespace {

std::string file_of(const SentencesDataset& dataset) {
    const TemporaryDirectory folder;
    save_sentences(dataset, folder / "x.h5");
    return read_file(folder / "x.h5");
}

SentencesDataset sentences(const std::string& bytes) {
    return load_sentences(std::as_bytes(std::span(bytes)), "bytes");
}

// A file whose split "test" has these columns, right or wrong.
std::string written(const std::vector<std::string>& questions, const std::vector<std::string>& texts,
                    const std::vector<std::int64_t>& offsets, const std::vector<std::uint8_t>& right,
                    const std::string& split = "test") {
    const TemporaryDirectory folder;
    hdf5::Writer file("kvmem-sentences", 1);
    const std::string path = "/splits/" + split;
    for (const char* column : {"/ids", "/questions", "/titles", "/headings"})
        file.write(path + column, std::span<const std::string>(questions));
    file.write(path + "/sentences", std::span<const std::string>(texts));
    file.write(path + "/offsets", std::span<const std::int64_t>(offsets));
    file.write(path + "/right", std::span<const std::uint8_t>(right));
    file.save(folder / "x.h5");
    return read_file(folder / "x.h5");
}

}  // namespace

TEST_CASE("sentences come back from their file", "[sentences_file]") {
    CHECK(sentences(file_of(small_sentences())) == small_sentences());
    CHECK(sentences(written({"q"}, {"a", "b"}, {0, 2}, {0, 1})).split("test")[0].answers() == 1);
}

TEST_CASE("a split of sentences that is not there is an Error with those that are", "[sentences_file]") {
    CHECK_THROWS_WITH(small_sentences().split("valid"), Contains("test, train"));
}

TEST_CASE("a file of sentences that was cut or changed is refused or the same", "[sentences_file]") {
    const std::string whole = file_of(small_sentences());
    for (std::size_t size = 0; size < whole.size(); size += 97)
        CHECK_THROWS_AS(sentences(whole.substr(0, size)), Error);
    for (std::size_t at = 0; at < whole.size(); at += 23) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
        bool same = true;
        try {
            same = sentences(damaged) == small_sentences();
        } catch (const Error&) {
        }
        CHECK(same);
    }
}

TEST_CASE("columns of sentences that do not fit together are refused", "[sentences_file]") {
    CHECK_THROWS_WITH(sentences(written({"q"}, {"a"}, {0, 2}, {1})), Contains("offsets"));
    CHECK_THROWS_WITH(sentences(written({"q"}, {"a"}, {1, 1}, {1})), Contains("offsets"));
    CHECK_THROWS_WITH(sentences(written({"q", "r"}, {"a", "b"}, {0, 3, 2}, {1, 0})), Contains("offsets"));
    CHECK_THROWS_WITH(sentences(written({"q"}, {"a"}, {0, 1}, {1, 0})), Contains("right"));
    CHECK_THROWS_WITH(sentences(written({"q"}, {"a"}, {0, 1}, {2})), Contains("label"));
    CHECK_THROWS_WITH(sentences(written({"q", "r"}, {"a"}, {0, 1}, {1})), Contains("differ in length"));
    CHECK_THROWS_WITH(sentences(written({"q", "r"}, {"a"}, {0, 1, 1}, {1})), Contains("no candidates"));
    CHECK_THROWS_WITH(sentences(written({""}, {"a"}, {0, 1}, {1})), Contains("a question is empty"));
    CHECK_THROWS_WITH(sentences(written({"q"}, {"a"}, {0, 1}, {1}, "other")), Contains("no such split"));
    CHECK_THROWS_WITH(sentences(written({}, {}, {0}, {})), Contains("no questions"));
}

TEST_CASE("h5py reads sentences that kvmem writes, by the reader in the specification", "[sentences_file]") {
    if (!has_h5py()) return;
    const TemporaryDirectory folder;
    save_sentences(small_sentences(), folder / "x.h5");
    CHECK(python(code_in_readme("### Sentences in Python", "python", 1) +
                     "\nassert read_sentences('x.h5', 'train')[0] == ('Who built the tower?', "
                     "[('The tower is tall.', 0), ('Ann Né built the tower in 1901.', 1)])\n",
                 folder.path()));
}

TEST_CASE("kvmem reads sentences that h5py writes, by the writer in the specification", "[sentences_file]") {
    if (!has_h5py()) return;
    const TemporaryDirectory folder;
    REQUIRE(python(code_in_readme("### Sentences in Python", "python"), folder.path()));
    const SentencesDataset dataset = load_sentences(folder / "sentences.h5");
    REQUIRE(dataset.split("test").size() == 1);
    CHECK(dataset.split("test")[0].sentences[1] == "Ann built it.");
    CHECK(dataset.split("test")[0].right == std::vector<std::uint8_t>{0, 1});
}
