// kvmem synth KIND: data sets that are made up.
#include "events.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/core/option_error.hpp"
#include "kvmem/tasks/qa/synth_stories.hpp"
#include "program.hpp"
#include "sequences.hpp"
#include "synth_documents.hpp"

#include <cmath>
#include <iostream>

namespace kvmem::apps {

static std::string about() {
    std::string text =
        "Makes up data sets. Kinds:\n\n"
        "  stories  twenty tasks in the layout of bAbI, a folder of files qaN_NAME_train.txt, _valid.txt and "
        "_test.txt,\n"
        "           from small worlds of our own; the same seed gives the same bytes, no story is in two splits:\n";
    for (std::size_t i = 0; i < story_tasks().size(); ++i) {
        const std::string entry = std::to_string(i + 1) + " " + story_tasks()[i].skill;
        if (i % 3 == 0) text += "\n           ";
        text += entry + std::string(i % 3 == 2 ? 0 : 29 - entry.size(), ' ');
    }
    return text +
           "\n\nFiles of the same names are replaced; a folder that holds other files qa*.txt is refused, so that no\n"
           "data set mixes two.\n\nPairs of sequences, events of a shop and facts as prose have options of their "
           "own:\n"
           "'kvmem synth pairs --help', 'kvmem synth shop --help', 'kvmem synth documents --help'.";
}

static OptionError bad_list(const std::string& list) {
    return OptionError("tasks", "numbers from 1 to 20 and ranges, as in 1,2,15-20", list, "see 'kvmem synth --help'");
}

// Parses "1,2,15-20".
static std::vector<int> parse_tasks(const std::string& list) {
    std::vector<int> tasks;
    for (const std::string& range : split(list, ',')) {
        const std::size_t hyphen = range.find('-');
        const auto first = kvmem::number_of<unsigned>(range.substr(0, hyphen));
        const auto last = hyphen == range.npos ? first : kvmem::number_of<unsigned>(range.substr(hyphen + 1));
        if (!first || !last || *first < 1 || *first > *last || *last > 20) throw bad_list(list);
        for (unsigned task = *first; task <= *last; ++task) tasks.push_back(task);
    }
    if (tasks.empty()) throw bad_list(list);
    return tasks;
}

// The number of questions for validation.
static Index valid_questions(const po::variables_map& values, Index questions) {
    if (!values.count("valid")) {
        const auto fraction = values["valid-fraction"].as<double>();
        require_option(fraction >= 0 && fraction < 1, "valid-fraction", "a number from 0 to below 1");
        return static_cast<Index>(std::floor(fraction * static_cast<double>(questions)));
    }
    if (!values["valid-fraction"].defaulted())
        throw UsageError({.what = "validation questions are asked for twice",
                          .expected = "--valid or --valid-fraction",
                          .got = "both"});
    const auto valid = values["valid"].as<Index>();
    require_option(valid >= 0 && valid < questions, "valid", "a number from 0 to below that of the questions");
    return valid;
}

int run_synth(const Arguments& arguments) {
    if (!arguments.empty() && arguments.front() == "pairs") return run_synth_pairs(arguments);
    if (!arguments.empty() && arguments.front() == "shop") return run_synth_shop(arguments);
    if (!arguments.empty() && arguments.front() == "documents") return run_synth_documents(arguments);
    StoryOptions options;
    Index questions = 0;
    CommandLine line{.usage = "kvmem synth stories --output DIR [options]",
                     .about = about(),
                     .positional = {"kind"},
                     .choices = {{"kind", {"stories", "pairs", "shop", "documents"}}}};
    line.options.add_options()                                                                     //
        ("output,o", po::value<std::string>()->value_name("DIRECTORY"), "the folder to write to")  //
        ("seed", po::value(&options.seed)->default_value(1), "of every random choice")             //
        ("questions", po::value(&questions)->default_value(1000),
         "questions of each task, to train on and to validate with; 1 to 1,000,000")                          //
        ("valid-fraction", po::value<double>()->default_value(0.1, "0.1"), "share of them to validate with")  //
        ("valid", po::value<Index>(), "the same as a number")                                                 //
        ("test", po::value(&options.test)->default_value(1000), "test questions of each task; 0 for none")    //
        ("tasks", po::value<std::string>(), "numbers of tasks, as in 1,2,15-20 [all]");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    if (const std::string kind = required(values, "kind", "stories, pairs, shop or documents"); kind != "stories")
        throw UsageError({.what = "nothing of that kind is made",
                          .expected = "stories, pairs, shop or documents",
                          .got = kind,
                          .hint = "see 'kvmem synth --help'"});
    const std::string output = required(values, "output", "the folder to write to");
    require_option(questions >= 1 && questions <= max_story_questions, "questions", "1 to 1,000,000");
    require_option(options.test >= 0 && options.test <= max_story_questions, "test", "0 to 1,000,000");
    if (values.count("tasks")) options.tasks = parse_tasks(values["tasks"].as<std::string>());
    options.valid = valid_questions(values, questions);
    options.train = questions - options.valid;

    Progress progress;
    options.progress = [&](const std::string& file, Index made) {
        if (progress.due()) progress.show("making " + file + "  " + plural(made, "question"));
    };
    const auto files = write_stories(output, options);
    progress.clear();
    std::cerr << output << ": " << plural(static_cast<Index>(files.size()), "file") << ", for each task "
              << plural(options.train, "train question") << ", " << plural(options.valid, "valid question") << ", "
              << plural(options.test, "test question") << "\n";
    return 0;
}

}  // namespace kvmem::apps
