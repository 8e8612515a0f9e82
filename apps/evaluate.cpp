// kvmem evaluate RUN: how good a trained model is on a split.
#include "kvmem/core/parallel.hpp"
#include "program.hpp"
#include "task_table.hpp"

namespace kvmem::apps {

static const char* const about =
    "Ranks all candidates for every question of a split. RUN is a run directory, with one model or a model for each\n"
    "task, or a model file. A question is a hit when any of its right answers is ranked first; none is left out.\n\n"
    "Of a data set with tasks, each has a line with its error, 'failed' above 5 %. Where the split tells which slots\n"
    "an answer rests on, the columns 'hop' say how often such a slot is the one that the hop reads most, by the mean\n"
    "of its heads; of a model that follows facts, the columns say how the answers of at least half of the first one's\n"
    "weight agree with the right ones (F1), and how often the relations were followed that were followed most often.";

int run_evaluate(const Arguments& arguments) {
    int threads = 0;
    CommandLine line{.usage = "kvmem evaluate RUN [options]", .about = about, .positional = {"run"}};
    line.options.add_options()                                                                //
        ("data", po::value<std::string>(), "data set to use instead of the one trained on")   //
        ("split,s", po::value<std::string>()->default_value("test"), "train, valid or test")  //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core")            //
        ("json", "print JSON");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    return task_of_run(find_run(values)).evaluate(values);
}

}  // namespace kvmem::apps
