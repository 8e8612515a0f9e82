// Tasks 9 to 14: where people are, told by negation, uncertainty, pronouns, conjunctions, and days of the week.
#include "tasks/qa/synth/makers.hpp"
#include "tasks/qa/synth/world.hpp"

namespace kvmem::synth {

static constexpr Word laters[] = {"A while later ", "Soon ", "Next ", "At length "};

// The contents of the last line about a person: at one of the places `may`, or anywhere else if `not_there`.
struct Report {
    Word name;
    std::vector<Word> may{};
    bool not_there = false;
    int line = 0;
};

static std::vector<Report> start_reports(Rng& rng) {
    std::vector<Report> reports;
    for (const Person& person : sample(rng, people, cast)) reports.push_back({.name = person.name});
    return reports;
}

static Report& any_report(Rng& rng, std::vector<Report>& reports) {
    for (;;)
        if (Report& report = pick(rng, reports); report.line != 0) return report;
}

static Word any_place_but(Rng& rng, const std::vector<Word>& excluded) {
    for (;;)
        if (const Word place = pick(rng, places); std::find(excluded.begin(), excluded.end(), place) == excluded.end())
            return place;
}

static void ask_report(Story& story, const Report& report, Word place, Word answer) {
    story.ask({"Can ", report.name, " be found at the ", place, "?"}, answer, {report.line});
}

static void tell_arrival(Story& story, Rng& rng, Report& report) {
    const Word place = any_place_but(rng, report.not_there ? std::vector<Word>{} : report.may);
    const int line = story.tell({report.name, pick(rng, walks), place, "."});
    report = {report.name, {place}, false, line};
}

void negation(Story& story, Rng& rng) {
    static constexpr Phrase absences[] = {{"There is no sign of ", " at the "}, {"Nobody can see ", " at the "}};
    std::vector<Report> reports = start_reports(rng);
    const auto tell = [&] {
        Report& report = pick(rng, reports);
        if (chance(rng, 0.6)) return tell_arrival(story, rng, report);
        const bool leaves = report.line != 0 && !report.not_there;
        const Word place = leaves ? report.may[0] : any_place_but(rng, report.may);
        const Phrase absence = pick(rng, absences);
        const int line = leaves && chance(rng, 0.5)
                             ? story.tell({report.name, " has left the ", place, "."})
                             : story.tell({absence.before, report.name, absence.after, place, "."});
        report = {report.name, {place}, true, line};
    };
    while (story.questions() < questions_per_story) {
        for (int i = 0; i < 2; ++i) tell();
        const Report& report = any_report(rng, reports);
        // Of a person who is only known not to be at a place, only that place can be asked.
        const bool yes = !report.not_there && chance(rng, 0.75);
        const Word place = yes || report.not_there ? report.may[0] : any_place_but(rng, report.may);
        ask_report(story, report, place, yes ? "yes" : "no");
    }
}

void indefinite(Story& story, Rng& rng) {
    std::vector<Report> reports = start_reports(rng);
    const auto tell = [&] {
        Report& report = pick(rng, reports);
        if (chance(rng, 0.5)) return tell_arrival(story, rng, report);
        const std::vector<Word> may = sample(rng, places, 2);
        const int line =
            chance(rng, 0.5)
                ? story.tell({report.name, " set off for the ", may[0], " or else for the ", may[1], "."})
                : story.tell({"It was the ", may[0], " or the ", may[1], " that ", report.name, " entered."});
        report = {report.name, may, false, line};
    };
    while (story.questions() < questions_per_story) {
        for (int i = 0; i < 2; ++i) tell();
        const Report& report = any_report(rng, reports);
        if (chance(rng, 1.0 / 3))
            ask_report(story, report, any_place_but(rng, report.may), "no");
        else
            ask_report(story, report, pick(rng, report.may), report.may.size() == 1 ? "yes" : "maybe");
    }
}

void coreference(Story& story, Rng& rng) {
    World world(story, rng);
    while (story.questions() < questions_per_story) {
        const std::size_t actor = world.walk();
        const Actor& known = world.actors[actor];
        const int named = known.proof[0];
        const Word place = world.any_place(known.place);
        const int line = story.tell({pick(rng, laters), known.person.pronoun, pick(rng, walks), place, "."});
        world.arrive(actor, place, {named, line});
        world.ask_place(chance(rng, 0.5) ? known : world.any_placed());
    }
}

// Two people walk to a place together. Gives the two.
static std::pair<std::size_t, std::size_t> walk_together(Story& story, Rng& rng, World& world) {
    const auto [first, second] = world.any_two();
    const Word place = world.any_place(world.actors[first].place);
    const int line = story.tell(
        {world.actors[first].person.name, " and ", world.actors[second].person.name, pick(rng, walks), place, "."});
    for (const std::size_t actor : {first, second}) world.arrive(actor, place, {line});
    return {first, second};
}

void conjunction(Story& story, Rng& rng) {
    World world(story, rng);
    while (story.questions() < questions_per_story) {
        for (int i = 0; i < 2; ++i) walk_together(story, rng, world);
        world.ask_place(world.any_placed());
    }
}

void compound_coreference(Story& story, Rng& rng) {
    static constexpr Word pairs[] = {"the two of them", "they both"};
    World world(story, rng);
    while (story.questions() < questions_per_story) {
        const auto [first, second] = walk_together(story, rng, world);
        const int named = world.actors[first].proof[0];
        const Word place = world.any_place(world.actors[first].place);
        const int line = story.tell({pick(rng, laters), pick(rng, pairs), pick(rng, walks), place, "."});
        for (const std::size_t actor : {first, second}) world.arrive(actor, place, {named, line});
        world.ask_place(world.any_placed());
    }
}

// The days of one person as far as they were told. Each place occurs at most once in a story.
struct Diary {
    Word name;
    std::vector<Word> places;         // by day
    std::array<int, 6> lines{};       // by day: of the story, or 0
    std::vector<std::size_t> days{};  // told days, rising
};

// The week lacks Sunday, since calendars disagree whether it is the first day or the last.
static constexpr Word week[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

static void tell_day(Story& story, Rng& rng, Diary& diary) {
    static constexpr Word visits[] = {" visited the ", " called at the ", " was seen at the "};
    if (diary.days.size() == std::size(week)) return;
    auto day = below(rng, std::size(week));
    while (diary.lines[day] != 0) day = (day + 1) % std::size(week);
    const Word visit = pick(rng, visits), place = diary.places[day];
    diary.lines[day] = chance(rng, 0.5) ? story.tell({"On ", week[day], " ", diary.name, visit, place, "."})
                                        : story.tell({diary.name, visit, place, " on ", week[day], "."});
    diary.days.insert(std::lower_bound(diary.days.begin(), diary.days.end(), day), day);
}

void days(Story& story, Rng& rng) {
    std::vector<Diary> diaries;
    for (const Person& person : sample(rng, people, cast))
        diaries.push_back({.name = person.name, .places = sample(rng, places, std::size(week))});
    while (story.questions() < questions_per_story) {
        for (int i = 0; i < 3; ++i) tell_day(story, rng, pick(rng, diaries));
        std::vector<const Diary*> askable;
        for (const Diary& diary : diaries)
            if (diary.days.size() >= 2) askable.push_back(&diary);
        if (askable.empty()) continue;
        const Diary& diary = *pick(rng, askable);
        const auto at = below(rng, diary.days.size() - 1);
        const std::size_t early = diary.days[at], late = diary.days[at + 1];
        const Ids support{diary.lines[early], diary.lines[late]};
        if (chance(rng, 0.5))
            story.ask({"Which place did ", diary.name, " last visit before the ", diary.places[late], "?"},
                      diary.places[early], support);
        else
            story.ask({"Which place did ", diary.name, " first visit after the ", diary.places[early], "?"},
                      diary.places[late], support);
    }
}

}  // namespace kvmem::synth
