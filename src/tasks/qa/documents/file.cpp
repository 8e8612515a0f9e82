#include "tasks/qa/documents/file.hpp"

#include "kvmem/core/error.hpp"

#include <functional>

namespace kvmem::documents {

namespace {

// Arrays of structs as columns of a file.
struct Columns {
    hdf5::Writer& file;

    template <class Out, class Rows, class Get>
    void write(const std::string& path, const Rows& rows, Get get, hdf5::Layout layout = hdf5::Layout::packed) const {
        std::vector<Out> values;
        values.reserve(rows.size());
        for (const auto& row : rows) values.push_back(static_cast<Out>(std::invoke(get, row)));
        file.write(path, std::span<const Out>(values), layout);
    }
    template <class Rows, class Get>
    void write_texts(const std::string& path, const Rows& rows, Get get) const {
        std::vector<std::string> texts;
        texts.reserve(rows.size());
        for (const auto& row : rows) texts.push_back(std::invoke(get, row));
        file.write(path, std::span<const std::string>(texts));
    }
    // Offsets of ranges that follow each other.
    template <class T>
    void write_offsets(const std::string& path, const std::vector<T>& rows, Range T::*range) const {
        std::vector<Index> offsets{0};
        for (const T& row : rows) offsets.push_back((row.*range).last);
        file.write(path, std::span<const Index>(offsets));
    }
};

}  // namespace

static void write_files(const Columns& to, const Collection& all) {
    to.write_texts("/documents/files/path", all.files, &File::path);
    to.write_texts("/documents/files/hash", all.files, &File::hash);
    to.write<std::uint8_t>("/documents/files/layout", all.files, &File::layout);
    to.write<std::uint8_t>("/documents/files/encoding", all.files, &File::encoding);
    to.write<Index>("/documents/files/bytes", all.files, &File::bytes);
    to.write_offsets("/documents/files/documents", all.files, &File::documents);
    Ragged<Token> lines;
    for (const File& file : all.files) {
        lines.values.insert(lines.values.end(), file.lines.begin(), file.lines.end());
        lines.end_row();
    }
    to.file.write("/documents/files/lines", lines);
}

static void write_questions(const Columns& to, const Collection& all) {
    if (all.questions.empty()) return;
    std::vector<Range> answers;
    std::vector<Index> offsets{0};
    for (const Question& question : all.questions) {
        answers.insert(answers.end(), question.answers.begin(), question.answers.end());
        offsets.push_back(std::ssize(answers));
    }
    to.write_texts("/documents/questions/text", all.questions, &Question::text);
    to.write<Index>("/documents/questions/document", all.questions, &Question::document);
    to.file.write("/documents/questions/answers", std::span<const Index>(offsets));
    to.write<Index>("/documents/questions/begin", answers, &Range::first);
    to.write<Index>("/documents/questions/end", answers, &Range::last);
}

static void write_postings(hdf5::Writer& file, const Postings& postings) {
    file.attribute("/postings", "language", postings.language);
    file.write("/postings/stems", std::span<const std::string>(postings.stems));
    file.write("/postings/stem_of", std::span<const Token>(postings.stem_of));
    file.write("/postings/offsets", std::span<const Index>(postings.offsets));
    file.write("/postings/passage", std::span<const std::int32_t>(postings.passage));
    file.write("/postings/count", std::span<const std::uint8_t>(postings.count));
    file.write("/postings/fields", std::span<const std::uint8_t>(postings.fields));
}

// Where tokens are: bytes behind the token before, or behind the sentence's begin, which are few and pack well.
static void write_places(const Columns& to, const Collection& all) {
    std::vector<std::int32_t> gaps;
    gaps.reserve(all.tokens.size());
    bool are_short = true;
    for (const Sentence& sentence : all.sentences) {
        Index end = sentence.bytes.first;
        for (Index t = sentence.tokens.first; t < sentence.tokens.last; ++t) {
            const TokenSpan& token = all.tokens[t];
            gaps.push_back(static_cast<std::int32_t>(token.begin - end));
            end = token.end();
            are_short = are_short && token.size < 256;
        }
    }
    to.file.write("/tokens/gap", std::span<const std::int32_t>(gaps));
    if (are_short)
        to.write<std::uint8_t>("/tokens/size", all.tokens, &TokenSpan::size, hdf5::Layout::mapped);
    else
        to.write<Token>("/tokens/size", all.tokens, &TokenSpan::size);
}

// Texts and words are not packed: packing them takes half of the time of an update of one file.
void write_corpus(hdf5::Writer& file, const Corpus& corpus) {
    const Collection& all = corpus.collection;
    const Columns to{file};
    file.attribute("/documents", "reader", all.reader);
    write_files(to, all);
    to.write_texts("/documents/title", all.documents, &Document::title);
    to.write_offsets("/documents/passages", all.documents, &Document::passages);
    write_questions(to, all);
    to.write<std::uint8_t>("/passages/kind", all.passages, &Passage::kind);
    to.write<std::int32_t>("/passages/level", all.passages, &Passage::level);
    to.write<Index>("/passages/heading", all.passages, &Passage::heading);
    to.write_offsets("/passages/sentences", all.passages, &Passage::sentences);
    to.write<Token>("/sentences/begin", all.sentences, [](const Sentence& s) { return s.bytes.first; });
    to.write<Token>("/sentences/size", all.sentences, [](const Sentence& s) { return s.bytes.size(); });
    file.write("/sentences/text/bytes", {reinterpret_cast<const std::uint8_t*>(all.text.data()), all.text.size()},
               hdf5::Layout::mapped);
    to.write_offsets("/sentences/text/offsets", all.sentences, &Sentence::text);
    to.write_offsets("/sentences/tokens", all.sentences, &Sentence::tokens);
    file.write("/tokens/words", std::span<const std::string>(all.words));
    to.write<Token>("/tokens/word", all.tokens, &TokenSpan::word, hdf5::Layout::mapped);
    write_places(to, all);
    write_postings(file, corpus.postings);
}

namespace {

// Columns of a file as arrays of structs. Functions throw Error for columns of different lengths.
struct Rows {
    const hdf5::Reader& file;

