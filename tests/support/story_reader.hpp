// Reads stories and answers their questions from the sentences alone: the check of what `kvmem synth` makes.
//
// It knows what sentences mean, and nothing of how they were made. An answer is found from any choice of a story's
// lines, so that one can see whether the lines that are said to support an answer do.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::test {

using Words = std::vector<std::string>;
using Lines = std::map<int, std::string>;  // sentences by id
using Answers = std::set<std::string>;     // all that can be given; none when the lines do not tell

struct StoryQuestion {
    std::size_t story;  // which of the file
    int id;
    std::string text, answer;
    std::vector<int> support;
    Lines lines;  // told before it
};

struct StoryFileText {
    std::vector<Lines> stories;
    std::vector<StoryQuestion> questions;
};

// Of a well-formed file; of others, whatever comes.
inline StoryFileText read_stories(const std::string& text) {
    StoryFileText file;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        const std::size_t space = line.find(' '), tab = line.find('\t');
        const int id = std::stoi(line);
        if (id == 1) file.stories.emplace_back();
        if (tab == std::string::npos) {
            file.stories.back()[id] = line.substr(space + 1);
            continue;
        }
        const std::size_t second = line.find('\t', tab + 1);
        StoryQuestion question{file.stories.size() - 1,
                               id,
                               line.substr(space + 1, tab - space - 1),
                               line.substr(tab + 1, second - tab - 1),
                               {},
                               file.stories.back()};
        std::istringstream ids(line.substr(second + 1));
        for (int line_id; ids >> line_id;) question.support.push_back(line_id);
        file.questions.push_back(std::move(question));
    }
    return file;
}

// What stands for each * of the pattern, if the text fits it.
inline std::optional<Words> match(const std::string& text, const std::string& pattern) {
    Words found;
    std::size_t at = 0;
    for (std::size_t begin = 0;;) {
        const std::size_t star = pattern.find('*', begin);
        const std::string literal = pattern.substr(begin, star - begin);
        const std::size_t here = begin == 0 ? (text.starts_with(literal) ? 0 : std::string::npos)
                                 : star == std::string::npos
                                     ? (text.ends_with(literal) ? text.size() - literal.size() : std::string::npos)
                                     : text.find(literal, at);
        if (here == std::string::npos || here < at) return std::nullopt;
        if (begin != 0) found.push_back(text.substr(at, here - at));
        at = here + literal.size();
        if (star == std::string::npos) return found;
        begin = star + 1;
    }
}

// The first pattern that fits.
inline std::optional<Words> match_any(const std::string& text, const Words& patterns) {
    for (const std::string& pattern : patterns)
        if (auto found = match(text, pattern)) return found;
    return std::nullopt;
}

// Where people are, what they hold, and where things have been: tasks 1 to 3, 6 to 13.
class Town {
  public:
    explicit Town(const Lines& lines) {
        for (const auto& [id, text] : lines) read(id, text);
    }

    Answers answers(const std::string& question) const {
        if (const auto q = match(question, "Where can * be found?")) return single(whereabouts((*q)[0]));
        if (const auto q = match(question, "Can * be found at the *?")) return presence((*q)[0], (*q)[1]);
        if (const auto q = match(question, "Where would one find the *?")) return single(place_of((*q)[0]));
        if (const auto q = match(question, "From where was the * brought to the *?")) {
            const auto thing = brought_.find((*q)[0]);
            return thing == brought_.end() || !thing->second.count((*q)[1]) ? Answers{} : thing->second.at((*q)[1]);
        }
        if (const auto q = match(question, "How many things does * hold?"))
            return {Words{"none", "one", "two", "three"}.at(held((*q)[0]).size())};
        if (const auto q = match(question, "Which things does * hold?")) {
            std::string list;
            for (const std::string& thing : held((*q)[0])) list += (list.empty() ? "" : ",") + thing;
            return {list.empty() ? "nothing" : list};
        }
        return {};
    }

    // The last line on each thing that was ever with somebody.
    std::set<int> touched(const std::string& name) const {
        std::set<int> lines;
        for (const auto& [key, line] : touched_)
            if (key.first == name) lines.insert(line);
        return lines;
    }

