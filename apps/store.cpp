// kvmem store ACTION STORE: changes a store of vectors, and writes its slots as text.
#include "file_kind.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "output.hpp"
#include "program.hpp"
#include "store_text.hpp"

#include <charconv>
#include <iostream>
#include <optional>
#include <span>

namespace kvmem::apps {

using store::MemoryStore;

static const char* const about_store =
    "Changes a store that 'kvmem index' made, or writes its slots:\n\n"
    "  add STORE VECTORS     adds a slot for each row; ids follow the largest, unless --ids tells them\n"
    "  upsert STORE VECTORS  replaces the slots of these --ids, and adds those that are missing\n"
    "  remove STORE          removes the slots of these --ids\n"
    "  compact STORE         frees what was removed, and puts added slots into the lists\n"
    "  export STORE          writes a line a slot, name<TAB>numbers as 'kvmem index' reads them, or those of --ids\n\n"
    "VECTORS is a file as for 'kvmem index', or - for lines of standard input.";

// The vectors of the file, as many as there are ids.
static VectorFile rows_for(const po::variables_map& values, const std::optional<std::vector<store::Id>>& ids) {
    VectorFile file =
        vectors_from(required(values, "vectors", "a file of vectors, or -"), values["dataset"].as<std::string>());
    if (ids && std::ssize(*ids) != file.vectors.rows())
        throw Error({.what = "ids do not fit the vectors",
                     .expected = plural(file.vectors.rows(), "id"),
                     .got = std::to_string(ids->size()),
                     .where = "--ids"});
    return file;
}

static void put(MemoryStore& store, const po::variables_map& values, const std::optional<std::vector<store::Id>>& ids,
                bool replaces) {
    const VectorFile file = rows_for(values, ids);
    const store::Values names{.vectors = {}, .texts = file.names};
    if (!ids)
        store.add(file.vectors, names);
    else if (replaces)
        store.upsert(file.vectors, names, *ids);
    else
        store.add(file.vectors, names, *ids);
}

// A line for each slot: its name, if any slot has one, and the numbers of its key.
static std::string lines_of(const MemoryStore& store, std::span<const store::Id> ids) {
    const store::StoredSlots slots = store.get(ids);
    std::string text;
    char number[32];
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (!slots.found[i])
            throw Error({.what = "no such slot", .expected = "ids of the store", .got = std::to_string(ids[i])});
        if (store.has_texts()) text += printable(slots.texts[i]) + "\t";
        for (Index j = 0; j < slots.keys.cols(); ++j) {
            const auto end = std::to_chars(number, number + sizeof number, slots.keys(static_cast<Index>(i), j)).ptr;
            text += (j > 0 ? " " : "") + std::string(number, end);
        }
        text += "\n";
    }
    return text;
}

static void export_slots(const std::string& path, const po::variables_map& values,
                         const std::optional<std::vector<store::Id>>& ids) {
    const MemoryStore store = open_store(path, store::Access::map);
    const std::string text = lines_of(store, ids ? *ids : store.ids());
    if (!values.count("output")) {
        std::cout << text;
        return;
    }
    const std::string output = values["output"].as<std::string>();
    require_output(output, "", {path});
    replace_file(output, text);
}

// Throws UsageError for an option that the action would ignore.
static void require_fitting(const std::string& action, const po::variables_map& values) {
    const auto refuse = [&](const char* name, bool fits) {
        if (values.count(name) && !values[name].defaulted() && !fits)
            throw UsageError({.what = std::string(name) + " does not go with 'kvmem store " + action + "'",
                              .hint = "see 'kvmem store --help'"});
    };
    const bool puts = action == "add" || action == "upsert";
    refuse("vectors", puts);
    refuse("dataset", puts);
    refuse("ids", action != "compact");
    refuse("output", action == "export");
}

int run_store(const Arguments& arguments) {
    constexpr Index max_ids = 100'000'000;
    CommandLine line{.usage = "kvmem store add|upsert|remove|compact|export STORE [VECTORS] [options]",
                     .about = about_store,
                     .positional = {"action", "store", "vectors"},
                     .choices = {{"action", {"add", "upsert", "remove", "compact", "export"}}}};
    line.options.add_options()                                        //
        ("ids", po::value<std::string>(), "of the slots: 3,7,10-20")  //
        ("dataset", po::value<std::string>()->default_value("train"),
         "of an HDF5 or .npz file: the dataset or array")  //
        ("output,o", po::value<std::string>(), "of export: a file, instead of standard output");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const std::string action = required(values, "action", "add, upsert, remove, compact or export");
    if (action != "add" && action != "upsert" && action != "remove" && action != "compact" && action != "export")
        throw UsageError({.what = "no such action",
                          .expected = "add, upsert, remove, compact or export",
                          .got = action,
                          .hint = "see 'kvmem store --help'"});
    require_fitting(action, values);
    const std::string path = required(values, "store", "the file of a store");
    require_format(path, {"kvmem-store"}, "a store of vectors");
    std::optional<std::vector<store::Id>> ids;
    if (values.count("ids")) ids = ids_of(values["ids"].as<std::string>(), max_ids);
    require_option(ids || (action != "upsert" && action != "remove"), "ids", "the ids of the slots, like 3,7,10-20");
    if (action == "export") {
        export_slots(path, values, ids);
        return 0;
    }
    MemoryStore store = open_store(path, store::Access::load);
    if (action == "remove")
        std::cout << plural(store.remove(*ids), "slot") << " removed\n";
    else if (action == "compact")
        store.compact();
    else
        put(store, values, ids, action == "upsert");
    store.sync();
    std::cout << path << ": " << plural(store.size(), "slot") << ", " << plural(store.lists(), "list") << "\n";
    return 0;
}

}  // namespace kvmem::apps
