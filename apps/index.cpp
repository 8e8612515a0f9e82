// kvmem index VECTORS: makes a store of a file's vectors, of text, or of a trained model's memory.
#include "index_rows.hpp"
#include "kvmem/cluster/agreement.hpp"
#include "kvmem/cluster/new_store.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "output.hpp"
#include "program.hpp"
#include "ranks.hpp"
#include "sequence_memory.hpp"
#include "store_text.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace kvmem::apps {

namespace fs = std::filesystem;
using store::MemoryStore;

static const char* const about_index =
    "Makes a store of vectors: .npy, .npz, .fvecs, a dataset of an HDF5 file, or lines of "
    "text\n"
    "with numbers, as word2vec, fastText and GloVe have them; any but HDF5 may be .gz; '-' is standard input. Ids "
    "count the rows from 0. Lines have names, which become texts, if the first "
    "one\n"
    "does: what is before its first tab, or its first word, is no number. Then any word or number may be a name.\n"
    "Numbers are decimal and finite.\n"
    "With --run it is a store of the memory that a trained key-value memory network reads, for\n"
    "'kvmem ask --store': the vectors of keys and values, and 'key -> value' as text. With --text, too, it is one of\n"
    "lines of text, a line a slot, as that network reads questions. Of a run of next-sentence it is one of the\n"
    "sentences of documents, or with --text of lines, for 'kvmem query --text'. Of a run on pairs or texts it is one "
    "of the\n"
    "states of the model on the data of --memory, for 'kvmem translate --memory' and 'kvmem generate --memory'. Of a\n"
    "run on events it is one of the items, so that what 'kvmem query --user' finds is what the model recommends, or\n"
    "with --histories one of its users. What was interrupted goes on with --resume; what failed leaves nothing "
    "behind.\n"
    "Built with KVMEM_MPI and under mpirun, with --shards, ranks make the store together: each one writes its shards\n"
    "to the folder that all see, with the bytes that one process writes. With --run each rank encodes its own slots;\n"
    "vectors of a file are read by rank 0 and sent to the others. What was interrupted is then begun anew, and may\n"
    "leave files *.unfinished, or shards that the next try names.";

// Rows of one change, after which the store is synced.
static constexpr Index rows_at_once = 32768;

namespace {

// The options of the command line.
struct IndexingOptions {
    std::string output, dataset, metric, form;
    Index lists = 0, shards = 0;
};

// Removes the files of a new store, unless keep() was called. An interrupted run leaves them for --resume.
class NewFiles {
  public:
    explicit NewFiles(fs::path path) : path_(std::move(path)) {}
    ~NewFiles() {
        if (is_kept_) return;
        std::error_code ignored;
        for (const fs::path& shard : shards()) fs::remove(shard, ignored);
        for (const char* ending : {"", ".log"}) fs::remove(fs::path(path_) += ending, ignored);
    }
    NewFiles(const NewFiles&) = delete;
    NewFiles& operator=(const NewFiles&) = delete;

    void keep() { is_kept_ = true; }

  private:
    std::vector<fs::path> shards() const noexcept {
        try {
            return MemoryStore::peek(path_).shards;
        } catch (const Error&) {
            return {};  // it was not made
        }
    }

    fs::path path_;
    bool is_kept_ = false;
};

}  // namespace

static CommandLine index_line(IndexingOptions& wanted) {
    CommandLine line{
        .usage = "kvmem index VECTORS|--run RUN -o STORE [options]", .about = about_index, .positional = {"vectors"}};
    line.options.add_options()                                       //
        ("output,o", po::value(&wanted.output), "the store's file")  //
        ("dataset", po::value(&wanted.dataset)->default_value("train"),
         "of an HDF5 or .npz file: the dataset or array")                                               //
        ("values", po::value<std::string>(), "vectors to be read as values, a row for each key")        //
        ("run", po::value<std::string>(), "run directory or model file, whose memory becomes a store")  //
        ("memory,m", po::value<std::string>(),
         "with --run: data set whose memory it is; of a run on pairs or texts also a text file")    //
        ("add", "of a run on pairs or texts: add to the store, if it is there")                     //
        ("histories", "of a run on events: the vectors of its users' histories, not of its items")  //
        ("text", po::value<std::string>(),
         "with --run: file of lines of text, or -, instead of the memory")                                       //
        ("metric", po::value(&wanted.metric)->default_value("dot"), "dot, cosine or euclidean")                  //
        ("form", po::value(&wanted.form)->default_value("int8"), "what is searched: float32, bfloat16 or int8")  //
        ("lists", po::value(&wanted.lists)->default_value(0),
         "of the index; 0: none below 10,000 slots, else about twice their root; -1: none")  //
        ("shards", po::value(&wanted.shards)->default_value(0),
         "files that slots lie in, by a hash of their ids; STORE is then a manifest beside them, like wiki.json")  //
        ("resume", "go on with a store that was begun with the same vectors");
    return line;
}

