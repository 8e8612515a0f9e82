#include "answer_text.hpp"

#include "kvmem/core/text.hpp"
#include "program.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <ostream>

namespace kvmem::apps {

// A bar that fills a share of the width: "████▌     ".
static std::string bar(double share, int width) {
    static const char* const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int parts = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * width * 8));
    std::string text;
    for (int i = 0; i < parts / 8; ++i) text += "█";
    text += eighths[parts % 8];
    const int filled = parts / 8 + (parts % 8 != 0);
    return text + std::string(width - filled, ' ');
}

// The text of a slot: its key and value, or a sentence.
static std::string text_of(const Answer::ReadSlot& slot, std::span<const TextSlot> story) {
    if (slot.slot < std::ssize(story))
        return formatted("%3.0f  ", static_cast<double>(slot.slot + 1)) + printable(story[slot.slot].key);
    if (!slot.where.empty()) return printable(slot.sentence + " -> " + slot.value + "  " + slot.where);
    return printable(slot.value == slot.key ? slot.key
                                            : slot.key + " -> " + slot.value);  // a sentence is its own value
}

std::string question_text(const Vocabulary& vocabulary, std::span<const Token> tokens) {
    std::string text;
    for (const Token token : tokens) {
        const bool is_name = vocabulary.kind(token) == TokenKind::entity;
        text += (text.empty() ? "" : " ") + (is_name ? "[" + vocabulary.text(token) + "]" : vocabulary.text(token));
    }
    return printable(text);
}

static void print_head(std::ostream& out, const Answer::Head& head, std::span<const TextSlot> story) {
    for (const Answer::ReadSlot& slot : head.slots)
        out << "    " << formatted("%5.1f%%", 100 * slot.weight) << " " << bar(slot.weight, 10) << " "
            << text_of(slot, story) << "\n";
}

