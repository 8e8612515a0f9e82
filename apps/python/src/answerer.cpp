#include "kvmem/tasks/qa/answerer.hpp"

#include "kvmem/core/option_error.hpp"
#include "kvmem/tasks/qa/edit_memory.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/qa/tasks.hpp"
#include "module.hpp"
#include "task_files.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace kvmem::python {

namespace py = pybind11;
namespace fs = std::filesystem;
using py::literals::operator""_a;

// As `kvmem ask` opens a run: with its own data set, or another.
static std::unique_ptr<Answerer> open(const fs::path& run, const std::optional<fs::path>& memory,
                                      const std::vector<std::string>& add_facts) {
    const py::gil_scoped_release no_gil;
    std::unique_ptr<Model> model = load_model(model_file(run, question_answering()));
    const std::optional<RunConfig> config = config_of_run(run, question_answering());
    if (!memory && !config)
        throw UsageError({.what = "a model file does not say which memory to read",
                          .expected = "memory=...",
                          .where = run.string()});
    const std::vector<std::string> tasks = memory ? std::vector<std::string>{} : config->tasks;
    QaDataset data = load_dataset(memory ? *memory : fs::path(config->data),
                                  tasks.empty() ? DatasetParts::memory : DatasetParts::all);
    keep_tasks(data, tasks);
    for (const std::string& fact : add_facts) add_fact(data, parse_fact(fact));
    return std::make_unique<Answerer>(std::move(model), std::move(data));
}

static Answer ask(const Answerer& self, const std::string& question, const std::vector<std::string>& story, Index k,
                  Index slots, std::optional<double> min_certainty, bool all) {
    if (k < 1) throw OptionError("k", "1 or more", std::to_string(k));
    if (slots < 0) throw OptionError("slots", "0 or more", std::to_string(slots));
    std::vector<TextSlot> own;
    for (const std::string& sentence : story) own.push_back({sentence});
    const AnswerOptions options{.candidates = k, .all_as_good = all, .slots = slots, .min_certainty = min_certainty};
    const py::gil_scoped_release no_gil;
    return self.ask(question, options, own);
}

// The text of the answer; None when the model refuses, or has nothing to read.
static std::optional<std::string> text_of(const Answer& answer) {
    if (answer.candidates.empty() || answer.refused) return std::nullopt;
    return answer.candidates.front().text;
}

// The texts of the candidates that count as right; none of a refusal.
static std::vector<std::string> texts_of(const Answer& answer) {
    std::vector<std::string> texts;
    if (answer.refused) return texts;
    for (const Answer::Candidate& candidate : answer.candidates)
        if (std::ssize(texts) < answer.as_good) texts.push_back(candidate.text);
    return texts;
}

static void define_parts(py::module_& module) {
    py::class_<Answer::Candidate>(module, "Candidate", "A possible answer.")
        .def_readonly("text", &Answer::Candidate::text, "The name.")
        .def_readonly("score", &Answer::Candidate::score, "The score by the model.")
        .def_readonly("weight", &Answer::Candidate::weight, "The share of the softmax, or of the path.")
        .def("__repr__", [](const Answer::Candidate& c) {
            return std::string(py::str("<kvmem.Candidate {!r}: {:.3f}>").format(c.text, c.weight));
        });
    py::class_<Answer::ReadSlot>(module, "ReadSlot", "A slot with the weight that a head gave to it.")
        .def_readonly("key", &Answer::ReadSlot::key, "The key as text.")
        .def_readonly("value", &Answer::ReadSlot::value, "The value as text.")
        .def_readonly("weight", &Answer::ReadSlot::weight, "The attention weight.")
        .def_readonly("slot", &Answer::ReadSlot::slot, "The number among the question's slots.")
        .def("__repr__", [](const Answer::ReadSlot& s) {
            return std::string(py::str("<kvmem.ReadSlot {!r} -> {!r}: {:.3f}>").format(s.key, s.value, s.weight));
        });
    py::class_<Answer::Path::Step>(module, "Step", "A relation that was followed.")
        .def_readonly("relation", &Answer::Path::Step::relation, "The name of the relation.")
        .def_readonly("reversed", &Answer::Path::Step::reversed, "Whether it was read from object to subject.")
        .def_readonly("entity", &Answer::Path::Step::entity, "The entity that it led to.")
        .def_readonly("weight", &Answer::Path::Step::weight, "The weight of the relation.");
    py::class_<Answer::Path>(module, "Path", "The way from an entity of the question to a candidate.")
        .def_readonly("start", &Answer::Path::start, "The name of the first entity.")
        .def_readonly("steps", &Answer::Path::steps, "The steps from it.")
        .def_readonly("weight", &Answer::Path::weight, "The weight of the whole.");
}

