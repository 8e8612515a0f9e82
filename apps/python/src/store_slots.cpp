// The slots of stores: adding, removing and reading them by their ids.
#include "arrays.hpp"
#include "slot_texts.hpp"
#include "store.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace kvmem::python {

using namespace store;
namespace fs = std::filesystem;
using py::literals::operator""_a;

// The arrays of an add or upsert.
namespace {
struct NewSlots {
    NewSlots(const MemoryStore& store, py::handle keys_, py::handle values_, py::handle texts_)
        : keys(keys_, "keys", 2), texts(texts_of(texts_)) {
        const StoreOptions options = store.options();
        if (keys.cols() != options.key_width)
            throw OptionError("keys", "rows of " + std::to_string(options.key_width), std::to_string(keys.cols()));
        if (!values_.is_none()) values.emplace(values_, "values", 2);
        const Index width = values ? values->cols() : 0;
        if (width != options.value_width || (values && values->rows() != keys.rows()))
            throw OptionError("values", std::to_string(keys.rows()) + " rows of " + std::to_string(options.value_width),
                              values ? std::to_string(values->rows()) + " of " + std::to_string(width) : "none");
    }
    Values view() const { return {.vectors = values ? values->view() : ConstView{}, .texts = texts}; }

    Floats keys;
    std::optional<Floats> values;
    std::vector<std::string> texts;
};
}  // namespace

static Ids ids_for(py::handle ids, const NewSlots& slots) {
    Ids all = integers<Id>(ids, "ids");
    if (all.cols() != slots.keys.rows())
        throw OptionError("ids", std::to_string(slots.keys.rows()) + " of them, one for each key",
                          std::to_string(all.cols()));
    return all;
}

static py::object add(const Store& self, py::object ids, py::object keys, py::object values, py::object texts) {
    const auto store = self.to_change();
    const NewSlots slots(*store, keys, values, texts);
    if (ids.is_none()) {
        const Id first = without_gil([&] { return store->add(slots.keys.view(), slots.view()); });
        return py::module_::import("builtins").attr("range")(first, first + static_cast<Id>(slots.keys.rows()));
    }
    const Ids names = ids_for(ids, slots);
    const py::gil_scoped_release no_gil;
    store->add(slots.keys.view(), slots.view(), names.span());
    return ids;
}

static void upsert(const Store& self, py::object ids, py::object keys, py::object values, py::object texts) {
    const auto store = self.to_change();
    const NewSlots slots(*store, keys, values, texts);
    const Ids names = ids_for(ids, slots);
    const py::gil_scoped_release no_gil;
    store->upsert(slots.keys.view(), slots.view(), names.span());
}

static Index remove(const Store& self, py::object ids) {
    const auto store = self.to_change();
    const Ids names = integers<Id>(ids, "ids");
    const py::gil_scoped_release no_gil;
    return store->remove(names.span());
}

static py::object slot_at(const Store& self, Id id) {
    const auto store = self.get();
    const StoredSlots slot = store->get(std::span(&id, 1));
    if (!slot.found[0]) throw py::key_error(std::to_string(id));
    const py::object type = py::module_::import("kvmem").attr("Slot");
    const py::object value = store->options().value_width > 0 ? array(slot.values, true) : py::none();
    return type(array(slot.keys, true), value, text_of(slot.texts[0]));
}

static bool contains(const Store& self, py::object id) {
    if (PyIndex_Check(id.ptr()) == 0) return false;
    const auto whole = py::reinterpret_steal<py::object>(PyNumber_Index(id.ptr()));
    const Id number = whole ? PyLong_AsUnsignedLongLong(whole.ptr()) : 0;
    if (PyErr_Occurred()) {  // what is no 64-bit number, as an array of infinity, is no slot
        PyErr_Clear();
        return false;
    }
    return self.get()->contains(number);
}

