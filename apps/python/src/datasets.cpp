#include "arrays.hpp"
#include "kvmem/tasks/qa/import.hpp"
#include "kvmem/tasks/recommendation/dataset.hpp"
#include "kvmem/tasks/selection/import.hpp"
#include "kvmem/tasks/sequences/import.hpp"
#include "module.hpp"
#include "task_files.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <algorithm>
#include <variant>

namespace kvmem::python {

namespace fs = std::filesystem;
using py::literals::operator""_a;

namespace {

// A data set of any task. Arrays of its rows share its memory.
class Dataset {
  public:
    using Any = std::variant<QaDataset, PairsDataset, TextDataset, EventsDataset, SentencesDataset>;
    explicit Dataset(Any any) : any_(std::make_shared<const Any>(std::move(any))) {}

    const Any& any() const { return *any_; }
    const std::shared_ptr<const Any>& owner() const { return any_; }
    const DatasetInfo& info() const {
        return std::visit([](const auto& data) -> const DatasetInfo& { return data.info; }, *any_);
    }

  private:
    std::shared_ptr<const Any> any_;
};

// The files of each kind of data set, in the order of Dataset::Any.
struct Format {
    const char* name;
    Dataset (*load)(const fs::path& path);
};
constexpr Format formats[] = {
    {"kvmem-qa", [](const fs::path& path) { return Dataset(load_dataset(path)); }},
    {"kvmem-pairs", [](const fs::path& path) { return Dataset(load_pairs(path)); }},
    {"kvmem-text", [](const fs::path& path) { return Dataset(load_text(path)); }},
    {"kvmem-events", [](const fs::path& path) { return Dataset(load_events(path)); }},
    {"kvmem-sentences", [](const fs::path& path) { return Dataset(load_sentences(path)); }},
};
static_assert(std::size(formats) == std::variant_size_v<Dataset::Any>);

// Arrays by name, which view a data set.
struct ArrayList {
    std::shared_ptr<const void> owner;
    py::dict arrays{};

