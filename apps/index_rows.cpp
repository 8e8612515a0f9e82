#include "index_rows.hpp"

#include "event_vectors.hpp"
#include "foreign_hdf5.hpp"
#include "kvmem/store/memory_store.hpp"
#include "store_text.hpp"

namespace kvmem::apps {

static void require_fit(ConstView rows, const std::string& source) {
    const Index row = store::first_invalid_row(rows);
    if (row == rows.rows) return;
    throw Error({.what = "a vector cannot be stored",
                 .expected = "finite numbers whose squares sum to less than 1e37",
                 .got = "others in row " + std::to_string(row) + ", counted from 0",
                 .where = source,
                 .hint = {}});
}

void check_row_options(const po::variables_map& values) {
    const bool of_events = is_run_of_events(values);
    require_option(of_events || !values.count("histories"), "histories", "a run on events");
    if (!values.count("run")) {
        for (const char* option : {"text", "memory"})
            require_option(!values.count(option), option, "--run, the model that reads it");
        return;
    }
    require_option(!values.count("vectors") && !values.count("values"), "run", "no vectors of a file beside it");
    if (of_events) {
        for (const char* option : {"text", "memory"}) require_option(!values.count(option), option, "another run");
        require_option(values["metric"].as<std::string>() == "dot", "metric", "dot for this run");
    }
    require_option(!values.count("text") || !values.count("memory"), "text", "no --memory beside it");
}

EncodedRows rows_of_file(const po::variables_map& values, const std::string& dataset) {
    const std::string source = required(values, "vectors", "a file of vectors, -, or --run");
    EncodedRows rows{vectors_from(source, dataset), {}};
    require_fit(rows.keys.vectors, source == "-" ? "stdin" : source);
    if (!values.count("values")) return rows;
    const std::string path = values["values"].as<std::string>();
    rows.values = read_any_vectors(path, dataset).vectors;
    if (rows.values.rows() != rows.keys.vectors.rows())
        throw Error({.what = "values do not fit the keys",
                     .expected = plural(rows.keys.vectors.rows(), "row"),
                     .got = std::to_string(rows.values.rows()),
                     .where = path,
                     .hint = {}});
    require_fit(rows.values, path);
    return rows;
}

std::string text_to_index(const po::variables_map& values) {
    return values.count("text") ? text_from(values["text"].as<std::string>()) : std::string();
}

EncodedRows rows_of_run(const po::variables_map& values, const std::string& text, const PickRows& pick) {
    if (is_run_of_events(values)) return encoded_events(values, pick);
    if (!values.count("text")) return encoded_memory(values, pick);
    const std::string source = values["text"].as<std::string>();
    return {encoded_lines(values, text, source == "-" ? "stdin" : source, pick), {}};
}

}  // namespace kvmem::apps
