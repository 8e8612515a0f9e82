#include "kvmem/store/memory_store.hpp"

#include "callback.hpp"
#include "choice.hpp"
#include "module.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <cmath>

namespace kvmem::python {

using namespace store;
namespace fs = std::filesystem;
using py::literals::operator""_a;

namespace {

// A store until it is closed. A call that runs meanwhile holds the store, so it ends as usual.
class Store {
  public:
    explicit Store(MemoryStore store, fs::path path = {}, bool read_only = false)
        : store_(std::make_shared<MemoryStore>(std::move(store))),
          path_(std::move(path)),
          absolute_path_(path_.empty() ? fs::path() : fs::absolute(path_)),
          read_only_(read_only) {}

    std::shared_ptr<MemoryStore> get() const {
        if (store_) return store_;
        throw UsageError({.what = "the store is closed", .where = path_.string()});
    }
    std::shared_ptr<MemoryStore> to_change() const {
        if (!read_only_) return get();
        throw UsageError(
            {.what = "the store is read-only", .where = path_.string(), .hint = "open it without read_only"});
    }
    void close() {
        const std::shared_ptr<MemoryStore> last = std::exchange(store_, nullptr);
        const py::gil_scoped_release no_gil;
        if (last && !path_.empty() && !read_only_) last->sync();
    }
    bool is_closed() const { return !store_; }
    const fs::path& path() const { return path_; }
    // Of a time when the process may have been in another directory.
    const fs::path& absolute_path() const { return absolute_path_; }

  private:
    std::shared_ptr<MemoryStore> store_;
    fs::path path_, absolute_path_;
    bool read_only_;
};

// Hits with the shape that they are returned in: those of a single query, given as a row, have no axis of queries.
struct FoundHits {
    std::shared_ptr<const Hits> hits;
    bool of_row = false;

    std::vector<py::ssize_t> shape() const {
        if (of_row) return {hits->count[0]};
        return {std::ssize(hits->count), hits->k};
    }
    py::object ids() const { return result(hits, hits->ids.data(), shape()); }
    py::object scores() const { return result(hits, hits->scores.data(), shape()); }
    py::object count() const { return result(hits, hits->count.data(), {std::ssize(hits->count)}); }
};

struct Read {
    ReadResult result;
    bool of_row = false;
};

// The options of a search, with what they refer to, for the time of a call.
class Search {
  public:
    Search(py::handle among, py::object where, Index probes) : where_(std::move(where)) {
        if (!among.is_none()) options.among = among_.emplace(integers<Id>(among, "among")).span();
        if (!where_.is_none()) {
            if (!PyCallable_Check(where_.ptr()))
                throw py::type_error("bad type of where: expected a function of an id");
            options.where = [this](Id id) { return error_.call([&] { return is_true(where_(id)); }, false); };
        }
        options.probes = probes;
    }
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    // Returns run(), called without the GIL. Its errors are about arguments.
    template <class Run>
    auto run(Run run) {
        try {
            auto result = [&] {
                const py::gil_scoped_release no_gil;
                return run();
            }();
            error_.rethrow();
            return result;
        } catch (const Error& e) {
            throw UsageError(e.problem());
        }
    }

    SearchOptions options;

  private:
    static bool is_true(const py::object& answer) {
        const int truth = PyObject_IsTrue(answer.ptr());
        if (truth < 0) throw py::error_already_set();
        return truth != 0;
    }

