// kvmem import LAYOUT: from other layouts to a kvmem-qa file.
#include "kvmem/tasks/qa/import.hpp"
#include "events.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/version.hpp"
#include "output.hpp"
#include "program.hpp"
#include "sentences.hpp"
#include "sequences.hpp"

#include <iostream>
#include <map>
#include <set>

namespace kvmem::apps {

static const char* const about_import =
    "Turns question-answering data into a kvmem-qa data set (HDF5). Layouts:\n\n"
    "  metaqa      --kb kb.txt with subject|relation|object; questions: text with [entity]<TAB>answer|answer; "
    "beside\n"
    "              X.txt, types of its questions in qa_X_qtype.txt; --split divides files into train, valid and "
    "test\n"
    "  wikimovies  --kb wiki_entities_kb.txt, --entities entities.txt; questions: 1 text?<TAB>answer, answer\n"
    "  kb          --facts FILE...: subject<TAB>relation<TAB>object or @table files; questions from --templates, "
    "or\n"
    "              files of text<TAB>answer<TAB>answer..., or *.jsonl of {\"question\", \"answers\"}\n"
    "  babi        FOLDER... of stories in which questions are asked: qa1_train.txt, qa1_some-name_valid.txt; "
    "--tasks\n"
    "              takes some; what a folder lacks is taken from the next one\n"
    "  jsonl       questions that carry their memories: {\"question\", \"memory\": [{\"key\", \"value\"}], "
    "\"answers\"}\n\n"
    "--train, --valid and --test take several files each; without any of them the file holds a memory alone.\n\n"
    "Other data have options of their own, 'kvmem import LAYOUT --help': sequences (pairs, text), events of users "
    "with\n"
    "objects (events, movielens, retail, otto, sequences, recbole, git), questions with sentences that may answer "
    "them\n"
    "(sentences), weights of a trained model (weights), files and folders of text, to be asked as they are "
    "(documents),\n"
    "and files of kvmem's formats in another layout of HDF5 (hdf5).";

static const std::vector<std::string> layouts{"metaqa",    "wikimovies", "kb",     "babi",      "jsonl",   "documents",
                                              "pairs",     "text",       "events", "movielens", "retail",  "otto",
                                              "sequences", "recbole",    "git",    "sentences", "weights", "hdf5"};

[[noreturn]] static void refuse_option(const std::string& option, const std::string& layout) {
    throw UsageError({.what = (option == "folder" ? "a folder" : "--" + option) + " is not an option of " + layout,
                      .hint = "see 'kvmem import --help'"});
}

// Throws UsageError for an option of another layout, which would have no effect.
static void require_fitting_options(const std::string& layout, const po::variables_map& values) {
    static const std::map<std::string, std::set<std::string>> options_of_layouts = {
        {"metaqa",
         {"kb", "split", "hold-out-phrasings", "limit", "without-marks", "ask-facts", "documents", "representation",
          "mentions", "window", "stated"}},
        {"wikimovies", {"kb", "entities", "documents", "representation", "mentions", "window", "stated"}},
        {"kb",
         {"facts", "templates", "test-entities", "questions-per-key", "keys-per-path", "documents", "representation",
          "mentions", "window", "stated"}},
        {"babi", {"folder", "tasks"}},
        {"jsonl", {}}};
    const auto allowed = options_of_layouts.find(layout);
    if (allowed == options_of_layouts.end()) return;  // import_layout() throws
    if (layout == "babi")
        for (const char* option : {"train", "valid", "test"})
            if (values.count(option)) refuse_option(option, layout);
    for (const auto& [other, options] : options_of_layouts)
        for (const std::string& option : options)
            if (values.count(option) && !values[option].defaulted() && !allowed->second.count(option))
                refuse_option(option, layout);
}

// Parses the option --tasks: "1,4,7".
static std::vector<Index> task_numbers(const po::variables_map& values) {
    std::vector<Index> numbers;
    if (!values.count("tasks")) return numbers;
    const std::string& list = values["tasks"].as<std::string>();
    for (const std::string& field : split(list, ',')) {
        const auto number = number_of<std::uint16_t>(field);
        if (!number)
            throw UsageError({.what = "no such tasks", .expected = "numbers like 1,4,7", .got = "'" + list + "'"});
        numbers.push_back(*number);
    }
    return numbers;
}

static MetaqaOptions::WithoutMarks without_marks(const std::string& text) {
    if (text == "none") return MetaqaOptions::WithoutMarks::none;
    if (text == "test") return MetaqaOptions::WithoutMarks::test;
    if (text == "all") return MetaqaOptions::WithoutMarks::all;
    throw UsageError({.what = "no such splits to take marks off", .expected = "none, test or all", .got = text});
}

// The choice that an option names (choices()).
template <class Choice>
static Choice chosen(const po::variables_map& values, const std::string& option) {
    const auto names = choices(Choice{});
    const auto found =
        std::ranges::find(names, values[option].as<std::string>(), [](auto n) { return std::string(n); });
    if (found == names.end())
        throw UsageError({.what = "no such choice of --" + option,
                          .expected = joined({names.begin(), names.end()}),
                          .got = values[option].as<std::string>(),
                          .hint = "see 'kvmem import --help'"});
    return static_cast<Choice>(found - names.begin());
}

// All files that the import reads, with files in folders.
static std::vector<std::filesystem::path> inputs(const po::variables_map& values) {
    std::vector<std::filesystem::path> all;
    for (const char* option : {"kb", "entities", "templates", "ask-facts"})
        if (values.count(option)) all.emplace_back(values[option].as<std::string>());
    for (const char* option : {"facts", "train", "valid", "test", "split", "documents"})
        for (const std::filesystem::path& path : files_of(values, option)) {
            all.push_back(path);
            all.push_back(metaqa_types_of(path));
        }
    for (const std::filesystem::path& folder : files_of(values, "folder")) {
        std::error_code unreadable;  // the import throws
        for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable))
            if (entry.path().extension() == ".txt") all.push_back(entry.path());
    }
    return all;
}