  private:
    struct Whereabouts {
        std::set<std::string> may;
        bool absent = false;  // anywhere but there
    };

    static Answers single(const Whereabouts& w) { return !w.absent && w.may.size() == 1 ? w.may : Answers{}; }

    Whereabouts whereabouts(const std::string& name) const {
        const auto found = people_.find(name);
        return found == people_.end() ? Whereabouts{} : found->second;
    }

    Answers presence(const std::string& name, const std::string& place) const {
        const Whereabouts w = whereabouts(name);
        if (w.may.empty() || (w.absent && !w.may.count(place))) return {};
        return {w.absent || !w.may.count(place) ? "no" : w.may.size() == 1 ? "yes" : "maybe"};
    }

    Whereabouts place_of(const std::string& thing) const {
        if (const auto holder = holders_.find(thing); holder != holders_.end()) return whereabouts(holder->second);
        const auto lies = lying_.find(thing);
        return lies == lying_.end() ? Whereabouts{} : lies->second;
    }

    std::set<std::string> held(const std::string& name) const {
        std::set<std::string> all;
        for (const auto& [thing, holder] : holders_)
            if (holder == name) all.insert(thing);
        return all;
    }

    void read(int id, const std::string& text) {
        if (const auto f =
                match_any(text, {"There is no sign of * at the *.", "Nobody can see * at the *.", "* has left the *."}))
            people_[(*f)[0]] = {{(*f)[1]}, true};
        else if (const auto g = match(text, "* set off for the * or else for the *."))
            people_[(*g)[0]] = {{(*g)[1], (*g)[2]}};
        else if (const auto h = match(text, "It was the * or the * that * entered."))
            people_[(*h)[2]] = {{(*h)[0], (*h)[1]}};
        else if (const auto m = match_any(text, {"* walked to the *.", "* hurried to the *.",
                                                 "* strolled over to the *.", "* came to the *."}))
            arrive((*m)[0], (*m)[1]);
        else
            handle(id, text);
    }

    void arrive(const std::string& subject, const std::string& place) {
        if (const auto both = match(subject, "* and *"))
            mentioned_ = *both;
        else if (subject.find(' ') == std::string::npos)
            mentioned_ = {subject};  // otherwise "Soon she", "At length they both": those of the line before
        for (const std::string& name : mentioned_) {
            const Answers before = single(whereabouts(name));
            people_[name] = {{place}};
            for (const std::string& thing : held(name)) brought_[thing][place].insert(before.begin(), before.end());
        }
    }

    void handle(int id, const std::string& text) {
        if (const auto t =
                match_any(text, {"* lifted the * off the floor.", "* collected the *.", "* seized the *."})) {
            holders_[(*t)[1]] = (*t)[0];
            touched_[{(*t)[0], (*t)[1]}] = id;
        } else if (const auto p =
                       match_any(text, {"* set the * on the floor.", "* let go of the *.", "* abandoned the *."})) {
            holders_.erase((*p)[1]);
            lying_[(*p)[1]] = whereabouts((*p)[0]);
            touched_[{(*p)[0], (*p)[1]}] = id;
        } else if (const auto g = match_any(text, {"* entrusted the * to *.", "* lent the * to *."})) {
            give(id, (*g)[0], (*g)[1], (*g)[2]);
        } else if (const auto h = match(text, "* presented * with the *.")) {
            give(id, (*h)[0], (*h)[2], (*h)[1]);
        }
    }

    void give(int id, const std::string& giver, const std::string& thing, const std::string& receiver) {
        holders_[thing] = receiver;
        touched_[{giver, thing}] = touched_[{receiver, thing}] = id;
    }

    std::map<std::string, Whereabouts> people_, lying_;
    std::map<std::string, std::string> holders_;                     // by thing
    std::map<std::string, std::map<std::string, Answers>> brought_;  // thing, to: from
    std::map<std::pair<std::string, std::string>, int> touched_;     // person and thing
    Words mentioned_;
};

}  // namespace kvmem::test
