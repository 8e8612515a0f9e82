// Characters of files: which encoding a file has, and where each character stands in it.
#pragma once

#include "kvmem/tasks/qa/documents/collection.hpp"

namespace kvmem::documents {

// A file's text in UTF-8, without a byte order mark.
struct DecodedText {
    std::string text;
    Encoding encoding = Encoding::utf8;
    Index bytes = 0;              // the size of the file
    Index skipped = 0;            // bytes that are no character, each of which became U+FFFD
    Index offset = 0;             // of the text in the file, if its bytes are those of the file
    std::vector<Index> begins{};  // otherwise the first byte in the file of each byte's character, and the end

    // The bytes in the file of a range of the text.
    [[nodiscard]] Range in_file(Range range) const {
        if (begins.empty()) return {range.first + offset, range.last + offset};
        return {begins[range.first], begins[range.last]};
    }
};

// Finds the encoding: by the byte order mark, as UTF-8 if all is valid, as UTF-16 if every other byte is often zero, as
// UTF-8 with damage if it has characters of several bytes, or else as Latin-1. Throws Error with `where` for bytes that
// are no text: a character NUL.
DecodedText decode(std::string_view bytes, const std::string& where);

}  // namespace kvmem::documents
