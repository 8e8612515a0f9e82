// kvmem inspect: what a data set or a model of question answering holds.
#include "answer_text.hpp"
#include "inspection.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/io/json_text.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/inspect.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/train/config.hpp"
#include "program.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iomanip>
#include <iostream>
#include <limits>
#include <utility>

namespace kvmem::apps {

namespace json = boost::json;
namespace fs = std::filesystem;

static std::string share(Index part, Index whole) {
    return percent(static_cast<double>(part) / static_cast<double>(std::max<Index>(whole, 1)));
}

static std::string shares(Index part, Index whole) { return std::to_string(part) + " (" + share(part, whole) + ")"; }

static std::string one_decimal(double value) { return formatted("%.1f", value); }

static std::string lengths(const LengthReport& r) {
    return std::to_string(r.min) + " to " + std::to_string(r.max) + ", " + one_decimal(r.mean) + " on average";
}

static void print_split(const std::string& name, const SplitReport& r, const RetrievalReport& reach, bool has_train) {
    std::cout << name << ": " << plural(r.examples, "question") << "\n";
    print_row("words and names in a question", lengths(r.question));
    print_row("right answers to a question", lengths(r.answers));
    if (has_train)
        print_row("words that train never has", shares(r.unknown_tokens, r.question_tokens));
    else
        print_row("unknown words", "as the model says: there is no training split");
    print_row("questions that name no entity", shares(r.without_entity, r.examples));
    print_row("questions without an answer", shares(r.without_answer, r.examples));
    print_row("... whose answers no memory holds", shares(r.unreachable, r.examples));
    print_row("... whose retrieval misses them all", shares(reach.answerable - reach.found, r.examples));
    const auto examples = static_cast<double>(std::max<Index>(r.examples, 1));
    print_row("slots that a question reads", one_decimal(static_cast<double>(reach.slots) / examples) + " on average");
    if (r.local_slots > 0) print_row("slots of its own", std::to_string(r.local_slots));
    if (name != "train") print_row("questions that train has as well", shares(r.leaked, r.examples));
}

static json::object lengths_json(const LengthReport& r) { return {{"min", r.min}, {"max", r.max}, {"mean", r.mean}}; }

static json::object split_json(const SplitReport& r, const RetrievalReport& reach) {
    return {{"examples", r.examples},
            {"question", lengths_json(r.question)},
            {"answers", lengths_json(r.answers)},
            {"question_tokens", r.question_tokens},
            {"unknown_tokens", r.unknown_tokens},
            {"without_entity", r.without_entity},
            {"without_answer", r.without_answer},
            {"unreachable", r.unreachable},
            {"outside_candidates", r.outside_candidates},
            {"leaked", r.leaked},
            {"own_slots", r.local_slots},
            {"retrieval", json::object{{"found", reach.found},
                                       {"answerable", reach.answerable},
                                       {"without_slots", reach.without_slots},
                                       {"slots", reach.slots},
                                       {"gold", reach.gold},
                                       {"gold_found", reach.gold_found}}}};
}

// Prints a task's row: for each number of hops, two shares, and the slots of a question where `slots`.
static void print_recall_row(const std::string& task, const std::vector<RetrievalReport>& hops, bool slots) {
    if (hops.front().questions == 0) return;
    std::cout << "  " << std::left << std::setw(38) << task << std::right;
    for (const RetrievalReport& r : hops) {
        std::cout << std::setw(9) << share(r.found, r.questions) << std::setw(9) << share(r.gold_found, r.gold);
        if (slots) std::cout << std::setw(9) << r.slots / r.questions;
    }
    std::cout << "\n";
}

// Prints an upper bound of what hops can find with each way of finding slots, whatever attention learns.
static void print_recall(const QaDataset& dataset, RetrieverOptions options) {
    options.hops = 3;
    constexpr Index any = std::numeric_limits<Index>::max();
    const auto with = [&](Retrieval strategy, Index max_frequency, Index max_slots) {
        RetrieverOptions changed = options;
        changed.strategy = strategy;
        changed.max_frequency = max_frequency;
        changed.max_slots = max_slots;
        return changed;
    };
    std::vector<std::pair<RetrieverOptions, const char*>> ways{
        {with(Retrieval::question, options.max_frequency, options.max_slots), "slots found by hashing the question"},
        {with(Retrieval::hops, options.max_frequency, options.max_slots), "slots found by hashing again for each hop"},
        {with(Retrieval::whole, options.max_frequency, options.max_slots), "all facts, followed exactly"}};
    if (!dataset.origin.empty())  // a mention may be too common to find slots by
        ways.insert(ways.begin() + 1, {with(Retrieval::question, any, any), "the same with buckets of any size"});
    for (const auto& [name, split] : dataset.splits)
        for (const auto& [way, what] : ways) {
            const Retriever retriever(dataset.memory, dataset.vocabulary, way);
            const Facts* const facts = retriever.facts();
            if (facts && facts->size() == 0) continue;
            std::cout << name << ", " << what
                      << ": questions with a right answer within reach, right answers in reach, "
                      << (facts ? "by hop\n" : "slots, by hop\n");
            const auto reports = report_retrieval_by_hop(dataset, split, retriever);
            for (std::size_t task = 0; task < reports.size(); ++task)
                print_recall_row(split.task.empty() ? "all" : printable(dataset.tasks[task]), reports[task], !facts);
        }
}

static json::object data_json(const DatasetInfo& info, const DatasetReport& report, json::object splits) {
    json::object all = info_json("kvmem-qa", info);
    const json::object more{{"vocabulary", json::object{{"words", report.tokens_by_kind[1]},
                                                        {"entities", report.tokens_by_kind[2]},
                                                        {"relations", report.tokens_by_kind[3]}}},
                            {"candidates", report.candidates},
                            {"memory", json::object{{"slots", report.memory.slots},
                                                    {"distinct_keys", report.memory.distinct_keys},
                                                    {"key", lengths_json(report.memory.key)},
                                                    {"value", lengths_json(report.memory.value)}}},
                            {"splits", std::move(splits)}};
    all.insert(more.begin(), more.end());
    return all;
}

// Prints the first questions of a split with their right answers, names in brackets.
static void print_questions(const QaDataset& dataset, const std::string& name, Index limit) {
    const Vocabulary& vocabulary = dataset.vocabulary;
    const Split& split = dataset.split(name);
    for (Index i = 0; i < std::min(limit, split.size()); ++i) {
        std::vector<std::string> answers;
        for (const Token answer : split.answer[i]) answers.push_back(printable(vocabulary.text(answer)));
        std::cout << question_text(vocabulary, split.question[i]) << " -> "
                  << (answers.empty() ? "no answer" : joined(answers)) << "\n";
    }
}

// What documents a data set holds for questions that no model answers, and what memory slots were read from.
static void print_documents(const documents::Corpus& corpus) {
    const documents::Collection& all = corpus.collection;
    std::cout << "documents: " << plural(std::ssize(all.documents), "document") << " in "
              << plural(std::ssize(all.files), "file") << ", " << plural(std::ssize(all.passages), "passage") << ", "
              << plural(std::ssize(all.sentences), "sentence") << ", " << plural(std::ssize(all.tokens), "token")
              << "; " << plural(std::ssize(all.questions), "question") << " of their own\n";
    constexpr std::size_t max_files = 10;
    for (std::size_t i = 0; i < std::min(all.files.size(), max_files); ++i)
        print_row(all.files[i].path, plural(all.files[i].documents.size(), "document"));
    if (all.files.size() > max_files) print_row("...", "");
}

void inspect_questions(const fs::path& path, const po::variables_map& values) {
    const RetrieverOptions options{.max_frequency = values["max-frequency"].as<Index>(),
                                   .max_slots = values["max-slots"].as<Index>()};
    const QaDataset dataset = load_dataset(path);
    if (values.count("recall")) {
        print_recall(dataset, options);
        return;
    }
    if (values.count("questions")) {
        print_questions(dataset, values["questions"].as<std::string>(), values["limit"].as<Index>());
        return;
    }
    const DatasetReport report = inspect_dataset(dataset);
    const Retriever retriever(dataset.memory, dataset.vocabulary, options);
    const DatasetInfo& info = dataset.info;
    const auto reach = [&](const std::string& name) {
        return report_retrieval(dataset, dataset.split(name), retriever);
    };
    if (values.count("json")) {
        json::object splits;
        for (const auto& [name, split] : report.splits) splits[name] = split_json(split, reach(name));
        std::cout << with_plain_numbers(json::serialize(data_json(info, report, std::move(splits)))) << "\n";
        return;
    }
    print_info(info);
    if (dataset.documents && report.memory.slots == 0 && report.splits.empty()) {  // for no model
        print_documents(*dataset.documents);
        return;
    }
    std::cout << "vocabulary: " << plural(report.tokens_by_kind[1], "word") << ", "
              << plural(report.tokens_by_kind[2], "name") << ", " << plural(report.tokens_by_kind[3], "relation")
              << "; " << plural(report.candidates, "candidate") << "\n";
    std::cout << "memory: " << plural(report.memory.slots, "slot") << ", "
              << plural(report.memory.distinct_keys, "distinct key") << "\n";
    if (dataset.documents) print_documents(*dataset.documents);
    const bool has_train = report.splits.contains("train");
    for (const auto& [name, split] : report.splits) print_split(name, split, reach(name), has_train);
}

void inspect_reader(const fs::path& path, bool as_json) {
    const std::unique_ptr<Model> model = load_model(path);
    const Index tokens = model->vocabulary().size(), candidates = std::ssize(model->candidates());
    print({.name = model->name(),
           .settings = model->settings(),
           .parameters = model->parameters(),
           .rows = {{"vocabulary", plural(tokens, "token")}, {"candidates", std::to_string(candidates)}},
           .members = {{"vocabulary", tokens}, {"candidates", candidates}}},
          as_json);
}

}  // namespace kvmem::apps
