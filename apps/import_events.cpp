// kvmem import of events: tables, MovieLens, invoices, sessions, RecBole's files, logs of git.
#include "bad_lines.hpp"
#include "events.hpp"
#include "kvmem/tasks/recommendation/import.hpp"
#include "kvmem/version.hpp"
#include "output.hpp"

#include <iostream>

namespace kvmem::apps {

namespace {

// The options that all layouts of events have, and what an import with them did.
struct EventsCommand {
    EventsImport import;
    std::vector<EventsFile> files;
    std::vector<std::pair<std::string, Index>> left_out;
    BadLines bad;
    Progress progress;
};

// A layout: how its files become a data set.
struct EventsLayout {
    const char* name;
    const char* files;  // in the line of usage
    const char* about;
    const char* split;  // by default
    void (*add_options)(CommandLine& line);
    EventsDataset (*import)(const po::variables_map& values, const EventsCommand& command);
};

}  // namespace

static std::string text_of(const po::variables_map& values, const char* option) {
    return values.count(option) ? values[option].as<std::string>() : std::string();
}

static char separator_of(const po::variables_map& values) {
    const std::string text = text_of(values, "separator");
    if (text == "tab" || text == "\\t") return '\t';
    require_option(text.size() <= 1 && text != "\"", "separator", "one character, or tab");
    return text.empty() ? '\0' : text[0];
}

static void add_table_options(CommandLine& line) {
    line.options.add_options()                                                                                   //
        ("user", po::value<std::string>(), "column of the users")                                                //
        ("object", po::value<std::string>(), "column of the objects")                                            //
        ("time", po::value<std::string>(), "column of the times; without it, the n-th row of a user has day n")  //
        ("time-form", po::value<std::string>()->default_value("auto"),
         "seconds, milliseconds, microseconds, compact (20101201), year-first, day-first, month-first, named (1 Dec "
         "2010); "
         "auto: the one form that fits all")                                                                      //
        ("action", po::value<std::string>(), "column of the actions, or =NAME for all events [=event]")           //
        ("group", po::value<std::string>(), "column of the objects' groups, or =NAME [=item]")                    //
        ("value", po::value<std::string>(), "column of ratings or quantities")                                    //
        ("basket", po::value<std::string>(), "column of the baskets")                                             //
        ("mark", po::value<std::string>(), "column of the splits: train, valid, test or none; with --split own")  //
        ("separator", po::value<std::string>(), "between columns [comma, or tab for *.tsv]")                      //
        ("no-header", "the first row is an event; columns are called 1, 2, ...")                                  //
        ("items", po::value<std::string>(), "table of items, to show their texts and features")                   //
        ("item-id", po::value<std::string>(), "its column of ids [the name of --object]")                         //
        ("item-text", po::value<std::string>(), "its column of texts")                                            //
        ("item-features", po::value<std::string>(),
         "its columns of features, as in genres,title:words,tags:blanks,price:10; fields are cut at '|', into words or "
         "at blanks, or numbers into 10 ranges")                                         //
        ("users", po::value<std::string>(), "table of users")                            //
        ("user-id", po::value<std::string>(), "its column of ids [the name of --user]")  //
        ("user-features", po::value<std::string>(), "its columns of features");
}

// A column, or the name of all that stands behind "=".
static void take_column(const po::variables_map& values, const char* option, std::string& column, std::string& all) {
    const std::string text = text_of(values, option);
    if (text.starts_with('='))
        all = text.substr(1);
    else
        column = text;
}

static void take_objects(const po::variables_map& values, const std::string& kind, const std::string& default_id,
                         std::vector<ObjectColumns>& all) {
    const std::string path = text_of(values, (kind + "s").c_str()), text = text_of(values, (kind + "-text").c_str());
    const std::string id = text_of(values, (kind + "-id").c_str());
    const std::string features = text_of(values, (kind + "-features").c_str());
    if (path.empty() && id.empty() && text.empty() && features.empty()) return;
    if (path.empty()) throw UsageError({.what = "columns of a table that is missing", .expected = "--" + kind + "s"});
    ObjectColumns columns{.path = path, .group = kind, .id = id.empty() ? default_id : id, .text = text};
    for (const std::string& feature : split(features, ',')) columns.features.push_back(feature_choice(feature));
    columns.separator = separator_of(values);
    all.push_back(std::move(columns));
}

static EventsDataset import_table(const po::variables_map& values, const EventsCommand& command) {
    EventColumns columns{.user = required(values, "user", "the column of the users"),
                         .object = required(values, "object", "the column of the objects"),
                         .time = text_of(values, "time")};
    columns.no_time = columns.time.empty();
    take_column(values, "action", columns.action, columns.all_action);
    take_column(values, "group", columns.group, columns.all_group);
    columns.value = text_of(values, "value");
    columns.basket = text_of(values, "basket");
    columns.mark = text_of(values, "mark");
    columns.time_form = text_of(values, "time-form");
    columns.separator = separator_of(values);
    columns.header = !values.count("no-header");
    std::vector<ObjectColumns> objects;
    take_objects(values, "item", columns.object, objects);
    take_objects(values, "user", columns.user, objects);
    if (!objects.empty() && objects[0].group == "item") objects[0].group = columns.all_group;
    return import_events(command.files, columns, objects, command.import);
}

// The one file or folder of a layout.
static const std::filesystem::path& only_file(const EventsCommand& command) {
    if (command.files.size() == 1) return command.files[0].path;
    throw UsageError({.what = "wrong number of files",
                      .expected = "one file or folder",
                      .got = std::to_string(command.files.size())});
}

static const EventsLayout event_layouts[] = {
    {"events", "FILE...",
     "Turns tables of events into a kvmem-events data set (HDF5): CSV, tab-separated *.tsv, or lines of JSON in "
     "*.jsonl.",
     "time", add_table_options, import_table},
    {"movielens", "FOLDER", "Turns ratings.csv and movies.csv of MovieLens into a kvmem-events data set.", "time",
     [](CommandLine& line) { line.options.add_options()("tags", "take tags.csv as well: events with tags"); },
     [](const po::variables_map& values, const EventsCommand& command) {
         return import_movielens(only_file(command), values.count("tags") > 0, command.import);
     }},
    {"retail", "FILE",
     "Turns a table of invoices, with the columns of UCI Online Retail, into a kvmem-events data set with baskets and "
     "returns.",
     "time", [](CommandLine&) {},
     [](const po::variables_map&, const EventsCommand& command) {
         return import_retail(only_file(command), command.import);
     }},
    {"otto", "FILE...",
     "Turns lines {\"session\", \"events\": [{\"aid\", \"ts\", \"type\"}]} into a kvmem-events data set.", "time",
     [](CommandLine&) {},
     [](const po::variables_map&, const EventsCommand& command) { return import_otto(command.files, command.import); }},
    {"sequences", "FILE...", "Turns lines 'user item item ...' into a kvmem-events data set; the n-th item has day n.",
     "leave-last", [](CommandLine&) {},
     [](const po::variables_map&, const EventsCommand& command) {
         return import_item_sequences(command.files, command.import);
     }},
    {"recbole", "FILE.inter...", "Turns RecBole's atomic files into a kvmem-events data set.", "time",
     [](CommandLine& line) {
         line.options.add_options()("items", po::value<std::string>(), "the file of items, X.item");
     },
     [](const po::variables_map& values, const EventsCommand& command) {
         return import_recbole(command.files, text_of(values, "items"), command.import);
     }},
    {"git", "FILE|-",
     "Turns a repository's history into a kvmem-events data set: authors, as hashes of their addresses, change files.\n"
     "It reads what this prints:\n\n"
     "  git -c core.quotePath=off log --no-merges --no-renames --name-only --format=%x09%H%x09%at%x09%ae",
     "time", [](CommandLine&) {},
     [](const po::variables_map&, const EventsCommand& command) { return import_git(command.files, command.import); }},
};

static const EventsLayout* find_layout(const std::string& name) {
    for (const EventsLayout& layout : event_layouts)
        if (name == layout.name) return &layout;
    return nullptr;
}

bool is_events_layout(const std::string& layout) { return find_layout(layout) != nullptr; }

static void add_options(CommandLine& line, EventsCommand& command) {
    line.options.add_options()                                                                          //
        ("output,o", po::value<std::string>(), "the data set to write")                                 //
        ("train", po::value<Paths>()->composing(), "a file to train on; these three need --split own")  //
        ("valid", po::value<Paths>()->composing(), "a file of targets to validate with")                //
        ("test", po::value<Paths>()->composing(), "a file of targets to test with")                     //
        ("skip-bad", "tell of bad lines and leave them out, instead of stopping at the first")          //
        ("title", po::value(&command.import.info.title), "of the data set")                             //
        ("origin", po::value(&command.import.info.source), "where the data come from")                  //
        ("license", po::value(&command.import.info.license), "of the data");
}

static void take_files(const po::variables_map& values, EventsCommand& command, bool own_split) {
    for (const auto& [option, mark] : {std::pair("file", EventMark::train), std::pair("train", EventMark::train),
                                       std::pair("valid", EventMark::valid), std::pair("test", EventMark::test)}) {
        if (!values.count(option)) continue;
        if (!own_split && option != std::string("file"))
            throw UsageError({.what = std::string("--") + option + " needs --split own"});
        for (const std::string& path : values[option].as<Paths>()) command.files.push_back({path, mark});
    }
    if (command.files.empty()) throw UsageError({.what = "nothing to import", .expected = "files of events"});
}

static void take_options(const po::variables_map& values, EventsCommand& command, const std::string& layout) {
    std::vector<std::filesystem::path> inputs;
    for (const EventsFile& file : command.files) inputs.push_back(file.path);
    for (const char* option : {"items", "users"})
        if (values.count(option)) inputs.emplace_back(values[option].as<std::string>());
    require_output(required(values, "output", "the data set to write"), "kvmem-events", inputs);
    // No line begins with the word import, which clang-format takes for that of a module.
    EventsImport& how = command.import;
    if (how.info.title.empty()) how.info.title = command.files[0].path.filename().string();
    how.info.generator = "kvmem " KVMEM_VERSION " import " + layout;
    how.progress = [&command](const std::string& what, Index lines) {
        if (command.progress.due()) command.progress.show("reading " + what + "  " + plural(lines, "line"));
    };
    how.on_left_out = [&command](const std::string& what, Index lines) { command.left_out.emplace_back(what, lines); };
    if (values.count("skip-bad")) how.on_bad_line = command.bad.taker();
}

static void tell(const std::string& output, const EventsDataset& dataset) {
    std::cerr << output << ": " << plural(dataset.events.size(), "event") << ", "
              << plural(dataset.users.size(), "user");
    for (const ObjectGroup& group : dataset.groups)
        std::cerr << ", " << plural(group.size(), "object") << " of " << group.name;
    std::cerr << "\n";
}

int run_import_events(const Arguments& arguments) {
    const EventsLayout& layout = *find_layout(arguments.front());
    EventsCommand command;
    CommandLine line{
        .usage = "kvmem import " + std::string(layout.name) + " " + layout.files + " --output FILE [options]",
        .about = layout.about,
        .positional = {"layout"},
        .rest = "file"};
    layout.add_options(line);
    add_options(line, command);
    add_split_options(line, layout.split);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const SplitOptions split = split_options(values);
    if (values.count("mark") && split.rule != SplitRule::own) throw UsageError({.what = "--mark needs --split own"});
    take_files(values, command, split.rule == SplitRule::own);
    take_options(values, command, layout.name);
    EventsDataset dataset = layout.import(values, command);
    const EventSplitReport report = split_events(dataset, split);
    const auto output = values["output"].as<std::string>();
    save_events(dataset, output);
    command.progress.clear();
    command.bad.tell();
    for (const auto& [what, lines] : command.left_out) std::cerr << "left out " << what << ": " << lines << "\n";
    tell(output, dataset);
    tell_split(report);
    return 0;
}

}  // namespace kvmem::apps
