// kvmem inspect of data sets of questions with candidate sentences.
#include "inspection.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/selection/dataset.hpp"
#include "program.hpp"
#include "task_verbs.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

namespace {

// A split in numbers.
struct SplitCounts {
    Index questions = 0, sentences = 0, right = 0, longest = 0;
    Index unanswered = 0, only_right = 0, first_right = 0;  // questions
    Index titles = 0;                                       // questions with a title
};

}  // namespace

static SplitCounts counts_of(const std::vector<SelectionQuestion>& questions) {
    SplitCounts counts{.questions = std::ssize(questions)};
    for (const SelectionQuestion& question : questions) {
        counts.sentences += question.size();
        counts.right += question.answers();
        counts.longest = std::max(counts.longest, question.size());
        counts.unanswered += question.answers() == 0;
        counts.only_right += question.answers() == question.size();
        counts.first_right += question.right.front();
        counts.titles += !question.title.empty();
    }
    return counts;
}

static void print_split(const std::string& name, const SplitCounts& counts) {
    std::cout << name << ": " << plural(counts.questions, "question") << ", " << plural(counts.sentences, "sentence")
              << ", " << counts.right << " of them right\n";
    print_row("without a right sentence", plural(counts.unanswered, "question"));
    print_row("without a wrong one", plural(counts.only_right, "question"));
    print_row("answered by the first sentence", plural(counts.first_right, "question"));
    print_row("with a title", plural(counts.titles, "question"));
    print_row("longest list", plural(counts.longest, "sentence"));
}

static json::object json_of(const SplitCounts& counts) {
    return {
        {"questions", counts.questions},      {"sentences", counts.sentences},      {"right", counts.right},
        {"without_right", counts.unanswered}, {"without_wrong", counts.only_right}, {"first_right", counts.first_right},
        {"with_title", counts.titles},        {"longest", counts.longest}};
}

// Prints the first questions of a split with their candidates, of which right ones are marked.
static void print_questions(const std::vector<SelectionQuestion>& questions, Index limit) {
    for (Index i = 0; i < std::min(limit, std::ssize(questions)); ++i) {
        const SelectionQuestion& question = questions[static_cast<std::size_t>(i)];
        std::cout << printable(question.text) << "\n";
        for (std::size_t c = 0; c < question.sentences.size(); ++c)
            std::cout << (question.right[c] ? "  + " : "  - ") << printable(question.sentences[c]) << "\n";
    }
}

void inspect_sentences(const std::filesystem::path& path, const po::variables_map& values) {
    const SentencesDataset data = load_sentences(path);
    if (values.count("questions")) {
        print_questions(data.split(values["questions"].as<std::string>()), values["limit"].as<Index>());
        return;
    }
    if (values.count("json")) {
        json::object splits;
        for (const auto& [name, questions] : data.splits) splits[name] = json_of(counts_of(questions));
        json::object all = info_json("kvmem-sentences", data.info);
        all["splits"] = std::move(splits);
        std::cout << json::serialize(all) << "\n";
        return;
    }
    print_info(data.info);
    for (const auto& [name, questions] : data.splits) print_split(name, counts_of(questions));
}

}  // namespace kvmem::apps