static QaDataset import_layout(const std::string& layout, const po::variables_map& values, const ImportOptions& options,
                               const TemplateOptions& templates, const MetaqaOptions& metaqa) {
    if (layout == "metaqa") return import_metaqa(required(values, "kb", "the file of facts"), options, metaqa);
    if (layout == "wikimovies") {
        const std::string entities = values.count("entities") ? values["entities"].as<std::string>() : "";
        return import_wikimovies(required(values, "kb", "the file of facts"), entities, options);
    }
    if (layout == "kb") {
        if (!values.count("facts"))
            throw UsageError({.what = "nothing given for facts", .expected = "files of facts", .hint = "see --help"});
        return import_kb(files_of(values, "facts"), templates, options);
    }
    if (layout == "babi") return import_babi(files_of(values, "folder"), task_numbers(values), options);
    if (layout == "jsonl") return import_jsonl(options);
    throw UsageError({.what = "no such layout",
                      .expected = "one of " + joined(layouts),
                      .got = layout,
                      .hint = "see 'kvmem import --help'"});
}

namespace {

// The settings of all layouts.
struct ImportSettings {
    ImportOptions options;
    TemplateOptions templates;
    MetaqaOptions metaqa;
    std::string template_file;
};

}  // namespace

static void add_options(CommandLine& line, ImportSettings& settings) {
    auto& [options, templates, metaqa, template_file] = settings;
    line.options.add_options()                                                        //
        ("output,o", po::value<std::string>(), "the data set to write")               //
        ("kb", po::value<std::string>(), "file of facts (metaqa, wikimovies)")        //
        ("facts", po::value<Paths>()->multitoken(), "files of facts (kb)")            //
        ("entities", po::value<std::string>(), "file of names (wikimovies)")          //
        ("train", po::value<Paths>()->multitoken(), "files of training questions")    //
        ("valid", po::value<Paths>()->multitoken(), "files of validation questions")  //
        ("test", po::value<Paths>()->multitoken(), "files of test questions")         //
        ("valid-fraction", po::value(&options.valid_fraction)->default_value(0, "0"),
         "share of the training questions to validate with; a tenth of kb's and jsonl's from 20 on unless given")  //
        ("split", po::value<Paths>()->multitoken()->value_name("FILE"),
         "files of questions to be divided: 80 % to train, 10 % to valid, 10 % to test (metaqa)")  //
        ("hold-out-phrasings", po::value(&metaqa.held_out_phrasings)->default_value(0),
         "phrasings of each type of question that the test alone has, and nothing else (metaqa)")  //
        ("limit", po::value(&metaqa.train_limit)->default_value(0),
         "training questions of each file, at most; 0: all (metaqa)")  //
        ("without-marks", po::value<std::string>()->default_value("none"),
         "none, test or all: whose questions lose the brackets around names (metaqa)")  //
        ("ask-facts", po::value<std::string>(),
         "facts, subject<TAB>relation<TAB>object, to ask in the training questions' phrasings too (metaqa)")  //
        ("documents", po::value<Paths>()->multitoken(),
         "files and folders to read instead of the facts, which then only name entities (metaqa, wikimovies, kb)")  //
        ("representation", po::value<std::string>()->default_value("window-centre-title"),
         "of documents: sentence, window, window-title, window-centre, window-centre-title, or edges (for "
         "path-reader)")  //
        ("mentions", po::value<std::string>()->default_value("inner"),
         "names in documents: exact (as spelled), any-case, or inner (also within longer ones)")  //
        ("window", po::value(&options.representation.window)->default_value(7),
         "words of a window, with the name in its middle")  //
        ("stated", po::bool_switch(&options.stated_only),
         "only questions, and right answers, that the slots which a question reads have (with --documents)")  //
        ("templates", po::value(&template_file)->value_name("FILE"),
         "file of phrasings to make questions from facts with (kb)")  //
        ("test-entities", po::value(&templates.test_entity_fraction)->default_value(0.1, "0.1"),
         "share of the entities that only the test asks about (kb)")  //
        ("questions-per-key", po::value(&templates.questions_per_key)->default_value(1),
         "phrasings made for each entity and relation, or path of relations, at most (kb)")  //
        ("keys-per-path", po::value(&templates.keys_per_path)->default_value(1000),
         "entities that each path of several relations is asked from, at most (kb)")             //
        ("tasks", po::value<std::string>(), "numbers of tasks, 1,4,7 (babi); all unless given")  //
        ("seed", po::value(&options.seed)->default_value(1), "of every random choice")           //
        ("title", po::value(&options.title), "of the data set")                                  //
        ("source", po::value(&options.source), "where the data come from")                       //
        ("license", po::value(&options.license), "of the data");
}

