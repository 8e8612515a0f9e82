#include "arrays.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/model.hpp"
#include "kvmem/tasks/sequences/model_file.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "module.hpp"
#include "option_text.hpp"
#include "task_files.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace kvmem::python {

namespace fs = std::filesystem;
using py::literals::operator""_a;

namespace {

// A target of a source, with what is best behind it.
struct Translation {
    std::string text;
    Generated result;
    std::vector<std::shared_ptr<Translation>> alternatives{};
};

class Translator {
  public:
    explicit Translator(const fs::path& run) {
        const py::gil_scoped_release no_gil;
        network_ = load_sequence_network(model_file(run, sequence_transduction()));
    }
    std::vector<std::shared_ptr<Translation>> translate(py::handle lines, bool align, const py::kwargs& settings) const;
    const SequenceNetwork& network() const { return *network_; }

  private:
    std::unique_ptr<SequenceNetwork> network_;
};

}  // namespace

static GenerateOptions search_options(const py::kwargs& settings) {
    GenerateOptions options;
    for (const auto& [name, value] : settings) {
        if (!set_field(options, std::string(py::str(name)), option_text(value)))
            throw UsageError({.what = "no such setting of a search",
                              .expected = "one of kvmem translate --help",
                              .got = py::str(name)});
    }
    if (!settings.contains("beam") && !options.sample) options.beam = std::max(options.beam, options.n_best);
    return validated(options);
}

std::vector<std::shared_ptr<Translation>> Translator::translate(py::handle lines, bool align,
                                                                const py::kwargs& settings) const {
    if (PyUnicode_Check(lines.ptr()) || PyBytes_Check(lines.ptr()))
        throw py::type_error("bad type of lines: expected a list of str, got one str");
    const GenerateOptions options = search_options(settings);
    Ragged<Token> sources;
    for (const std::string& line : py::reinterpret_borrow<py::object>(lines).cast<std::vector<std::string>>()) {
        sources.push_row(network_->source_units().encode(line));
        if (sources[sources.size() - 1].empty()) throw OptionError("lines", "texts that are not empty", "''");
    }
    const py::gil_scoped_release no_gil;
    std::vector<std::shared_ptr<Translation>> all;
    for (std::vector<Generated>& results : generate(*network_, sources, options, {.prefixes = {}, .weights = align})) {
        std::vector<std::shared_ptr<Translation>> of_line;
        for (Generated& result : results) {
            const std::string text = network_->target_units().decode(result.tokens);
            of_line.push_back(std::make_shared<Translation>(Translation{text, std::move(result)}));
        }
        all.push_back(of_line.front());
        all.back()->alternatives.assign(of_line.begin() + 1, of_line.end());
    }
    return all;
}

// [heads, target tokens and end, source tokens], or None.
static py::object weights_of(const std::shared_ptr<Translation>& self) {
    const Generated& result = self->result;
    if (result.heads == 0 || result.weights.size() == 0) return py::none();
    const Index rows = result.weights.size() / result.heads, width = std::ssize(result.weights[0]);
    std::vector<Real> all;
    for (Index head = 0; head < result.heads; ++head)
        for (Index row = 0; row < rows; ++row) {
            const auto weights = result.weights[row * result.heads + head];
            all.insert(all.end(), weights.begin(), weights.end());
        }
    return array(std::move(all), {result.heads, rows, width});
}

void define_translator(py::module_& module) {
    py::class_<Translation, std::shared_ptr<Translation>>(module, "Translation", "A target that a model wrote.")
        .def_readonly("text", &Translation::text, "The text.")
        .def_property_readonly(
            "score", [](const Translation& t) { return t.result.score; }, "What orders the results of a search.")
        .def_property_readonly(
            "log_probability", [](const Translation& t) { return t.result.log_probability; },
            "Of the tokens and the end, by the model.")
        .def_property_readonly(
            "ended", [](const Translation& t) { return t.result.ended; },
            "Whether the end came; otherwise the text was cut.")
        .def_property_readonly("weights", &weights_of,
                               "With align: [heads, target tokens and end, source tokens]; otherwise None.")
        .def_readonly("alternatives", &Translation::alternatives, "The further results of n_best, the best first.")
        .def("__repr__", [](const Translation& t) {
            return std::string(py::str("<kvmem.Translation {!r}: {:.4f}>").format(t.text, t.result.score));
        });
    py::class_<Translator>(module, "Translator",
                           "Writes targets for sources by a trained run on pairs.\n\n"
                           "Several threads may use it at once.")
        .def(py::init<const fs::path&>(), "__init__(self, run)\n--\n\nOpens a run directory or a model file.", "run"_a)
        .def("translate", &Translator::translate,
             "translate(self, lines, *, align=False, **settings)\n--\n\n"
             "The best Translation of each line. Settings are those of `kvmem translate`: beam, n_best, "
             "length_penalty,\n"
             "sample, temperature, seed and so on. A result does not depend on the other lines.",
             "lines"_a, py::kw_only(), "align"_a = false)
        .def("__repr__", [](const Translator& self) { return "<kvmem.Translator, " + self.network().name() + ">"; });
}

}  // namespace kvmem::python
