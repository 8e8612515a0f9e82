// A story as a person tells it, line by line, with questions in between.
//
// A line is a sentence, or a question when it ends with "?". An empty line, or "/new", begins a new story. Lines of
// bAbI's files are read as well: a number at the beginning is dropped, number 1 begins a new story, and of a question
// what stands before the first tab is asked.
#pragma once

#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/text/entity_linker.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::apps {

class Story {
  public:
    // Takes the next line, and gives the question if it is one. Throws Error, and leaves the story as it was, for a
    // question before any sentence, a line without words, text that is not UTF-8, brackets that do not match, and
    // commands that there are not.
    std::optional<std::string> add_line(std::string_view line);

    // So far; of the story before, until the new one has a sentence.
    const std::vector<TextSlot>& sentences() const { return sentences_; }

  private:
    void require_words(std::string_view text) const;

    std::vector<TextSlot> sentences_;
    bool ended_ = true;
    Vocabulary no_words_;
    EntityLinker linker_{no_words_};  // finds no names, but whatever is wrong with a text
};

}  // namespace kvmem::apps
