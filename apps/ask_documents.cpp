#include "ask_documents.hpp"

#include "conversation.hpp"
#include "file_kind.hpp"
#include "found_text.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/io/json_text.hpp"
#include "kvmem/tasks/qa/documents/evaluate.hpp"
#include "output.hpp"
#include "sentences.hpp"
#include "task_table.hpp"

#include <boost/json.hpp>

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
    if (!is_there(path) || is_folder(path) || !is_hdf5(path) || file_format(path) != "kvmem-qa") return false;
    return hdf5::Reader(path, "kvmem-qa", 1).has("/documents");
}

static documents::Search open_search(const po::variables_map& values) {
    return documents::Search(documents::load_documents(values["run"].as<std::string>()));
}

// The scores of a trained selector and those of the search together: each finds what the other misses.
static documents::SentenceRanking ranking(const po::variables_map& values, const documents::Search& search) {
    if (!values.count("selector")) return {};
    constexpr double confidence_weight = 10;  // chosen on questions of SelQA
    return [&search, model = std::shared_ptr(open_selection_model(find_run(values, "selector").string()))](
               std::string_view text, std::span<const documents::FoundAnswer> found) {
        SelectionQuestion question{.id = "", .text = std::string(text)};
        const documents::Collection& all = search.corpus().collection;
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

int ask_documents(const po::variables_map& values) {
    const Index answers = values["answers"].as<Index>();
    require_at_least(answers, 1, "answers");
    const documents::Search search = open_search(values);
    const documents::SentenceRanking rank = ranking(values, search);
    const bool as_json = values.count("json") > 0;
    const auto ask = [&](const std::string& question, bool echo) {
        const documents::Findings found =
            search.ask(question, {.answers = answers, .threshold = values["threshold"].as<double>(), .rank = rank});
        if (as_json) {
            std::cout << json_line(question, search.corpus(), found) << std::endl;
            return;
        }
        if (echo) std::cout << "? " << question << "\n";
        print(std::cout, search.corpus(), found);
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

int evaluate_documents(const po::variables_map& values) {
    const documents::Search search = open_search(values);
    const documents::SearchMetrics metrics =
        documents::evaluate(search, values["threshold"].as<double>(), ranking(values, search));
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
