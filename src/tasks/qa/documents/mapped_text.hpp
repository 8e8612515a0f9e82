// Text without markup, each byte of which knows where it comes from.
#pragma once

#include "kvmem/tasks/qa/documents/collection.hpp"

#include <algorithm>

namespace kvmem::documents {

// A text whose byte i was read from `begin[i]` to `end[i]` of a DecodedText.
struct MappedText {
    std::string text;
    std::vector<Index> begin, end;

    // Appends text that stands at `at` as it is.
    void append(std::string_view plain, Index at) {
        text += plain;
        for (Index i = 0; i < static_cast<Index>(plain.size()); ++i) {
            begin.push_back(at + i);
            end.push_back(at + i + 1);
        }
    }
    // Appends text that all of these bytes stand for, such as an entity of HTML.
    void append(std::string_view meaning, Range bytes) {
        text += meaning;
        begin.insert(begin.end(), meaning.size(), bytes.first);
        end.insert(end.end(), meaning.size(), bytes.last);
    }
    // Where bytes [first, last) of the text come from; there must be one.
    [[nodiscard]] Range source_of(Range range) const { return {begin[range.first], end[range.last - 1]}; }

    // These bytes of the text.
    [[nodiscard]] MappedText part(Range range) const {
        return {text.substr(range.first, range.size()),
                {begin.begin() + range.first, begin.begin() + range.last},
                {end.begin() + range.first, end.begin() + range.last}};
    }

    void clear() {
        text.clear();
        begin.clear();
        end.clear();
    }
};

// The text of bytes that stand as they are, a part of `whole`.
inline MappedText mapped(std::string_view part, std::string_view whole) {
    MappedText text;
    text.append(part, part.data() - whole.data());
    return text;
}

}  // namespace kvmem::documents
