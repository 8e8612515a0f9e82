// Makes the collection of one file, passage by passage.
#pragma once

#include "kvmem/core/number_table.hpp"
#include "tasks/qa/documents/decode.hpp"
#include "tasks/qa/documents/mapped_text.hpp"

namespace kvmem::documents {

class Builder {
  public:
    // The file's text must outlive the builder. `file` lacks its encoding and its documents.
    Builder(const DecodedText& source, File file);

    // The text that readers read; positions of a MappedText are those of this text.
    [[nodiscard]] std::string_view text() const { return source_.text; }

    // Begins a document. What comes before the first one is in a document without a title.
    void begin_document(std::string_view title);
    // Sets the title of the last document if it has none.
    void title(std::string_view title);
    [[nodiscard]] bool has_title() const { return !file_.documents.empty() && !file_.documents.back().title.empty(); }

    // Add a heading, and a passage of another kind. Text is split into sentences; other kinds are whole. Text without
    // words is left out, and long passages and sentences are cut.
    void heading(std::int32_t level, const MappedText& text);
    void passage(PassageKind kind, const MappedText& text);
    // Passages that follow are not under headings of this level or below.
    void end_headings(std::int32_t level);

    // Adds a question of the last document, with answers that are ranges of text().
    void question(std::string_view text, std::span<const Range> answers);

    // The collection. The builder is then empty.
    Collection finish();

  private:
    void add_passage(PassageKind kind, std::int32_t level);
    void cut_passage();
    void add_sentence(const MappedText& text, Range range);
    void end_passage();
    Token word(const std::string& text);
    void sort_words();

    const DecodedText& source_;
    Collection file_;
    NumberTable numbers_;          // of words
    std::vector<Index> headings_;  // the passages of the headings above, by rising level
};

}  // namespace kvmem::documents