static py::dict get(const Store& self, py::object ids) {
    const auto store = self.get();
    const Ids names = integers<Id>(ids, "ids");
    const auto slots = without_gil([&] { return std::make_shared<StoredSlots>(store->get(names.span())); });
    const Index n = names.cols();
    return py::dict("found"_a = array(std::vector<std::uint8_t>(slots->found.begin(), slots->found.end())),
                    "keys"_a = array(slots, slots->keys.data(), {n, slots->keys.cols()}),
                    "values"_a = array(slots, slots->values.data(), {n, slots->values.cols()}),
                    "texts"_a = to_list(slots->texts));
}

void define_store_slots(py::class_<Store>& type) {
    type.def("add", &add,
             R"(add(self, ids, keys, *, values=None, texts=None)
--

Adds slots: keys [n, D], values [n, E], n texts. Ids that are None are numbered on; returns the ids.

Raises Error, with nothing changed, when an id is in the store or comes twice.

>>> store = kvmem.Store(key_width=2, value_width=1)
>>> store.add(None, [[1, 0], [0, 1]], values=[[1], [2]], texts=["east", "north"])
range(0, 2)
>>> store.add([7], [[1, 1]], values=[[3]])
[7]
)",
             "ids"_a, "keys"_a, py::kw_only(), "values"_a = py::none(), "texts"_a = py::none())
        .def("upsert", &upsert,
             "upsert(self, ids, keys, *, values=None, texts=None)\n--\n\n"
             "Adds slots, or replaces those that have these ids.",
             "ids"_a, "keys"_a, py::kw_only(), "values"_a = py::none(), "texts"_a = py::none())
        .def("remove", &remove, "remove(self, ids)\n--\n\nRemoves slots and returns how many there were.", "ids"_a)
        .def(
            "index",
            [](const Store& self, Index lists, Index rounds, std::uint64_t seed) {
                const auto store = self.to_change();
                without_gil([&] { store->index({.lists = lists, .rounds = rounds, .seed = seed}); });
            },
            "index(self, *, lists=0, rounds=8, seed=1)\n--\n\n"
            "Builds inverted lists by k-means, for searches with probes. 0 lists: about 2 sqrt(slots).",
            py::kw_only(), "lists"_a = 0, "rounds"_a = 8, "seed"_a = 1)
        .def(
            "compact", [](const Store& self) { without_gil([store = self.to_change()] { store->compact(); }); },
            "compact(self)\n--\n\nFrees the memory of removed slots, and writes the file anew if there is one.")
        .def(
            "sync", [](const Store& self) { without_gil([store = self.get()] { store->sync(); }); },
            "sync(self)\n--\n\nReturns when all changes so far are on the disk.")
        .def(
            "save",
            [](const Store& self, const fs::path& path) {
                without_gil([&, store = self.get()] { store->save(path); });
            },
            "save(self, path)\n--\n\nWrites all slots to a file, all or nothing, in place of an old one.", "path"_a)
        .def("close", &Store::close,
             "close(self)\n--\n\nCloses the store, with all changes on the disk. Arrays that it gave stay valid.")
        .def("get", &get,
             "get(self, ids)\n--\n\n"
             "Copies of slots in the order of the ids, as a dict: found [n], keys [n, D], values [n, E] and texts.\n"
             "Rows of missing ids are zeros.",
             "ids"_a)
        .def(
            "ids", [](const Store& self) { return array(self.get()->ids()); }, "ids(self)\n--\n\nAll ids, ascending.")
        .def("__len__", [](const Store& self) { return self.get()->size(); })
        .def("__contains__", &contains)
        .def("__getitem__", &slot_at)
        .def("__delitem__",
             [](const Store& self, Id id) {
                 const auto store = self.to_change();
                 if (without_gil([&] { return store->remove(std::span(&id, 1)); }) == 0)
                     throw py::key_error(std::to_string(id));
             })
        .def("__iter__", [](const Store& self) { return py::iter(py::cast(self.get()->ids())); });
}

}  // namespace kvmem::python
