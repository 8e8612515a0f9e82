// Collections of several files from those of single ones.
#include "io/content_hash.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/text.hpp"
#include "tasks/qa/documents/parts.hpp"
#include "tasks/qa/documents/readers.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

namespace kvmem::documents {

// Numbers of words in a merged collection by their number in one of its sources; -1: unused.
using WordMap = std::vector<Token>;

// The range that ranges [first, last) of elements cover.
template <class T>
static Range covered(const std::vector<T>& elements, Range range, Range T::*below) {
    return range.size() == 0 ? Range{}
                             : Range{(elements[range.first].*below).first, (elements[range.last - 1].*below).last};
}

static Range sentences_of(const FilePart& part) {
    const Range passages = covered(part.collection->documents, part.documents, &Document::passages);
    return covered(part.collection->passages, passages, &Passage::sentences);
}

namespace {

// Appends parts of files to a collection.
struct Appender {
    Collection& out;

    // Makes room for parts, so that no array moves while they are appended.
    void reserve(std::span<const FilePart> parts) {
        Index sentence_count = 0, token_count = 0, text_bytes = 0;
        for (const FilePart& part : parts) {
            const Collection& from = *part.collection;
            const Range sentences = sentences_of(part);
            sentence_count += sentences.size();
            token_count += covered(from.sentences, sentences, &Sentence::tokens).size();
            text_bytes += covered(from.sentences, sentences, &Sentence::text).size();
        }
        out.sentences.reserve(sentence_count);
        out.tokens.reserve(token_count);
        out.text.reserve(text_bytes);
    }

    static Range moved(Range range, Index by) { return {range.first + by, range.last + by}; }

    void append(const FilePart& part, const WordMap& words) {
        const Collection& from = *part.collection;
        const Range passages = covered(from.documents, part.documents, &Document::passages);
        const Range sentences = covered(from.passages, passages, &Passage::sentences);
        const Index documents_by = std::ssize(out.documents) - part.documents.first;
        append_questions(from, part.documents, documents_by);
        out.files.push_back(from.files[part.file]);
        out.files.back().documents = moved(part.documents, documents_by);
        append_passages(from, part.documents, passages, sentences.first);
        append_sentences(from, sentences, words);
    }

    void append_questions(const Collection& from, Range documents, Index by) {
        auto question = std::ranges::lower_bound(from.questions, documents.first, {}, &Question::document);
        for (; question != from.questions.end() && question->document < documents.last; ++question) {
            out.questions.push_back(*question);
            out.questions.back().document += by;
        }
    }

    void append_passages(const Collection& from, Range documents, Range passages, Index first_sentence) {
        const Index by = std::ssize(out.passages) - passages.first;
        for (Index d = documents.first; d < documents.last; ++d) {
            out.documents.push_back(from.documents[d]);
            Range& range = out.documents.back().passages;
            range = moved(range, by);
        }
        const Index sentences_by = std::ssize(out.sentences) - first_sentence;
        for (Index p = passages.first; p < passages.last; ++p) {
            Passage passage = from.passages[p];
            if (passage.heading >= 0) passage.heading += by;
            passage.sentences = moved(passage.sentences, sentences_by);
            out.passages.push_back(passage);
        }
    }

    void append_sentences(const Collection& from, Range sentences, const WordMap& words) {
        const Range tokens = covered(from.sentences, sentences, &Sentence::tokens);
        const Range text = covered(from.sentences, sentences, &Sentence::text);
        const Index tokens_by = std::ssize(out.tokens) - tokens.first, text_by = std::ssize(out.text) - text.first;
        for (Index s = sentences.first; s < sentences.last; ++s) {
            const Sentence& sentence = from.sentences[s];
            out.sentences.push_back({sentence.bytes, moved(sentence.text, text_by), moved(sentence.tokens, tokens_by)});
        }
        for (Index t = tokens.first; t < tokens.last; ++t) {
            out.tokens.push_back(from.tokens[t]);
            out.tokens.back().word = words[from.tokens[t].word];
        }
        out.text += std::string_view(from.text).substr(text.first, text.size());
    }
};

}  // namespace

// Marks the words of the tokens with 0.
static void mark_words(const FilePart& part, WordMap& words) {
    const Collection& from = *part.collection;
    words.resize(from.words.size(), -1);
    const Range tokens = covered(from.sentences, sentences_of(part), &Sentence::tokens);
    for (Index t = tokens.first; t < tokens.last; ++t) words[from.tokens[t].word] = 0;
}

// Fills in the numbers of words, and returns the words.
static std::vector<std::string> number_words(std::map<const Collection*, WordMap>& maps) {
    std::unordered_set<std::string_view> used;
    for (const auto& [from, words] : maps)
        for (std::size_t i = 0; i < words.size(); ++i)
            if (words[i] == 0) used.insert(from->words[i]);
    std::vector<std::string> sorted(used.begin(), used.end());
    std::ranges::sort(sorted);
    for (auto& [from, words] : maps) {
        auto at = sorted.begin();  // both rise
        for (std::size_t i = 0; i < words.size(); ++i) {
            if (words[i] < 0) continue;
            at = std::lower_bound(at, sorted.end(), from->words[i]);
            words[i] = static_cast<Token>(at - sorted.begin());
        }
    }
    return sorted;
}

Collection merge(std::span<const FilePart> parts) {
    std::map<const Collection*, WordMap> maps;
    for (const FilePart& part : parts) mark_words(part, maps[part.collection]);
    Collection merged;
    merged.words = number_words(maps);
    Appender appender{merged};
    appender.reserve(parts);
    for (const FilePart& part : parts) appender.append(part, maps[part.collection]);
    return merged;
}

Collection merge(std::span<const Piece> pieces) {
    std::vector<FilePart> parts;
    parts.reserve(pieces.size());
    for (const Piece& piece : pieces)
        parts.push_back({piece.collection, piece.file, piece.collection->files.at(piece.file).documents});
    return merge(parts);
}

static Collection collect(const TitledText& titled) {
    for (const std::string& text : {titled.title, titled.text})
        if (const std::size_t bad = invalid_utf8_at(text); bad != text.npos)
            throw Error({.what = "a text is not valid UTF-8",
                         .got = "a stray byte at position " + std::to_string(bad),
                         .where = titled.title});
    DecodedText source;
    source.text = titled.text;
    source.bytes = std::ssize(titled.text);
    Builder builder(source, {.path = titled.title, .hash = xxh3(titled.text)});
    builder.begin_document(titled.title);
    read_text(builder);
    return builder.finish();
}

Collection collect(std::span<const TitledText> texts) {
    std::vector<Collection> each(texts.size());
    parallel_for(std::ssize(texts), 8, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) each[i] = collect(texts[i]);
    });
    std::vector<Piece> pieces;
    pieces.reserve(each.size());
    for (const Collection& one : each) pieces.push_back({&one, 0});
    return merge(pieces);
}

}  // namespace kvmem::documents
