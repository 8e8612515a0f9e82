// kvmem query STORE VECTORS: what a store finds for vectors, or for text.
#include "encoded_text.hpp"
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

// What one query found: a line for each slot, or a JSON object.
static void print_text(const MemoryStore& store, const store::Hits& hits, Index query, std::span<const float> weights) {
    const auto ids = hits.ids_of(query);
    const store::Slots slots = store.get(ids);
    std::cout << "query " << query << ": " << plural(static_cast<Index>(ids.size()), "slot") << "\n";
    for (std::size_t i = 0; i < ids.size(); ++i) {
        std::cout << "  " << std::setw(12) << std::right << hits.scores_of(query)[i];
        if (!weights.empty()) std::cout << "  " << std::setw(7) << percent(double{weights[i]});
        std::cout << "  " << ids[i];
        if (!slots.texts[i].empty()) std::cout << "  " << slots.texts[i];
        std::cout << "\n";
    }
}

static void print_json(const MemoryStore& store, const store::Hits& hits, Index query, std::span<const float> weights,
                       std::span<const Real> read) {
    const auto ids = hits.ids_of(query);
    const store::Slots slots = store.get(ids);
    json::array found;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        json::object slot{{"id", ids[i]}, {"score", hits.scores_of(query)[i]}};
        if (!weights.empty()) slot["weight"] = weights[i];
        if (store.has_texts()) slot["text"] = slots.texts[i];
        found.push_back(std::move(slot));
    }
    json::object line{{"query", query}, {"slots", std::move(found)}};
    if (!read.empty()) line["read"] = json::array(read.begin(), read.end());
    std::cout << json::serialize(line) << "\n";
}

// As ann-benchmarks has them: what is nearer is smaller, and neighbors that are not there are -1.
static void write_results(const std::string& path, const store::Hits& hits, Similarity metric) {
    const auto rows = static_cast<Index>(hits.count.size());
    std::vector<std::int64_t> neighbors(hits.ids.begin(), hits.ids.end());
    Matrix distances(rows, hits.k);
    for (Index q = 0; q < rows; ++q)
        for (Index i = 0; i < hits.k; ++i) {
            const std::size_t at = static_cast<std::size_t>(q * hits.k + i);
            const float score = hits.scores[at];
            if (i >= hits.count[static_cast<std::size_t>(q)]) neighbors[at] = -1;
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

int run_query(const Arguments& arguments) {
    std::string dataset, filter, results;
    Index k = 10, probes = 0;
    Real temperature = 1;
    CommandLine line{
        .usage = "kvmem query STORE VECTORS|--text TEXT [options]", .about = about, .positional = {"store", "vectors"}};
    line.options.add_options()  //
        ("k", po::value(&k)->default_value(k), "how many slots")("dataset", po::value(&dataset)->default_value("test"),
                                                                 "of an HDF5 file: the path of the dataset")(
            "run", po::value<std::string>(), "run directory or model file that reads --text")(
            "text", po::value<std::string>(), "what to look for, instead of vectors; -: lines of standard input")(
            "filter", po::value(&filter), "these ids alone: 3,7,10-20")(
            "probes", po::value(&probes)->default_value(probes), "lists to look at; 0: everything, exactly")(
            "read", "also the weights of attention over the slots found and, with --json, what it reads")(
            "temperature", po::value(&temperature)->default_value(temperature), "of --read")(
            "results", po::value(&results), "also write what was found to this HDF5 file, as ann-benchmarks does")(
            "recall", "how many of the exact result --probes finds, among the same --filter; to stderr")("json", "a JSON line for each vector");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const std::string path = required(values, "store", "the file of a store");
    require_at_least(k, 1, "k");
    require_at_least(probes, 0, "probes");
    store::SearchOptions options;
    options.probes = probes;
    if (values.count("filter")) options.where = filter_of(filter);
    const MemoryStore store = MemoryStore::open(path, store::Access::map);
    const VectorFile queries = queries_of(values, dataset);
    const bool reads = values.count("read") > 0;
    store::Read read;
    if (reads)
        read = store.read(queries.vectors, {.top_k = k, .temperature = temperature, .heads = 1, .search = options});
    else
        read.hits = store.search(queries.vectors, k, options);
    const Index places = read.hits.k;
    for (Index q = 0; q < queries.vectors.rows(); ++q) {
        const std::span<const float> weights =
            reads ? std::span(read.weights)
                        .subspan(static_cast<std::size_t>(q * places), static_cast<std::size_t>(places))
                  : std::span<const float>();
        const std::span<const Real> row =
            reads ? std::span<const Real>(read.values.row(q), static_cast<std::size_t>(read.values.cols()))
                  : std::span<const Real>();
        if (values.count("json"))
            print_json(store, read.hits, q, weights, row);
        else
            print_text(store, read.hits, q, weights);
    }
    if (!results.empty()) write_results(results, read.hits, store.options().metric);
    if (values.count("recall")) {
        const store::RecallReport report = store.measure_recall(queries.vectors, k, options);
        std::cerr << "recall " << percent(report.recall) << ", "
                  << short_number(static_cast<double>(queries.vectors.rows()) / report.seconds_probing)
                  << " queries/s; exact "
                  << short_number(static_cast<double>(queries.vectors.rows()) / report.seconds_exact) << "\n";
    }
    return 0;
}

}  // namespace kvmem::apps
