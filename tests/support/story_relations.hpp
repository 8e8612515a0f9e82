// The rest of the story reader: gifts, days, rules, motives, and relations in space.
#pragma once

#include "support/story_reader.hpp"

#include <tuple>

namespace kvmem::test {

// Task 5.
inline Answers gift_answers(const Lines& lines, const std::string& question) {
    struct Gift {
        std::string giver, thing, receiver;
    };
    std::vector<Gift> gifts;
    for (const auto& [id, text] : lines) {
        if (const auto g = match_any(text, {"* entrusted the * to *.", "* lent the * to *."}))
            gifts.push_back({(*g)[0], (*g)[1], (*g)[2]});
        else if (const auto h = match(text, "* presented * with the *."))
            gifts.push_back({(*h)[0], (*h)[2], (*h)[1]});
    }
    Answers all;
    for (const Gift& gift : gifts) {
        if (question == "Who provided " + gift.receiver + " with the " + gift.thing + "?") all.insert(gift.giver);
        if (question == "With what did " + gift.giver + " provide " + gift.receiver + "?") all.insert(gift.thing);
        if (question == "Whom did " + gift.giver + " provide with the " + gift.thing + "?") all.insert(gift.receiver);
    }
    return all;
}

// Task 14. A place that was visited twice has several answers.
inline Answers day_answers(const Lines& lines, const std::string& question) {
    static const Words week{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
    std::map<std::string, std::map<std::ptrdiff_t, std::string>> diaries;
    const auto note = [&](const std::string& name, const std::string& place, const std::string& day) {
        diaries[name][std::find(week.begin(), week.end(), day) - week.begin()] = place;
    };
    for (const auto& [id, text] : lines)
        if (const auto d =
                match_any(text, {"On * * visited the *.", "On * * called at the *.", "On * * was seen at the *."}))
            note((*d)[1], (*d)[2], (*d)[0]);
        else if (const auto e =
                     match_any(text, {"* visited the * on *.", "* called at the * on *.", "* was seen at the * on *."}))
            note((*e)[0], (*e)[1], (*e)[2]);
    Answers all;
    for (const auto& [name, diary] : diaries)
        for (auto late = diary.begin(), early = late++; late != diary.end(); early = late++) {
            if (question == "Which place did " + name + " last visit before the " + late->second + "?")
                all.insert(early->second);
            if (question == "Which place did " + name + " first visit after the " + early->second + "?")
                all.insert(late->second);
        }
    return all;
}

// Tasks 15, 16 and 20.
inline Answers rule_answers(const Lines& lines, const std::string& question) {
    static const std::map<std::string, std::string> places{{"chilly", "sauna"},    {"curious", "museum"},
                                                           {"muddy", "washhouse"}, {"injured", "clinic"},
                                                           {"penniless", "bank"},  {"homesick", "station"}};
    std::map<std::string, std::string> kinds, foods, feelings;
    std::multimap<std::string, std::string> mistrusted;
    for (const auto& [id, text] : lines)
        if (const auto k = match(text, "* belongs to the * family."))
            kinds[(*k)[0]] = (*k)[1];
        else if (const auto a = match(text, "The * over there answers to *."))
            kinds[(*a)[1]] = (*a)[0];
        else if (const auto r = match(text, "Every * mistrusts any *."))
            mistrusted.emplace((*r)[0], (*r)[1]);
        else if (const auto e = match(text, "* eats nothing but *."))
            foods[(*e)[0]] = (*e)[1];
        else if (const auto f = match_any(text, {"* feels *.", "* has become *."}))
            feelings[(*f)[0]] = (*f)[1];
    Answers all;
    if (const auto q = match(question, "What sort of creature does * mistrust?")) {
        const auto [begin, end] = mistrusted.equal_range(kinds[(*q)[0]]);
        for (auto rule = begin; rule != end; ++rule) all.insert(rule->second);
    } else if (const auto w = match(question, "What would * eat?")) {
        const std::string kind = kinds[(*w)[0]];
        for (const auto& [name, food] : foods)
            if (!kind.empty() && kinds[name] == kind) all.insert(food);
    } else if (const auto t = match(question, "To which place is * likely to turn?")) {
        if (feelings.count((*t)[0])) all.insert(places.at(feelings[(*t)[0]]));
    } else if (const auto m = match_any(question, {"What made * seek the *?", "What made * collect the *?"})) {
        if (feelings.count((*m)[0])) all.insert(feelings[(*m)[0]]);
    }
    return all;
}

using Point = std::pair<int, int>;

// Tasks 4 and 19. Rooms are neighbours when they lie so, whether or not a line says it.
inline Answers deck_answers(const Lines& lines, const std::string& question) {
    static const std::map<std::string, Point> courses{
        {"fore", {0, 1}}, {"aft", {0, -1}}, {"port", {-1, 0}}, {"starboard", {1, 0}}};
    std::vector<std::tuple<std::string, std::string, std::string>> facts;
    for (const auto& [id, text] : lines)
        if (const auto f = match(text, "The * lies just * of the *."))
            facts.emplace_back((*f)[0], (*f)[1], (*f)[2]);
        else if (const auto g = match(text, "Just * of the * comes the *."))
            facts.emplace_back((*g)[2], (*g)[0], (*g)[1]);

    // Where rooms lie, seen from one of them; of those that facts connect with it.
    const auto seen_from = [&](const std::string& room) {
        std::map<std::string, Point> at{{room, {0, 0}}};
        for (std::size_t round = 0; round < facts.size(); ++round)
            for (const auto& [a, course, b] : facts) {
                const auto [dx, dy] = courses.at(course);
                if (at.count(b)) at.insert({a, {at[b].first + dx, at[b].second + dy}});
                if (at.count(a)) at.insert({b, {at[a].first - dx, at[a].second - dy}});
            }
        return at;
    };
    Answers all;
    const auto add_rooms_at = [&](const std::string& room, Point there) {
        for (const auto& [name, point] : seen_from(room))
            if (point == there) all.insert(name);
    };
    if (const auto q = match(question, "Which room lies just * of the *?")) add_rooms_at((*q)[1], courses.at((*q)[0]));
    if (const auto q = match(question, "The * lies just * of which room?")) {
        const auto [dx, dy] = courses.at((*q)[1]);
        add_rooms_at((*q)[0], {-dx, -dy});
    }
    if (const auto q = match(question, "What is the way from the * to the *?")) {
        const auto at = seen_from((*q)[0]);
        if (!at.count((*q)[1])) return {};
        std::set<Point> free;
        for (const auto& [name, point] : at) free.insert(point);
        for (const auto& [first, d] : courses)  // ways of two steps
            for (const auto& [second, e] : courses)
                if (free.count(d) && Point{d.first + e.first, d.second + e.second} == at.at((*q)[1]))
                    all.insert(first + "," + second);
        for (const auto& [course, d] : courses)
            if (d == at.at((*q)[1])) all.insert(course);
    }
    return all;
}

// Tasks 17 and 18: what is known of the order of two things, through any chain of comparisons.
// `steps` are (from, to, axis, sign); 0 on the other axis. "yes" if `to` is on the side of sign from `from`.
class Comparisons {
  public:
    explicit Comparisons(const Lines& lines) {
        for (const auto& [id, text] : lines) read(text);
    }

    Answers answers(const std::string& question) const {
        if (const auto q = match(question, "Does the * hang higher up than the *?")) return ask((*q)[1], (*q)[0], 1, 1);
        if (const auto q = match(question, "Does the * hang lower down than the *?"))
            return ask((*q)[1], (*q)[0], 1, -1);
        if (const auto q = match(question, "Does the * hang further right than the *?"))
            return ask((*q)[1], (*q)[0], 0, 1);
        if (const auto q = match(question, "Does the * hang further left than the *?"))
            return ask((*q)[1], (*q)[0], 0, -1);
        if (const auto q = match(question, "Could the * disappear within the *?")) return ask((*q)[0], (*q)[1], 0, 1);
        if (const auto q = match(question, "Is the * roomier than the *?")) return ask((*q)[1], (*q)[0], 0, 1);
        return {};
    }

  private:
    struct Step {
        std::string from, to;
        int axis, sign;
    };

    void read(const std::string& text) {
        if (const auto f = match(text, "The * hangs straight over the *.")) add((*f)[1], (*f)[0], 1, 1);
        if (const auto f = match(text, "The * hangs straight under the *.")) add((*f)[1], (*f)[0], 1, -1);
        if (const auto f = match(text, "The * hangs straight right of the *.")) add((*f)[1], (*f)[0], 0, 1);
        if (const auto f = match(text, "The * hangs straight left of the *.")) add((*f)[1], (*f)[0], 0, -1);
        if (const auto f = match(text, "The * disappears within the *.")) add((*f)[0], (*f)[1], 0, 1);
        if (const auto f = match(text, "The * is roomier than the *.")) add((*f)[1], (*f)[0], 0, 1);
    }

    void add(const std::string& from, const std::string& to, int axis, int sign) {
        steps_.push_back({from, to, axis, sign});
        steps_.push_back({to, from, axis, -sign});
    }

    Answers ask(const std::string& from, const std::string& to, int axis, int sign) const {
        std::set<std::set<int>> ways;  // the signs along each
        walk(from, to, axis, {}, {from}, ways);
        Answers all;
        for (const std::set<int>& signs : ways)
            if (signs.size() < 2) all.insert(signs.count(sign) ? "yes" : "no");
        return all;
    }

    void walk(const std::string& here, const std::string& to, int axis, const std::set<int>& signs,
              const std::set<std::string>& visited, std::set<std::set<int>>& ways) const {
        if (here == to) return void(ways.insert(signs));
        for (const Step& step : steps_) {
            if (step.from != here || visited.count(step.to)) continue;
            auto more = signs;
            if (step.axis == axis) more.insert(step.sign);
            auto been = visited;
            been.insert(step.to);
            walk(step.to, to, axis, more, been, ways);
        }
    }

    std::vector<Step> steps_;
};

inline Answers answers_of(int task, const Lines& lines, const std::string& question) {
    switch (task) {
        case 4:
        case 19:
            return deck_answers(lines, question);
        case 5:
            return gift_answers(lines, question);
        case 14:
            return day_answers(lines, question);
        case 15:
        case 16:
        case 20:
            return rule_answers(lines, question);
        case 17:
        case 18:
            return Comparisons(lines).answers(question);
        default:
            return Town(lines).answers(question);
    }
}

}  // namespace kvmem::test