static std::vector<store::Id> ids_of_rows(Index first, Index count) {
    std::vector<store::Id> ids(count);
    std::iota(ids.begin(), ids.end(), static_cast<store::Id>(first));
    return ids;
}

static UsageError begun_otherwise(const std::string& path, const std::string& expected, const std::string& got) {
    return UsageError({.what = "this store was begun otherwise",
                       .expected = expected,
                       .got = got,
                       .where = path,
                       .hint = "'kvmem inspect' tells what it is"});
}

// Throws UsageError unless the slots of the store are the first rows of the source.
static void require_begun_with(const MemoryStore& store, const store::StoreOptions& options, const EncodedRows& rows,
                               const std::string& path) {
    if (!(store.options() == options)) throw begun_otherwise(path, "the widths, metric and form that it has", {});
    if (store.size() > rows.keys.vectors.rows())
        throw begun_otherwise(path, "at most " + plural(rows.keys.vectors.rows(), "slot"),
                              std::to_string(store.size()));
    const auto same = [](const Matrix& all, Index row, const Matrix& stored, Index at) {
        return stored.cols() == 0 || std::equal(stored.row(at), stored.row(at) + stored.cols(), all.row(row));
    };
    for (Index row = 0; row < store.size(); row += rows_at_once) {
        const Index count = std::min(rows_at_once, store.size() - row);
        const store::StoredSlots slots = store.get(ids_of_rows(row, count));
        for (Index i = 0; i < count; ++i) {
            const auto at = static_cast<std::size_t>(i), source = static_cast<std::size_t>(row + i);
            const std::string& name = rows.keys.names.empty() ? std::string() : rows.keys.names[source];
            if (!slots.found[at] || !same(rows.keys.vectors, row + i, slots.keys, i) ||
                !same(rows.values, row + i, slots.values, i) || slots.texts[at] != name)
                throw begun_otherwise(path, "slots from the same vectors or model",
                                      "another slot " + std::to_string(source));
        }
    }
}

// Opens the store to resume, if any. Throws Error when another file is in the way, before vectors are read.
static std::optional<MemoryStore> begun_store(const std::string& output, const po::variables_map& values) {
    std::vector<fs::path> inputs;
    for (const char* option : {"vectors", "values", "text"})
        if (values.count(option)) inputs.emplace_back(values[option].as<std::string>());
    require_output(output, "kvmem-store", inputs);
    if (values.count("resume") && is_there(output)) {
        const auto shards = std::ssize(MemoryStore::peek(output).shards);
        if (!values["shards"].defaulted() && values["shards"].as<Index>() != shards)
            throw begun_otherwise(output, plural(shards, "shard"), std::to_string(values["shards"].as<Index>()));
        return open_store(output, store::Access::load);
    }
    for (const char* ending : {"", ".log"})
        if (is_there(output + ending))
            throw Error({.what = "there is a file of this name already",
                         .expected = {},
                         .got = {},
                         .where = output + ending,
                         .hint = *ending == '\0' ? "go on with --resume, or choose another name"
                                                 : "it is the log of a store that is not there; delete it if it is not "
                                                   "wanted"});
    return std::nullopt;
}

static void add_rows(MemoryStore& store, const EncodedRows& rows) {
    const ConstView keys = rows.keys.vectors, values = rows.values;
    Progress progress;
    for (Index row = store.size(); row < keys.rows; row += rows_at_once) {
        const Index count = std::min(rows_at_once, keys.rows - row);
        const std::vector<store::Id> ids = ids_of_rows(row, count);
        std::span<const std::string> names = rows.keys.names;
        if (!names.empty()) names = names.subspan(row, ids.size());
        store.add(keys.middle_rows(row, count), {values.empty() ? ConstView{} : values.middle_rows(row, count), names},
                  ids);
        store.sync();
        progress.show(plural(row + count, "slot") + " of " + std::to_string(keys.rows));
    }
}

// How lists are built, if the option or the number of slots asks for some.
static std::optional<store::IndexOptions> lists_for(Index lists, Index slots) {
    constexpr Index small = 10'000;  // slots that an exact search reads in a moment
    if (lists > 0 || (lists == 0 && slots >= small)) return store::IndexOptions{.lists = lists};
    return std::nullopt;
}

// Indexes or compacts the store.
static void finish(MemoryStore& store, Index lists) {
    if (const auto options = lists_for(lists, store.size()))
        store.index(*options);
    else
        store.compact();
}

// Makes or opens the store, and adds the states of a run on sequences.
static MemoryStore store_of_states(const po::variables_map& values, const IndexingOptions& wanted) {
    for (const char* option : {"vectors", "values", "text", "resume", "histories"})
        require_option(!values.count(option), option, "a run on questions, or no --run");
    require_option(wanted.shards == 0, "shards", "a run on questions, or no --run");
    require_option(values["metric"].defaulted() || wanted.metric == "euclidean", "metric", "euclidean for this run");
    const bool is_begun = values.count("add") && is_there(wanted.output);
    if (!is_begun) begun_store(wanted.output, values);
    NewFiles files(wanted.output);
    if (is_begun) files.keep();
    MemoryStore store = index_states(values, wanted.output, encoding_named(wanted.form));
    finish(store, wanted.lists);
    files.keep();
    return store;
}

