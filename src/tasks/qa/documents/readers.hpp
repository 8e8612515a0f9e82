// The readers of layouts. Each adds a file's documents to a builder, whose text it reads. They throw Error with `where`
// for files that are not of their layout.
#pragma once

#include "tasks/qa/documents/builder.hpp"

#include <functional>

namespace kvmem::documents {

// Paragraphs between blank lines. A line over a line of '=' or '-' is a heading, as is a line alone in capitals. Blocks
// of indented lines, and of lines with columns, are tables. `slice` gives a part of the text with its origin.
void read_text(Builder& builder, std::string_view text, const std::function<MappedText(std::string_view)>& slice);
void read_text(Builder& builder);                          // of the builder's whole text
void read_text(Builder& builder, const MappedText& text);  // of a part of it

// Markdown (CommonMark with tables). The first heading is the document's title.
void read_markdown(Builder& builder);

// HTML. Scripts, forms and what is marked as navigation are left out; a term of a list of definitions is a heading.
// Throws Error for elements that are nested thousands deep.
void read_html(Builder& builder, const std::string& where);

// Lines title<TAB>text. Of more columns, the first is the title and the last the text, unless the first line names
// both.
void read_tsv(Builder& builder, const std::string& where);

// Lines {"title": ..., "text": ...}; the title may be missing.
void read_jsonl(Builder& builder, const std::string& where);

// Lines "1 title" and "2 sentence" and so on.
void read_wikimovies(Builder& builder, const std::string& where);

// {"data": [{"title", "paragraphs": [{"context", "qas": [{"question", "answers": [{"text", "answer_start"}]}]}]}]}
void read_squad(Builder& builder, const std::string& where);

// What an entity of HTML, "&amp;" or "&#233;", stands for; itself if nothing.
std::string entity_text(std::string_view entity);

}  // namespace kvmem::documents
