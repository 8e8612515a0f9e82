// kvmem import sentences: questions with candidate sentences to a kvmem-sentences data set.
#include "bad_lines.hpp"
#include "kvmem/tasks/selection/import.hpp"
#include "kvmem/version.hpp"
#include "output.hpp"
#include "sentences.hpp"

#include <algorithm>
#include <iostream>

namespace kvmem::apps {

static const char* const about_import_sentences =
    "Turns questions with the sentences that may answer them into a kvmem-sentences data set (HDF5). FILE is one to "
    "train\n"
    "on. Layouts:\n\n"
    "  tsv     question<TAB>sentence<TAB>0 or 1, the candidates of a question one below the other; or with a first "
    "line\n"
    "          that names columns, as WikiQA's: QuestionID, Question, DocumentTitle, Sentence, Label\n"
    "  trecqa  TrecQA's elements <QApairs id='1'> with <question>, <positive> and <negative>: the first line of each\n"
    "  jsonl   {\"question\", \"candidates\": [...], \"answers\": [0, ...]}, maybe with \"id\", \"title\" and "
    "\"heading\"\n\n"
    "Sentences stay in their order, so that a model may learn where answers stand. Where nine lists of ten in a file "
    "have\n"
    "their right sentences first, each is put in an order that says nothing.";

static void add_options(CommandLine& line, SentencesImport& how) {
    line.options.add_options()                                                                                     //
        ("output,o", po::value<std::string>(), "the data set to write")                                            //
        ("layout", po::value<std::string>()->default_value("auto"), "auto (by the contents), tsv, trecqa, jsonl")  //
        ("train", po::value<Paths>()->multitoken(), "files to train on")                                           //
        ("valid", po::value<Paths>()->multitoken(), "files to validate with")                                      //
        ("test", po::value<Paths>()->multitoken(), "files to test with")                                           //
        ("valid-fraction", po::value<double>(),
         "share of the training questions to validate with, those of a title together [0.1, or 0 with --valid]")  //
        ("skip-bad", "tell of bad lines and leave them out, instead of stopping at the first")                    //
        ("seed", po::value(&how.seed)->default_value(1), "of the choice of validation questions")                 //
        ("title", po::value(&how.info.title), "of the data set")                                                  //
        ("origin", po::value(&how.info.source), "where the data come from")                                       //
        ("license", po::value(&how.info.license), "of the data");
}

static void take_files(const po::variables_map& values, SentencesImport& how) {
    how.train = files_of(values, "train");
    std::ranges::copy(files_of(values, "file"), std::back_inserter(how.train));
    how.valid = files_of(values, "valid");
    how.test = files_of(values, "test");
    std::vector<std::filesystem::path> inputs;
    for (const auto* files : {&how.train, &how.valid, &how.test}) std::ranges::copy(*files, std::back_inserter(inputs));
    if (inputs.empty())
        throw UsageError({.what = "nothing to import", .expected = "files of questions with sentences"});
    require_output(required(values, "output", "the data set to write"), "kvmem-sentences", inputs);
    if (how.info.title.empty()) how.info.title = inputs[0].filename().string();
}

static void tell(const std::string& output, const SentencesDataset& dataset) {
    std::cerr << output << ":";
    for (const auto& [name, questions] : dataset.splits) {
        Index sentences = 0, answered = 0;
        for (const SelectionQuestion& question : questions) {
            sentences += question.size();
            answered += question.answers() > 0;
        }
        std::cerr << (name == dataset.splits.begin()->first ? " " : "; ")
                  << plural(std::ssize(questions), name + " question") << ", " << answered << " with an answer, "
                  << plural(sentences, "sentence");
    }
    std::cerr << "\n";
}

int run_import_sentences(const Arguments& arguments) {
    SentencesImport how;
    BadLines bad;
    Progress progress;
    CommandLine line{.usage = "kvmem import sentences [FILE...] --output FILE [options]",
                     .about = about_import_sentences,
                     .positional = {"kind"},
                     .rest = "file",
                     .choices = {{"layout", {"auto", "tsv", "trecqa", "jsonl"}}}};
    add_options(line, how);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    how.layout =
        choice_named<SentencesLayout>(values["layout"].as<std::string>(), "layout", "auto, tsv, trecqa or jsonl");
    if (values.count("valid-fraction")) how.valid_fraction = values["valid-fraction"].as<double>();
    take_files(values, how);
    how.info.generator = "kvmem " KVMEM_VERSION " import sentences";
    how.progress = [&](const std::string& what, Index lines) {
        if (progress.due()) progress.show("reading " + what + "  " + plural(lines, "line"));
    };
    if (values.count("skip-bad")) how.on_bad_line = bad.taker();
    const SentencesDataset dataset = kvmem::import_sentences(how);
    const auto output = values["output"].as<std::string>();
    save_sentences(dataset, output);
    progress.clear();
    bad.tell();
    tell(output, dataset);
    return 0;
}

}  // namespace kvmem::apps
