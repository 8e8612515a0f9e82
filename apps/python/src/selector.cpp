#include "kvmem/tasks/selection/evaluate.hpp"
#include "kvmem/tasks/selection/model.hpp"
#include "kvmem/tasks/selection/model_file.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "module.hpp"
#include "task_files.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace kvmem::python {

namespace py = pybind11;
namespace fs = std::filesystem;
using py::literals::operator""_a;

namespace {

struct RankedSentence {
    Index number;
    std::string sentence;
    Real score;
};

}  // namespace

static std::unique_ptr<SelectionModel> open(const fs::path& run) {
    const py::gil_scoped_release no_gil;
    return load_selection_model(model_file(run, answer_selection()));
}

static std::vector<RankedSentence> rank(const SelectionModel& self, const std::string& question,
                                        std::vector<std::string> sentences, const std::string& title,
                                        const std::string& heading) {
    const py::gil_scoped_release no_gil;
    SelectionQuestion read{.id = "", .text = question, .title = title, .heading = heading};
    read.right.resize(sentences.size());
    read.sentences = std::move(sentences);
    const Ragged<Real> scores = self.score({&read, 1});
    std::vector<RankedSentence> ranked;
    for (const Index number : worst_case_order(scores[0], read.right))
        ranked.push_back({number, read.sentences[number], scores[0][number]});
    return ranked;
}

void define_selector(py::module_& module) {
    py::class_<RankedSentence>(module, "RankedSentence", "A sentence that may answer a question.")
        .def_readonly("number", &RankedSentence::number, "Its place among the sentences that were given, from 0.")
        .def_readonly("sentence", &RankedSentence::sentence, "The text.")
        .def_readonly("score", &RankedSentence::score, "The score by the model: the higher, the likelier it answers.")
        .def("__repr__", [](const RankedSentence& one) {
            return std::string(py::str("<kvmem.RankedSentence {!r}: {:.3f}>").format(one.sentence, one.score));
        });
    py::class_<SelectionModel>(module, "Selector",
                               R"(Ranks sentences by how well they answer a question, by a trained run.

`run` is a run directory or a model file. Several threads may use it at once.

>>> rows = [{"question": "who wrote it", "candidates": ["It is old.", "Ada wrote it."], "answers": [1]}] * 4
>>> run = kvmem.train(kvmem.Dataset.from_sentences(rows, valid=rows), "selector", width=4, epochs=1)
>>> ranked = kvmem.Selector(run).rank("who wrote it", ["Bo wrote it.", "It is new."])
>>> sorted(one.sentence for one in ranked)
['Bo wrote it.', 'It is new.']
)")
        .def(py::init(&open), "__init__(self, run)\n--\n\nOpens a run.", "run"_a)
        .def(
            "rank", &rank,
            "rank(self, question, sentences, *, title='', heading='')\n--\n\n"
            "A RankedSentence for each sentence, the best first. Sentences come in the order of their document, whose\n"
            "title and section's heading may count, too. Raises Error without a sentence.",
            "question"_a, "sentences"_a, py::kw_only(), "title"_a = "", "heading"_a = "")
        .def("__repr__", [](const SelectionModel& self) { return "<kvmem.Selector, " + self.summary() + ">"; });
}

}  // namespace kvmem::python
