#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "support/python.hpp"
#include "support/small_dataset.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace kvmem;
using Catch::Matchers::Contains;
using test::code_in_readme;
using test::equal;
using test::has_h5py;
using test::python;
using test::small_dataset;
using test::TemporaryDirectory;

namespace {

QaDataset load(const std::string& bytes) { return load_dataset(std::as_bytes(std::span(bytes)), "bytes"); }

// A data set of some 100 KiB when it is stored.
QaDataset large_dataset() {
    QaDataset dataset = small_dataset();
    Rng rng(3);
    for (int i = 0; i < 20'000; ++i) {
        const Token row[] = {static_cast<Token>(rng.below(10)), static_cast<Token>(rng.below(10))};
        dataset.memory.key.push_row(row);
        dataset.memory.value.push_row(std::span(row).first(1));
        dataset.splits["train"].question.push_row(row);
        dataset.splits["train"].answer.push_row({});
    }
    dataset.count_tokens();
    return dataset;
}

std::string file_of(const QaDataset& dataset) {
    const TemporaryDirectory folder;
    save_dataset(dataset, folder / "x.h5");
    return read_file(folder / "x.h5");
}

}  // namespace

TEST_CASE("a data set comes back as it was saved", "[qa_file]") {
    const TemporaryDirectory folder;
    for (const QaDataset& dataset : {small_dataset(), large_dataset(), QaDataset()}) {
        save_dataset(dataset, folder / "x.h5");
        CHECK(equal(load_dataset(folder / "x.h5"), dataset));
        CHECK(equal(load(read_file(folder / "x.h5")), dataset));
    }
}

TEST_CASE("a split without examples comes back", "[qa_file]") {
    QaDataset dataset;
    dataset.splits["empty"];
    dataset.splits["own"].local_offsets = {0};
    CHECK(equal(load(file_of(dataset)), dataset));
}

TEST_CASE("a data set that is wrong is not saved, and the old file stays", "[qa_file]") {
    const TemporaryDirectory folder;
    save_dataset(small_dataset(), folder / "x.h5");
    QaDataset wrong = small_dataset();
    wrong.candidates = {1, 1};
    CHECK_THROWS_AS(save_dataset(wrong, folder / "x.h5"), Error);
    CHECK(equal(load_dataset(folder / "x.h5"), small_dataset()));
}