    Error misfit(const std::string& path) const {
        return Error({.what = "the lengths of " + path + " and its neighbours differ",
                      .expected = "a value for each row",
                      .where = file.name()});
    }
    // Sets a member of each row; the first column makes the rows.
    template <class T, class Values, class Set>
    void fill(const std::string& path, std::vector<T>& rows, Values values, Set set, bool first = false) const {
        if (first) rows.resize(values.size());
        if (rows.size() != values.size()) throw misfit(path);
        for (std::size_t i = 0; i < rows.size(); ++i) set(rows[i], values[i]);
    }
    template <class T>
    void fill_ranges(const std::string& path, std::vector<T>& rows, Range T::*range) const {
        const std::vector<Index> offsets = file.int64s(path);
        if (offsets.size() != rows.size() + 1) throw misfit(path);
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i].*range = {offsets[i], offsets[i + 1]};
    }
    template <class Enum>
    static Enum as(std::uint8_t number) {
        return static_cast<Enum>(number);
    }
};

}  // namespace

static void read_files(const Rows& rows, Collection& all) {
    const hdf5::Reader& file = rows.file;
    const std::string at = "/documents/files/";
    rows.fill(
        at + "path", all.files, file.strings(at + "path"), [](File& f, std::string& s) { f.path = std::move(s); },
        true);
    rows.fill(at + "hash", all.files, file.strings(at + "hash"),
              [](File& f, std::string& s) { f.hash = std::move(s); });
    rows.fill(at + "layout", all.files, file.bytes(at + "layout"),
              [](File& f, auto x) { f.layout = Rows::as<Layout>(x); });
    rows.fill(at + "encoding", all.files, file.bytes(at + "encoding"),
              [](File& f, auto x) { f.encoding = Rows::as<Encoding>(x); });
    rows.fill(at + "bytes", all.files, file.int64s(at + "bytes"), [](File& f, Index x) { f.bytes = x; });
    rows.fill_ranges(at + "documents", all.files, &File::documents);
    const Ragged<Token> lines = file.ragged(at + "lines");
    if (lines.size() != std::ssize(all.files)) throw rows.misfit(at + "lines");
    for (Index i = 0; i < lines.size(); ++i) all.files[i].lines.assign(lines[i].begin(), lines[i].end());
}

