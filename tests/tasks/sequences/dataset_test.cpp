#include "kvmem/tasks/sequences/dataset.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "support/small_sequences.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using Catch::Matchers::Contains;
using test::small_pairs;
using test::small_text;
using test::TemporaryDirectory;

namespace {

std::string file_of(const PairsDataset& dataset) {
    const TemporaryDirectory folder;
    save_pairs(dataset, folder / "x.h5");
    return read_file(folder / "x.h5");
}

std::string file_of(const TextDataset& dataset) {
    const TemporaryDirectory folder;
    save_text(dataset, folder / "x.h5");
    return read_file(folder / "x.h5");
}

PairsDataset pairs(const std::string& bytes) { return load_pairs(std::as_bytes(std::span(bytes)), "bytes"); }
TextDataset text(const std::string& bytes) { return load_text(std::as_bytes(std::span(bytes)), "bytes"); }

// What validate() says of the small pairs with a change.
template <class Change>
std::string fault(Change change) {
    PairsDataset dataset = small_pairs();
    change(dataset, dataset.splits["valid"]);
    try {
        dataset.validate("x");
    } catch (const Error& e) {
        return e.what();
    }
    return {};
}

}  // namespace

TEST_CASE("a sequence with a token that begins or ends one is refused", "[sequence_file]") {
    for (const Token token : {begin_token, end_token}) {
        CHECK_FALSE(fault([&](PairsDataset&, PairSplit& split) { split.source.values[0] = token; }).empty());
        CHECK_FALSE(fault([&](PairsDataset&, PairSplit& split) { split.target.values[0] = token; }).empty());
        TextDataset dataset = small_text();
        dataset.splits["valid"].values[0] = token;
        CHECK_THROWS_AS(dataset.validate("x"), Error);
    }
}

TEST_CASE("pairs come back as they were saved", "[sequence_file]") {
    const TemporaryDirectory folder;
    for (const UnitKind kind : {UnitKind::chars, UnitKind::words, UnitKind::bpe}) {
        const PairsDataset dataset = small_pairs(kind);
        save_pairs(dataset, folder / "x.h5");
        CHECK(load_pairs(folder / "x.h5") == dataset);
        CHECK(pairs(read_file(folder / "x.h5")) == dataset);
    }
    CHECK(pairs(file_of(PairsDataset())) == PairsDataset());
    PairsDataset empty;
    empty.splits["train"];
    CHECK(pairs(file_of(empty)) == empty);
}

TEST_CASE("texts come back as they were saved", "[sequence_file]") {
    for (const UnitKind kind : {UnitKind::chars, UnitKind::words, UnitKind::bpe}) {
        const TextDataset dataset = small_text(kind);
        CHECK(text(file_of(dataset)) == dataset);
    }
    CHECK(text(file_of(TextDataset())) == TextDataset());
}

TEST_CASE("a source has its references", "[sequence_file]") {
    const PairsDataset dataset = small_pairs();
    const PairSplit& valid = dataset.split("valid");
    CHECK(valid.references_of(0) == std::pair<Index, Index>{0, 2});
    CHECK(valid.references_of(1) == std::pair<Index, Index>{2, 3});
    CHECK(dataset.target.decode(valid.target[1]) == "A");
    CHECK(valid.origins(0, 0).size() == 1);
    CHECK(valid.origins(1, 0).empty());
    CHECK(valid.origins(2, 1).back() == 1);
    CHECK(dataset.split("train").origins(0, 0).empty());
    CHECK(dataset.split("train").references_of(2) == std::pair<Index, Index>{2, 3});
    CHECK_THROWS_WITH(dataset.split("test"), Contains("train, valid"));
}

TEST_CASE("pairs that fit no source or target are refused", "[sequence_file]") {
    CHECK(fault([](PairsDataset&, PairSplit&) {}).empty());
    CHECK_THAT(fault([](auto&, auto& s) { s.source.values[0] = 99; }), Contains("not in the vocabulary"));
    CHECK_THAT(fault([](auto&, auto& s) { s.target.values[0] = -1; }), Contains("not in the vocabulary"));
    CHECK_THAT(fault([](auto&, auto& s) { s.target.offsets.back() = 99; }), Contains("offsets are wrong"));
    CHECK_THAT(fault([](auto&, auto& s) { s.reference_offsets = {0, 3}; }), Contains("do not cover"));
    CHECK_THAT(fault([](auto&, auto& s) { s.reference_offsets = {0, 0, 3}; }), Contains("has no target"));
    CHECK_THAT(fault([](auto&, auto& s) { s.reference_offsets = {0, 4, 3}; }), Contains("offsets are wrong"));
    CHECK_THAT(fault([](auto&, auto& s) { s.reference_offsets = {0, 1, 2}; }), Contains("offsets are wrong"));
    CHECK_THAT(fault([](auto&, auto& s) { s.reference_offsets.clear(); }), Contains("as many targets"));
    CHECK_THAT(fault([](auto&, auto& s) { s.alignment.values[0] = -1; }), Contains("do not rise"));
    CHECK_THAT(fault([](auto&, auto& s) { s.alignment.values[0] = 1; }), Contains("do not rise"));
    CHECK_THAT(fault([](auto&, auto& s) { s.alignment.values.back() = 0; }), Contains("do not rise"));
    CHECK_THAT(fault([](auto&, auto& s) { s.alignment.offsets.back() = 9; }), Contains("offsets are wrong"));
    CHECK_THAT(fault([](auto&, auto& s) { s.alignment.values.clear(); }), Contains("offsets are wrong"));
    CHECK_THAT(fault([](auto&, auto& s) { s.alignment.end_row(); }), Contains("does not cover"));
    CHECK_THAT(fault([](PairsDataset& d, auto&) { d.splits["no/name"]; }), Contains("split's name"));
    CHECK_THAT(fault([](PairsDataset& d, auto&) { d.info.title.assign(1, static_cast<char>(0xff)); }),
               Contains("not UTF-8"));
}

TEST_CASE("sequences that are wrong are not saved, and the old file stays", "[sequence_file]") {
    const TemporaryDirectory folder;
    save_text(small_text(), folder / "x.h5");
    TextDataset wrong = small_text();
    wrong.splits["train"].values[0] = wrong.units.size();
    CHECK_THROWS_WITH(save_text(wrong, folder / "x.h5"), Contains("not in the vocabulary"));
    CHECK(load_text(folder / "x.h5") == small_text());
}

TEST_CASE("one format of sequences is not read as another", "[sequence_file]") {
    CHECK_THROWS_WITH(pairs(file_of(small_text())), Contains("kvmem-pairs"));
    CHECK_THROWS_WITH(text(file_of(small_pairs())), Contains("kvmem-text"));
}
