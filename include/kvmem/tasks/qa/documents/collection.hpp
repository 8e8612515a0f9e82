// Documents as they are read from files: files, documents, passages, sentences and tokens, each in one array.
//
// Every sentence and token has its bytes in its original file, markup and encoding included. Arrays refer to each other
// by ranges of numbers, which cover the array below in its order: the passages of document 0 come before those of
// document 1. A collection is a value: several threads may read one at once.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem::documents {

// The version of this library's readers. Files that another version read are read again.
inline constexpr const char* current_reader = "1";

// Numbers [first, last).
struct Range {
    // The first number, and one past the last.
    Index first = 0, last = 0;

    // The count of numbers, and whether one is among them.
    [[nodiscard]] Index size() const { return last - first; }
    [[nodiscard]] bool contains(Index number) const { return first <= number && number < last; }
    bool operator==(const Range&) const = default;
};

// How a file is written. The numbers are those of kvmem-qa files.
enum class Layout : std::uint8_t { text = 0, markdown = 1, html = 2, tsv = 3, jsonl = 4, wikimovies = 5, squad = 6 };

// How a file's characters are written. The numbers are those of kvmem-qa files. Latin-1 is read as windows-1252.
enum class Encoding : std::uint8_t { utf8 = 0, utf16_little = 1, utf16_big = 2, latin1 = 3 };

// A file that documents were read from.
struct File {
    // The path as it was given, with '/' between folders; the name of a text in memory.
    std::string path;
    Layout layout = Layout::text;
    Encoding encoding = Encoding::utf8;
    Index bytes = 0;             // the size of the file
    std::string hash;            // of its bytes: XXH3-64, 16 hexadecimal digits
    std::vector<Index> lines{};  // the byte that each line begins with; they rise
    Range documents{};
    Index skipped_lines = 0;  // before the first of `lines`, in a part of a collection that a shard has sent
    bool operator==(const File&) const = default;
};

// A text with a title: a file, or a line or an article of one.
struct Document {
    // UTF-8 in one line; may be empty.
    std::string title;
    Range passages;
    bool operator==(const Document&) const = default;
};

// What a passage is. The numbers are those of kvmem-qa files.
enum class PassageKind : std::uint8_t { text = 0, heading = 1, code = 2, table = 3 };

// A paragraph, a list item or a part of one; a heading; or a whole block of code or table, which is one sentence.
struct Passage {
    // What it is.
    PassageKind kind = PassageKind::text;
    std::int32_t level = 0;  // of a heading, from 1; otherwise 0
    Index heading = -1;      // the passage that is the nearest heading above, of a lower level if this is one; or -1
    // Of Collection::sentences.
    Range sentences;
    // Whether all are equal.
    bool operator==(const Passage&) const = default;
};

// A sentence, a heading, or a whole block of code or table.
struct Sentence {
    // The bytes in the original file.
    Range bytes;
    Range text;  // the bytes in Collection::text, which is UTF-8 without markup
    Range tokens;
    bool operator==(const Sentence&) const = default;
};

// A word of a sentence. The words of a sentence are those that split_words() finds in its text.
struct TokenSpan {
    // The number of the word in Collection::words.
    Token word = 0;
    std::int32_t size = 0;  // its bytes in the original file
    Index begin = 0;        // the first one

    // One past its last byte in the original file.
    [[nodiscard]] Index end() const { return begin + size; }
    bool operator==(const TokenSpan&) const = default;
};

// A question that a file asks of its own documents (SQuAD).
struct Question {
    // The question as it is written.
    std::string text;
    Index document = 0;
    std::vector<Range> answers;  // bytes in the document's file; none: the document does not answer it
    bool operator==(const Question&) const = default;
};

struct Collection {
    // The version of the readers that files were read by.
    std::string reader = current_reader;
    // Each word once, in the spelling of split_words(), rising by bytes.
    std::vector<std::string> words;
    std::vector<File> files;  // those of importers rise by path
    std::vector<Document> documents;
    std::vector<Passage> passages;
    std::vector<Sentence> sentences;
    std::vector<TokenSpan> tokens;
    std::string text;  // of all sentences
    std::vector<Question> questions;

    // The text of a sentence, valid as long as the collection is unchanged.
    [[nodiscard]] std::string_view text_of(const Sentence& sentence) const {
        return std::string_view(text).substr(sentence.text.first, sentence.text.size());
    }
    // The document of a passage, the file of a document, and the passage of a sentence, found by bisection.
    [[nodiscard]] Index document_of(Index passage) const;
    [[nodiscard]] Index file_of(Index document) const;
    [[nodiscard]] Index passage_of(Index sentence) const;
    // The line of a byte of a file, from 1, and the byte's place in its line, from 1.
    [[nodiscard]] static std::pair<Index, Index> place_of(const File& file, Index byte);
    // All sentences or tokens of a document, without those of other documents between.
    [[nodiscard]] Range sentences_of(const Document& document) const;
    [[nodiscard]] Range tokens_of(const Document& document) const;

    // Throws Error, with `where`, unless all ranges and numbers are consistent.
    void validate(const std::string& where) const;
    bool operator==(const Collection&) const = default;
};

// A plain text with the title of its document.
struct TitledText {
    // Both in UTF-8.
    std::string title;
    std::string text;
};

// A collection of texts in memory: text i is document i and file i, called by its title, whose bytes are those of the
// text. Paragraphs are separated by blank lines. Works on all threads. Throws Error for text that is not UTF-8.
Collection collect(std::span<const TitledText> texts);

// A file of a collection.
struct Piece {
    // The collection, which must outlive the piece, and the number of the file there.
    const Collection* collection = nullptr;
    Index file = 0;
};

// The collection of these files in their order, which has no word that no token has. It depends on the files alone, not
// on the collections that they come from.
Collection merge(std::span<const Piece> pieces);

}  // namespace kvmem::documents
