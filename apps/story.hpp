// A story, line by line, with questions between its sentences.
//
// A line is a question if it ends with "?", otherwise a sentence. An empty line, or "/new", begins a new story. Lines
// of bAbI's files work, too: number 1 begins a new story, other numbers are ignored, and a question ends at the first
// tab.
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
    // Adds the next line, and returns it if it is a question. Throws Error for a question before any sentence, a line
    // without words, text that is not UTF-8, brackets that do not match, and an unknown command. Then the story is
    // unchanged.
    std::optional<std::string> add_line(std::string_view line);

    // The sentences so far. A new story replaces them with its first sentence.
    const std::vector<TextSlot>& sentences() const { return sentences_; }

  private:
    void require_words(std::string_view text) const;

    std::vector<TextSlot> sentences_;
    bool ended_ = true;
    Vocabulary no_words_;
    EntityLinker linker_{no_words_};  // knows no names, and throws for bad texts
};

}  // namespace kvmem::apps
