// kvmem evaluate: how well a model ranks the sentences that may answer questions, below rankings without training.
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/selection/evaluate.hpp"
#include "sentences.hpp"
#include "split_name.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

#include <boost/json.hpp>
#include <iostream>
#include <optional>

namespace kvmem::apps {

namespace json = boost::json;

namespace {

// The scores of a ranking, and its measures.
struct RankedRow {
    std::string name;
    Ragged<Real> scores;
    SelectionEvaluation evaluation;
};

}  // namespace

// A column of the features as scores.
static Ragged<Real> feature_scores(std::span<const ReadQuestion> questions, Index column) {
    Ragged<Real> scores;
    for (const ReadQuestion& question : questions) {
        for (Index c = 0; c < question.size(); ++c) scores.values.push_back(question.features(c, column));
        scores.end_row();
    }
    return scores;
}

static std::optional<Triggering> triggering(const SelectionModel& model, const SentencesDataset& data,
                                            const std::vector<SelectionQuestion>& questions,
                                            const Ragged<Real>& scores) {
    const auto valid = data.splits.find("valid");
    if (valid == data.splits.end() || valid->second.empty()) return std::nullopt;
    const Triggering chosen = best_trigger(valid->second, model.score(valid->second));
    return trigger(questions, scores, chosen.threshold);
}

static void print(const std::vector<RankedRow>& rows, const std::string& split,
                  const std::optional<Triggering>& trigger) {
    const SelectionEvaluation& last = rows.back().evaluation;
    std::cout << printable(split) << ": " << plural(last.size(), "question") << " of " << last.all << " are measured; "
              << last.unanswered << " have no right sentence, " << last.only_right << " have no wrong one\n"
              << "                                   MAP     MRR     P@1\n";
    for (const RankedRow& row : rows) {
        std::string line = padded(printable(row.name), 30);
        const SelectionEvaluation& e = row.evaluation;
        for (const double value : {e.map(), e.mrr(), e.precision_at_1()}) line += formatted("  %.4f", value);
        std::cout << line << "\n";
    }
    if (trigger)
        print_row("answers that are given", "from a score of " + formatted("%.3f", trigger->threshold) +
                                                ", the best of valid: precision " + percent(trigger->precision) +
                                                ", recall " + percent(trigger->recall) + ", F1 " +
                                                percent(trigger->f1));
}

static void print_json(const std::vector<RankedRow>& rows, const std::string& split,
                       const std::optional<Triggering>& trigger) {
    const SelectionEvaluation& last = rows.back().evaluation;
    json::array models;
    for (const RankedRow& row : rows)
        models.push_back(json::object{{"name", row.name},
                                      {"map", row.evaluation.map()},
                                      {"mrr", row.evaluation.mrr()},
                                      {"precision_at_1", row.evaluation.precision_at_1()}});
    json::object object{{"split", split},
                        {"questions", last.size()},
                        {"all_questions", last.all},
                        {"without_right", last.unanswered},
                        {"without_wrong", last.only_right},
                        {"models", std::move(models)}};
    if (trigger)
        object["triggering"] = json::object{{"threshold", trigger->threshold},
                                            {"precision", trigger->precision},
                                            {"recall", trigger->recall},
                                            {"f1", trigger->f1}};
    std::cout << json::serialize(object) << "\n";
}

int evaluate_sentences(const po::variables_map& values) {
    const std::string run = find_run(values).string();
    const auto model = open_selection_model(run);
    const SentencesDataset data = load_sentences(data_of_run(values));
    const std::string split = split_there(values, data.splits);
    const std::vector<SelectionQuestion>& questions = data.split(split);
    const std::vector<ReadQuestion> read = read_questions(questions, model->lexicon());
    const bool all = values.count("all-questions") > 0;
    std::vector<RankedRow> rows;
    const auto add = [&](const std::string& name, Ragged<Real> scores) {
        SelectionEvaluation evaluation = evaluate(questions, scores, all);
        rows.push_back({name, std::move(scores), std::move(evaluation)});
    };
    add("word overlap", feature_scores(read, overlap_feature()));
    add("BM25", feature_scores(read, bm25_feature()));
    if (values.count("against"))
        for (const std::string& other : values["against"].as<std::vector<std::string>>())
            add(other, open_selection_model(other)->score(questions));
    add(run, model->score(read));
    if (rows.back().evaluation.size() == 0)
        throw Error({.what = "nothing to measure",
                     .expected = "questions with a right sentence, or --all-questions",
                     .got = "none in '" + split + "'",
                     .where = data_of_run(values)});
    if (values.count("trec")) write_trec(values["trec"].as<std::string>(), split, questions, rows.back().scores);
    const std::optional<Triggering> trigger = triggering(*model, data, questions, rows.back().scores);
    values.count("json") ? print_json(rows, split, trigger) : print(rows, split, trigger);
    return 0;
}

}  // namespace kvmem::apps
