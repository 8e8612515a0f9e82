// kvmem query STORE VECTORS: what a store finds for vectors, or for text.
#include "encoded_text.hpp"
#include "event_vectors.hpp"
#include "file_kind.hpp"
#include "found_slots.hpp"
#include "kvmem/cluster/agreement.hpp"
#include "kvmem/cluster/store_shards.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/selection/evaluate.hpp"
#include "output.hpp"
#include "program.hpp"
#include "ranks.hpp"
#include "sentences.hpp"
#include "store_text.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <limits>

namespace kvmem::apps {

using store::MemoryStore;

static const char* const about_query =
    "Finds the nearest slots of each vector: of a file as for 'kvmem index', or lines of text with numbers from\n"
    "standard input ('-'); or of text, as the trained model of --run reads questions; or of a user's history, as\n"
    "that of a run on events does. With --read also what attention over them gives.";

namespace {

// The options of the command line.
struct QueryOptions {
    std::string dataset, filter, results;
    Index k = 10, probes = 0;
    double recall_target = 0;
    Real temperature = 1;
};

}  // namespace

static CommandLine query_line(QueryOptions& wanted) {
    CommandLine line{.usage = "kvmem query STORE VECTORS|--text TEXT|--user USER|--name NAME [options]",
                     .about = about_query,
                     .positional = {"store", "vectors"}};
    line.options.add_options()                                              //
        ("k,k", po::value(&wanted.k)->default_value(10), "how many slots")  //
        ("dataset", po::value(&wanted.dataset)->default_value("test"),
         "of an HDF5 or .npz file: the dataset or array")                                                       //
        ("run", po::value<std::string>(), "run directory or model file that reads --text or --user")            //
        ("user", po::value<std::string>(), "of a run on events: what is near the user's history")               //
        ("text", po::value<std::string>(), "what to look for, instead of vectors; -: lines of standard input")  //
        ("selector", po::value<std::string>(),
         "with --text, of a store of sentences: run or model file of a model of sentences, which orders what is found "
         "by how well it answers")                                                                           //
        ("filter", po::value(&wanted.filter), "these ids alone: 3,7,10-20")                                  //
        ("probes", po::value(&wanted.probes)->default_value(0), "lists to look at; 0: everything, exactly")  //
        ("recall-target", po::value(&wanted.recall_target)->default_value(0, "0"),
         "as few probes as find this share of the exact result, measured on up to 100 of the queries")      //
        ("slot", po::value<store::Id>(), "what is near this slot of the store, instead of vectors")         //
        ("name", po::value<std::string>(), "what is near the first slot of this name, instead of vectors")  //
        ("of", po::value<std::string>(), "another store, of which --slot or --name is")                     //
        ("read", "also the weights of attention over the slots found and, with --json, what it reads")      //
        ("temperature", po::value(&wanted.temperature)->default_value(1), "of --read")                      //
        ("results", po::value(&wanted.results),
         "also write what was found to this HDF5 file, as ann-benchmarks does")                        //
        ("recall", "how many of the exact result --probes finds, among the same --filter; to stderr")  //
        ("json", "a JSON line for each vector; bytes of texts that are not UTF-8 are U+FFFD in it");
    return line;
}

// A Euclidean score as the distance that it is minus the square of.
static float shown_score(Similarity metric, float score) {
    return metric == Similarity::euclidean ? std::sqrt(std::abs(score)) : score;
}

// Prints a line for each slot.
static void print_found(const MemoryStore& store, const FoundSlots& found, Similarity metric) {
    const store::StoredSlots slots = store.get(found.ids);
    std::cout << "query " << found.query << (found.name.empty() ? "" : " (" + printable(found.name) + ")") << ": "
              << plural(static_cast<Index>(found.ids.size()), "slot") << "\n";
    for (std::size_t i = 0; i < found.ids.size(); ++i) {
        std::cout << "  " << std::setw(12) << std::right << shown_score(metric, found.scores[i]);
        if (!found.weights.empty()) std::cout << "  " << std::setw(7) << percent(double{found.weights[i]});
        std::cout << "  " << found.ids[i];
        if (!slots.texts[i].empty()) std::cout << "  " << printable(slots.texts[i]);
        std::cout << "\n";
    }
}

// Writes the format of ann-benchmarks: distances, which are smaller for nearer slots, and -1 for a missing neighbor.
// There are k in each row, of which the hits may have less.
static void write_results(const std::string& path, const store::Hits& hits, Index k, Similarity metric) {
    const auto rows = static_cast<Index>(hits.count.size());
    std::vector<std::int64_t> neighbors(static_cast<std::size_t>(rows * k), -1);
    Matrix distances(rows, k);
    for (Index q = 0; q < rows; ++q)
        for (Index i = 0; i < k; ++i) {
            const bool is_there = i < hits.count[q];
            const float score = is_there ? hits.scores[q * hits.k + i] : -std::numeric_limits<float>::infinity();
            if (is_there) neighbors[q * k + i] = static_cast<std::int64_t>(hits.ids[q * hits.k + i]);
            distances(q, i) = metric == Similarity::euclidean ? shown_score(metric, score)
                              : metric == Similarity::cosine  ? 1 - score
                                                              : -score;
        }
    write_neighbors(path, {neighbors.data(), rows, k}, distances,
                    metric == Similarity::cosine ? "angular" : name_of(metric));
}

// The keys of slots of the store, by id or by name.
static VectorFile slot_query(const MemoryStore& store, const po::variables_map& values) {
    require_option(!values.count("vectors") && !values.count("text") && !values.count("user") &&
                       !(values.count("slot") && values.count("name")),
                   values.count("slot") ? "slot" : "name", "no other query beside it");
    std::vector<store::Id> ids = values.count("slot") ? std::vector{values["slot"].as<store::Id>()} : store.ids();
    store::StoredSlots slots = store.get(ids);
    const auto at =
        values.count("slot") ? slots.texts.begin() : std::ranges::find(slots.texts, values["name"].as<std::string>());
    const auto place = static_cast<std::size_t>(at - slots.texts.begin());
    if (at == slots.texts.end() || !slots.found[place])
        throw Error({.what = "the store has no such slot",
                     .expected = values.count("slot") ? "an id of it" : "a name as it is written there",
                     .got = values.count("slot") ? std::to_string(ids[0]) : values["name"].as<std::string>()});
    VectorFile query{Matrix(1, slots.keys.cols()), {}};
    std::copy_n(slots.keys.row(static_cast<Index>(place)), slots.keys.cols(), query.vectors.row(0));
    if (store.has_texts()) query.names.push_back(*at);
    return query;
}

static VectorFile queries_of(const po::variables_map& values, const std::string& dataset) {
    if (!values.count("run")) {
        require_option(!values.count("text"), "text", "--run, the model that reads it");
        return vectors_from(required(values, "vectors", "a file of vectors, or -"), dataset);
    }
    require_option(!values.count("vectors"), "run", "--text or --user instead of vectors");
    if (is_run_of_events(values)) {
        require_option(!values.count("text"), "text", "a run that reads texts; --user with one on events");
        return encoded_user(values);
    }
    require_option(!values.count("user"), "user", "a run on events");
    const std::string text = required(values, "text", "a text, or - for lines of standard input");
    return text == "-" ? encoded_lines(values, text_from(text), "stdin") : encoded_lines(values, text, "--text");
}

static void print_recall(const MemoryStore& store, ConstView queries, Index k, const store::SearchOptions& options) {
    const store::RecallReport report = store.measure_recall(queries, k, options);
    const auto count = static_cast<double>(queries.rows);
    std::cerr << "recall " << percent(report.recall) << ", " << short_number(count / report.seconds_probing)
              << " queries/s; exact " << short_number(count / report.seconds_exact) << "\n";
}

// The fewest probes, of powers of two, that reach the recall; 0, an exact search, if none below all lists do.
static Index probes_for(const MemoryStore& store, ConstView queries, Index k, double target,
                        store::SearchOptions options) {
    const ConstView some = queries.middle_rows(0, std::min<Index>(queries.rows, 100));
    for (options.probes = 1; options.probes < store.lists(); options.probes *= 2)
        if (store.measure_recall(some, k, options).recall >= target) return options.probes;
    return 0;
}

// Throws UsageError for options that would have no effect.
static void require_fitting(const po::variables_map& values, const QueryOptions& wanted) {
    require_option(!values.count("user") || values.count("run"), "user", "--run, a run on events");
    require_option(!values.count("of") || values.count("slot") + values.count("name") > 0, "of", "--slot or --name");
    require_option(
        !values.count("selector") || (values.count("text") && !values.count("read") && wanted.results.empty()),
        "selector", "--text, without --read and --results");
    require_option(values["temperature"].defaulted() || values.count("read"), "temperature", "--read beside it");
    require_option(!values.count("recall") || wanted.probes > 0 || wanted.recall_target > 0, "recall",
                   "--probes or --recall-target beside it");
    require_option(wanted.recall_target >= 0 && wanted.recall_target <= 1, "recall-target", "a number from 0 to 1");
    require_option(wanted.recall_target == 0 || wanted.probes == 0, "recall-target", "no --probes beside it");
}

// Puts the slots that each question finds in the order in which their texts answer it, with the scores of that.
static void rank(const SelectionModel& model, const MemoryStore& store, std::span<const std::string> questions,
                 store::Hits& hits) {
    if (!store.has_texts())
        throw Error({.what = "this store has no texts", .expected = "sentences, for --selector", .got = "none"});
    std::vector<SelectionQuestion> asked;
    std::vector<Index> rows;  // of hits, for each question that found any
    for (Index q = 0; q < std::ssize(questions); ++q) {
        const std::span<const store::Id> found = hits.ids_of(q);
        if (found.empty()) continue;
        SelectionQuestion& question = asked.emplace_back();
        question.text = questions[static_cast<std::size_t>(q)];
        question.sentences = store.get(found).texts;
        question.right.resize(found.size());
        rows.push_back(q);
    }
    const Ragged<Real> scores = model.score(asked);
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const std::span<const Real> own = scores[static_cast<Index>(i)];
        const std::span<const store::Id> found = hits.ids_of(rows[i]);
        const std::vector<store::Id> ids(found.begin(), found.end());
        auto at = static_cast<std::size_t>(rows[i] * hits.k);
        for (const Index slot : worst_case_order(own, asked[i].right)) {
            hits.ids[at] = ids[static_cast<std::size_t>(slot)];
            hits.scores[at++] = static_cast<float>(own[static_cast<std::size_t>(slot)]);
        }
    }
}

