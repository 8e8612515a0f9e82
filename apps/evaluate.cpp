// kvmem evaluate RUN: how many questions of a split a trained model answers.
#include "kvmem/core/parallel.hpp"
#include "kvmem/train/session.hpp"
#include "model_source.hpp"
#include "program.hpp"

#include <boost/json.hpp>
#include <iostream>

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
    const ThreadLimit limit(threads);
    ModelSource source = open_model(values, "data");
    QaDataset& data = source.memory;
    data.split(split_name);  // says which ones there are before anything is done
    translate_dataset(data, source.model.extend(data));
    const Split& split = data.split(split_name);

    const Retriever retriever(data.memory, source.model.vocabulary(), source.model.config().retriever);
    const RetrievalReport reach = report_retrieval(data, split, retriever);
    Metrics metrics;
    {
        Progress progress;
        metrics = evaluate(source.model, data, split, retriever);
    }
    const double share = 1.0 / static_cast<double>(std::max<Index>(split.size(), 1));
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
