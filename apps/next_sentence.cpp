#include "next_sentence.hpp"

#include "inspection.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/train/session.hpp"
#include "plot_run.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

#include <boost/json.hpp>
#include <iostream>

namespace kvmem::apps {

namespace fs = std::filesystem;

std::unique_ptr<documents::NextSentence> open_next_sentence(const fs::path& run) {
    return documents::load_next_sentence(model_file_of(run));
}

bool is_run_of_next_sentence(const po::variables_map& values) {
    return values.count("run") && &task_of_run(find_run(values)).type() == &next_sentence_prediction();
}

// Of the documents of a run the pairs that validated it, of others all.
static documents::SentencePairs measured_pairs(const documents::Collection& all, const documents::NextSentence& model,
                                               bool are_other) {
    documents::SentencePairs pairs = sentence_pairs(all, model);
    return are_other ? pairs : validation_pairs(pairs);
}

int evaluate_next_sentence(const po::variables_map& values) {
    require_option(values["split"].defaulted(), "split", "a run of another task: next-sentence has no splits");
    const auto model = open_next_sentence(find_run(values));
    const std::string data = data_of_run(values);
    const auto corpus = documents::load_documents(data);
    const bool are_other = values.count("data") > 0;
    const documents::NextSentenceMetrics metrics =
        evaluate(*model, measured_pairs(corpus->collection, *model, are_other));
    if (metrics.pairs == 0)
        throw Error({.what = "nothing to measure",
                     .expected = are_other ? "sentences that follow each other" : "100 of them or more",
                     .got = "none",
                     .where = data});
    if (values.count("json")) {
        std::cout << boost::json::serialize(boost::json::object{{"pairs", metrics.pairs},
                                                                {"hits_at_1", metrics.hits_at_1},
                                                                {"mrr", metrics.mrr},
                                                                {"chance", metrics.chance},
                                                                {"loss", metrics.loss}})
                  << "\n";
        return 0;
    }
    std::cout << plural(metrics.pairs, "sentence") << " with the next one among those of up to 100, "
              << (are_other ? "all of the data" : "which validated the training") << "\n";
    print_row("hits@1", percent(metrics.hits_at_1) + "; by chance " + percent(metrics.chance));
    print_row("MRR", formatted("%.3f", metrics.mrr));
    print_row("loss", formatted("%.3f", metrics.loss));
    return 0;
}

PlotPage plot_next_sentence(const po::variables_map& values) {
    const std::string run = values["run"].as<std::string>();
    const auto model = open_next_sentence(run);
    PlotPage page = described_page(run, model->name(), model->summary(), model->settings());
    page.result = plural(std::ssize(model->words()), "word");
    return page;
}

void inspect_next_sentence(const fs::path& path, bool as_json) {
    const auto model = open_next_sentence(path);
    const Index words = std::ssize(model->words());
    print({.name = model->name(),
           .settings = model->settings(),
           .parameters = model->parameters(),
           .rows = {{"words", std::to_string(words)}},
           .members = {{"words", words}}},
          as_json);
}

}  // namespace kvmem::apps
