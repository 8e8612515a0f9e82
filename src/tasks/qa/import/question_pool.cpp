#include "tasks/qa/import/question_pool.hpp"

#include "kvmem/core/rng.hpp"
#include "text/brackets.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <set>

namespace kvmem {

// Names the random stream of each choice, so that choices are independent.
enum PoolStream : std::uint64_t { division = 1, choice_of_held_out = 2, choice_of_training = 3 };

// The text with each [name] replaced by `mark`, and by the name behind it if `keep_name`. Throws Error for brackets
// that do not pair.
static std::string replace_marks(const RawQuestion& question, bool keep_name, std::string_view mark) {
    if (!brackets_match(question.text))
        throw question.loc.error("brackets do not pair", "[name]", "'" + std::string(question.text) + "'");
    std::string replaced;
    split_at_brackets(
        question.text, [&](std::string_view part) { replaced += part; },
        [&](std::string_view name) { replaced.append(mark).append(keep_name ? name : std::string_view()); });
    return replaced;
}

static std::string marked_phrasing(const RawQuestion& question) {
    if (question.text.find('[') == std::string::npos)
        throw question.loc.error("the question marks no name", "[name], to tell its phrasing",
                                 "'" + std::string(question.text) + "'", "or hold no phrasings out");
    return replace_marks(question, false, "[]");
}

void QuestionPool::add(std::string_view split, std::deque<RawQuestion> file) {
    for (; !file.empty(); file.pop_front()) entries_.push_back({split, files_, false, std::move(file.front())});
    ++files_;
}

// A share of `count`, clamped to [1, count - 2], so that the other two splits get some too.
static std::size_t share_of(std::size_t count, double share) {
    const auto wanted = static_cast<std::size_t>(std::round(share * static_cast<double>(count)));
    return std::clamp(wanted, std::size_t{1}, count - 2);
}

void QuestionPool::add_divided(std::deque<RawQuestion> file) {
    if (file.size() < 3)
        throw error_in(file.empty() ? std::string() : file.front().loc.source->name, "too few questions to divide",
                       "at least 3", std::to_string(file.size()));
    std::vector<std::size_t> order(file.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    Rng(seed_, {division, files_}).shuffle(std::span(order));
    const std::size_t valid = share_of(file.size(), valid_share), test = share_of(file.size(), test_share);
    std::vector<const char*> splits(file.size(), "train");
    for (std::size_t i = 0; i < valid + test; ++i) splits[order[i]] = i < valid ? "valid" : "test";
    for (std::size_t i = 0; i < file.size(); ++i) entries_.push_back({splits[i], files_, true, std::move(file[i])});
    ++files_;
}

void QuestionPool::take_validation(double fraction) {
    std::vector<Entry*> train;
    for (Entry& entry : entries_)
        if (entry.split == "train" && !entry.divided) train.push_back(&entry);
    const std::vector<bool> drawn = drawn_for_validation(train.size(), fraction, seed_);
    for (std::size_t i = 0; i < train.size(); ++i)
        if (drawn[i]) train[i]->split = "valid";
}

void QuestionPool::hold_out_phrasings(Index count) {
    std::vector<std::string> phrasings;  // of each entry
    std::map<Index, std::set<std::string>> by_type;
    for (const Entry& entry : entries_) {
        phrasings.push_back(marked_phrasing(entry.question));
        by_type[entry.question.task].insert(phrasings.back());
    }
    std::set<std::string> held_out;
    for (const auto& [type, all] : by_type) {
        std::vector<std::string> drawn(all.begin(), all.end());
        Rng(seed_, {choice_of_held_out, static_cast<std::uint64_t>(type)}).shuffle(std::span(drawn));
        drawn.resize(std::min(drawn.size() - 1, static_cast<std::size_t>(count)));
        held_out.insert(drawn.begin(), drawn.end());
    }
    if (held_out.empty())
        throw error_in({}, "no phrasing can be held out", "questions of one type in several phrasings", "one of each");
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        std::string_view& split = entries_[i].split;
        if (held_out.contains(phrasings[i]))
            split = "test";
        else if (split == "test")
            split = {};
    }
}

std::vector<QuestionPool::Entry*> QuestionPool::training_of(std::uint32_t file) {
    std::vector<Entry*> training;
    for (Entry& entry : entries_)
        if (entry.file == file && entry.split == "train") training.push_back(&entry);
    return training;
}

void QuestionPool::limit_training(Index count) {
    for (std::uint32_t file = 0; file < files_; ++file) {
        std::vector<Entry*> training = training_of(file);
        Rng(seed_, {choice_of_training, file}).shuffle(std::span(training));
        for (Index i = count; i < std::ssize(training); ++i) training[i]->split = {};
    }
}

void QuestionPool::take_marks_off(std::string_view split) {
    for (Entry& entry : entries_)
        if (split.empty() || entry.split == split)
            entry.question.text = builder_.keep(replace_marks(entry.question, true, ""));
}

void QuestionPool::give_all() {
    for (; !entries_.empty(); entries_.pop_front()) {
        Entry& entry = entries_.front();
        if (!entry.split.empty()) builder_.add_question(entry.split, std::move(entry.question));
    }
}

}  // namespace kvmem
