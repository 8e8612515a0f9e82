// kvmem evaluate RUN: how good a trained model is on a split.
#include "ask_documents.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/documents/search.hpp"
#include "program.hpp"
#include "sequence_source.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <vector>

namespace kvmem::apps {

static const char* const about_evaluate =
    "Measures a model on a split. RUN is a run directory or a model file.\n\n"
    "Of question answering, all candidates are ranked for every question. A question is a hit when any of its right\n"
    "answers is ranked first; none is left out."
    " Of a data set with tasks, each has a line with its error, 'failed' above 5 %. Where the split tells which slots\n"
    "an answer rests on, the columns 'hop' say how often such a slot is the one that the hop reads most, by the mean\n"
    "of its heads; of a model that follows facts, the columns say how the answers of at least half of the first one's\n"
    "weight agree with the right ones (F1), and how often the relations were followed that were followed most "
    "often.\n\n"
    "Of pairs, each source has a target written, greedily unless options of the search say more. It is exact when any\n"
    "of its references is the same; symbols are words, or characters of other units. Of texts, the cross-entropy is\n"
    "that of each symbol, and of each document's end, given the symbols before; with --memory, those of its piece of\n"
    "256 symbols and 128 before it.\n\n"
    "Of events, all items are ranked for each query: a user's history up to a target. Ties count as their mean over "
    "all\n"
    "orders. The table begins with models that only count, which read the same events. AUC is against items that the\n"
    "user never has: all, and those with an event within 30 days. Intervals are of resampled users.\n\n"
    "Of sentences, the candidates of each question are ranked; of equal scores wrong ones come first. Questions "
    "without a\n"
    "right sentence are left out of the means. The table begins with rankings without training.\n\n"
    "Of next-sentence, each sentence that validated the training, or each of --data, finds its next one among those "
    "of\n"
    "up to 100.\n\n"
    "RUN may be a data set of documents with questions ('kvmem import documents', SQuAD): a hit is the sentence that\n"
    "holds a part of an answer. Each question is asked once more of the documents without its own, to be refused.";

namespace {

using Evaluate = int (*)(const po::variables_map& values);

// Options with a heading of their own, and what they are for.
struct OptionGroup {
    po::options_description options;
    const char* purpose;
    std::vector<Evaluate> readers;  // that read them
};

}  // namespace

static po::options_description heading(const std::string& of) {
    return po::options_description("Options of " + of, 100, 50);
}

static po::options_description question_options() {
    po::options_description options = heading("runs on questions");
    options.add_options()                                                                                         //
        ("errors", "show wrongly answered questions, with what was expected, what was given and the path to it")  //
        ("limit", po::value<Index>()->default_value(20), "of these, at most");
    return options;
}

static po::options_description pair_options() {
    po::options_description options = heading("runs on pairs");
    options.add_options()  //
        ("pairs", po::value<std::vector<std::string>>()->composing(),
         "text file of lines 'source<TAB>target' instead of a split; a source may have several lines")  //
        ("tune",
         "with --memory: first try other --neighbours, --mix and --memory-temperature on this split, print how good "
         "they are, and go on with the best")                                                           //
        ("worst", po::value<Index>()->default_value(5), "lines to show of those with the most errors")  //
        ("tokenize", po::value<std::string>(), "words of BLEU: none or 13a [none for targets of words, else 13a]");
    add_search_options(options);
    return options;
}

static po::options_description memory_options() {
    po::options_description options = heading("runs on pairs or texts");
    add_memory_options(options);
    return options;
}

static po::options_description event_options() {
    po::options_description options = heading("runs on events");
    options.add_options()  //
        ("targets", po::value<std::string>(),
         "item: each event of the split; basket: a user's first basket [basket where events have any]")  //
        ("seen", po::value<std::string>(),
         "whether items of the history are candidates: in, out, or only-new, without them as targets, too [in where "
         "users repeat items]")                                                             //
        ("k", po::value<Index>()->default_value(10), "of hit, recall and NDCG")             //
        ("queries", po::value<Index>()->default_value(0), "evenly over the split; 0: all")  //
        ("drawn",
         "no rankings: AUC of each query's first target against one drawn item, as papers have it; fast where "
         "a model reads item by item")                                        //
        ("strict", "leave events of the target's second out of its history")  //
        ("live", "read all events before each target's time, and not those of earlier splits alone");
    return options;
}

static po::options_description sentence_options() {
    po::options_description options = heading("runs on sentences");
    options.add_options()                                                                  //
        ("all-questions", "count questions without a right sentence as well: 0 for each")  //
        ("trec", po::value<std::string>(),
         "folder for a run and its judgements, SPLIT.run and SPLIT.qrels, as trec_eval reads them");
    return options;
}

static po::options_description rival_options() {
    po::options_description options = heading("runs on events or sentences");
    options.add_options()("against", po::value<std::vector<std::string>>()->composing(),
                          "another run or model file of the same data; may be given several times");
    return options;
}

static po::options_description split_options() {
    po::options_description options = heading("runs");
    options.add_options()                                                                    //
        ("data", po::value<std::string>(), "data set to use instead of the one trained on")  //
        ("split,s", po::value<std::string>()->default_value("test"), "train, valid or test");
    return options;
}

static po::options_description search_group() {
    po::options_description options = heading("data sets of documents");
    add_options_of_search(options);
    return options;
}

static std::vector<OptionGroup> option_groups() {
    return {{split_options(),
             "a trained run",
             {evaluate_questions, evaluate_next_sentence, evaluate_pairs, evaluate_text, evaluate_events,
              evaluate_sentences}},
            {question_options(), "a run on questions", {evaluate_questions}},
            {pair_options(), "a run on pairs of sequences", {evaluate_pairs}},
            {memory_options(), "a run on pairs or texts", {evaluate_pairs, evaluate_text}},
            {event_options(), "a run on events", {evaluate_events}},
            {sentence_options(), "a run on sentences", {evaluate_sentences}},
            {rival_options(), "a run on events or sentences", {evaluate_events, evaluate_sentences}},
            {search_group(), "a data set of documents", {evaluate_documents}}};
}

int run_evaluate(const Arguments& arguments) {
    int threads = 0;
    CommandLine line{.usage = "kvmem evaluate RUN [options]", .about = about_evaluate, .positional = {"run"}};
    line.options.add_options()                                                      //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core")  //
        ("json", "print JSON");
    const std::vector<OptionGroup> groups = option_groups();
    for (const OptionGroup& group : groups) line.options.add(group.options);
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(threads, 0, "threads");
    require_at_least(values["worst"].as<Index>(), 0, "worst");
    require_at_least(values["limit"].as<Index>(), 1, "limit");
    if (values.count("errors") && values.count("json")) throw UsageError({.what = "--errors does not go with --json"});
    const ThreadLimit limit(threads);
    const Evaluate evaluate =
        are_documents(values) ? evaluate_documents : verbs_of(task_of_run(find_run(values))).evaluate;
    for (const OptionGroup& group : groups)
        if (std::ranges::find(group.readers, evaluate) == group.readers.end())
            refuse_options(values, group.options, group.purpose);
    return evaluate(values);
}

}  // namespace kvmem::apps