// Makes or resumes the store of vectors, of text, or of the memory that a run on questions reads.
static MemoryStore store_of_rows(const po::variables_map& values, const IndexingOptions& wanted) {
    const std::string& output = wanted.output;
    require_option(!values.count("add"), "add", "--run of a run on pairs or texts");
    check_row_options(values);
    store::StoreOptions options{.metric = metric_named(wanted.metric), .encoding = encoding_named(wanted.form)};
    std::optional<MemoryStore> store = begun_store(output, values);
    const EncodedRows rows =
        values.count("run") ? rows_of_run(values, text_to_index(values)) : rows_of_file(values, wanted.dataset);
    options.key_width = rows.keys.vectors.cols();
    options.value_width = rows.values.cols();
    const bool is_begun = store.has_value();
    if (is_begun)
        require_begun_with(*store, options, rows, output);
    else
        store = MemoryStore::create(output, options, wanted.shards);
    NewFiles files(output);
    if (is_begun) files.keep();
    add_rows(*store, rows);
    finish(*store, wanted.lists);
    files.keep();
    return std::move(*store);
}

// The slots of this rank: of a file rank 0 reads all and sends them, of a run each rank encodes its own.
static SlotsOfRank slots_of_rank(const po::variables_map& values, const IndexingOptions& wanted, Cluster& cluster) {
    if (!values.count("run")) {
        EncodedRows all;
        run_together(cluster, [&] {
            if (cluster.rank() == 0) all = rows_of_file(values, wanted.dataset);
        });
        return deal_slots(cluster, wanted.shards, all.keys.vectors, {all.values, all.keys.names});
    }
    std::string text;  // rank 0 alone has standard input
    run_together(cluster, [&] {
        if (cluster.rank() == 0) text = text_to_index(values);
    });
    cluster.broadcast(text);
    SlotsOfRank own;
    run_together(cluster, [&] {
        EncodedRows rows = rows_of_run(values, text, [&](Index all) {
            own.all = all;
            own.ids = ids_of_rank(cluster, all, wanted.shards);
            return std::vector<Index>(own.ids.begin(), own.ids.end());
        });
        own.keys = std::move(rows.keys.vectors);
        own.values = std::move(rows.values);
        own.texts = std::move(rows.keys.names);
    });
    return own;
}

// Ranks make the store together, with the bytes that one process writes.
static void index_on_ranks(const po::variables_map& values, const IndexingOptions& wanted, Cluster& cluster) {
    for (const char* option : {"resume", "add"}) require_option(!values.count(option), option, "one process");
    require_option(wanted.shards > 0, "shards", "the number of files that several ranks make together");
    check_row_options(values);
    NewStore store{.path = wanted.output,
                   .shards = wanted.shards,
                   .metric = metric_named(wanted.metric),
                   .encoding = encoding_named(wanted.form)};
    run_together(cluster, [&] {
        if (cluster.rank() == 0) begun_store(wanted.output, values);
    });
    SlotsOfRank own = slots_of_rank(values, wanted, cluster);
    store.changes = static_cast<std::uint64_t>((own.all + rows_at_once - 1) / rows_at_once);
    store.index = lists_for(wanted.lists, own.all);
    make_store(cluster, store, std::move(own));
}

static int index(const Arguments& arguments, Cluster* cluster) {
    IndexingOptions wanted;
    po::variables_map values;
    if (!parse(index_line(wanted), arguments, values)) return 0;
    require_option(!wanted.output.empty(), "output", "the name of a file");
    require_at_least(wanted.lists, -1, "lists");
    require_at_least(wanted.shards, 0, "shards");
    const TaskType* const type = values.count("run") ? &task_of_run(find_run(values)).type() : nullptr;
    const bool is_of_sequences = type == &sequence_transduction() || type == &language_modelling();
    Index slots = 0, lists = 0;
    if (cluster) {
        require_option(!is_of_sequences, "run", "one process for a run on pairs or texts");
        index_on_ranks(values, wanted, *cluster);
        if (cluster->rank() > 0) return 0;
        const store::StoreInfo made = MemoryStore::peek(wanted.output);
        slots = made.slots, lists = made.lists;
    } else {
        const MemoryStore store = is_of_sequences ? store_of_states(values, wanted) : store_of_rows(values, wanted);
        slots = store.size(), lists = store.lists();
    }
    std::cout << wanted.output << ": " << plural(slots, "slot") << ", " << plural(lists, "list") << "\n";
    return 0;
}

int run_index(const Arguments& arguments) {
    return on_ranks([&](Cluster* cluster) { return index(arguments, cluster); });
}

}  // namespace kvmem::apps
