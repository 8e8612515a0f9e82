// Mentions as edges between a document's title and a name: facts whose relations are cues in the text.
#pragma once

#include "tasks/qa/documents/mentions.hpp"

#include <map>
#include <string>
#include <vector>

namespace kvmem::documents {

// The cue of place i in a sentence: the nearest one or two words before it that are neither names nor conjunctions, and
// with "and" a third one ("written and directed by"). At the beginning of a sentence it is the words behind, with "_"
// before them. Empty in a sentence of names.
std::string cue_of(const std::vector<Place>& sentence, Index i);

// Collects edges, then makes the facts [title, cue] -> [name] and [name, ~cue] -> [title] of them.
class EdgeWriter {
  public:
    // Cues of fewer mentions are one relation, "mentions".
    static constexpr Index min_uses = 30;

    // Adds the mentions of a sentence. Cues also tell numbers, words in lower case, and names with capitals that the
    // text lacks from other names.
    void add_sentence(Token title, const std::vector<Place>& sentence, Index document, const Vocabulary& vocabulary);
    // Adds the relations to the vocabulary.
    DocumentMemory finish(Vocabulary& vocabulary) const;

  private:
    struct Edge {
        Token title, name;
        Index cue;
        SlotOrigin origin;
    };
    std::vector<Edge> edges_;
    std::map<std::string, Index> numbers_;             // of cues
    std::vector<std::pair<std::string, Index>> cues_;  // by number, with their uses
};

}  // namespace kvmem::documents
