#include "kvmem/tasks/qa/documents/collection.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/text.hpp"

#include <algorithm>
#include <functional>

namespace kvmem::documents {

// The element whose range holds `number`. Empty ranges hold nothing.
template <class T>
static Index holder(const std::vector<T>& elements, Range T::*range, Index number) {
    const auto after = std::ranges::upper_bound(elements, number, {}, [&](const T& e) { return (e.*range).last; });
    return after - elements.begin();
}

Index Collection::document_of(Index passage) const { return holder(documents, &Document::passages, passage); }
Index Collection::file_of(Index document) const { return holder(files, &File::documents, document); }
Index Collection::passage_of(Index sentence) const { return holder(passages, &Passage::sentences, sentence); }

std::pair<Index, Index> Collection::place_of(const File& file, Index byte) {
    const auto after = std::ranges::upper_bound(file.lines, byte);
    const Index begin = after == file.lines.begin() ? 0 : *(after - 1);
    return {file.skipped_lines + std::max<Index>(after - file.lines.begin(), 1), byte - begin + 1};
}

Range Collection::sentences_of(const Document& document) const {
    if (document.passages.size() == 0) return {};
    return {passages[document.passages.first].sentences.first, passages[document.passages.last - 1].sentences.last};
}

Range Collection::tokens_of(const Document& document) const {
    const Range of = sentences_of(document);
    if (of.size() == 0) return {};
    return {sentences[of.first].tokens.first, sentences[of.last - 1].tokens.last};
}

namespace {

// Checks a collection, and throws Error for the first fault.
struct Checker {
    const Collection& all;
    const std::string& where;

    void require(bool holds, const char* what, const char* expected) const {
        if (!holds) throw Error({.what = what, .expected = expected, .where = where});
    }

    // Whether ranges of elements follow each other from 0 to `count`.
    template <class T>
    void require_cover(const std::vector<T>& elements, Range T::*range, Index count, const char* what) const {
        Index next = 0;
        for (const T& element : elements) {
            require((element.*range).first == next && (element.*range).last >= next, what,
                    "ranges one after the other");
            next = (element.*range).last;
        }
        require(next == count, what, "ranges that cover all");
    }

    void ranges() const {
        require_cover(all.files, &File::documents, std::ssize(all.documents), "documents of files do not fit");
        require_cover(all.documents, &Document::passages, std::ssize(all.passages), "passages of documents do not fit");
        require_cover(all.passages, &Passage::sentences, std::ssize(all.sentences), "sentences of passages do not fit");
        require_cover(all.sentences, &Sentence::text, std::ssize(all.text), "texts of sentences do not fit");
        require_cover(all.sentences, &Sentence::tokens, std::ssize(all.tokens), "tokens of sentences do not fit");
    }

    void texts() const {
        const auto is_utf8 = [](std::string_view text) { return invalid_utf8_at(text) == text.npos; };
        for (const std::string& word : all.words) require(is_utf8(word), "a word is not text", "UTF-8");
        require(std::ranges::adjacent_find(all.words, std::greater_equal()) == all.words.end(),
                "the words of documents have another order", "each word once, rising");
        for (const Sentence& sentence : all.sentences)
            require(is_utf8(all.text_of(sentence)), "a sentence is not text", "UTF-8");
        for (const Document& document : all.documents)
            require(control_character_at(document.title) == document.title.npos && is_utf8(document.title),
                    "a title is not text", "UTF-8 in one line");
    }

    static bool is_within(Range range, Index size) {
        return 0 <= range.first && range.first <= range.last && range.last <= size;
    }

    void file(const File& file) const {
        require(file.layout <= Layout::squad && file.encoding <= Encoding::latin1 && file.bytes >= 0 &&
                    file.skipped_lines >= 0 && file.skipped_lines <= file.bytes,
                "a file is described wrongly", "a known layout and encoding");
        require(std::ranges::is_sorted(file.lines) &&
                    (file.lines.empty() || (file.lines.front() >= 0 && file.lines.back() <= file.bytes)),
                "the lines of a file do not fit", "bytes of the file, rising");
        for (Index d = file.documents.first; d < file.documents.last; ++d) document(all.documents[d], file.bytes);
    }

    void document(const Document& document, Index bytes) const {
        for (Index p = document.passages.first; p < document.passages.last; ++p) {
            const Passage& passage = all.passages[p];
            const bool has_heading = passage.heading != -1;
            require(passage.kind <= PassageKind::table && passage.level >= 0, "a passage is described wrongly",
                    "a known kind and a level");
            require(!has_heading || (document.passages.first <= passage.heading && passage.heading < p &&
                                     all.passages[passage.heading].kind == PassageKind::heading),
                    "the heading of a passage does not fit", "a heading above it in its document");
        }
        const Range sentences = all.sentences_of(document);
        for (Index s = sentences.first; s < sentences.last; ++s)
            require(is_within(all.sentences[s].bytes, bytes), "a sentence is not in its file", "bytes of the file");
        const Range tokens = all.tokens_of(document);
        for (Index t = tokens.first; t < tokens.last; ++t) token(all.tokens[t], bytes);
    }

    void token(const TokenSpan& token, Index bytes) const {
        require(0 <= token.word && token.word < std::ssize(all.words), "a token is no word", "a row of the words");
        require(token.size >= 0 && token.begin >= 0 && token.begin <= bytes && token.size <= bytes - token.begin,
                "a token is not in its file", "bytes of the file");
    }

    void questions() const {
        Index last = 0;
        for (const Question& question : all.questions) {
            require(last <= question.document && question.document < std::ssize(all.documents),
                    "a question has no document", "a document, in their order");
            last = question.document;
            const Index bytes = all.files[all.file_of(last)].bytes;
            for (const Range answer : question.answers)
                require(is_within(answer, bytes), "an answer is not in its file", "bytes of the file");
        }
    }
};

}  // namespace

void Collection::validate(const std::string& where) const {
    const Checker checker{*this, where};
    checker.ranges();
    checker.texts();
    for (const File& file : files) checker.file(file);
    checker.questions();
}

}  // namespace kvmem::documents
