// kvmem evaluate RUN: how many questions of a split a trained model answers.
#include "kvmem/core/parallel.hpp"
#include "kvmem/train/session.hpp"
#include "model_source.hpp"
#include "program.hpp"

#include <boost/json.hpp>
#include <iostream>
#include <mutex>

namespace kvmem::apps {

int run_evaluate(const Arguments& arguments) {
    std::string split_name = "test";
    int threads = 0;
    CommandLine line{
        .usage = "kvmem evaluate RUN [options]",
        .about =
            "Ranks all candidates for every question of a split. RUN is a run directory or a model file. A\n"
            "question is a hit when any of its right answers is ranked first; none is left out.",
        .positional = {"run"}};
    line.options.add_options()                                                                  //
        ("data", po::value<std::string>(), "data set to use instead of the one trained on")     //
        ("split,s", po::value(&split_name)->default_value(split_name), "train, valid or test")  //
        ("threads", po::value(&threads)->default_value(0), "0: one for each core")              //
        ("json", "print JSON");
    po::variables_map values;
    if (!parse(line, arguments, values)) return 0;
    require_at_least(threads, 0, "threads");
    const ThreadLimit limit(threads);
    ModelSource source = open_model(values, "data");
    QaDataset& data = source.memory;
    if (data.split(split_name).size() == 0)  // a split that is not there is an error that lists the others
        throw Error({.what = "nothing to measure",
                     .expected = "questions",
                     .got = "none",
                     .where = "split " + split_name,
                     .hint = {}});
    translate_dataset(data, source.model->extend(data));
    const Split& split = data.split(split_name);

    const Retriever retriever(data.memory, source.model->vocabulary(), source.model->retrieval());
    const RetrievalReport reach = report_retrieval(data, split, retriever);
    Metrics metrics;
    {
        Progress progress;
        std::mutex one_at_a_time;
        metrics = evaluate(*source.model, data, split, retriever, [&](Index done) {
            const std::lock_guard guard(one_at_a_time);
            if (progress.due()) progress.show(std::to_string(done) + " of " + plural(split.size(), "question"));
        });
        progress.clear();
    }
    const double share = 1.0 / static_cast<double>(split.size());
    if (values.count("json")) {
        std::cout << boost::json::serialize(
                         boost::json::object{{"split", split_name},
                                             {"questions", metrics.questions},
                                             {"hits_at_1", metrics.hits_at_1},
                                             {"hits_at_10", metrics.hits_at_10},
                                             {"mean_reciprocal_rank", metrics.mean_reciprocal_rank},
                                             {"retrieval_recall", static_cast<double>(reach.found) * share}})
                  << "\n";
        return 0;
    }
    std::cout << split_name << ": " << plural(metrics.questions, "question") << "\n"
              << "  hits@1   " << percent(metrics.hits_at_1) << "\n"
              << "  hits@10  " << percent(metrics.hits_at_10) << "\n"
              << "  MRR      " << percent(metrics.mean_reciprocal_rank) << "\n"
              << "  a right answer is in the slots read: " << percent(static_cast<double>(reach.found) * share)
              << ", of " << short_number(static_cast<double>(reach.slots) * share) << " slots on average\n";
    return 0;
}

}  // namespace kvmem::apps