// Sets the options that have values of their own types, or take several files.
static void take_options(const po::variables_map& values, const std::string& layout, ImportSettings& settings) {
    auto& [options, templates, metaqa, template_file] = settings;
    options.train = files_of(values, "train");
    options.valid = files_of(values, "valid");
    options.test = files_of(values, "test");
    options.valid_by_default = (layout == "kb" || layout == "jsonl") && values["valid-fraction"].defaulted();
    options.documents = files_of(values, "documents");
    options.representation.representation = chosen<documents::Representation>(values, "representation");
    options.representation.mentions = chosen<documents::Mentions>(values, "mentions");
    templates.file = template_file;
    metaqa.split = files_of(values, "split");
    metaqa.without_marks = without_marks(values["without-marks"].as<std::string>());
    if (values.count("ask-facts")) metaqa.asked_facts = values["ask-facts"].as<std::string>();
}

static void tell(const std::string& output, const QaDataset& dataset) {
    std::cerr << output << ": " << plural(dataset.memory.size(), "memory slot") << ", "
              << plural(static_cast<Index>(dataset.candidates.size()), "candidate");
    for (const auto& [name, split] : dataset.splits) std::cerr << ", " << plural(split.size(), name + " question");
    std::cerr << "\n";
}

int run_import(const Arguments& arguments) {
    if (!arguments.empty() && arguments.front() == "pairs") return run_import_pairs(arguments);
    if (!arguments.empty() && arguments.front() == "text") return run_import_text(arguments);
    if (!arguments.empty() && is_events_layout(arguments.front())) return run_import_events(arguments);
    if (!arguments.empty() && arguments.front() == "sentences") return run_import_sentences(arguments);
    if (!arguments.empty() && arguments.front() == "weights") return run_import_weights(arguments);
    if (!arguments.empty() && arguments.front() == "documents")
        return run_import_documents({arguments.begin() + 1, arguments.end()});
    if (!arguments.empty() && arguments.front() == "hdf5") return run_import_hdf5(arguments);
    ImportSettings settings;
    CommandLine line{.usage = "kvmem import LAYOUT [FOLDER...] --output FILE [options]",
                     .about = about_import,
                     .positional = {"layout"},
                     .rest = "folder",
                     .choices = {{"layout", layouts}}};
    add_options(line, settings);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const std::string layout = required(values, "layout", "a layout, such as metaqa, pairs or events");
    require_fitting_options(layout, values);
    const std::string output = required(values, "output", "the data set to write");
    require_output(output, "kvmem-qa", inputs(values));
    take_options(values, layout, settings);
    Progress progress;
    ImportOptions& options = settings.options;
    options.progress = [&](const std::string& what, Index lines) {
        if (progress.due()) progress.show("reading " + what + "  " + plural(lines, "line"));
    };
    options.warn = [&](const std::string& warning) { progress.print("warning: " + warning); };
    QaDataset dataset = import_layout(layout, values, options, settings.templates, settings.metaqa);
    dataset.info.generator = "kvmem " KVMEM_VERSION " import " + layout;
    save_dataset(dataset, output);
    progress.clear();
    tell(output, dataset);
    return 0;
}

}  // namespace kvmem::apps
