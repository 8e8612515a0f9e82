// Documents as the slots of a memory (Miller et al. 2016, section 4.1).
//
// A mention is a name in a sentence. A document is one stream of tokens, a mention or a word each; windows of W tokens
// run across its sentences and end with it. For a mention c with the words and names w around it, and the title t:
//
//     sentence             one slot a sentence: key = value = its tokens
//     window               key = t w c w, value = c
//     window_title         the same with the marker <centre>; and key = <title> w c w, value = t
//     window_centre        as window, where w and the title in the key are in the second dictionary
//     window_centre_title  as window_title, where w and the title in the key are in the second dictionary
//     edges                two facts a mention, whose relation is the words before it: [t, cue] -> c, [c, ~cue] -> t
//
// A mention of t has no slot <centre>, and a document without a title only slots w c w without a marker. The markers
// are special tokens.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/documents/collection.hpp"

#include <span>
#include <vector>

namespace kvmem::documents {

// What a slot holds of a document.
enum class Representation { sentence, window, window_title, window_centre, window_centre_title, edges };
inline std::span<const char* const> choices(Representation) {
    static constexpr const char* names[] = {
        "sentence", "window", "window-title", "window-centre", "window-centre-title", "edges"};
    return names;
}

// Which names of a text are mentions. Of overlapping ones the longest counts, then the first. exact: names as they are
// spelled, as in the paper. any_case: names that differ in case alone, all of them. inner: the names within longer ones
// too, which share their place in the stream.
enum class Mentions { exact, any_case, inner };
inline std::span<const char* const> choices(Mentions) {
    static constexpr const char* names[] = {"exact", "any-case", "inner"};
    return names;
}

// How documents become slots.
struct RepresentationOptions {
    // What a slot is, and which names in a sentence are mentions.
    Representation representation = Representation::window_centre_title;
    Mentions mentions = Mentions::inner;
    Index window = 7;  // W, with the centre in the middle
};

// The slots of documents, and the bytes that each of them was read from: those of a mention or a sentence in its file.
struct DocumentMemory {
    // As many origins as slots.
    Slots slots;
    std::vector<SlotOrigin> origin;
};

// Reads the documents of a collection. Names are the entities of the vocabulary, to which titles, words and the second
// dictionary are added. Throws Error for an even or negative window.
DocumentMemory represent(const Collection& collection, Vocabulary& vocabulary,
                         const RepresentationOptions& options = {});

}  // namespace kvmem::documents
