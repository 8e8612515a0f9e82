#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/sequences/dataset.hpp"
#include "support/python.hpp"
#include "support/small_sequences.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace kvmem;
using namespace kvmem::test;
using Catch::Matchers::Contains;

namespace {

// The bytes of a file that is written in a folder of its own.
template <class Save>
std::string file_of(Save save) {
    const TemporaryDirectory folder;
    save(folder / "x.h5");
    return read_file(folder / "x.h5");
}

PairsDataset pairs(const std::string& bytes) { return load_pairs(std::as_bytes(std::span(bytes)), "bytes"); }
TextDataset text(const std::string& bytes) { return load_text(std::as_bytes(std::span(bytes)), "bytes"); }

PairsDataset large_pairs() {
    PairsDataset dataset = small_pairs();
    Rng rng(3);
    constexpr Token tokens[] = {unknown_token, 3, 4, 5};
    for (int i = 0; i < 20'000; ++i) {
        const Token row[] = {tokens[rng.below(4)], tokens[rng.below(4)]};
        dataset.splits["train"].source.push_row(row);
        dataset.splits["train"].target.push_row(row);
    }
    return dataset;
}

// What is wrong with a text file whose units have these texts, of this kind, with these merges.
std::string fault(const std::string& kind, const std::vector<std::string>& texts,
                  const std::vector<std::int32_t>& merges = {}) {
    try {
        text(file_of([&](const std::filesystem::path& path) {
            hdf5::Writer file("kvmem-text", 1);
            file.write("/units", std::span<const std::string>(texts));
            file.attribute("/units", "kind", kind);
            if (kind == "bpe") file.write("/units/merges", std::span<const std::int32_t>(merges));
            file.write("/splits/train", Ragged<Token>{{0}, {0, 1}});
            file.save(path);
        }));
    } catch (const Error& e) {
        CHECK_THAT(e.what(), Contains("bytes"));  // the file's name
        return e.what();
    }
    return {};
}

std::vector<std::string> bpe_texts(const std::vector<std::string>& merged) {
    std::vector<std::string> texts{"<unknown>", "<begin>", "<end>"};
    for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
    texts.insert(texts.end(), merged.begin(), merged.end());
    return texts;
}

}  // namespace

TEST_CASE("a file of sequences that was cut anywhere is refused", "[sequence_file]") {
    const std::string whole = file_of([](const auto& path) { save_pairs(large_pairs(), path); });
    REQUIRE(whole.size() > 20'000);
    for (std::size_t size = 0; size < whole.size(); size += 512) CHECK_THROWS_AS(pairs(whole.substr(0, size)), Error);
    CHECK_THROWS_AS(pairs(whole.substr(0, whole.size() - 1)), Error);
}

TEST_CASE("a byte of sequences that was changed is an Error or changes nothing", "[sequence_file][damage]") {
    const PairsDataset dataset = small_pairs(UnitKind::bpe);
    const std::string whole = file_of([&](const auto& path) { save_pairs(dataset, path); });
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); at += 11) {
        CAPTURE(at);
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
        bool same = true;
        try {
            same = pairs(damaged) == dataset;
        } catch (const Error&) {
            ++refused;
        }
        CHECK(same);
    }
    CHECK(refused > 100);
}

TEST_CASE("units of a file that are wrong are refused", "[sequence_file]") {
    const std::string u = "<unknown>", b = "<begin>", e = "<end>";
    CHECK(fault("chars", {u, b, e, "a", "\u00e9"}).empty());
    CHECK(fault("words", {u, b, e, "a", u}).empty());
    CHECK(fault("bpe", bpe_texts({"ab", "aba"}), {100, 101, 259, 100}).empty());
    CHECK_THAT(fault("letters", {u, b, e}), Contains("unknown kind"));
    CHECK_THAT(fault("", {u, b, e}), Contains("unknown kind"));
    CHECK_THAT(fault("chars", {}), Contains("texts of the units are wrong"));
    CHECK_THAT(fault("chars", {u, e, b}), Contains("texts of the units are wrong"));
    CHECK_THAT(fault("chars", {u, b, e, "ab"}), Contains("one character"));
    CHECK_THAT(fault("words", {u, b, e, "a b"}), Contains("a word"));
    CHECK_THAT(fault("words", {u, b, e, "a", "a"}), Contains("comes twice"));
    CHECK_THAT(fault("words", {u, b, e, "\xc3"}), Contains("not UTF-8"));
    CHECK_THAT(fault("bpe", bpe_texts({"ba"}), {100, 101}), Contains("texts of the units are wrong"));
    CHECK_THAT(fault("bpe", bpe_texts({}), {100, 101}), Contains("texts of the units are wrong"));
    CHECK_THAT(fault("bpe", bpe_texts({"ab"}), {100}), Contains("a merge has one token"));
    CHECK_THAT(fault("bpe", bpe_texts({"ab"}), {100, 259}), Contains("wrong token"));
}

