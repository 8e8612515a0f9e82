#include "kvmem/tasks/qa/documents/search.hpp"

#include "arrays.hpp"
#include "kvmem/core/option_error.hpp"
#include "module.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace kvmem::python {

namespace fs = std::filesystem;
using documents::Collection;
using documents::Search;
using py::literals::operator""_a;

namespace {

// Words of a sentence with their place.
struct Span {
    std::string text;
    Index begin, end;
    double confidence;
};

// A sentence with its place, which needs its documents no more.
struct Found {
    std::string text, passage, title, file;
    Index begin, end, line, column;
    double confidence;
    std::vector<double> weights;
    std::optional<Span> span;
};

// What was found for a question.
struct Findings {
    std::vector<std::string> words;
    std::map<std::string, std::string> respelled;
    std::vector<Found> answers;
    bool answered;
};

}  // namespace

static std::optional<Span> span_text(const Collection& all, const documents::FoundAnswer& answer) {
    if (!answer.span) return std::nullopt;
    const auto& [bytes, text, confidence] = *answer.span;
    return Span{all.text.substr(text.first, text.size()), bytes.first, bytes.last, confidence};
}

static Found found_text(const Collection& all, const documents::FoundAnswer& answer) {
    const documents::Sentence& sentence = all.sentences[answer.sentence];
    const documents::File& file = all.files[answer.file];
    const auto [line, column] = Collection::place_of(file, sentence.bytes.first);
    const documents::Range around = all.passages[answer.passage].sentences;
    std::string passage;
    for (Index s = around.first; s < around.last; ++s)
        passage += (s > around.first ? " " : "") + std::string(all.text_of(all.sentences[s]));
    return {.text = std::string(all.text_of(sentence)),
            .passage = std::move(passage),
            .title = all.documents[answer.document].title,
            .file = file.path,
            .begin = sentence.bytes.first,
            .end = sentence.bytes.last,
            .line = line,
            .column = column,
            .confidence = answer.confidence,
            .weights = answer.weights,
            .span = span_text(all, answer)};
}

static Findings ask(const Search& self, const std::string& question, Index k, double threshold) {
    if (k < 1) throw OptionError("k", "1 or more", std::to_string(k));
    const py::gil_scoped_release no_gil;
    documents::Findings found = self.ask(question, {.answers = k, .threshold = threshold});
    Findings result{std::move(found.words), {found.respelled.begin(), found.respelled.end()}, {}, found.answered};
    for (const documents::FoundAnswer& answer : found.answers)
        result.answers.push_back(found_text(self.corpus().collection, answer));
    return result;
}

static std::unique_ptr<Search> of_texts(const std::vector<std::pair<std::string, std::string>>& texts) {
    const py::gil_scoped_release no_gil;
    std::vector<documents::TitledText> titled;
    titled.reserve(texts.size());
    for (const auto& [title, text] : texts) titled.push_back({title, text});
    documents::Corpus corpus{.collection = collect(titled), .postings = {}};
    corpus.postings = make_postings(corpus.collection);
    return std::make_unique<Search>(std::make_shared<const documents::Corpus>(std::move(corpus)));
}

static void define_findings(py::module_& module) {
    py::class_<Span>(module, "AnswerSpan", "The words of a sentence that answer a question.")
        .def_readonly("text", &Span::text, "The words.")
        .def_readonly("begin", &Span::begin, "Their first byte in the file.")
        .def_readonly("end", &Span::end, "One past their last byte in the file.")
        .def_readonly("confidence", &Span::confidence, "The share of words (F1) expected in common with the answer.")
        .def("__repr__", [](const Span& span) {
            return std::string(py::str("<kvmem.AnswerSpan {!r}: {:.2f}>").format(span.text, span.confidence));
        });
    py::class_<Found>(module, "FoundAnswer", "A sentence of a document.")
        .def_readonly("text", &Found::text, "The sentence, without markup.")
        .def_readonly("passage", &Found::passage, "The paragraph that it stands in.")
        .def_readonly("title", &Found::title, "The title of its document.")
        .def_property_readonly(
            "file", [](const Found& found) { return fs::path(found.file).string(); }, "The path of its file.")
        .def_readonly("begin", &Found::begin, "Its first byte in the file.")
        .def_readonly("end", &Found::end, "One past its last byte in the file.")
        .def_readonly("line", &Found::line, "Its line, from 1.")
        .def_readonly("column", &Found::column, "The byte of the line that it begins with, from 1.")
        .def_readonly("confidence", &Found::confidence, "How much of the question it has.")
        .def_readonly("weights", &Found::weights, "The share of each word of the question; they sum to 1.")
        .def_readonly("span", &Found::span, "The words that answer, or None if no part of the sentence clearly does.")
        .def("__repr__", [](const Found& found) {
            return std::string(py::str("<kvmem.FoundAnswer {!r}: {:.2f}>").format(found.text, found.confidence));
        });
    py::class_<Findings>(module, "Findings", "The sentences that were found for a question.")
        .def_readonly("words", &Findings::words, "The words of the question, each once.")
        .def_readonly("respelled", &Findings::respelled,
                      "Words that no document has, with the word that each was read as.")
        .def_readonly("answers", &Findings::answers,
                      "The best sentence first; those below the threshold only where none reaches it.")
        .def_readonly("answered", &Findings::answered, "Whether the first one reaches the threshold.")
        .def("__repr__", [](const Findings& self) {
            return std::string(
                py::str("<kvmem.Findings, {} answers, answered={}>").format(self.answers.size(), self.answered));
        });
}

void define_documents(py::module_& module) {
    define_findings(module);
    py::class_<Search>(module, "Documents", R"(Documents that are asked without training.

`path` is a data set of `kvmem import documents`. Several threads may ask at once.

>>> texts = [("Peru", "Peru lies in South America. Its capital is Lima."), ("Chile", "Chile is long.")]
>>> kvmem.Documents.from_texts(texts).ask("What is the capital of Peru?").answers[0].text
'Its capital is Lima.'
)")
        .def(py::init([](const fs::path& path) {
                 const py::gil_scoped_release no_gil;
                 return std::make_unique<Search>(documents::load_documents(path));
             }),
             "__init__(self, path)\n--\n\nOpens documents. Raises Error for another file.", "path"_a)
        .def_static("from_texts", &of_texts,
                    "from_texts(texts)\n--\n\nDocuments in memory, from pairs of a title and a text.", "texts"_a)
        .def("ask", &ask,
             "ask(self, question, *, k=5, threshold=0.71)\n--\n\n"
             "The best k sentences; the question counts as answered from this confidence on. Raises UsageError for k < "
             "1.",
             "question"_a, py::kw_only(), "k"_a = 5, "threshold"_a = documents::default_threshold)
        .def("__len__", [](const Search& self) { return self.corpus().collection.documents.size(); })
        .def("__repr__", [](const Search& self) {
            return "<kvmem.Documents, " + std::to_string(self.corpus().collection.documents.size()) + " documents>";
        });
}

}  // namespace kvmem::python
