#include "tasks/qa/documents/parts.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem::documents {

// --- Shards

// The first document of each part, and behind the last one the number of all.
static std::vector<Index> boundaries(const Collection& all, Index parts) {
    std::vector<Index> first{0};
    first.reserve(static_cast<std::size_t>(parts) + 1);
    const auto tokens = static_cast<double>(all.tokens.size());
    Index document = 0, before = 0;  // tokens
    for (Index part = 1; part < parts; ++part) {
        const double wanted = tokens * static_cast<double>(part) / static_cast<double>(parts);
        while (document < std::ssize(all.documents) && static_cast<double>(before) < wanted)
            before += all.tokens_of(all.documents[document++]).size();
        first.push_back(document);
    }
    first.push_back(std::ssize(all.documents));
    return first;
}

static CorpusPart part_of(const Corpus& corpus, Range documents, bool is_last) {
    const Collection& all = corpus.collection;
    std::vector<FilePart> parts;
    CorpusPart part;
    for (Index f = 0; f < std::ssize(all.files); ++f) {
        const Range of = all.files[f].documents;
        const Range both{std::max(of.first, documents.first), std::min(of.last, documents.last)};
        const bool is_empty_here =
            of.size() == 0 && (documents.contains(of.first) || (is_last && of.first == documents.last));
        if (both.first >= both.last && !is_empty_here) continue;
        if (parts.empty()) part.continues = of.first < documents.first;
        parts.push_back({&all, f, is_empty_here ? of : both});
    }
    auto made = std::make_shared<Corpus>();
    made->collection = merge(parts);
    made->collection.reader = all.reader;
    made->postings = make_postings(made->collection, corpus.postings.language);
    part.corpus = std::move(made);
    return part;
}

std::vector<CorpusPart> deal(const Corpus& corpus, Index parts) {
    const std::vector<Index> first = boundaries(corpus.collection, parts);
    std::vector<CorpusPart> all;
    all.reserve(static_cast<std::size_t>(parts));
    for (Index i = 0; i < parts; ++i) all.push_back(part_of(corpus, {first[i], first[i + 1]}, i + 1 == parts));
    return all;
}

std::shared_ptr<const Corpus> join(std::span<const CorpusPart> parts) {
    std::vector<FilePart> files;
    std::vector<std::size_t> continued;  // files that go on in the next one
    for (const CorpusPart& part : parts) {
        const Collection& all = part.corpus->collection;
        if (part.corpus->postings.language != parts.front().corpus->postings.language)
            throw Error({.what = "shards of documents have the stems of different languages",
                         .expected = parts.front().corpus->postings.language,
                         .got = part.corpus->postings.language});
        if (part.continues && !files.empty() && !all.files.empty()) continued.push_back(files.size() - 1);
        for (Index f = 0; f < std::ssize(all.files); ++f) files.push_back({&all, f, all.files[f].documents});
    }
    auto joined = std::make_shared<Corpus>();
    joined->collection = merge(files);
    joined->collection.reader = parts.front().corpus->collection.reader;
    std::vector<File>& merged = joined->collection.files;
    for (std::size_t i = continued.size(); i-- > 0;) {
        const auto at = merged.begin() + static_cast<std::ptrdiff_t>(continued[i]);
        at->documents.last = std::next(at)->documents.last;
        merged.erase(std::next(at));
    }
    joined->postings = make_postings(joined->collection, parts.front().corpus->postings.language);
    return joined;
}

// --- Passages

namespace {

// Copies passages one after the other.
struct PassageCopier {
    const Collection& from;
    Collection out{};
    Index file = -1, document = -1;  // the last ones that were copied
    std::vector<Index> copied{};     // the passages of `from`, rising
    std::vector<Token> used{};       // the words of `from`

    void begin_file(Index number) {
        if (number == file) return;
        file = number;
        File& copy = out.files.emplace_back(from.files[number]);
        copy.documents = {std::ssize(out.documents), std::ssize(out.documents)};
    }
    void begin_document(Index number) {
        if (number == document) return;
        document = number;
        begin_file(from.file_of(number));
        out.documents.push_back({from.documents[number].title, {std::ssize(out.passages), std::ssize(out.passages)}});
        ++out.files.back().documents.last;
    }
    void add(Index number) {
        begin_document(from.document_of(number));
        Passage copy = from.passages[number];
        if (copy.heading >= 0) copy.heading = std::ranges::lower_bound(copied, copy.heading) - copied.begin();
        const Range sentences = copy.sentences;
        copy.sentences = {std::ssize(out.sentences), std::ssize(out.sentences) + sentences.size()};
        for (Index s = sentences.first; s < sentences.last; ++s) add(from.sentences[s]);
        out.passages.push_back(copy);
        ++out.documents.back().passages.last;
        copied.push_back(number);
    }
    void add(const Sentence& sentence) {
        const Index text = std::ssize(out.text), tokens = std::ssize(out.tokens);
        out.text += from.text_of(sentence);
        out.sentences.push_back(
            {sentence.bytes, {text, std::ssize(out.text)}, {tokens, tokens + sentence.tokens.size()}});
        for (Index t = sentence.tokens.first; t < sentence.tokens.last; ++t) {
            out.tokens.push_back(from.tokens[t]);
            used.push_back(from.tokens[t].word);
        }
    }
    // Numbers words anew, in their order.
    void number_words() {
        std::ranges::sort(used);
        used.erase(std::unique(used.begin(), used.end()), used.end());
        for (const Token word : used) out.words.push_back(from.words[word]);
        for (TokenSpan& token : out.tokens)
            token.word = static_cast<Token>(std::ranges::lower_bound(used, token.word) - used.begin());
    }
    // Leaves out the lines behind and before the sentences of each file.
    void cut_lines() {
        for (File& of : out.files) {
            Index begin = of.bytes, end = 0;
            for (Index d = of.documents.first; d < of.documents.last; ++d) {
                const Range sentences = out.sentences_of(out.documents[d]);
                for (Index s = sentences.first; s < sentences.last; ++s) {
                    begin = std::min(begin, out.sentences[s].bytes.first);
                    end = std::max(end, out.sentences[s].bytes.last);
                }
            }
            of.lines.erase(std::ranges::upper_bound(of.lines, end), of.lines.end());
            const auto first = std::ranges::upper_bound(of.lines, begin);
            if (first == of.lines.begin()) continue;
            of.skipped_lines = std::prev(first) - of.lines.begin();
            of.lines.erase(of.lines.begin(), std::prev(first));
        }
    }
};

}  // namespace

std::vector<Index> with_headings(const Collection& all, std::span<const Index> passages) {
    std::vector<Index> wanted;
    for (Index passage : passages)
        for (; passage >= 0; passage = all.passages[passage].heading) wanted.push_back(passage);
    std::ranges::sort(wanted);
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    return wanted;
}

Collection excerpt(const Collection& from, std::span<const Index> passages) {
    PassageCopier part{from};
    part.out.reader = from.reader;
    for (const Index passage : passages) part.add(passage);
    part.number_words();
    part.cut_lines();
    return std::move(part.out);
}

}  // namespace kvmem::documents
