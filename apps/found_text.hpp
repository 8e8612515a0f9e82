// What was found in documents, as text and as JSON.
#pragma once

#include "kvmem/tasks/qa/documents/search.hpp"

#include <boost/json.hpp>
#include <iosfwd>
#include <string>

namespace kvmem::apps {

// Answers with their places and passages, or that nothing answers and what is nearest.
void print(std::ostream& out, const documents::Corpus& corpus, const documents::Findings& found);

// {"question", "answered", "words", "respelled", "short_answers", "answers": [{"text", "file", "begin", "end", "line",
// "column", "title", "headings", "passage", "confidence", "weights", "span"}]}. "text" is the sentence, and "span" has
// its words that answer, if they are clear, as {"text", "begin", "end", "line", "column", "confidence"}. Bytes are
// those of the file.
boost::json::object to_json(const std::string& question, const documents::Corpus& corpus,
                            const documents::Findings& found);
// The same as a text, as `kvmem ask --json` prints it.
std::string json_line(const std::string& question, const documents::Corpus& corpus, const documents::Findings& found);

}  // namespace kvmem::apps
