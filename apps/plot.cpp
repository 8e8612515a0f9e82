// kvmem plot RUN: a page that shows how training went, what comes out, and what is read for it.
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/train/session.hpp"
#include "output.hpp"
#include "plot_page.hpp"
#include "program.hpp"
#include "task_table.hpp"

#include <iostream>

namespace kvmem::apps {

namespace fs = std::filesystem;

static const char* const about_plot =
    "Writes one page of HTML that needs neither scripts nor the network: learning curves, the settings, and for some\n"
    "questions or sources what each head read. Of questions also errors by task, and how often what is read most is\n"
    "what the answer rests on; of sequences errors by length.\n"
    "RUN is a run directory, with one model, several seeds or a model for each task, or a model file.";

static std::string default_output(const fs::path& run) {
    if (is_folder(run)) return (run / "plot.html").string();
    throw UsageError({.what = "nothing given for output",
                      .expected = "a file for the page",
                      .hint = "a model file has no directory of its own"});
}

int run_plot(const Arguments& arguments) {
    Index count = 6;
    int threads = 0;
    std::string split = "valid";
    CommandLine line{.usage = "kvmem plot RUN [options]", .about = about_plot, .positional = {"run"}};
    line.options.add_options()                                                                                //
        ("output,o", po::value<std::string>(), "the page, - for stdout; RUN/plot.html unless given")          //
        ("examples", po::value(&count)->default_value(count), "questions or sources whose reading is shown")  //
        ("data", po::value<std::string>(), "data set to use instead of the one trained on")                   //
        ("split,s", po::value(&split)->default_value(split), "train, valid or test")                          //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(count, 0, "examples");
    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    const RunFiles files{find_run(values)};
    const std::string output =
        values.count("output") ? required(values, "output", "a file for the page") : default_output(files.directory);
    if (output != "-")
        require_output(output, "", {files.config(), files.metrics(), files.results(), files.card(), files.lock()});
    const std::string text = html(verbs_of(task_of_run(files.directory)).plot(values));
    if (output == "-") {
        std::cout << text;
        return 0;
    }
    replace_file(output, text);
    std::cerr << output << "\n";
    return 0;
}

}  // namespace kvmem::apps
