// Searches and reads of stores.
#include "arrays.hpp"
#include "callback.hpp"
#include "store.hpp"

#include <pybind11/stl.h>

namespace kvmem::python {

using namespace store;
using py::literals::operator""_a;

namespace {

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

void define_store_results(py::module_& module) {
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

void define_store_queries(py::class_<Store>& type) {
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
             "where"_a = py::none(), "probes"_a = 0);
}

}  // namespace kvmem::python
