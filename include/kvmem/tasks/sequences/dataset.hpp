// Data sets of sequences: pairs of a source and its targets, and texts (datasets/README.md has the files).
#pragma once

#include "kvmem/core/ragged.hpp"
#include "kvmem/io/dataset_info.hpp"
#include "kvmem/text/units.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kvmem {

// Sources with their targets, tokens without begin and end.
struct PairSplit {
    Ragged<Token> source;  // the tokens of each source
    Ragged<Token> target;  // the tokens of each target
    // The targets of source i, its references, are the rows [reference_offsets[i], reference_offsets[i + 1]) of
    // `target`, one or more. Empty: source i has the target i alone, as in training, where each pair is an example.
    std::vector<Index> reference_offsets;
    // A row for each token of all targets, in the order of target.values, or none at all: the positions in the source
    // that the token came from, which rise. None of a token whose origin is not known.
    Ragged<Index> alignment;

    // The number of sources.
    Index size() const { return source.size(); }
    // The first target of a source, and one past its last.
    std::pair<Index, Index> references_of(Index i) const {
        if (reference_offsets.empty()) return {i, i + 1};
        const auto at = static_cast<std::size_t>(i);
        return {reference_offsets[at], reference_offsets[at + 1]};
    }
    // The positions that a token of a target came from; empty without an alignment.
    std::span<const Index> origins(Index target_row, Index token) const {
        if (alignment.empty()) return {};
        return alignment[target.offsets[static_cast<std::size_t>(target_row)] + token];
    }
    // Whether all sequences, references and origins are equal.
    bool operator==(const PairSplit&) const = default;
};

// A kvmem-pairs file.
struct PairsDataset {
    DatasetInfo info;                         // what the file says about itself
    Units source;                             // of the sources
    Units target;                             // of the targets
    std::map<std::string, PairSplit> splits;  // "train", "valid", "test"; any may be missing

    // The split of this name. Throws Error with the names of the splits that exist.
    const PairSplit& split(const std::string& name) const;
    // Throws Error unless every token, offset, length and position is consistent.
    void validate(const std::string& where) const;

    // Whether all contents are equal.
    bool operator==(const PairsDataset&) const = default;
};

// The text of a reference, with U+FFFD for an unknown symbol. The text of an output has <unknown> for it, so that an
// output with an unknown symbol is never right.
std::string reference_text(const Units& units, std::span<const Token> tokens);

// A kvmem-text file.
struct TextDataset {
    DatasetInfo info;                             // what the file says about itself
    Units units;                                  // of all texts
    std::map<std::string, Ragged<Token>> splits;  // the documents of each split, without begin and end

    // As those of PairsDataset.
    const Ragged<Token>& split(const std::string& name) const;
    void validate(const std::string& where) const;
    bool operator==(const TextDataset&) const = default;
};

// Read a file of kvmem-pairs or kvmem-text without trust in its contents. They throw Error that says what is wrong with
// the file, also for contents larger than half of the memory that this process may have. Any thread may call them.
PairsDataset load_pairs(const std::filesystem::path& path);
TextDataset load_text(const std::filesystem::path& path);
// The same for a file's bytes; `name` stands for the path in errors.
PairsDataset load_pairs(std::span<const std::byte> bytes, const std::string& name);
TextDataset load_text(std::span<const std::byte> bytes, const std::string& name);

// Replace `path` by a file of kvmem-pairs or kvmem-text, all or nothing. They throw Error.
void save_pairs(const PairsDataset& dataset, const std::filesystem::path& path);
void save_text(const TextDataset& dataset, const std::filesystem::path& path);

}  // namespace kvmem
