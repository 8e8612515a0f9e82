// Small data sets of sequences, with units of any kind.
#pragma once

#include "kvmem/tasks/sequences/dataset.hpp"

#include <string_view>
#include <vector>

namespace kvmem::test {

inline Units learned(UnitKind kind, const std::vector<std::string_view>& texts) {
    return Units::learn(kind, texts, kind == UnitKind::bpe ? 270 : 0);
}

// Words to sounds: the source of "valid" is "a" with two references, and "né". Its
// targets have an alignment.
inline PairsDataset small_pairs(UnitKind kind = UnitKind::chars) {
    PairsDataset dataset;
    dataset.info = {"Small pairs", "tests", "CC0-1.0", "kvmem tests"};
    dataset.source = learned(kind, {"a b", "né né"});
    dataset.target = learned(UnitKind::words, {"EY A N"});
    const auto add = [&](PairSplit& split, std::string_view source, const std::vector<std::string_view>& targets) {
        split.source.push_row(dataset.source.encode(source));
        for (const std::string_view target : targets) split.target.push_row(dataset.target.encode(target));
    };
    PairSplit& train = dataset.splits["train"];
    add(train, "a b", {"EY A"}), add(train, "a b", {"N"}), add(train, "b", {"N N N"});
    PairSplit& valid = dataset.splits["valid"];
    add(valid, "a", {"EY", "A"}), add(valid, "né", {"N EY"});
    valid.reference_offsets = {0, 2, 3};
    const auto last = static_cast<Index>(valid.source[1].size()) - 1;
    const std::vector<Index> origins[] = {{0}, {}, {0}, last > 0 ? std::vector<Index>{0, last} : std::vector{last}};
    for (const std::vector<Index>& positions : origins) valid.alignment.push_row(positions);
    return dataset;
}

inline TextDataset small_text(UnitKind kind = UnitKind::chars) {
    TextDataset dataset;
    dataset.info = {"Small text", "tests", "CC0-1.0", "kvmem tests"};
    dataset.units = learned(kind, {"to be or not to be\n"});
    for (const char* document : {"to be or not to be\n", "", "not to be\n"})
        dataset.splits["train"].push_row(dataset.units.encode(document));
    dataset.splits["valid"].push_row(dataset.units.encode("to bee"));
    return dataset;
}

}  // namespace kvmem::test
