#include "store.hpp"

#include "arrays.hpp"
#include "choice.hpp"
#include "module.hpp"
#include "slot_texts.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace kvmem::python {

using namespace store;
namespace fs = std::filesystem;
using py::literals::operator""_a;

static StoreOptions options_of(Index key_width, Index value_width, const std::string& metric,
                               const std::string& encoding) {
    return {key_width, value_width, choice<Similarity>(metric, metric_names, "metric"),
            choice<KeyEncoding>(encoding, encoding_names, "encoding")};
}

static std::string repr(const Store& self) {
    if (self.is_closed()) return "<kvmem.Store, closed>";
    const auto store = self.get();
    const StoreOptions options = store->options();
    const std::string path = self.path().empty() ? "in memory" : "'" + self.path().string() + "'";
    return "<kvmem.Store " + path + ": " + std::to_string(store->size()) + " slots, keys of " +
           std::to_string(options.key_width) + ", values of " + std::to_string(options.value_width) + ", " +
           metric_names[static_cast<int>(options.metric)] + ", " + encoding_names[static_cast<int>(options.encoding)] +
           ">";
}

// A store with a file is pickled as its path, and opens to read; one in memory as its slots.
static py::tuple reduce(const py::object& self) {
    const Store& own = self.cast<const Store&>();
    const py::module_ package = py::module_::import("kvmem");
    if (!own.path().empty()) {
        if (!own.is_closed()) without_gil([&] { own.get()->sync(); });
        return py::make_tuple(package.attr("_open_to_read"), py::make_tuple(own.absolute_path().string()));
    }
    const auto store = own.get();
    const StoreOptions options = store->options();
    const std::vector<Id> ids = store->ids();
    const StoredSlots slots = store->get(ids);
    const auto bytes = [](const void* data, std::size_t size) {
        return py::bytes(static_cast<const char*>(data), size);
    };
    py::object texts = py::none();
    if (store->has_texts()) texts = to_list(slots.texts);
    return py::make_tuple(
        package.attr("_store_of_slots"),
        py::make_tuple(options.key_width, options.value_width, metric_names[static_cast<int>(options.metric)],
                       encoding_names[static_cast<int>(options.encoding)], bytes(ids.data(), ids.size() * sizeof(Id)),
                       bytes(slots.keys.data(), slots.keys.size() * sizeof(Real)),
                       bytes(slots.values.data(), slots.values.size() * sizeof(Real)), texts));
}

template <class T>
static std::vector<T> numbers_in(const std::string& bytes) {
    std::vector<T> numbers(bytes.size() / sizeof(T));
    std::copy_n(bytes.data(), numbers.size() * sizeof(T), reinterpret_cast<char*>(numbers.data()));
    return numbers;
}

static Store from_slots(Index key_width, Index value_width, const std::string& metric, const std::string& encoding,
                        const std::string& ids, const std::string& keys, const std::string& values, py::object texts) {
    MemoryStore store(options_of(key_width, value_width, metric, encoding));
    const std::vector<Real> key = numbers_in<Real>(keys), value = numbers_in<Real>(values);
    const std::vector<std::string> text = texts_of(texts);
    const ConstView vectors = value_width > 0 ? view_of(value, value_width) : ConstView{};
    store.add(view_of(key, key_width), {.vectors = vectors, .texts = text}, numbers_in<Id>(ids));
    return Store(std::move(store));
}

static void define_properties(py::class_<Store>& type) {
    const auto option = [&](const char* name, auto get, const char* about) {
        type.def_property_readonly(
            name, [get](const Store& self) { return get(self.get()->options()); }, about);
    };
    option(
        "key_width", [](const StoreOptions& o) { return o.key_width; }, "The width D of keys.");
    option(
        "value_width", [](const StoreOptions& o) { return o.value_width; }, "The width E of values.");
    option(
        "metric", [](const StoreOptions& o) { return metric_names[static_cast<int>(o.metric)]; },
        "dot, cosine or euclidean.");
    option(
        "encoding", [](const StoreOptions& o) { return encoding_names[static_cast<int>(o.encoding)]; },
        "What searches scan: float32, bfloat16 or int8. None loses a result.");
    type.def_property_readonly(
            "path",
            [](const Store& self) { return self.path().empty() ? py::object(py::none()) : py::cast(self.path()); },
            "The path of the file, or None.")
        .def_property_readonly("closed", &Store::is_closed, "Whether close() was called.")
        .def("__repr__", &repr);
}

void define_store(py::module_& module) {
    define_store_results(module);
    py::class_<Store> type(module, "Store", R"(Key-value vectors: add, search, read by attention, remove, save and open.

Several threads may use a store at once, and each call works on one snapshot. Arrays of float32 in C order are read as
they lie; others are copied. Results own their numbers.

>>> with kvmem.Store(key_width=2, metric="cosine") as store:
...     ids = store.add([1, 2], [[3, 4], [4, 3]], texts=["one", "two"])
...     store[1].text, 2 in store, len(store), list(store)
('one', True, 2, [1, 2])
)");
    type.def(py::init([](Index key_width, Index value_width, const std::string& metric, const std::string& encoding) {
                 return Store(MemoryStore(options_of(key_width, value_width, metric, encoding)));
             }),
             "__init__(self, *, key_width, value_width=0, metric='dot', encoding='float32')\n--\n\n"
             "An empty store in memory.",
             py::kw_only(), "key_width"_a, "value_width"_a = 0, "metric"_a = "dot", "encoding"_a = "float32")
        .def_static(
            "create",
            [](const fs::path& path, Index key_width, Index value_width, const std::string& metric,
               const std::string& encoding) {
                const StoreOptions options = options_of(key_width, value_width, metric, encoding);
                return Store(without_gil([&] { return MemoryStore::create(path, options); }), path);
            },
            "create(path, *, key_width, value_width=0, metric='dot', encoding='float32')\n--\n\n"
            "A new file, which must not exist, open to read and write.",
            "path"_a, py::kw_only(), "key_width"_a, "value_width"_a = 0, "metric"_a = "dot", "encoding"_a = "float32")
        .def_static(
            "open",
            [](const fs::path& path, bool read_only) {
                const Access access = read_only ? Access::map : Access::load;
                return Store(without_gil([&] { return MemoryStore::open(path, access); }), path, read_only);
            },
            "open(path, *, read_only=False)\n--\n\n"
            "Opens a file: by one process to read and write, or mapped by any number of processes to read.",
            "path"_a, py::kw_only(), "read_only"_a = false)
        .def_static("_from_slots", &from_slots)
        .def("__enter__", [](py::object self) { return self.cast<const Store&>().get(), self; })
        .def("__exit__", [](Store& self, const py::args&) { self.close(); })
        .def("__reduce__", &reduce);
    define_store_slots(type);
    define_store_queries(type);
    define_properties(type);
}

}  // namespace kvmem::python