    std::optional<Ids> among_;
    py::object where_;
    FirstError error_;
};

}  // namespace

// --- Texts and slots

// Texts of any bytes: str is UTF-8, and bytes that are none come back as surrogates.
static py::str text_of(const std::string& bytes) {
    return py::reinterpret_steal<py::str>(
        PyUnicode_DecodeUTF8(bytes.data(), static_cast<py::ssize_t>(bytes.size()), "surrogateescape"));
}

static std::string bytes_of(py::handle text) {
    if (text.is_none()) return {};
    if (PyBytes_Check(text.ptr())) return py::reinterpret_borrow<py::bytes>(text);
    if (!PyUnicode_Check(text.ptr()))
        throw py::type_error(std::string("bad type of texts: expected str, bytes or None, got ") +
                             Py_TYPE(text.ptr())->tp_name);
    const auto bytes =
        py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogateescape"));
    if (!bytes) throw py::error_already_set();
    return py::reinterpret_borrow<py::bytes>(bytes);
}

static std::vector<std::string> texts_of(py::handle texts) {
    std::vector<std::string> all;
    if (texts.is_none()) return all;
    if (PyUnicode_Check(texts.ptr()) || PyBytes_Check(texts.ptr())) return {bytes_of(texts)};
    for (const py::handle text : py::reinterpret_borrow<py::iterable>(texts)) all.push_back(bytes_of(text));
    return all;
}

static py::list to_list(const std::vector<std::string>& texts) {
    py::list all;
    for (const std::string& text : texts) all.append(text_of(text));
    return all;
}

// The arrays of an add or upsert.
namespace {
struct NewSlots {
    NewSlots(const MemoryStore& store, py::handle keys_, py::handle values_, py::handle texts_)
        : keys(keys_, "keys", 2), texts(texts_of(texts_)) {
        const StoreOptions options = store.options();
        if (keys.cols() != options.key_width)
            throw bad_argument("keys", "rows of " + std::to_string(options.key_width), std::to_string(keys.cols()));
        if (!values_.is_none()) values.emplace(values_, "values", 2);
        const Index width = values ? values->cols() : 0;
        if (width != options.value_width || (values && values->rows() != keys.rows()))
            throw bad_argument("values",
                               std::to_string(keys.rows()) + " rows of " + std::to_string(options.value_width),
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
        throw bad_argument("ids", std::to_string(slots.keys.rows()) + " of them, one for each key",
                           std::to_string(all.cols()));
    return all;
}

static py::object add(const Store& self, py::object ids, py::object keys, py::object values, py::object texts) {
    const auto store = self.to_change();
    const NewSlots slots(*store, keys, values, texts);
    if (ids.is_none()) {
        Id first = 0;
        {
            const py::gil_scoped_release no_gil;
            first = store->add(slots.keys.view(), slots.view());
        }
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

// --- Queries

static FoundHits search(const Store& self, py::object queries, Index k, py::object among, py::object where,
                        Index probes) {
    const auto store = self.get();
    const Floats rows(queries, "queries", 2);
    Search search(among, std::move(where), probes);
    Hits hits = search.run([&] { return store->search(rows.view(), k, search.options); });
    return {std::make_shared<const Hits>(std::move(hits)), rows.is_row()};
}

static py::tuple search_within(const Store& self, py::object queries, float min_score, py::object among,
                               py::object where, Index probes) {
    const auto store = self.get();
    const Floats rows(queries, "queries", 2);
    Search search(among, std::move(where), probes);
    Neighbourhood found = search.run([&] { return store->search_within(rows.view(), min_score, search.options); });
    return py::make_tuple(array(std::move(found.offsets)), array(std::move(found.ids)), array(std::move(found.scores)));
}

static std::shared_ptr<Read> read(const Store& self, py::object queries, Index top_k, Real temperature, Index heads,
                                  py::object among, py::object where, Index probes) {
    const auto store = self.get();
    const Floats rows(queries, "queries", 2);
    Search search(among, std::move(where), probes);
    return search.run([&] {
        ReadOptions options{.top_k = top_k, .temperature = temperature, .heads = heads, .search = search.options};
        return std::make_shared<Read>(Read{store->read(rows.view(), options), rows.is_row()});
    });
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
    if (PyLong_Check(id.ptr()) == 0 && PyIndex_Check(id.ptr()) == 0) return false;
    const Id number = PyLong_AsUnsignedLongLong(py::int_(id).ptr());
    if (PyErr_Occurred()) {  // no 64-bit number is no slot
        PyErr_Clear();
        return false;
    }
    return self.get()->contains(number);
}

static py::dict get(const Store& self, py::object ids) {
    const auto store = self.get();
    const Ids names = integers<Id>(ids, "ids");
    auto slots = std::make_shared<StoredSlots>();
    {
        const py::gil_scoped_release no_gil;
        *slots = store->get(names.span());
    }
    const Index n = names.cols();
    return py::dict("found"_a = array(std::vector<std::uint8_t>(slots->found.begin(), slots->found.end())),
                    "keys"_a = array(slots, slots->keys.data(), {n, slots->keys.cols()}),
                    "values"_a = array(slots, slots->values.data(), {n, slots->values.cols()}),
                    "texts"_a = to_list(slots->texts));
}

// --- Files

static StoreOptions options_of(Index key_width, Index value_width, const std::string& metric,
                               const std::string& encoding) {
    return {key_width, value_width, choice<Similarity>(metric, metric_names, "metric"),
            choice<KeyEncoding>(encoding, encoding_names, "encoding")};
}

template <class F>
static auto without_gil(F f) {
    const py::gil_scoped_release no_gil;
    return f();
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

static void define_results(py::module_& module) {
    py::class_<FoundHits>(module, "Hits",
                          "The best slots of each query, best first: ids and scores [B, k], which it unpacks as, and\n"
                          "count [B]. A query that finds fewer than k has id 0 and score -inf in the other places.")
        .def_property_readonly("ids", &FoundHits::ids, "[B, k] of uint64, or [k] of a single query.")
        .def_property_readonly("scores", &FoundHits::scores, "[B, k] of float32, or [k] of a single query.")
        .def_property_readonly("count", &FoundHits::count, "The number of hits of each query, [B].")
        .def("__iter__", [](const FoundHits& hits) { return py::iter(py::make_tuple(hits.ids(), hits.scores())); })
        .def("__repr__", [](const FoundHits& hits) {
            return "<kvmem.Hits of " + std::to_string(hits.hits->count.size()) + " queries, " +
                   std::to_string(hits.hits->k) + " places each>";
        });
    py::class_<Read, std::shared_ptr<Read>>(module, "ReadResult", "What attention over the slots of a store read.")
        .def_property_readonly(
            "values",
            [](const std::shared_ptr<Read>& read) {
                const Matrix& values = read->result.values;
                return result(read, values.data(),
                              read->of_row ? std::vector<py::ssize_t>{values.cols()}
                                           : std::vector<py::ssize_t>{values.rows(), values.cols()});
            },
            "[B, E], or [E] of a single query. A query that finds nothing reads zeros.")
        .def_property_readonly(
            "log_sum_exp",
            [](const std::shared_ptr<Read>& read) {
                const Matrix& sums = read->result.log_sum_exp;
                return result(read, sums.data(), {sums.rows(), sums.cols()});
            },
            "[B, heads], of all scores, or with top_k of the k best.")
        .def_property_readonly(
            "hits",
            [](const std::shared_ptr<Read>& read) {
                return FoundHits{{read, &read->result.hits}, false};
            },
            "With top_k: the slots that were read, a row for each query and head.")
        .def_property_readonly(
            "weights",
            [](const std::shared_ptr<Read>& read) {
                const Hits& hits = read->result.hits;
                return result(read, read->result.weights.data(), {std::ssize(hits.count), hits.k});
            },
            "With top_k: the attention weights of the hits.");
}

static void define_changes(py::class_<Store>& type) {
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
             "close(self)\n--\n\nCloses the store, with all changes on the disk. Arrays that it gave stay valid.");
}

static void define_queries(py::class_<Store>& type) {
    type.def("search", &search,
             R"(search(self, queries, k=10, *, among=None, where=None, probes=0)
--

The k best slots of each query [B, D], or of one query [D], as Hits: `ids, scores = store.search(...)`.

Scores are products, cosines, or minus squared distances. `among` are the only ids to find, and `where` a function
of an id that is true for those to find; its exceptions come out here. `probes` of the lists of index() are scanned,
the nearest to each query; 0 scans all, exactly.

>>> store = kvmem.Store(key_width=2)
>>> ids = store.add([3, 5, 8], [[1, 0], [0, 1], [1, 1]])
>>> ids, scores = store.search([0, 2], k=2)
>>> ids.tolist(), scores.tolist()
([5, 8], [2.0, 2.0])
>>> store.search([[0, 2]], k=1, where=lambda id: id != 5).ids.tolist()
[[8]]
)",
             "queries"_a, "k"_a = 10, py::kw_only(), "among"_a = py::none(), "where"_a = py::none(), "probes"_a = 0)
        .def("search_within", &search_within,
             "search_within(self, queries, min_score, *, among=None, where=None, probes=0)\n--\n\n"
             "All slots with at least this score: offsets [B + 1], ids and scores. Those of query i are at\n"
             "[offsets[i], offsets[i + 1]), best first.",
             "queries"_a, "min_score"_a, py::kw_only(), "among"_a = py::none(), "where"_a = py::none(), "probes"_a = 0)
        .def("read", &read,
             R"(read(self, queries, *, top_k=0, temperature=1.0, heads=1, among=None, where=None, probes=0)
--

Softmax attention of the queries [B, D] over all slots, or over the best top_k of each, as ReadResult.

>>> store = kvmem.Store(key_width=2, value_width=1)
>>> ids = store.add(None, [[9, 0], [0, 9]], values=[[1], [2]])
>>> round(float(store.read([1, 0]).values[0]), 3)
1.0
)",
             "queries"_a, py::kw_only(), "top_k"_a = 0, "temperature"_a = 1.0F, "heads"_a = 1, "among"_a = py::none(),
             "where"_a = py::none(), "probes"_a = 0)
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
                 Index removed = 0;
                 without_gil([&] { removed = store->remove(std::span(&id, 1)); });
                 if (removed == 0) throw py::key_error(std::to_string(id));
             })
        .def("__iter__", [](const Store& self) { return py::iter(py::cast(self.get()->ids())); });
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
    define_results(module);
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
    define_changes(type);
    define_queries(type);
    define_properties(type);
}

}  // namespace kvmem::python
