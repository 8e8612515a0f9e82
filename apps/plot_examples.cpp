#include "plot_examples.hpp"

#include "answer_text.hpp"
#include "kvmem/kernels/softmax.hpp"

#include <algorithm>
#include <map>

namespace kvmem::apps {

namespace {

struct QuestionRef {
    std::size_t source;
    Index question;
};

}  // namespace

// The first question of each list, then the second of each, and so on.
static std::vector<QuestionRef> round_robin(const std::vector<std::vector<QuestionRef>>& lists, std::size_t count) {
    std::vector<QuestionRef> chosen;
    for (std::size_t round = 0; chosen.size() < count; ++round) {
        const std::size_t before = chosen.size();
        for (const auto& list : lists)
            if (round < list.size() && chosen.size() < count) chosen.push_back(list[round]);
        if (chosen.size() == before) break;  // none has more
    }
    return chosen;
}

// See choose_examples().
static std::vector<QuestionRef> choose(const Evaluation& evaluation, Index count) {
    std::map<Index, std::vector<QuestionRef>> right, wrong;  // by task
    for (std::size_t s = 0; s < evaluation.outcomes.size(); ++s) {
        Index question = 0;
        for (const Outcome& outcome : evaluation.outcomes[s])
            (outcome.rank == 1 ? right : wrong)[outcome.task].push_back({s, question++});
    }
    const auto lists_of = [](const std::map<Index, std::vector<QuestionRef>>& by_task) {
        std::vector<std::vector<QuestionRef>> lists;
        for (const auto& [task, questions] : by_task) lists.push_back(questions);
        return lists;
    };
    auto by_errors = lists_of(wrong);
    std::ranges::stable_sort(by_errors, std::greater(), [](const auto& list) { return list.size(); });
    const auto wanted = static_cast<std::size_t>(count);
    std::vector<QuestionRef> bad = round_robin(by_errors, wanted / 2);
    std::vector<QuestionRef> chosen = round_robin(lists_of(right), wanted - bad.size());
    if (chosen.size() + bad.size() < wanted) bad = round_robin(by_errors, wanted - chosen.size());
    chosen.insert(chosen.end(), bad.begin(), bad.end());
    return chosen;
}

static std::string joined(const Vocabulary& vocabulary, std::span<const Token> answers) {
    constexpr std::size_t max = 8;
    std::string text;
    for (const Token token : answers.first(std::min(max, answers.size())))
        text += (text.empty() ? "" : " or ") + vocabulary.text(token);
    if (answers.size() > max) text += " or " + std::to_string(answers.size() - max) + " more";
    return text.empty() ? "no answer" : text;
}

// The slots to show, in their order: the `max` with the largest weight of any head, supporting ones first.
static std::vector<Index> rows_of(const AttentionTrace& trace, std::span<const Index> support, std::size_t max) {
    std::vector<std::pair<double, Index>> slots;
    for (Index slot = 0; slot < trace.slots; ++slot) {
        double largest = std::ranges::find(support, slot) != support.end() ? 2 : 0;
        for (Index hop = 0; hop < trace.hops; ++hop)
            for (Index head = 0; head < trace.heads; ++head)
                largest = std::max(largest, double{trace.of(hop, head)[slot]});
        slots.emplace_back(-largest, slot);
    }
    if (slots.size() > max) {
        std::ranges::sort(slots);
        slots.resize(max);
    }
    std::vector<Index> rows;
    for (const auto& [weight, slot] : slots) rows.push_back(slot);
    std::ranges::sort(rows);
    return rows;
}

static HeatMap heat_map(const Model& model, const Batch& batch, const AttentionTrace& trace,
                        std::span<const Index> support) {
    constexpr std::size_t max_rows = 40;
    HeatMap map;
    const std::vector<Index> rows = rows_of(trace, support, max_rows);
    for (const Index slot : rows) {
        std::string text = text_of(model.vocabulary(), batch.slots.key[slot]);
        if (!std::ranges::equal(batch.slots.key[slot], batch.slots.value[slot]))
            text += " -> " + text_of(model.vocabulary(), batch.slots.value[slot]);
        map.rows.push_back(
            {std::to_string(slot + 1), std::move(text), std::ranges::find(support, slot) != support.end()});
    }
    for (Index hop = 0; hop < trace.hops; ++hop) {
        HeatMap::Group& group = map.groups.emplace_back();
        group.name = "hop " + std::to_string(hop + 1);
        for (Index head = 0; head < trace.heads; ++head) {
            HeatMap::Column& column = group.columns.emplace_back();
            column.name = std::to_string(head + 1);
            for (const Index slot : rows) column.weights.push_back(double{trace.of(hop, head)[slot]});
        }
    }
    return map;
}

// For a model that follows facts, the weights of the question's words in each hop.
static HeatMap word_map(const Model& model, const Batch& batch, std::span<const Real> words) {
    HeatMap map;
    const auto tokens = static_cast<std::size_t>(batch.question[0].size());
    for (std::size_t t = 0; t < tokens; ++t)
        map.rows.push_back({std::to_string(t + 1), model.vocabulary().text(batch.question[0][t]), false});
    for (std::size_t first = 0; first < words.size(); first += tokens) {
        HeatMap::Group& group = map.groups.emplace_back();
        group.name = "hop " + std::to_string(first / tokens + 1);
        HeatMap::Column& column = group.columns.emplace_back();
        column.name = "1";
        for (std::size_t t = 0; t < tokens; ++t) column.weights.push_back(double{words[first + t]});
    }
    return map;
}

static Example example_of(const ModelSource& source, const Split& split, const Retriever& retriever, Index question,
                          bool right) {
    const Model& model = *source.model;
    const auto at = static_cast<std::size_t>(question);
    Batch batch;
    add_example(batch, source.memory, split, question, retriever);
    Tape tape;
    tape.set_training(false);
    Matrix scores(1, static_cast<Index>(model.candidates().size()));
    AttentionTrace trace;
    model.score(tape, batch, scores, &trace);
    softmax(scores);
    Example example;
    example.question = text_of(model.vocabulary(), batch.question[0]);
    example.expected = joined(model.vocabulary(), batch.answer[0]);
    example.right = right;
    example.slots = batch.slots.size();
    if (!split.task.empty()) example.task = source.memory.tasks[static_cast<std::size_t>(split.task[at])];
    const auto best = std::ranges::max_element(scores.view().span());
    if (scores.cols() > 0) {
        example.weight = double{*best};
        example.answer =
            model.vocabulary().text(model.candidates()[static_cast<std::size_t>(best - scores.view().span().begin())]);
    }
    const auto support = split.support.size() > 0 ? split.support[question] : std::span<const Index>();
    if (trace.words.empty()) {
        example.reads = heat_map(model, batch, trace, support);
        return example;
    }
    example.reads = word_map(model, batch, trace.words[0]);
    for (const FactPath& path : trace.paths[0]) {
        example.path = text_of(named(model.vocabulary(), path));
        example.weight = double{path.weight};
    }
    return example;
}

std::vector<Example> choose_examples(std::span<const ModelSource> sources, const std::string& split_name,
                                     const Evaluation& evaluation, Index count) {
    std::vector<Example> examples;
    std::map<std::size_t, Retriever> retrievers;  // by source
    for (const auto& [source, question] : choose(evaluation, count)) {
        const ModelSource& from = sources[source];
        const Retriever& retriever =
            retrievers.try_emplace(source, from.memory.memory, from.model->vocabulary(), from.model->retrieval())
                .first->second;
        const Outcome& outcome = evaluation.outcomes[source][static_cast<std::size_t>(question)];
        examples.push_back(example_of(from, from.memory.split(split_name), retriever, question, outcome.rank == 1));
    }
    return examples;
}

}  // namespace kvmem::apps
