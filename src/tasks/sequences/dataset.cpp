#include "kvmem/tasks/sequences/dataset.hpp"

#include "io/file_checks.hpp"
#include "io/split_named.hpp"

#include <algorithm>
#include <functional>

namespace kvmem {

const PairSplit& PairsDataset::split(const std::string& name) const { return split_named(splits, name, info); }

const Ragged<Token>& TextDataset::split(const std::string& name) const { return split_named(splits, name, info); }

std::string reference_text(const Units& units, std::span<const Token> tokens) {
    if (std::ranges::find(tokens, unknown_token) == tokens.end()) return units.decode(tokens);
    std::string text;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
        if (units.kind() == UnitKind::words && t > 0) text += " ";
        text += tokens[t] == unknown_token ? "\uFFFD" : units.decode(tokens.subspan(t, 1));
    }
    return text;
}

// Where the references of the targets' sources are.
static void check_references(const FileChecks& check, const std::string& part, const PairSplit& split) {
    if (split.reference_offsets.empty()) {
        check.same_size(part + "/target", "there are not as many targets as sources", split.size(),
                        split.target.size());
        return;
    }
    const std::string offsets = part + "/reference_offsets";
    check.same_size(offsets, "the offsets do not cover the sources", split.size() + 1,
                    static_cast<Index>(split.reference_offsets.size()));
    check.offsets(offsets, split.reference_offsets, split.target.size());
    for (Index i = 0; i < split.size(); ++i)
        if (const auto [first, last] = split.references_of(i); first == last)
            check.refuse(offsets, "a source has no target", "one or more", "none of source " + std::to_string(i));
}

// Tokens of sequences: begin_token and end_token are none of them.
static void check_rows(const FileChecks& check, const std::string& part, const Ragged<Token>& rows, Token size) {
    check.rows(part, rows, size);
    for (const Token token : rows.values)
        if (token == begin_token || token == end_token)
            check.refuse(part, "a sequence has a token that begins or ends one", "others", std::to_string(token));
}

// Positions of tokens in the sources of their targets.
static void check_alignment(const FileChecks& check, const std::string& part, const PairSplit& split) {
    const Ragged<Index>& alignment = split.alignment;
    if (alignment.offsets.size() == 1 && alignment.values.empty()) return;
    check.offsets(part + "/offsets", alignment.offsets, static_cast<Index>(alignment.values.size()));
    check.same_size(part, "the alignment does not cover the tokens of the targets",
                    static_cast<Index>(split.target.values.size()), alignment.size());
    for (Index i = 0, token = 0; i < split.size(); ++i) {
        const auto length = static_cast<Index>(split.source[i].size());
        const auto end = split.target.offsets[static_cast<std::size_t>(split.references_of(i).second)];
        for (; token < end; ++token) {
            Index before = -1;
            for (const Index position : alignment[token]) {
                if (position <= before || position >= length)
                    check.refuse(part, "positions do not rise within their source",
                                 "more than " + std::to_string(before) + ", below " + std::to_string(length),
                                 std::to_string(position) + " of token " + std::to_string(token));
                before = position;
            }
        }
    }
}

void PairsDataset::validate(const std::string& where) const {
    const FileChecks check{where};
    check.info(info);
    for (const auto& [name, split] : splits) {
        check.split_name(name);
        const std::string part = "/splits/" + name;
        check_rows(check, part + "/source", split.source, source.size());
        check_rows(check, part + "/target", split.target, target.size());
        check_references(check, part, split);
        check_alignment(check, part + "/alignment", split);
    }
}

void TextDataset::validate(const std::string& where) const {
    const FileChecks check{where};
    check.info(info);
    for (const auto& [name, documents] : splits) {
        check.split_name(name);
        check_rows(check, "/splits/" + name, documents, units.size());
    }
}

}  // namespace kvmem
