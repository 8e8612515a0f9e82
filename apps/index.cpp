// kvmem index VECTORS: makes a store of a file's vectors, of text, or of a trained model's memory.
#include "encoded_text.hpp"
#include "program.hpp"
#include "store_text.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <numeric>

namespace kvmem::apps {

namespace fs = std::filesystem;
using store::MemoryStore;

static const char* const about =
    "Makes a store of vectors: .npy, .fvecs, a dataset of an HDF5 file (superblock 2 or later), or lines of text with\n"
    "numbers; '-' is standard input. Ids count the rows from 0. Lines have names, which become texts, if the first "
    "one\n"
    "does: what is before its first tab, or its first word, is no number. Then any word or number may be a name.\n"
    "Numbers are decimal and finite.\n"
    "With --run it is a store of the memory that a trained key-value memory network reads, for\n"
    "'kvmem ask --store': the vectors of keys and values, and 'key -> value' as text. With --text, too, it is one of\n"
    "lines of text, a line a slot, as that network reads questions. What was interrupted goes on with --resume.";

// Rows that are added, and put on the disk, at once.
static constexpr Index rows_at_once = 32768;

static MemoryStore opened(const fs::path& path, const store::StoreOptions& options, bool resume) {
    if (!resume || !fs::exists(path)) return MemoryStore::create(path, options);
    MemoryStore store = MemoryStore::open(path);
    if (!(store.options() == options))
        throw UsageError({.what = "this store was begun otherwise",
                          .expected = "the widths, metric and form that it has",
                          .got = {},
                          .where = path.string(),
                          .hint = "'kvmem inspect' shows them"});
    return store;
}

static void add_rows(MemoryStore& store, const EncodedRows& rows) {
    const ConstView keys = rows.keys.vectors, values = rows.values;
    Progress progress;
    for (Index row = store.size(); row < keys.rows; row += rows_at_once) {
        const Index count = std::min(rows_at_once, keys.rows - row);
        std::vector<store::Id> ids(static_cast<std::size_t>(count));
        std::iota(ids.begin(), ids.end(), static_cast<store::Id>(row));
        std::span<const std::string> names = rows.keys.names;
        if (!names.empty()) names = names.subspan(static_cast<std::size_t>(row), ids.size());
        store.add(keys.middle_rows(row, count), {values.empty() ? ConstView{} : values.middle_rows(row, count), names},
                  ids);
        store.sync();
        progress.show(plural(row + count, "slot") + " of " + std::to_string(keys.rows));
    }
}

static EncodedRows rows_of_file(const po::variables_map& values, const std::string& dataset) {
    require_option(!values.count("text"), "text", "--run, the model that reads it");
    require_option(!values.count("memory"), "memory", "--run, the model that reads it");
    const std::string source = required(values, "vectors", "a file of vectors, -, or --run");
    EncodedRows rows{vectors_from(source, dataset), {}};
    if (!values.count("values")) return rows;
    const std::string path = values["values"].as<std::string>();
    rows.values = read_vectors(path, dataset).vectors;
    if (rows.values.rows() != rows.keys.vectors.rows())
        throw Error({.what = "values do not fit the keys",
                     .expected = plural(rows.keys.vectors.rows(), "row"),
                     .got = std::to_string(rows.values.rows()),
                     .where = path,
                     .hint = {}});
    return rows;
}

static EncodedRows rows_of(const po::variables_map& values, const std::string& dataset) {
    if (!values.count("run")) return rows_of_file(values, dataset);
    require_option(!values.count("vectors") && !values.count("values"), "run", "no vectors of a file beside it");
    if (!values.count("text")) return encoded_memory(values);
    require_option(!values.count("memory"), "text", "no --memory beside it");
    const std::string source = values["text"].as<std::string>();
    return {encoded_lines(values, text_from(source), source == "-" ? "stdin" : source), {}};
}

int run_index(const Arguments& arguments) {
    std::string output, dataset, metric, form;
    Index lists = 0;
    CommandLine line{
        .usage = "kvmem index VECTORS|--run RUN -o STORE [options]", .about = about, .positional = {"vectors"}};
    line.options.add_options()  //
        ("output,o", po::value(&output), "the store's file")("dataset", po::value(&dataset)->default_value("train"),
                                                             "of an HDF5 file: the path of the dataset")(
            "values", po::value<std::string>(), "vectors to be read as values, a row for each key")(
            "run", po::value<std::string>(), "run directory or model file, whose memory becomes a store")(
            "memory,m", po::value<std::string>(), "with --run: data set whose memory it is")(
            "text", po::value<std::string>(), "with --run: file of lines of text, or -, instead of the memory")(
            "metric", po::value(&metric)->default_value("dot"), "dot, cosine or euclidean")(
            "form", po::value(&form)->default_value("int8"), "what is searched: float32, bfloat16 or int8")(
            "lists", po::value(&lists)->default_value(0),
            "of the index; 0: about twice the root of the slots; -1: none")("resume",
                                                                            "go on with a store that was begun");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_option(!output.empty(), "output", "the name of a file");
    require_at_least(lists, -1, "lists");
    store::StoreOptions options{.metric = metric_named(metric), .form = form_named(form)};
    const EncodedRows rows = rows_of(values, dataset);
    options.key_width = rows.keys.vectors.cols();
    options.value_width = rows.values.cols();
    MemoryStore store = opened(output, options, values.count("resume") > 0);
    add_rows(store, rows);
    if (lists >= 0)
        store.index({.lists = lists});
    else
        store.compact();
    std::cout << output << ": " << plural(store.size(), "slot") << ", " << plural(store.lists(), "list") << "\n";
    return 0;
}

}  // namespace kvmem::apps
