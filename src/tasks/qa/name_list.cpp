// Questions that name several things, of which each is asked about.
#include "kvmem/tasks/qa/answerer.hpp"

#include <algorithm>
#include <span>

namespace kvmem {

// Words that join the last names of a list, in some languages. Those that mean "in" or "of" elsewhere are left out.
static bool is_conjunction(std::string_view word) {
    static constexpr std::string_view all[] = {"and", "or",  "und", "oder", "et", "ou", "y",  "o",  "e",  "og", "och",
                                               "и",   "или", "和",  "与",   "及", "或", "と", "や", "và", "ve"};
    return std::ranges::find(all, word) != std::end(all);
}

// ASCII signs between names of a list.
static constexpr std::string_view list_signs = ",;&/";

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Whether a text may have a list: a sign or a conjunction of one, or letters beyond ASCII. Most questions have none,
// and need not be searched for names.
static bool may_have_list(std::string_view text) {
    for (std::size_t at = 0, end = 0; at < text.size(); at = std::max(end, at + 1)) {
        if (static_cast<unsigned char>(text[at]) >= 0x80 || list_signs.find(text[at]) != list_signs.npos) return true;
        for (end = at; end < text.size() && is_letter(text[end]);) ++end;
        constexpr std::size_t longest = 4;  // of ASCII
        if (end == at || end - at > longest) continue;
        std::string word(text.substr(at, end - at));
        for (char& c : word) c = static_cast<char>(c | 0x20);  // to lower case
        if (is_conjunction(word)) return true;
    }
    return false;
}

// Whether what lies between two names joins them: at most one conjunction, or a sign.
static bool joins(std::string_view between, std::span<const TextPart> words) {
    if (words.size() > 1) return false;
    if (words.size() == 1) return is_conjunction(words[0].word);
    return between.find_first_of(list_signs) != between.npos || between.find("\u3001") != between.npos ||
           between.find("\uff0c") != between.npos;
}

// The byte where a name begins, with its bracket, and the one behind it.
static std::size_t begin_of(const std::string& text, const TextPart& name) {
    return name.begin - (name.begin > 0 && text[name.begin - 1] == '[' ? 1 : 0);
}
static std::size_t end_of(const std::string& text, const TextPart& name) {
    return name.end + (name.end < text.size() && text[name.end] == ']' ? 1 : 0);
}

std::vector<std::string> split_list(const EntityLinker& linker, const std::string& question) {
    if (!may_have_list(question)) return {question};
    const std::vector<TextPart> parts = linker.parts(question);
    std::vector<const TextPart*> list;  // the first list of two names or more
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].entities.empty()) continue;
        if (!list.empty()) {
            const auto before = static_cast<std::size_t>(list.back() - parts.data());
            const std::size_t begin = list.back()->end;
            const auto words = std::span(parts).subspan(before + 1, i - before - 1);
            if (joins(std::string_view(question).substr(begin, parts[i].begin - begin), words)) {
                list.push_back(&parts[i]);
                continue;
            }
            if (list.size() > 1) break;
        }
        list.assign(1, &parts[i]);
    }
    if (list.size() < 2) return {question};
    const std::string before = question.substr(0, begin_of(question, *list.front()));
    const std::string behind = question.substr(end_of(question, *list.back()));
    std::vector<std::string> questions;
    questions.reserve(list.size());
    for (const TextPart* name : list)
        questions.push_back(before + "[" + question.substr(name->begin, name->end - name->begin) + "]" + behind);
    return questions;
}

}  // namespace kvmem