static py::list hops_of(const Answer& answer) {
    py::list hops;
    for (const Answer::Hop& hop : answer.hops) {
        py::list heads;
        for (const Answer::Head& head : hop.heads) heads.append(py::cast(head.slots));
        hops.append(std::move(heads));
    }
    return hops;
}

void define_answerer(py::module_& module) {
    define_parts(module);
    py::class_<Answer>(module, "Answer", "The candidates for a question, and what the model read for them.")
        .def_property_readonly("text", &text_of, "The best candidate; None of a refusal, or without anything to read.")
        .def_property_readonly("answers", &texts_of, "The texts of the candidates that count in as_good.")
        .def_readonly("candidates", &Answer::candidates, "Candidates, the best first.")
        .def_readonly("as_good", &Answer::as_good, "How many candidates have at least half of the first one's weight.")
        .def_readonly("certainty", &Answer::certainty, "How certain the first candidate is.")
        .def_readonly("refused", &Answer::refused, "Whether that is too little for an answer.")
        .def_property_readonly("hops", &hops_of, "hops[i][j] are the slots that head j read in hop i.")
        .def_readonly("paths", &Answer::paths, "Of a model that follows facts: the path to each candidate.")
        .def_readonly("entities", &Answer::entities, "The entities that the question names.")
        .def_readonly("unknown_words", &Answer::unknown_words, "Words that training never saw.")
        .def_readonly("suggestions", &Answer::suggestions, "Names near the question's words.")
        .def_readonly("taken_for", &Answer::taken_for, "The name that a misspelt one was read as, or ''.")
        .def("__repr__",
             [](const Answer& answer) {
                 return std::string(py::str("<kvmem.Answer {!r}, {} candidates>")
                                        .format(py::cast(text_of(answer)), answer.candidates.size()));
             })
        .def("_repr_html_",
             [](const py::object& self) { return py::module_::import("kvmem._html").attr("answer")(self); });
    py::class_<Answerer>(module, "Answerer", R"(Answers questions from a trained run and a memory.

Several threads may use it at once. `run` is a run directory or a model file, `memory` the path of a data set instead
of the run's own, and `add_facts` are texts 'subject|relation|object' that the memory holds, too.
)")
        .def(py::init(&open), "__init__(self, run, *, memory=None, add_facts=())\n--\n\nOpens a run.", "run"_a,
             py::kw_only(), "memory"_a = py::none(), "add_facts"_a = py::tuple())
        .def("ask", &ask,
             "ask(self, question, *, story=(), k=5, slots=5, min_certainty=None, all=False)\n--\n\n"
             "Answers a question, from the sentences of the story, too, with k candidates and the `slots` slots of\n"
             "largest weight of each head. An answer of less than min_certainty is refused.\n"
             "With all=True there are as many candidates as count in as_good, if those are more.",
             "question"_a, py::kw_only(), "story"_a = py::tuple(), "k"_a = 5, "slots"_a = 5,
             "min_certainty"_a = py::none(), "all"_a = false)
        .def_property_readonly("memory_slots", &Answerer::memory_slots, "The number of slots that all questions share.")
        .def("__repr__", [](const Answerer& self) {
            return "<kvmem.Answerer, " + std::to_string(self.memory_slots()) + " slots>";
        });
}

}  // namespace kvmem::python
