#include "kvmem/tasks/recommendation/recommender.hpp"

#include "kvmem/core/option_error.hpp"
#include "kvmem/tasks/recommendation/model_file.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "module.hpp"
#include "task_files.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>
#include <map>
#include <mutex>
#include <shared_mutex>

namespace kvmem::python {

namespace py = pybind11;
namespace fs = std::filesystem;
using py::literals::operator""_a;

namespace {

struct NamedReason {
    std::string by, event;
    Index time;
    Real weight;
};
struct NamedItem {
    std::string item, name;
    Real score;
    std::vector<NamedReason> reasons;
};

// Items are added while no other thread uses it.
struct SharedRecommender {
    explicit SharedRecommender(Recommender&& made) : recommender(std::move(made)) {}

    Recommender recommender;
    mutable std::shared_mutex mutex;
};

}  // namespace

static std::unique_ptr<SharedRecommender> open(const fs::path& run, const std::optional<fs::path>& data) {
    const py::gil_scoped_release no_gil;
    std::unique_ptr<RecommendationModel> model = load_recommendation_model(model_file(run, recommendation()));
    const std::optional<RunConfig> config = config_of_run(run, recommendation());
    if (!data && !config)
        throw UsageError(
            {.what = "a model file does not say which data to read", .expected = "data=...", .where = run.string()});
    return std::make_unique<SharedRecommender>(
        Recommender(std::move(model), load_events(data ? *data : fs::path(config->data))));
}

static std::vector<TypedEvent> typed_events(py::handle events) {
    std::vector<TypedEvent> typed;
    if (PyUnicode_Check(events.ptr()))
        throw py::type_error("bad type of events: expected a list of items, got one str");
    for (const py::handle event : py::reinterpret_borrow<py::object>(events).cast<py::iterable>()) {
        if (PyUnicode_Check(event.ptr())) {
            typed.push_back({event.cast<std::string>()});
            continue;
        }
        const auto [item, time] = event.cast<std::pair<std::string, Index>>();
        typed.push_back({item, time});
    }
    return typed;
}

static NamedItem named(const Recommender& self, const History& history, const Recommendation& one) {
    const Catalog& catalog = self.model().catalog();
    NamedItem item{catalog.objects().ids[one.item], catalog.objects().shown(one.item), one.score, {}};
    for (const Reason& reason : one.reasons) {
        const Events& events = *history.events;
        item.reasons.push_back({reason.name,
                                catalog.groups[events.group[reason.event]].shown(events.object[reason.event]),
                                events.time[reason.event], reason.weight});
    }
    return item;
}

static std::vector<NamedItem> named(const Recommender& self, const History& history,
                                    const std::vector<Recommendation>& list) {
    std::vector<NamedItem> items;
    items.reserve(list.size());
    for (const Recommendation& one : list) items.push_back(named(self, history, one));
    return items;
}

static RecommendOptions options_of(const Recommender& self, Index k, bool seen,
                                   const std::optional<std::vector<std::string>>& only) {
    if (k < 1) throw OptionError("k", "1 or more", std::to_string(k));
    RecommendOptions options{.k = k, .seen = seen, .allowed = {}};
    if (only) {
        options.allowed.resize(self.model().catalog().items());
        for (const std::string& item : *only) options.allowed[self.item_named(item)] = 1;
    }
    return options;
}

static std::vector<NamedItem> recommend(const SharedRecommender& shared, py::object events,
                                        std::optional<std::string> user, Index k, std::optional<Index> at, bool seen,
                                        bool explain, std::optional<std::vector<std::string>> only) {
    const std::vector<TypedEvent> typed = typed_events(events);
    if (user && !typed.empty()) throw OptionError("user", "no events beside it", *user);
    const py::gil_scoped_release no_gil;
    const std::shared_lock lock(shared.mutex);
    const Recommender& self = shared.recommender;
    RecommendOptions options = options_of(self, k, seen, only);
    options.explain = explain;
    const Index when = at.value_or(self.now());
    const Events own = self.events_of(typed, when);
    const History history = user ? self.history_of(*user, when) : History{&own, 0, own.size(), when};
    return named(self, history, self.recommend({&history, 1}, options).front());
}

static std::vector<std::vector<NamedItem>> recommend_to(const SharedRecommender& shared,
                                                        const std::optional<std::vector<std::string>>& users, Index k,
                                                        std::optional<Index> at, bool seen,
                                                        const std::optional<std::vector<std::string>>& only) {
    const py::gil_scoped_release no_gil;
    const std::shared_lock lock(shared.mutex);
    const Recommender& self = shared.recommender;
    const RecommendOptions options = options_of(self, k, seen, only);
    const std::vector<std::string>& names = users ? *users : self.dataset().users.ids.all();
    std::vector<History> histories;
    histories.reserve(names.size());
    for (const std::string& user : names) histories.push_back(self.history_of(user, at.value_or(self.now())));
    const auto lists = self.recommend(histories, options);
    std::vector<std::vector<NamedItem>> all;
    all.reserve(lists.size());
    for (std::size_t i = 0; i < lists.size(); ++i) all.push_back(named(self, histories[i], lists[i]));
    return all;
}

static Index add_items(SharedRecommender& shared,
                       const std::map<std::string, std::map<std::string, std::vector<std::string>>>& items,
                       const std::map<std::string, std::string>& names) {
    std::vector<NewItem> added;
    added.reserve(items.size());
    for (const auto& [id, features] : items) {
        const auto name = names.find(id);
        NewItem& item = added.emplace_back(NewItem{id, name == names.end() ? "" : name->second});
        for (const auto& [feature, values] : features)
            for (const std::string& value : values) item.values.emplace_back(feature, value);
    }
    const py::gil_scoped_release no_gil;
    const std::unique_lock lock(shared.mutex);
    return shared.recommender.add_items(added);
}

void define_recommender(py::module_& module) {
    py::class_<NamedReason>(module, "Reason", "A past event that a recommendation rests on.")
        .def_readonly("by", &NamedReason::by, "What reads the event: 'head 1', 'co-occurrence'.")
        .def_readonly("event", &NamedReason::event, "The item of the event.")
        .def_readonly("time", &NamedReason::time, "The second of the event.")
        .def_readonly("weight", &NamedReason::weight, "The weight of the event.");
    py::class_<NamedItem>(module, "Recommendation", "An item that a user may take next.")
        .def_readonly("item", &NamedItem::item, "The id of the item.")
        .def_readonly("name", &NamedItem::name, "The text of the item, or its id.")
        .def_readonly("score", &NamedItem::score, "The score by the model.")
        .def_readonly("reasons", &NamedItem::reasons, "With explain: the events that it rests on.")
        .def("__repr__", [](const NamedItem& item) {
            return std::string(py::str("<kvmem.Recommendation {!r}: {:.3f}>").format(item.name, item.score));
        });
    py::class_<SharedRecommender>(module, "Recommender",
                                  "Recommends items by a trained run on events.\n\n"
                                  "Several threads may use it at once.")
        .def(py::init(&open),
             "__init__(self, run, *, data=None)\n--\n\n"
             "Opens a run directory or a model file, with the events of the run's data set or of another.",
             "run"_a, py::kw_only(), "data"_a = py::none())
        .def("recommend", &recommend,
             "recommend(self, events=(), *, user=None, k=10, at=None, seen=True, explain=False, only=None)\n--\n\n"
             "The k best items for a user of the data set, or for one whose events are given, the oldest first: items\n"
             "or pairs of item and second. `at` is the second of the recommendation, and `only` are the candidates.",
             "events"_a = py::tuple(), py::kw_only(), "user"_a = py::none(), "k"_a = 10, "at"_a = py::none(),
             "seen"_a = true, "explain"_a = false, "only"_a = py::none())
        .def("recommend_to", &recommend_to,
             "recommend_to(self, users=None, *, k=10, at=None, seen=True, only=None)\n--\n\n"
             "The k best items for each of these users of the data set, or for all of them, in the order of their\n"
             "names in it.",
             "users"_a = py::none(), py::kw_only(), "k"_a = 10, "at"_a = py::none(), "seen"_a = true,
             "only"_a = py::none())
        .def("add_items", &add_items,
             "add_items(self, items, *, names={})\n--\n\n"
             "Adds items that the data set does not have, which are recommended as items with like features are:\n"
             "`items` maps ids to features and lists of their values, and `names` maps ids to texts. Returns how\n"
             "many values were left out because the data set does not have them.",
             "items"_a, py::kw_only(), "names"_a = py::dict())
        .def("__repr__", [](const SharedRecommender& shared) {
            const std::shared_lock lock(shared.mutex);
            return "<kvmem.Recommender, " + std::to_string(shared.recommender.model().catalog().items()) + " items>";
        });
}

}  // namespace kvmem::python