// The model of --selector, or null.
static std::unique_ptr<SelectionModel> selector_of(const po::variables_map& values) {
    return values.count("selector") ? open_selection_model(find_run(values, "selector").string()) : nullptr;
}

static MemoryStore open_to_search(const std::string& path) {
    require_format(path, {"kvmem-store"}, "a store of vectors");
    return open_store(path, store::Access::map);
}

// The slot of --slot or --name among those of all ranks, as a query.
static VectorFile slot_query_on_ranks(Cluster& cluster, const MemoryStore& own, const po::variables_map& values) {
    std::vector<store::Id> ids;
    if (values.count("slot")) {
        if (own.contains(values["slot"].as<store::Id>())) ids.push_back(values["slot"].as<store::Id>());
    } else {
        const std::vector<store::Id> all = own.ids();
        const std::vector<std::string> texts = own.get(all).texts;
        const auto at = std::ranges::find(texts, values["name"].as<std::string>()) - texts.begin();
        if (at < std::ssize(texts)) ids.push_back(all[at]);
    }
    const MemoryStore found = gather_slots(cluster, own, ids);
    VectorFile query;
    run_together(cluster, [&] {
        if (cluster.rank() == 0) query = slot_query(found, values);
    });
    return query;
}

// The queries that the command line names, of which a slot is one of this store.
static VectorFile given_queries(const po::variables_map& values, const QueryOptions& wanted, const MemoryStore& store) {
    if (values.count("slot") + values.count("name") == 0) return queries_of(values, wanted.dataset);
    if (values.count("of")) return slot_query(open_to_search(values["of"].as<std::string>()), values);
    return slot_query(store, values);
}

