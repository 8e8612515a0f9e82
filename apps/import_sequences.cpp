// kvmem import pairs, kvmem import text: from plain text to data sets of sequences.
#include "bad_lines.hpp"
#include "kvmem/tasks/sequences/import.hpp"
#include "kvmem/version.hpp"
#include "output.hpp"
#include "sequences.hpp"

#include <iostream>

namespace kvmem::apps {

static const char* const units_about =
    "Units: chars (Unicode code points as they are), words (between blanks), words:N (the most frequent ones, N tokens "
    "at most) or\n"
    "bpe:N (byte-pair encoding of N tokens at most). They are learned from the training files alone.\n";

static const char* const pairs_about =
    "Turns lines source<TAB>target into a kvmem-pairs data set (HDF5). Each line of the training files is an example.\n"
    "To validate and test, a source has all its different targets as references.\n\n";

static const char* const text_about =
    "Turns texts into a kvmem-text data set (HDF5). Each file is a document, or each of its lines with --lines.\n\n";

namespace {

// The options that both layouts have, and what an import with them did.
struct SequenceCommand {
    SequenceImport import;
    std::string output;
    BadLines bad;
    Progress progress;
};

}  // namespace

static void add_options(CommandLine& line, SequenceCommand& command, const char* fraction_help) {
    SequenceImport& import = command.import;
    line.options.add_options()                                                                       //
        ("output,o", po::value<std::string>(), "the data set to write")                              //
        ("valid", po::value<Paths>()->composing(), "a file to validate with; may be repeated")       //
        ("test", po::value<Paths>()->composing(), "a file to test with; may be repeated")            //
        ("valid-fraction", po::value(&import.valid_fraction)->default_value(0, "0"), fraction_help)  //
        ("skip-bad", "tell of bad lines and leave them out, instead of stopping at the first")       //
        ("title", po::value(&import.info.title), "of the data set")                                  //
        ("origin", po::value(&import.info.source), "where the data come from")                       //
        ("license", po::value(&import.info.license), "of the data");
}

// Takes the values of add_options(), and refuses an output that would replace something else.
static void take_options(SequenceCommand& command, const po::variables_map& values, const char* format) {
    SequenceImport& import = command.import;
    command.output = required(values, "output", "the data set to write");
    std::vector<std::filesystem::path> inputs;
    for (const auto& [option, files] :
         {std::pair("train", &import.train), std::pair("valid", &import.valid), std::pair("test", &import.test)}) {
        *files = files_of(values, option);
        inputs.insert(inputs.end(), files->begin(), files->end());
    }
    require_output(command.output, format, inputs);
    if (import.info.title.empty() && !import.train.empty()) import.info.title = import.train[0].filename().string();
    import.info.generator = "kvmem " KVMEM_VERSION " import " + values["layout"].as<std::string>();
    import.progress = [&command](const std::string& what, Index lines) {
        if (command.progress.due()) command.progress.show("reading " + what + "  " + plural(lines, "line"));
};
if (values.count("skip-bad")) import.on_bad_line = command.bad.taker();
}  // namespace kvmem::apps

// Moves files for training that are called so to the files of their split.
static void split_by_name(SequenceImport& import) {
    const std::vector<std::filesystem::path> files = std::move(import.train);
    import.train.clear();
    for (const std::filesystem::path& file : files) {
        const std::string stem = file.stem().string();
        const auto is = [&](const char* split) { return stem.ends_with(std::string("_") + split); };
        (is("dev") || is("valid") ? import.valid : is("test") ? import.test : import.train).push_back(file);
    }
}

int run_import_pairs(const Arguments& arguments) {
    SequenceCommand command;
    std::string source, target;
    CommandLine line{.usage = "kvmem import pairs FILE... --output FILE [options]",
                     .about = std::string(pairs_about) + units_about,
                     .positional = {"layout"},
                     .rest = "train"};
    line.options.add_options()                                                                                        //
        ("source", po::value(&source)->default_value("chars"), "units of the sources: chars, words, words:N, bpe:N")  //
        ("target", po::value(&target)->default_value("chars"), "units of the targets")                                //
        ("prefix-from-name",
         "FILES are called NAME_SPLIT, such as fra_train.tsv, with a split train, dev, valid or test (train if there "
         "is "
         "none): each source begins with a symbol <NAME>, and NAME is a task to train on and to report")  //
        ("seed", po::value(&command.import.seed)->default_value(1), "of the choice of sources to validate with");
    add_options(line, command, "share of the different sources to validate with");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const UnitChoice source_units = unit_choice(source, "source"), target_units = unit_choice(target, "target");
    take_options(command, values, "kvmem-pairs");
    command.import.marks_from_names = values.count("prefix-from-name") > 0;
    if (command.import.marks_from_names) split_by_name(command.import);
    const PairsDataset dataset = import_pairs(command.import, source_units, target_units);
    save_pairs(dataset, command.output);
    command.progress.clear();
    command.bad.tell();
    std::cerr << command.output << ": " << plural(dataset.source.size(), "source token") << ", "
              << plural(dataset.target.size(), "target token");
    for (const auto& [name, split] : dataset.splits) std::cerr << ", " << plural(split.target.size(), name + " pair");
    std::cerr << "\n";
    return 0;
}

int run_import_text(const Arguments& arguments) {
    SequenceCommand command;
    std::string units;
    CommandLine line{.usage = "kvmem import text FILE... --output FILE [options]",
                     .about = std::string(text_about) + units_about,
                     .positional = {"layout"},
                     .rest = "train"};
    line.options.add_options()                                                                  //
        ("units", po::value(&units)->default_value("chars"), "chars, words, words:N or bpe:N")  //
        ("lines", "each line is a document");
    add_options(line, command, "share of each text, the last one, or of the lines, to validate with");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    const UnitChoice choice = unit_choice(units, "units");
    take_options(command, values, "kvmem-text");
    const TextDataset dataset =
        import_text(command.import, choice, values.count("lines") ? Documents::lines : Documents::files);
    save_text(dataset, command.output);
    command.progress.clear();
    command.bad.tell();
    std::cerr << command.output << ": " << plural(dataset.units.size(), "unit");
    for (const auto& [name, documents] : dataset.splits)
        std::cerr << ", " << name << " " << plural(static_cast<Index>(documents.values.size()), "token") << " in "
                  << plural(documents.size(), "document");
    std::cerr << "\n";
    return 0;
}

}  // namespace kvmem::apps