const char* level(double share) {
    static const char* const levels[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    return levels[std::lround(std::clamp(share, 0.0, 1.0) * 8)];
}

// Prints heads as columns, with a line for each slot that has at least 1 % of a head's weight. A dot stands for a slot
// that is not among the head's listed ones.
static void print_heads(std::ostream& out, const std::vector<Answer::Head>& heads, std::span<const TextSlot> story) {
    constexpr double next_to_nothing = 0.01;
    std::map<Index, std::string> texts;
    for (const Answer::Head& head : heads)
        for (const Answer::ReadSlot& slot : head.slots)
            if (slot.weight >= next_to_nothing) texts.emplace(slot.slot, text_of(slot, story));
    out << "  ";
    for (std::size_t i = 0; i < heads.size(); ++i) out << formatted(" head%2.0f", static_cast<double>(i + 1));
    out << "\n";
    for (const auto& [place, text] : texts) {
        out << "  ";
        for (const Answer::Head& head : heads) {
            const auto read = std::ranges::find(head.slots, place, &Answer::ReadSlot::slot);
            if (read == head.slots.end())
                out << "      ·";
            else
                out << formatted("%5.0f%%", 100 * read->weight) << level(read->weight);
        }
        out << "  " << text << "\n";
    }
}

std::string text_of(const Answer::Path& path) {
    std::string text = path.start;
    for (const Answer::Path::Step& step : path.steps)
        text += (step.reversed ? " ←" : " –") + step.relation + (step.reversed ? "– " : "→ ") + step.entity;
    return printable(text);
}

// Prints the steps of the first path with the question's words that chose them.
static void print_steps(std::ostream& out, const Answer& answer) {
    out << "  weight of each hop's relation, and of the words that chose it:\n";
    for (const Answer::Path::Step& step : answer.paths.front().steps) {
        out << "  hop " << step.hop << "  " << formatted("%5.1f%%", 100 * step.weight) << "  "
            << (step.reversed ? "←" : " ") << printable(step.relation) << (step.reversed ? " " : "→") << "  by";
        for (const Answer::ReadWord& word : answer.words[step.hop - 1])
            if (word.weight >= 0.1) out << " " << printable(word.text) << " " << formatted("%.0f%%", 100 * word.weight);
        out << "\n";
        if (!step.where.empty()) out << "         " << printable(step.where + "  " + step.sentence) << "\n";
    }
}

static void print_paths(std::ostream& out, const Answer& answer) {
    out << "  weight of each path:\n";
    for (std::size_t i = 0; i < answer.candidates.size(); ++i)
        out << "  " << formatted("%5.1f%%", 100 * answer.candidates[i].weight) << "  " << text_of(answer.paths[i])
            << "\n";
    if (const Index more = answer.as_good - std::ssize(answer.candidates); more > 0)
        out << "  and " << more << " more as good (--all shows them)\n";
    print_steps(out, answer);
}

// The names of the answer: one, or "35 answers: Aland, Andorra, ...".
static std::string text_of_set(const std::vector<std::string>& names, Index count) {
    if (count < 2) return printable(names.front());
    return plural(count, "answer") + ": " + printable(joined(names)) + (std::ssize(names) < count ? ", ..." : "");
}

std::vector<std::string> answers_of(const Answer& answer) {
    std::vector<std::string> names;
    if (answer.refused || answer.candidates.empty()) return names;
    const Index count = answer.paths.empty() ? 1 : std::min(answer.as_good, std::ssize(answer.candidates));
    for (Index i = 0; i < count; ++i) names.push_back(answer.candidates[static_cast<std::size_t>(i)].text);
    return names;
}

// Prints a line for the answer; of a list of names, one for each of them that begins a path.
static void print_answer(std::ostream& out, const Answer& answer) {
    if (answer.refused) {
        out << "nothing here answers that (certainty " << formatted("%.0f%%", 100 * answer.certainty)
            << "); what comes nearest:\n";
        return;
    }
    constexpr double sure = 0.15;  // what answers in new phrasings of much training data reach
    if (answer.certainty < sure) out << "not sure (certainty " << formatted("%.0f%%", 100 * answer.certainty) << "): ";
    const std::vector<std::string> names = answers_of(answer);
    if (!answer.is_list) {
        out << text_of_set(names, answer.paths.empty() ? 1 : answer.as_good) << "\n";
        return;
    }
    for (std::size_t begin = 0, end = 0; begin < names.size(); begin = end) {
        while (end < names.size() && answer.paths[end].start == answer.paths[begin].start) ++end;
        const std::vector<std::string> mine(names.begin() + static_cast<std::ptrdiff_t>(begin),
                                            names.begin() + static_cast<std::ptrdiff_t>(end));
        out << text_of_set(mine, std::ssize(mine)) << "\n";
    }
}

void print(std::ostream& out, const Answer& answer, std::span<const TextSlot> story) {
    if (!answer.taken_for.empty()) out << "taken for: " << printable(answer.taken_for) << "\n";
    if (!answer.unknown_words.empty()) out << "unknown words: " << printable(joined(answer.unknown_words)) << "\n";
    if (answer.entities.empty() && answer.local_slots == 0) {
        out << "no name that the memory knows in this question";
        if (!answer.suggestions.empty()) out << "; did you mean: " << printable(joined(answer.suggestions)) << "?";
        out << "\n";
    }
    if (answer.candidates.empty()) {
        if (!answer.entities.empty())
            out << (answer.words.empty() ? "the memory holds no answer about " : "the question leads nowhere from ")
                << printable(joined(answer.entities)) << "\n";
        return;
    }
    print_answer(out, answer);
    if (!answer.paths.empty()) {
        print_paths(out, answer);
        return;
    }
    for (const Answer::Candidate& c : answer.candidates)
        out << "  " << formatted("%7.2f", c.score) << "  " << formatted("%5.1f%%", 100 * c.weight) << "  "
            << printable(c.text) << "\n";
    for (std::size_t i = 0; i < answer.hops.size(); ++i) {
        out << "  hop " << i + 1 << " of " << answer.hops.size() << ", reading " << answer.slots
            << (story.empty()       ? answer.slots == 1 ? " memory" : " memories"
                : answer.slots == 1 ? " sentence"
                                    : " sentences");
        if (answer.unread > 0) out << ", the last of " << answer.slots + answer.unread;
        out << "\n";
        const std::vector<Answer::Head>& heads = answer.hops[i].heads;
        if (heads.size() == 1)
            print_head(out, heads.front(), story);
        else
            print_heads(out, heads, story);
    }
}

}  // namespace kvmem::apps