static void read_questions(const Rows& rows, Collection& all) {
    const hdf5::Reader& file = rows.file;
    const std::string at = "/documents/questions";
    if (!file.has(at)) return;
    auto& questions = all.questions;
    rows.fill(
        at, questions, file.strings(at + "/text"), [](Question& q, auto& s) { q.text = std::move(s); }, true);
    rows.fill(at, questions, file.int64s(at + "/document"), [](Question& q, Index x) { q.document = x; });
    std::vector<Range> answers;
    rows.fill(
        at, answers, file.int64s(at + "/begin"), [](Range& r, Index x) { r.first = x; }, true);
    rows.fill(at, answers, file.int64s(at + "/end"), [](Range& r, Index x) { r.last = x; });
    const std::vector<Index> offsets = file.int64s(at + "/answers");
    if (offsets.size() != questions.size() + 1 || !RaggedView<Range>{answers, offsets}.valid()) throw rows.misfit(at);
    for (std::size_t i = 0; i < questions.size(); ++i)
        questions[i].answers.assign(answers.begin() + offsets[i], answers.begin() + offsets[i + 1]);
}

static void read_passages(const Rows& rows, Collection& all) {
    const hdf5::Reader& file = rows.file;
    rows.fill(
        "/documents/title", all.documents, file.strings("/documents/title"),
        [](Document& d, auto& s) { d.title = std::move(s); }, true);
    rows.fill_ranges("/documents/passages", all.documents, &Document::passages);
    rows.fill(
        "/passages/kind", all.passages, file.bytes("/passages/kind"),
        [](Passage& p, auto x) { p.kind = Rows::as<PassageKind>(x); }, true);
    rows.fill("/passages/level", all.passages, file.int32s("/passages/level"), [](Passage& p, auto x) { p.level = x; });
    rows.fill("/passages/heading", all.passages, file.int64s("/passages/heading"),
              [](Passage& p, Index x) { p.heading = x; });
    rows.fill_ranges("/passages/sentences", all.passages, &Passage::sentences);
}

// Adds up the gaps, which `begin` of each token holds.
static void place_tokens(Collection& all) {
    for (const Sentence& sentence : all.sentences) {
        Index end = sentence.bytes.first;
        for (Index t = sentence.tokens.first; t < sentence.tokens.last; ++t) {
            all.tokens[t].begin += end;
            end = all.tokens[t].end();
        }
    }
}

static void read_sentences(const Rows& rows, Collection& all) {
    const hdf5::Reader& file = rows.file;
    rows.fill(
        "/sentences/begin", all.sentences, file.int32s("/sentences/begin"),
        [](Sentence& s, Index x) { s.bytes.first = s.bytes.last = x; }, true);
    rows.fill("/sentences/size", all.sentences, file.int32s("/sentences/size"),
              [](Sentence& s, std::int32_t x) { s.bytes.last += x; });
    const std::vector<std::uint8_t> text = file.bytes("/sentences/text/bytes");
    all.text.assign(text.begin(), text.end());
    rows.fill_ranges("/sentences/text/offsets", all.sentences, &Sentence::text);
    rows.fill_ranges("/sentences/tokens", all.sentences, &Sentence::tokens);
    all.words = file.strings("/tokens/words");
    rows.fill(
        "/tokens/word", all.tokens, file.int32s("/tokens/word"), [](TokenSpan& t, auto x) { t.word = x; }, true);
    rows.fill("/tokens/size", all.tokens, file.int32s("/tokens/size"), [](TokenSpan& t, auto x) { t.size = x; });
    rows.fill("/tokens/gap", all.tokens, file.int32s("/tokens/gap"), [](TokenSpan& t, std::int32_t x) { t.begin = x; });
    if (!RaggedView<TokenSpan>{all.tokens, file.int64s("/sentences/tokens")}.valid()) throw rows.misfit("/tokens");
    place_tokens(all);
}

static Postings read_postings(const hdf5::Reader& file) {
    return {.language = file.attribute("/postings", "language"),
            .stems = file.strings("/postings/stems"),
            .stem_of = file.int32s("/postings/stem_of"),
            .offsets = file.int64s("/postings/offsets"),
            .passage = file.int32s("/postings/passage"),
            .count = file.bytes("/postings/count"),
            .fields = file.bytes("/postings/fields")};
}

std::shared_ptr<const Corpus> read_corpus(const hdf5::Reader& file) {
    if (!file.has("/documents")) return nullptr;
    auto corpus = std::make_shared<Corpus>();
    const Rows rows{file};
    read_files(rows, corpus->collection);
    read_passages(rows, corpus->collection);
    read_sentences(rows, corpus->collection);
    read_questions(rows, corpus->collection);
    corpus->collection.reader = file.attribute("/documents", "reader");
    corpus->collection.validate(file.name());
    corpus->postings = read_postings(file);
    corpus->postings.validate(corpus->collection, file.name());
    return corpus;
}

}  // namespace kvmem::documents