TEST_CASE("support and tasks that fit no example are refused", "[qa_file]") {
    const auto error_with = [](const auto& change) {
        QaDataset dataset = small_dataset();
        change(dataset.splits["story"]);
        try {
            dataset.validate("x");
        } catch (const Error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK(error_with([](Split&) {}).empty());
    CHECK_THAT(error_with([](Split& s) { s.task = {0}; }), Contains("not as many tasks"));
    CHECK_THAT(error_with([](Split& s) { s.task = {0, 2}; }), Contains("no such task"));
    CHECK_THAT(error_with([](Split& s) { s.task = {-1, 0}; }), Contains("no such task"));
    CHECK_THAT(error_with([](Split& s) { s.support = {{0, 2}, {0, 2, 2}}; }), Contains("supporting slot"));
    CHECK_THAT(error_with([](Split& s) { s.support = {{0}, {0, 0, 1}}; }), Contains("supporting slot"));
    CHECK_THAT(error_with([](Split& s) { s.support = {{0}, {0, 1}}; }), Contains("does not cover"));
    CHECK_THAT(error_with([](Split& s) { s.support = {{0}, {0, 2, 1}}; }), Contains("offsets are wrong"));
    CHECK_THAT(error_with([](Split& s) { s.support = {{0}, {}}; }), Contains("offsets are wrong"));
}

TEST_CASE("a file that was cut anywhere is refused", "[qa_file]") {
    const TemporaryDirectory folder;
    const std::string whole = file_of(large_dataset());
    REQUIRE(whole.size() > 50'000);
    for (std::size_t size = 0; size < whole.size(); size += 1024) {
        CAPTURE(size);
        replace_file(folder / "cut.h5", std::string_view(whole).substr(0, size));
        CHECK_THROWS_AS(load_dataset(folder / "cut.h5"), Error);
        CHECK_THROWS_AS(load(whole.substr(0, size)), Error);
    }
    CHECK_THROWS_AS(load(whole.substr(0, whole.size() - 1)), Error);
}

TEST_CASE("a byte that was changed anywhere is an Error or changes nothing", "[qa_file][damage]") {
    const QaDataset dataset = small_dataset();
    const std::string whole = file_of(dataset);
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); at += 1 + at % 3) {
        CAPTURE(at);
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
        bool same = true;
        try {
            same = equal(load(damaged), dataset);
        } catch (const Error&) {
            ++refused;
        }
        CHECK(same);
    }
    CHECK(refused > 100);
}

TEST_CASE("files whose vocabulary is wrong are refused", "[qa_file]") {
    const TemporaryDirectory folder;
    const auto load_with = [&](const std::vector<std::string>& texts, const std::vector<std::uint8_t>& kinds,
                               const std::vector<std::int64_t>& counts) {
        hdf5::Writer file("kvmem-qa", 1);
        file.write("/vocab", std::span<const std::string>(texts));
        file.write("/vocab/kinds", std::span<const std::uint8_t>(kinds));
        file.write("/vocab/counts", std::span<const std::int64_t>(counts));
        file.save(folder / "x.h5");
        return load_dataset(folder / "x.h5");
    };
    CHECK(load_with({"<unknown>", "a", "a"}, {0, 1, 2}, {0, 5, 6}).vocabulary.count(2) == 6);
    CHECK_THROWS_WITH(load_with({"<unknown>", "a", "a"}, {0, 1, 1}, {0, 0, 0}), Contains("an entry twice"));
    CHECK_THROWS_WITH(load_with({"<unknown>", "<unknown>"}, {0, 0}, {0, 0}), Contains("an entry twice"));
    CHECK_THROWS_WITH(load_with({}, {}, {}), Contains("no unknown token"));
    CHECK_THROWS_WITH(load_with({"a"}, {1}, {0}), Contains("no unknown token"));
    CHECK_THROWS_WITH(load_with({"<unknown>"}, {1}, {0}), Contains("no unknown token"));
    CHECK_THROWS_WITH(load_with({"<unknown>", "a"}, {0, 6}, {0, 0}), Contains("kind is wrong"));
    CHECK_THROWS_WITH(load_with({"<unknown>", "a"}, {0}, {0, 0}), Contains("differ in length"));
    CHECK_THROWS_WITH(load_with({"<unknown>", "a"}, {0, 1}, {0}), Contains("differ in length"));
    CHECK_THROWS_WITH(load_with({"<unknown>", "a"}, {0, 1}, {0, -1}), Contains("count is negative"));
    CHECK_THROWS_WITH(load_with({"<unknown>", "caf\xe9"}, {0, 1}, {0, 0}), Contains("not UTF-8"));
}

TEST_CASE("a file without a part that must be there is refused", "[qa_file]") {
    const TemporaryDirectory folder;
    hdf5::Writer("kvmem-qa", 1).save(folder / "x.h5");
    CHECK_THROWS_WITH(load_dataset(folder / "x.h5"), Contains("expected /vocab/bytes"));
}

TEST_CASE("words of a file that has them in another lower case are found", "[qa_file]") {
    const TemporaryDirectory folder;
    QaDataset dataset = small_dataset();
    const Token old = dataset.vocabulary.add(TokenKind::word, "viỆt");
    save_dataset(dataset, folder / "old.h5");
    const QaDataset opened = load_dataset(folder / "old.h5");
    CHECK(opened.vocabulary.find(TokenKind::word, "việt") == old);
    CHECK(opened.vocabulary.text(old) == "viỆt");
}

TEST_CASE("h5py reads what kvmem writes, by the reader in the specification", "[qa_file]") {
    if (!has_h5py()) return;
    const TemporaryDirectory folder;
    save_dataset(small_dataset(), folder / "films.h5");
    const std::string check = code_in_readme("### Reader", "python") +
                              "\nassert info['title'] == 'A small one'"
                              "\nassert texts[0] == '<unknown>' and 'Amélie' in texts"
                              "\nassert [texts[t] for t in memory_value[0]] == ['Jean-Pierre Jeunet']"
                              "\nassert [texts[t] for t in train_question[0]] == ['who', 'directed', 'Amélie']"
                              "\nassert len(memory_key) == 2 and len(train_answer[1]) == 2\n";
    CHECK(python(check, folder.path()));
}

TEST_CASE("kvmem reads what h5py writes, by the writer in the specification", "[qa_file]") {
    if (!has_h5py()) return;
    const TemporaryDirectory folder;
    REQUIRE(python(code_in_readme("### Writer", "python"), folder.path()));
    const QaDataset dataset = load_dataset(folder / "films.h5");
    CHECK(dataset.info.title == "Tiny films");
    CHECK(dataset.vocabulary.size() == 6);
    CHECK(dataset.vocabulary.text(4) == "Amélie");
    CHECK(dataset.memory.size() == 1);
    REQUIRE(dataset.split("train").size() == 1);
    CHECK(dataset.vocabulary.text(dataset.split("train").answer[0][0]) == "Jean-Pierre Jeunet");
}

TEST_CASE("the memory of a data set is read without its splits, where questions share one", "[qa_file]") {
    const TemporaryDirectory folder;
    const auto path = folder / "d.h5";
    QaDataset dataset = small_dataset();
    save_dataset(dataset, path);
    const QaDataset memory = load_dataset(path, DatasetParts::memory);
    CHECK(memory.memory == dataset.memory);
    CHECK(memory.candidates == dataset.candidates);
    CHECK(memory.splits.empty());
    dataset.memory = {};
    save_dataset(dataset, path);
    CHECK(load_dataset(path, DatasetParts::memory).splits == dataset.splits);
}

TEST_CASE("the hash is what the specification says", "[qa_file]") {
    if (!has_h5py()) return;
    if (std::system("/usr/bin/python3 -c 'import xxhash' 2>/dev/null") != 0) {
        WARN("no xxhash for Python here: not tested against it");
        return;
    }
    const TemporaryDirectory folder;
    save_dataset(small_dataset(), folder / "films.h5");
    CHECK(python(code_in_readme("## Hashes", "python"), folder.path()));
}
