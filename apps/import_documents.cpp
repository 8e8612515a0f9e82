// kvmem import documents PATH...: files and folders of text to a kvmem-qa data set that can be asked.
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/documents/read.hpp"
#include "kvmem/version.hpp"
#include "output.hpp"
#include "program.hpp"

#include <iostream>

namespace kvmem::apps {

namespace fs = std::filesystem;

static const char* const about_import_documents =
    "Reads documents into a data set that 'kvmem ask FILE QUESTION' answers from. A PATH is a file, or a folder, of "
    "which\n"
    "all of .txt, .md, .html, .tsv, .jsonl and .json (SQuAD) are read. Layouts:\n\n"
    "  text        paragraphs between blank lines, underlined headings, tables and code by their columns\n"
    "  markdown    CommonMark with tables\n"
    "  html        without scripts and navigation\n"
    "  tsv         title<TAB>text; of more columns the first and the last, unless the first line names both\n"
    "  jsonl       {\"title\": ..., \"text\": ...}, an object a line\n"
    "  wikimovies  wiki.txt: lines '1 title', '2 sentence', ...\n"
    "  squad       articles, paragraphs, and questions with answers, which 'kvmem evaluate FILE' asks\n\n"
    "Files are UTF-8, UTF-16 or Latin-1. When the output is there, only files that have changed are read again, and "
    "those\n"
    "that have vanished are removed; the result is the same as that of a new import.";

// The documents of an earlier import, if there was one that can be read.
static std::shared_ptr<const documents::Corpus> earlier_corpus(const std::string& output) {
    if (!is_there(output)) return nullptr;
    try {
        const QaDataset earlier = load_dataset(output);
        if (earlier.documents) return earlier.documents;
        throw UsageError({.what = "the output would replace a data set of questions",
                          .expected = "a new name, or documents that were imported before",
                          .got = earlier.info.generator,
                          .where = output,
                          .hint = "delete it if it is not wanted"});
    } catch (const UsageError&) {
        throw;
    } catch (const Error& e) {
        std::cerr << "warning: everything is read again: " << e.what() << "\n";
        return nullptr;
    }
}

// The name of a file or folder, also of "." and "notes/".
static std::string title_of(const fs::path& path) {
    const fs::path whole = fs::absolute(path).lexically_normal();
    return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

static void report(const std::string& output, const documents::Corpus& corpus, const documents::ReadReport& files) {
    const documents::Collection& all = corpus.collection;
    std::cerr << output << ": " << plural(std::ssize(all.documents), "document") << ", "
              << plural(std::ssize(all.passages), "passage") << ", " << plural(std::ssize(all.sentences), "sentence")
              << ", " << plural(std::ssize(all.tokens), "token");
    if (!all.questions.empty()) std::cerr << ", " << plural(std::ssize(all.questions), "question");
    std::cerr << "; " << plural(files.read, "file") << " read";
    for (const auto& [count, what] : {std::pair(files.unchanged, "unchanged"), std::pair(files.removed, "removed"),
                                      std::pair(files.left_out, "left out")})
        if (count > 0) std::cerr << ", " << count << " " << what;
    std::cerr << "\n";
}

namespace {

struct DocumentsCommand {
    documents::ReadOptions options{};
    DatasetInfo info{};
    std::string language{};
    int threads = 0;
};

}  // namespace

static void add_options(CommandLine& line, DocumentsCommand& command) {
    line.options.add_options()                                                                          //
        ("output,o", po::value<std::string>(), "the data set to write, or to bring up to date")         //
        ("layout", po::value<std::string>(), "of all files; by their names and contents unless given")  //
        ("language", po::value(&command.language)->default_value("english"),
         "of stems, as Snowball calls it, or none")  //
        ("skip-unreadable", po::bool_switch(&command.options.skip_unreadable),
         "leave out folders and files that cannot be read; otherwise they are an error, and nothing changes")  //
        ("threads", po::value(&command.threads)->default_value(0), "0: one for each core")                     //
        ("title", po::value(&command.info.title), "of the data set [the name of the first PATH]")              //
        ("source", po::value(&command.info.source), "where the data come from")                                //
        ("license", po::value(&command.info.license), "of the data");
}

int run_import_documents(const Arguments& arguments) {
    DocumentsCommand command;
    auto& [options, info, language, threads] = command;
    CommandLine line{.usage = "kvmem import documents PATH... --output FILE [options]",
                     .about = about_import_documents,
                     .positional = {},
                     .rest = "path"};
    add_options(line, command);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    const std::string output = required(values, "output", "the data set to write");
    const std::vector<fs::path> paths = files_of(values, "path");
    if (paths.empty())
        throw UsageError({.what = "nothing to import", .expected = "files or folders", .hint = "see --help"});
    require_output(output, "kvmem-qa", documents::find_files(paths, options));

    Progress progress;
    if (values.count("layout")) options.layout = documents::layout_of(values["layout"].as<std::string>());
    options.progress = [&](Index done, Index all) {
        if (progress.due()) progress.show("reading " + std::to_string(done) + " of " + plural(all, "file"));
    };
    options.warn = [&](const std::string& warning) { progress.print("warning: " + warning); };
    const std::shared_ptr<const documents::Corpus> earlier = earlier_corpus(output);
    documents::ReadReport files;
    auto corpus = std::make_shared<documents::Corpus>();
    corpus->collection = read_documents(paths, options, earlier ? &earlier->collection : nullptr, &files);
    corpus->postings = documents::make_postings(corpus->collection, language);
    if (info.title.empty()) info.title = title_of(paths.front());
    info.generator = "kvmem " KVMEM_VERSION " import documents";
    QaDataset dataset;
    dataset.info = std::move(info);
    dataset.documents = corpus;
    save_dataset(dataset, output);
    progress.clear();
    report(output, *corpus, files);
    return 0;
}

}  // namespace kvmem::apps