static void require_width(const MemoryStore& store, const Matrix& queries) {
    if (queries.cols() != store.options().key_width)
        throw Error({.what = "queries are not as wide as the keys",
                     .expected = plural(store.options().key_width, "number") + " in each",
                     .got = std::to_string(queries.cols())});
}

// Searches or reads the store, prints what it finds, as the selector orders it if there is one, and writes it to
// --results, whose rows are for `size` slots. The queries are those from `first` on.
static void show(const MemoryStore& store, const SelectionModel* selector, ConstView queries, Index first,
                 const std::vector<std::string>& names, const po::variables_map& values, const QueryOptions& wanted,
                 const store::SearchOptions& options, Index size) {
    store::ReadResult read;
    if (values.count("read"))
        read =
            store.read(queries, {.top_k = wanted.k, .temperature = wanted.temperature, .heads = 1, .search = options});
    else
        read.hits = store.search(queries, wanted.k, options);
    if (selector)
        rank(*selector, store,
             std::span(names).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(queries.rows)),
             read.hits);
    const Similarity scored_by = selector ? Similarity::dot : store.options().metric;
    if (!wanted.results.empty())
        write_results(wanted.results, read.hits, std::min(wanted.k, size), store.options().metric);
    for (Index q = 0; q < queries.rows; ++q) {
        FoundSlots found = found_by(read, q, names.empty() ? "" : names[static_cast<std::size_t>(first + q)]);
        found.query = first + q;
        if (values.count("json"))
            std::cout << json_line(store, found) << "\n";
        else
            print_found(store, found, scored_by);
    }
}