    template <class T>
    void add(const std::string& name, std::span<const T> numbers) {
        arrays[name.c_str()] = array(owner, numbers.data(), {std::ssize(numbers)}, true);
    }
    template <class T>
    void add(const std::string& name, const Ragged<T>& rows) {
        add(name + "/values", std::span<const T>(rows.values));
        add(name + "/offsets", std::span<const Index>(rows.offsets));
    }
    void add_all(const QaDataset& data) {
        add("memory/key", data.memory.key);
        add("memory/value", data.memory.value);
        add("candidates", std::span<const Token>(data.candidates));
        for (const auto& [name, split] : data.splits) {
            add(name + "/question", split.question);
            add(name + "/answer", split.answer);
            add(name + "/local_slots/key", split.local_slots.key);
            add(name + "/local_slots/value", split.local_slots.value);
            add(name + "/local_offsets", std::span<const Index>(split.local_offsets));
        }
    }
    void add_all(const PairsDataset& data) {
        for (const auto& [name, split] : data.splits) {
            add(name + "/source", split.source);
            add(name + "/target", split.target);
            add(name + "/reference_offsets", std::span<const Index>(split.reference_offsets));
        }
    }
    void add_all(const TextDataset& data) {
        for (const auto& [name, texts] : data.splits) add(name, texts);
    }
    void add_all(const SentencesDataset&) {}  // its rows are texts
    void add_all(const EventsDataset& data) {
        add("events/user_offsets", std::span<const Index>(data.events.user_offsets));
        add("events/object", std::span<const Token>(data.events.object));
        add("events/time", std::span<const Index>(data.events.time));
    }
};

}  // namespace

static py::dict arrays_of(const Dataset& self) {
    ArrayList list{self.owner()};
    std::visit([&](const auto& data) { list.add_all(data); }, self.any());
    return list.arrays;
}

static std::map<std::string, Index> splits_of(const Dataset& self) {
    return std::visit(
        [](const auto& data) {
            std::map<std::string, Index> sizes;
            if constexpr (std::is_same_v<std::decay_t<decltype(data)>, EventsDataset>) {
                for (const auto& [name, mark] :
                     {std::pair("train", EventMark::train), {"valid", EventMark::valid}, {"test", EventMark::test}})
                    sizes[name] = std::ssize(data.events.marked(mark));
            } else {
                for (const auto& [name, split] : data.splits) sizes[name] = static_cast<Index>(split.size());
            }
            return sizes;
        },
        self.any());
}

static std::vector<std::string> tokens_of(const Dataset& self) {
    std::vector<std::string> texts;
    if (const auto* qa = std::get_if<QaDataset>(&self.any()))
        for (Token token = 0; token < qa->vocabulary.size(); ++token) texts.push_back(qa->vocabulary.text(token));
    else if (const auto* text = std::get_if<TextDataset>(&self.any()))
        for (Token token = 0; token < text->units.size(); ++token) texts.push_back(text->units.text(token));
    else if (const auto* pairs = std::get_if<PairsDataset>(&self.any()))
        for (Token token = 0; token < pairs->source.size(); ++token) texts.push_back(pairs->source.text(token));
    return texts;
}

static const char* format_of(const Dataset& self) { return formats[self.any().index()].name; }

static Dataset open(const fs::path& path) {
    const py::gil_scoped_release no_gil;
    const std::string_view name = task_of_data(path).data_format;
    const auto at = std::ranges::find(formats, name, &Format::name);
    if (at == std::end(formats))
        throw Error(
            {.what = "Python reads no data set of this format", .got = std::string(name), .where = path.string()});
    return at->load(path);
}

static void save(const Dataset& self, const fs::path& path) {
    const py::gil_scoped_release no_gil;
    struct Save {
        const fs::path& path;
        void operator()(const QaDataset& data) const { save_dataset(data, path); }
        void operator()(const PairsDataset& data) const { save_pairs(data, path); }
        void operator()(const TextDataset& data) const { save_text(data, path); }
        void operator()(const EventsDataset& data) const { save_events(data, path); }
        void operator()(const SentencesDataset& data) const { save_sentences(data, path); }
    };
    std::visit(Save{path}, self.any());
}

using Paths = std::vector<fs::path>;

static ImportOptions import_options(Paths train, Paths valid, Paths test, double valid_fraction, std::uint64_t seed) {
    ImportOptions options;
    options.train = std::move(train);
    options.valid = std::move(valid);
    options.test = std::move(test);
    options.valid_fraction = valid_fraction;
    options.valid_by_default = valid_fraction == 0;
    options.seed = seed;
    return options;
}

void define_datasets(py::module_& module) {
    py::class_<Dataset> type(module, "Dataset", "A data set of questions, pairs, texts, events or sentences.");
    type.def_static("open", &open, "open(path)\n--\n\nReads a file that kvmem import or save() wrote.", "path"_a)
        .def_static("_import_facts",
                    [](const Paths& facts, const std::optional<fs::path>& templates, Paths train, Paths valid,
                       Paths test, double valid_fraction, std::uint64_t seed) {
                        const py::gil_scoped_release no_gil;
                        return Dataset(import_kb(
                            facts, {.file = templates.value_or("")},
                            import_options(std::move(train), std::move(valid), std::move(test), valid_fraction, seed)));
                    })
        .def_static("_import_jsonl",
                    [](Paths train, Paths valid, Paths test, double valid_fraction, std::uint64_t seed) {
                        const py::gil_scoped_release no_gil;
                        return Dataset(import_jsonl(
                            import_options(std::move(train), std::move(valid), std::move(test), valid_fraction, seed)));
                    })
        .def_static("_import_pairs",
                    [](Paths train, Paths valid, Paths test, const std::string& source, const std::string& target,
                       double valid_fraction, std::uint64_t seed) {
                        const py::gil_scoped_release no_gil;
                        SequenceImport options;
                        options.train = std::move(train);
                        options.valid = std::move(valid);
                        options.test = std::move(test);
                        options.valid_fraction = valid_fraction;
                        options.seed = seed;
                        return Dataset(import_pairs(options, unit_choice(source, "source_units"),
                                                    unit_choice(target, "target_units")));
                    })
        .def_static("_import_sentences",
                    [](Paths train, Paths valid, Paths test, std::optional<double> valid_fraction, std::uint64_t seed) {
                        const py::gil_scoped_release no_gil;
                        return Dataset(import_sentences({.train = std::move(train),
                                                         .valid = std::move(valid),
                                                         .test = std::move(test),
                                                         .valid_fraction = valid_fraction,
                                                         .seed = seed}));
                    })
        .def("save", &save, "save(self, path)\n--\n\nReplaces the file, all or nothing.", "path"_a)
        .def(
            "arrays", &arrays_of,
            "arrays(self)\n--\n\n"
            "Read-only arrays of the rows, which share the memory of the data set, by name: 'train/source/values' and\n"
            "'train/source/offsets'. Row i is values[offsets[i]:offsets[i + 1]]. Sentences have none.")
        .def("tokens", &tokens_of, "tokens(self)\n--\n\nThe text of each token, of the source side of pairs.")
        .def_property_readonly("format", &format_of, "The format of its file: 'kvmem-qa'.")
        .def_property_readonly(
            "title", [](const Dataset& self) { return self.info().title; }, "A line for people.")
        .def_property_readonly("splits", &splits_of, "The number of examples of each split, by name.")
        .def("__repr__", [](const Dataset& self) {
            std::string text = std::string("<kvmem.Dataset ") + format_of(self);
            for (const auto& [name, size] : splits_of(self)) text += ", " + name + ": " + std::to_string(size);
            return text + ">";
        });
}

}  // namespace kvmem::python