TEST_CASE("a file of sequences without a part that must be there is refused", "[sequence_file]") {
    const auto empty = [](const char* format) {
        return file_of([&](const auto& path) { hdf5::Writer(format, 1).save(path); });
    };
    CHECK_THROWS_WITH(pairs(empty("kvmem-pairs")), Contains("/source"));
    CHECK_THROWS_WITH(text(empty("kvmem-text")), Contains("/units"));
    CHECK_THROWS_WITH(text(file_of([&](const auto& path) { hdf5::Writer("kvmem-text", 2).save(path); })),
                      Contains("newer than this program"));
}

TEST_CASE("h5py reads sequences that kvmem writes, by the reader in the specification", "[sequence_file]") {
    if (!has_h5py()) return;
    const TemporaryDirectory folder;
    const std::string reader = code_in_readme("### Sequences in Python", "python", 1);
    for (const UnitKind kind : {UnitKind::chars, UnitKind::words, UnitKind::bpe}) {
        save_pairs(small_pairs(kind), folder / "pairs.h5");
        save_text(small_text(kind), folder / "text.h5");
        const std::string source = kind == UnitKind::words ? "<unknown>" : "né",
                          end = kind == UnitKind::words ? "" : "\\n";
        CHECK(python(reader +
                         "\nassert read_pairs('pairs.h5', 'train')[2] == ('b', ['N N N'])"
                         "\nassert read_pairs('pairs.h5', 'valid')[0] == ('a', ['EY', 'A'])"
                         "\nassert read_pairs('pairs.h5', 'valid')[1] == ('né', ['N EY'])"
                         "\nassert read_text('text.h5', 'train') == ['to be or not to be" +
                         end + "', '', 'not to be" + end + "']\n",
                     folder.path()));
    }
}

TEST_CASE("kvmem reads pairs that h5py writes, by the writer in the specification", "[sequence_file]") {
    if (!has_h5py()) return;
    const TemporaryDirectory folder;
    REQUIRE(python(code_in_readme("### Sequences in Python", "python"), folder.path()));
    const PairsDataset dataset = load_pairs(folder / "sounds.h5");
    CHECK(dataset.info.title == "Two words");
    const PairSplit& test = dataset.split("test");
    REQUIRE(test.size() == 2);
    CHECK(dataset.source.decode(test.source[1]) == "tomato");
    CHECK(test.references_of(1) == std::pair<Index, Index>{1, 3});
    CHECK(dataset.target.decode(test.target[2]) == "T AH M AA T OW");
}

TEST_CASE("marks of units come back from a file, and a wrong number of them is an error", "[sequence_file]") {
    for (const UnitKind kind : {UnitKind::chars, UnitKind::words, UnitKind::bpe}) {
        PairsDataset dataset = small_pairs(kind);
        dataset.source = dataset.source.with_marks(std::vector<std::string>{"fra", "deu"});
        CHECK(pairs(file_of([&](const auto& path) { save_pairs(dataset, path); })) == dataset);
    }
    for (const char* marks : {"3", "x", "-1", "18446744073709551615"})
        CHECK_THROWS_WITH(text(file_of([&](const std::filesystem::path& path) {
                              hdf5::Writer file("kvmem-text", 1);
                              const std::vector<std::string> texts{"<unknown>", "<begin>", "<end>", "a", "<b>"};
                              file.write("/units", std::span<const std::string>(texts));
                              file.attribute("/units", "kind", "chars");
                              file.attribute("/units", "marks", marks);
                              file.save(path);
                          })),
                          Contains("number of marks"));
}
