// kvmem query STORE VECTORS: what a store finds for vectors, or for text.
#include "encoded_text.hpp"
#include "kvmem/core/text.hpp"
#include "output.hpp"
#include "program.hpp"
#include "store_text.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <iomanip>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;
using store::MemoryStore;

static const char* const about =
    "Finds the nearest slots of each vector: of a file as for 'kvmem index', or lines of text with numbers from\n"
    "standard input ('-'); or of text, as the trained model of --run reads questions. With --read also what attention\n"
    "over them gives.";

namespace {

// The options of the command line.
struct Wanted {
    std::string dataset, filter, results;
    Index k = 10, probes = 0;
    Real temperature = 1;
};

// The hits of one query.
struct Found {
    Index query;
    std::span<const store::Id> ids;
    std::span<const float> scores;
    std::span<const float> weights;  // with --read
    std::span<const Real> read;      // with --read
};

}  // namespace

static CommandLine command_line(Wanted& wanted) {
    CommandLine line{
        .usage = "kvmem query STORE VECTORS|--text TEXT [options]", .about = about, .positional = {"store", "vectors"}};
    line.options.add_options()                                            //
        ("k", po::value(&wanted.k)->default_value(10), "how many slots")  //
        ("dataset", po::value(&wanted.dataset)->default_value("test"),
         "of an HDF5 file: the path of the dataset")                                                            //
        ("run", po::value<std::string>(), "run directory or model file that reads --text")                      //
        ("text", po::value<std::string>(), "what to look for, instead of vectors; -: lines of standard input")  //
        ("filter", po::value(&wanted.filter), "these ids alone: 3,7,10-20")                                     //
        ("probes", po::value(&wanted.probes)->default_value(0), "lists to look at; 0: everything, exactly")     //
        ("read", "also the weights of attention over the slots found and, with --json, what it reads")          //
        ("temperature", po::value(&wanted.temperature)->default_value(1), "of --read")                          //
        ("results", po::value(&wanted.results),
         "also write what was found to this HDF5 file, as ann-benchmarks does")                        //
        ("recall", "how many of the exact result --probes finds, among the same --filter; to stderr")  //
        ("json", "a JSON line for each vector; bytes of texts that are not UTF-8 are U+FFFD in it");
    return line;
}

static Found found_by(const store::ReadResult& read, Index query) {
    Found found{query, read.hits.ids_of(query), read.hits.scores_of(query), {}, {}};
    if (read.values.rows() == 0) return found;
    found.weights = std::span(read.weights).subspan(query * read.hits.k, found.ids.size());
    found.read = {read.values.row(query), static_cast<std::size_t>(read.values.cols())};
    return found;
}

// Prints a line for each slot.
static void print_text(const MemoryStore& store, const Found& found) {
    const store::StoredSlots slots = store.get(found.ids);
    std::cout << "query " << found.query << ": " << plural(static_cast<Index>(found.ids.size()), "slot") << "\n";
    for (std::size_t i = 0; i < found.ids.size(); ++i) {
        std::cout << "  " << std::setw(12) << std::right << found.scores[i];
        if (!found.weights.empty()) std::cout << "  " << std::setw(7) << percent(double{found.weights[i]});
        std::cout << "  " << found.ids[i];
        if (!slots.texts[i].empty()) std::cout << "  " << printable(slots.texts[i]);
        std::cout << "\n";
    }
}

static void print_json(const MemoryStore& store, const Found& found) {
    const store::StoredSlots slots = store.get(found.ids);
    json::array all;
    for (std::size_t i = 0; i < found.ids.size(); ++i) {
        json::object slot{{"id", found.ids[i]}, {"score", found.scores[i]}};
        if (!found.weights.empty()) slot["weight"] = found.weights[i];
        if (store.has_texts()) slot["text"] = as_utf8(slots.texts[i]);
        all.push_back(std::move(slot));
    }
    json::object line{{"query", found.query}, {"slots", std::move(all)}};
    if (!found.read.empty()) line["read"] = json::array(found.read.begin(), found.read.end());
    std::cout << json::serialize(line) << "\n";
}

// Writes the format of ann-benchmarks: distances, which are smaller for nearer slots, and -1 for a missing neighbor.
static void write_results(const std::string& path, const store::Hits& hits, Similarity metric) {
    const auto rows = static_cast<Index>(hits.count.size());
    std::vector<std::int64_t> neighbors(hits.ids.begin(), hits.ids.end());
    Matrix distances(rows, hits.k);
    for (Index q = 0; q < rows; ++q)
        for (Index i = 0; i < hits.k; ++i) {
            const Index at = q * hits.k + i;
            const float score = hits.scores[at];
            if (i >= hits.count[q]) neighbors[at] = -1;
            distances(q, i) = metric == Similarity::euclidean ? std::sqrt(-score)
                              : metric == Similarity::cosine  ? 1 - score
                                                              : -score;
        }
    write_neighbors(path, {neighbors.data(), rows, hits.k}, distances,
                    metric == Similarity::cosine ? "angular" : name_of(metric));
}

static VectorFile queries_of(const po::variables_map& values, const std::string& dataset) {
    if (!values.count("run")) {
        require_option(!values.count("text"), "text", "--run, the model that reads it");
        return vectors_from(required(values, "vectors", "a file of vectors, or -"), dataset);
    }
    require_option(!values.count("vectors"), "run", "--text instead of vectors");
    const std::string text = required(values, "text", "a text, or - for lines of standard input");
    return text == "-" ? encoded_lines(values, text_from(text), "stdin") : encoded_lines(values, text, "--text");
}

static void print_recall(const MemoryStore& store, ConstView queries, Index k, const store::SearchOptions& options) {
    const store::RecallReport report = store.measure_recall(queries, k, options);
    const auto count = static_cast<double>(queries.rows);
    std::cerr << "recall " << percent(report.recall) << ", " << short_number(count / report.seconds_probing)
              << " queries/s; exact " << short_number(count / report.seconds_exact) << "\n";
}

int run_query(const Arguments& arguments) {
    Wanted wanted;
    po::variables_map values;
    if (!parse(command_line(wanted), arguments, values)) return 0;
    const std::string path = required(values, "store", "the file of a store");
    require_at_least(wanted.k, 1, "k");
    require_at_least(wanted.probes, 0, "probes");
    store::SearchOptions options;
    options.probes = wanted.probes;
    if (values.count("filter")) options.where = filter_of(wanted.filter);
    if (!wanted.results.empty())
        require_output(wanted.results, "neighbors",
                       {path, values.count("vectors") ? values["vectors"].as<std::string>() : "-"});
    const MemoryStore store = MemoryStore::open(path, store::Access::map);
    const Matrix queries = queries_of(values, wanted.dataset).vectors;
    store::ReadResult read;
    if (values.count("read"))
        read =
            store.read(queries, {.top_k = wanted.k, .temperature = wanted.temperature, .heads = 1, .search = options});
    else
        read.hits = store.search(queries, wanted.k, options);
    if (!wanted.results.empty()) write_results(wanted.results, read.hits, store.options().metric);
    for (Index q = 0; q < queries.rows(); ++q)
        (values.count("json") ? print_json : print_text)(store, found_by(read, q));
    if (values.count("recall")) print_recall(store, queries, wanted.k, options);
    return 0;
}

}  // namespace kvmem::apps
