// kvmem inspect FILE: what a data set, a model or a run holds.
#include "file_kind.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/tasks/qa/retriever.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "kvmem/train/session.hpp"
#include "output.hpp"
#include "program.hpp"
#include "store_text.hpp"
#include "task_table.hpp"

#include <iostream>

namespace kvmem::apps {

namespace fs = std::filesystem;

static void inspect_run(const fs::path& directory, bool as_json) {
    const RunFiles files{directory};
    const Task& task = task_of_run(directory);
    const RunConfig config = files.read_config(task.type());
    verbs_of(task).inspect_model(files.model(), as_json);
    if (as_json) return;
    std::cout << "run: trained on " << printable(config.data) << "\n";
    if (!is_there(files.results())) return;
    const std::string results = read_file(files.results());
    print_row("results", results.substr(0, results.find('\n')));
}

static constexpr const char* inspected = "a data set, a model file, a store or a run directory";

static void add_options(CommandLine& line, RetrieverOptions& retriever) {
    line.options.add_options()  //
        ("max-frequency", po::value(&retriever.max_frequency)->default_value(retriever.max_frequency),
         "tokens in more keys are too common to find slots by")  //
        ("max-slots", po::value(&retriever.max_slots)->default_value(retriever.max_slots),
         "slots that a question reads, at most")  //
        ("recall",
         "of a data set, for each task: which right answers the slots of 1, 2 and 3 hops hold, by each way to "
         "find slots")  //
        ("questions", po::value<std::string>(),
         "of a data set of questions or sentences: show those of this split, and their answers")  //
        ("limit", po::value<Index>()->default_value(10), "of these, at most")                     //
        ("json", "print JSON");
}

// The format of a file that can be inspected, or "a run".
static std::string inspected_format(const fs::path& path) {
    if (is_folder(path)) return "a run";
    std::vector<std::string> formats = data_formats();
    formats.insert(formats.begin(), {model_format, "kvmem-store"});
    require_format(path, formats, inspected);
    return format_of_file(path);
}

// Throws UsageError for options that do not go together, or not with a file of this format.
static void require_fitting(const po::variables_map& values, const fs::path& path, const std::string& format) {
    const bool recall = values.count("recall") > 0;
    if (recall && values.count("json")) throw UsageError({.what = "--recall does not go with --json"});
    const bool shows_questions = values.count("questions") > 0;
    for (const char* option : {"max-frequency", "max-slots"})
        if (!values[option].defaulted() && format != "kvmem-qa")
            throw UsageError({.what = "--" + std::string(option) + " is of kvmem-qa data sets only"});
    if (!values["limit"].defaulted() && !shows_questions) throw UsageError({.what = "--limit goes with --questions"});
    if (shows_questions && values.count("json")) throw UsageError({.what = "--questions does not go with --json"});
    if ((recall && format != "kvmem-qa") || (shows_questions && format != "kvmem-qa" && format != "kvmem-sentences"))
        throw UsageError({.what = recall ? "--recall is of kvmem-qa data sets only"
                                         : "--questions is of kvmem-qa and kvmem-sentences data sets only",
                          .expected = "a data set of questions",
                          .got = format.empty() ? "another file" : format,
                          .where = path.string()});
}

int run_inspect(const Arguments& arguments) {
    RetrieverOptions retriever;
    CommandLine line{.usage = "kvmem inspect FILE [options]",
                     .about = std::string("Tells what ") + inspected + " holds.",
                     .positional = {"file"}};
    add_options(line, retriever);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(retriever.max_slots, 1, "max-slots");
    require_at_least(retriever.max_frequency, 1, "max-frequency");
    require_at_least(values["limit"].as<Index>(), 1, "limit");
    const fs::path path = required(values, "file", inspected);
    const std::string format = inspected_format(path);
    require_fitting(values, path, format);
    const bool as_json = values.count("json") > 0;
    if (is_folder(path))
        inspect_run(path, as_json);
    else if (format == model_format)
        verbs_of(task_of_run(path)).inspect_model(path, as_json);
    else if (format == "kvmem-store")
        inspect_store(path, as_json);
    else
        verbs_of(task_of_data(path)).inspect_data(path, values);
    return 0;
}

}  // namespace kvmem::apps