// Each rank searches its shards, and the first one shows what all have found.
static int query_on_ranks(const std::string& path, const po::variables_map& values, const QueryOptions& wanted,
                          const store::SearchOptions& options, Cluster& cluster) {
    for (const char* option : {"recall", "recall-target"})
        require_option(!values.count(option) || values[option].defaulted(), option, "one process");
    require_option(options.probes == 0 || wanted.results.empty(), "results", "one process, or no --probes beside it");
    require_format(path, {"kvmem-store"}, "a store of vectors");
    const MemoryStore own = open_store_of_rank(cluster, path);
    warn_of_losses(own, path);
    const bool of_ranks = values.count("slot") + values.count("name") > 0 && !values.count("of");
    VectorFile given;
    if (of_ranks) given = slot_query_on_ranks(cluster, own, values);
    run_together(cluster, [&] {
        if (cluster.rank() > 0) return;
        if (!of_ranks) given = given_queries(values, wanted, own);
        require_width(own, given.vectors);
    });
    const Matrix queries = share_rows(cluster, given.vectors);
    const auto selector = cluster.rank() == 0 ? selector_of(values) : nullptr;
    const Index at_once = options.probes > 0 ? 1 : std::max<Index>(1, queries.rows());
    for (Index first = 0; first < queries.rows(); first += at_once) {
        const ConstView some = queries.view().middle_rows(first, std::min(at_once, queries.rows() - first));
        Index size = 0;
        const MemoryStore found = search_on_ranks(cluster, own, some, wanted.k, options, size);
        if (cluster.rank() == 0) show(found, selector.get(), some, first, given.names, values, wanted, {}, size);
    }
    return 0;
}

static int query(const Arguments& arguments, Cluster* cluster) {
    QueryOptions wanted;
    po::variables_map values;
    if (!parse(query_line(wanted), arguments, values)) return 0;
    const std::string path = required(values, "store", "the file of a store");
    require_at_least(wanted.k, 1, "k");
    require_at_least(wanted.probes, 0, "probes");
    require_fitting(values, wanted);
    store::SearchOptions options;
    options.probes = wanted.probes;
    if (values.count("filter")) options.where = filter_of(wanted.filter);
    if (!wanted.results.empty())
        require_output(wanted.results, "neighbors",
                       {path, values.count("vectors") ? values["vectors"].as<std::string>() : "-"});
    if (cluster) return query_on_ranks(path, values, wanted, options, *cluster);
    const MemoryStore store = open_to_search(path);
    const VectorFile given = given_queries(values, wanted, store);
    require_width(store, given.vectors);
    if (wanted.recall_target > 0) {
        options.probes = probes_for(store, given.vectors, wanted.k, wanted.recall_target, options);
        std::cerr << (options.probes > 0 ? plural(options.probes, "probe") : "an exact search") << "\n";
    }
    show(store, selector_of(values).get(), given.vectors, 0, given.names, values, wanted, options, store.size());
    if (values.count("recall")) print_recall(store, given.vectors, wanted.k, options);
    return 0;
}

int run_query(const Arguments& arguments) {
    return on_ranks([&](Cluster* cluster) { return query(arguments, cluster); });
}

}  // namespace kvmem::apps
