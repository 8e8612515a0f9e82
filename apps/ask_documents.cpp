#include "ask_documents.hpp"

#include "conversation.hpp"
#include "file_kind.hpp"
#include "found_text.hpp"
#include "kvmem/cluster/agreement.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/io/json_text.hpp"
#include "kvmem/tasks/qa/documents/evaluate.hpp"
#include "kvmem/tasks/qa/documents/shards.hpp"
#include "kvmem/tasks/qa/shards.hpp"
#include "output.hpp"
#include "ranks.hpp"
#include "sentences.hpp"
#include "task_table.hpp"

#include <boost/json.hpp>
#include <functional>
#include <utility>

namespace kvmem::apps {

namespace fs = std::filesystem;

void add_options_of_search(po::options_description& options) {
    options.add_options()  //
        ("threshold", po::value<double>()->default_value(documents::default_threshold, "0.71"),
         "confidence of an answer, 0 or more, at least: the sum of the shares of the question's words that its "
         "sentence and its passage have, by their rarity")  //
        ("selector", po::value<std::string>(), "run or model file of a model of sentences, which ranks the best ones");
}

po::options_description document_options() {
    po::options_description options("Options of documents", 100, 50);
    options.add_options()("answers", po::value<Index>()->default_value(3), "sentences to show, at most");
    add_options_of_search(options);
    return options;
}

bool are_documents(const po::variables_map& values) {
    return are_documents(required(values, "run", "a run directory, a model file or a data set of documents"));
}

bool are_documents(const fs::path& path) {
    if (is_sharded_dataset(path)) return are_documents(read_shard_manifest(path).files.at(0));
    if (!is_there(path) || is_folder(path) || !is_hdf5(path) || file_format(path) != "kvmem-qa") return false;
    return hdf5::Reader(path, "kvmem-qa", 1).has("/documents");
}

static documents::Search open_search(const po::variables_map& values) {
    return documents::Search(documents::load_documents(values["run"].as<std::string>()));
}

// The scores of a trained selector and those of the search together: each finds what the other misses.
static documents::SentenceRanking ranking(const po::variables_map& values) {
    if (!values.count("selector")) return {};
    constexpr double confidence_weight = 10;  // chosen on questions of SelQA
    return [model = std::shared_ptr(open_selection_model(find_run(values, "selector").string()))](
               std::string_view text, const documents::Collection& all, std::span<const documents::FoundAnswer> found) {
        SelectionQuestion question{.id = "", .text = std::string(text)};
        for (const documents::FoundAnswer& one : found)
            question.sentences.emplace_back(all.text_of(all.sentences[one.sentence]));
        question.right.resize(found.size());
        const Ragged<Real> scores = model->score({&question, 1});
        std::vector<double> sums;
        for (std::size_t i = 0; i < found.size(); ++i)
            sums.push_back(scores.values[i] + confidence_weight * found[i].confidence);
        return sums;
    };
}

namespace {

// Finds answers, wherever the documents are.
using FindAnswers = std::function<documents::Findings(const std::string& question, const documents::SearchOptions&)>;

}  // namespace

static int ask_each(const po::variables_map& values, const FindAnswers& find) {
    const Index answers = values["answers"].as<Index>();
    const documents::SentenceRanking rank = ranking(values);
    const bool as_json = values.count("json") > 0;
    const auto ask = [&](const std::string& question, bool echo) {
        const documents::Findings found =
            find(question, {.answers = answers, .threshold = values["threshold"].as<double>(), .rank = rank});
        if (as_json) {
            std::cout << json_line(question, *found.corpus, found) << std::endl;
            return;
        }
        if (echo) std::cout << "? " << question << "\n";
        print(std::cout, *found.corpus, found);
        if (echo) std::cout << std::endl;
    };
    if (values.count("question")) {
        ask(values["question"].as<std::string>(), false);
        return 0;
    }
    const bool echo = ::isatty(STDIN_FILENO) == 0;
    return converse("Ask about what the documents say; an empty line or Ctrl-D ends.", "? ", [&](const auto& line) {
        if (!line.empty()) ask(line, echo);
        return !line.empty();
    });
}

// Each rank has some shards; the first one asks all.
static int ask_on_ranks(const po::variables_map& values, Cluster& cluster) {
    std::vector<documents::DocumentShard> shards;
    run_together(cluster, [&] {
        for (const QaDataset& shard : open_shards_of_rank(values["run"].as<std::string>(), cluster))
            shards.emplace_back(shard);
    });
    return ask_shards(cluster, readers_of(shards), [&](ShardCall call) {
        const documents::ShardedSearch search(std::move(call));
        return ask_each(values,
                        [&](const auto& question, const auto& options) { return search.ask(question, options); });
    });
}

int ask_documents(const po::variables_map& values, Cluster* cluster) {
    require_at_least(values["answers"].as<Index>(), 1, "answers");
    if (cluster) return ask_on_ranks(values, *cluster);
    const documents::Search search = open_search(values);
    return ask_each(values, [&](const auto& question, const auto& options) { return search.ask(question, options); });
}

int evaluate_documents(const po::variables_map& values) {
    const documents::Search search = open_search(values);
    const documents::SearchMetrics metrics =
        documents::evaluate(search, values["threshold"].as<double>(), ranking(values));
    if (values.count("json")) {
        const boost::json::object all{{"questions", metrics.questions},
                                      {"hits_at_1", metrics.hits_at_1},
                                      {"mrr_at_10", metrics.mrr_at_10},
                                      {"exact", metrics.exact},
                                      {"f1", metrics.f1},
                                      {"spans", metrics.spans},
                                      {"threshold", metrics.threshold},
                                      {"answered", metrics.answered},
                                      {"refused", metrics.refused},
                                      {"calibrated", metrics.calibrated},
                                      {"refused_at_90", metrics.refused_at_90}};
        std::cout << with_plain_numbers(boost::json::serialize(all)) << "\n";
        return 0;
    }
    std::cout << plural(metrics.questions, "question") << " to " << values["run"].as<std::string>() << "\n";
    print_row("hits@1", percent(metrics.hits_at_1) + " of sentences");
    print_row("MRR@10", formatted("%.3f", metrics.mrr_at_10) + " of sentences");
    print_row("F1", percent(metrics.f1) + " of first answers, " + percent(metrics.exact) + " exact, " +
                        percent(metrics.spans) + " shorter than a sentence");
    print_row("threshold", formatted("%.3f", metrics.threshold) + ": " + percent(metrics.answered) + " answered, " +
                               percent(metrics.refused) + " refused without their own document");
    print_row("calibrated", formatted("%.3f", metrics.calibrated) + ": 90.0% answered, " +
                                percent(metrics.refused_at_90) + " refused (--threshold)");
    return 0;
}

}  // namespace kvmem::apps
