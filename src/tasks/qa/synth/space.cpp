// Tasks 4 and 17 to 19: rooms of a ship that lie next to each other, things that hang on a wall, vessels of all sizes.
#include "tasks/qa/synth/makers.hpp"

#include <array>
#include <cstdlib>

namespace kvmem::synth {

static constexpr Word rooms[] = {"galley", "bridge", "hold", "cabin", "pantry", "sickbay", "armoury"};
static constexpr Word courses[] = {"fore", "port", "aft", "starboard"};  // i and i + 2 are opposite

static constexpr std::size_t opposite(std::size_t course) { return (course + 2) % 4; }

// "a lies just `course` of b"
struct Passage {
    std::size_t a, course, b;
    int line;
};

struct Cell {
    int x, y;
    Cell next(std::size_t course) const {
        constexpr std::array<int, 4> dx{0, -1, 0, 1}, dy{1, 0, -1, 0};
        return {x + dx[course], y + dy[course]};
    }
    bool touches(Cell other) const { return std::abs(x - other.x) + std::abs(y - other.y) <= 1; }
};

// Rooms on a grid that are neighbours only where a passage says so: each later room touches exactly one earlier room.
struct Deck {
    std::vector<Word> names;
    std::vector<Passage> passages;
};

static Deck build_deck(Rng& rng, std::size_t count) {
    Deck deck{sample(rng, rooms, count), {}};
    std::vector<Cell> cells{{0, 0}};
    while (cells.size() < count) {
        const auto old = below(rng, cells.size());
        const auto course = below(rng, 4);
        const Cell cell = cells[old].next(course);
        if (std::count_if(cells.begin(), cells.end(), [&](Cell c) { return c.touches(cell); }) != 1) continue;
        deck.passages.push_back({cells.size(), course, old, 0});
        cells.push_back(cell);
    }
    rng.shuffle(std::span(deck.passages));
    return deck;
}

static void turn(Passage& p) { p = {p.b, opposite(p.course), p.a, p.line}; }

static void tell_deck(Story& story, Rng& rng, Deck& deck) {
    for (Passage& p : deck.passages) {
        if (chance(rng, 0.5)) turn(p);
        const Word a = deck.names[p.a], course = courses[p.course], b = deck.names[p.b];
        p.line = chance(rng, 0.5) ? story.tell({"The ", a, " lies just ", course, " of the ", b, "."})
                                  : story.tell({"Just ", course, " of the ", b, " comes the ", a, "."});
    }
}

void two_arguments(Story& story, Rng& rng) {
    Deck deck = build_deck(rng, 4);
    tell_deck(story, rng, deck);
    for (int i = 0; i < 2; ++i) {
        Passage& p = deck.passages[i];  // they are in random order
        if (chance(rng, 0.5)) turn(p);
        const Word a = deck.names[p.a], course = courses[p.course], b = deck.names[p.b];
        if (chance(rng, 0.5))
            story.ask({"Which room lies just ", course, " of the ", b, "?"}, a, {p.line});
        else
            story.ask({"The ", a, " lies just ", course, " of which room?"}, b, {p.line});
    }
}

void paths(Story& story, Rng& rng) {
    Deck deck = build_deck(rng, 6);
    tell_deck(story, rng, deck);
    for (;;) {  // a ship of six rooms has two passages that meet
        Passage first = pick(rng, deck.passages), second = pick(rng, deck.passages);
        if (first.line == second.line) continue;
        if (chance(rng, 0.5)) turn(first);
        if (chance(rng, 0.5)) turn(second);
        if (first.a != second.b) continue;
        // From first.b to first.a, which is second.b, to second.a.
        const std::string answer = std::string(courses[first.course]) + "," + std::string(courses[second.course]);
        story.ask({"What is the way from the ", deck.names[first.b], " to the ", deck.names[second.a], "?"}, answer,
                  {first.line, second.line});
        return;
    }
}

// The lines of the links between two members of a chain.
static Ids between(std::span<const int> lines, std::size_t from, std::size_t to) {
    const auto part = lines.subspan(from, to - from);
    return Ids(part.begin(), part.end());
}

void positions(Story& story, Rng& rng) {
    static constexpr Word decor[] = {"silver cup", "wooden mask", "glass bell", "clay plate",
                                     "paper star", "straw hat",   "iron key",   "velvet purse"};
    static constexpr Word sides[] = {" over ", " left of ", " under ", " right of "};
    static constexpr Word asked[] = {"higher up", "further left", "lower down", "further right"};
    constexpr std::size_t count = 4;
    const auto hung = sample(rng, decor, count);
    std::array<std::size_t, count - 1> side{};  // the side of thing i on which i + 1 hangs
    for (std::size_t i = 0; i < side.size(); ++i) do
            side[i] = below(rng, 4);
        while (i > 0 && side[i] == opposite(side[i - 1]));  // opposite links would leave the ends without comparison
    std::array<int, count - 1> lines{};
    for (const std::size_t i : shuffled(rng, count - 1))
        lines[i] =
            chance(rng, 0.5)
                ? story.tell({"The ", hung[i + 1], " hangs straight", sides[side[i]], "the ", hung[i], "."})
                : story.tell({"The ", hung[i], " hangs straight", sides[opposite(side[i])], "the ", hung[i + 1], "."});
    while (story.questions() < 4) {
        const auto from = below(rng, 2), to = from + 2 + (from == 0 && chance(rng, 0.3));
        const auto way = below(rng, 4);
        const auto steps = std::span(side).subspan(from, to - from);
        const bool along = std::count(steps.begin(), steps.end(), way) > 0;
        const bool back = std::count(steps.begin(), steps.end(), opposite(way)) > 0;
        if (along == back) continue;            // no link, or opposite links, on this axis
        const bool forward = chance(rng, 0.5);  // the order of the two in the question
        story.ask({"Does the ", hung[forward ? to : from], " hang ", asked[way], " than the ",
                   hung[forward ? from : to], "?"},
                  forward == along ? "yes" : "no", between(lines, from, to));
    }
}

void sizes(Story& story, Rng& rng) {
    static constexpr Word vessels[] = {"barrel", "bucket", "crate", "flask", "jug", "kettle", "sack", "trunk"};
    constexpr std::size_t count = 5;
    const auto rising = sample(rng, vessels, count);
    std::array<int, count - 1> lines{};  // line i compares i with i + 1
    for (const std::size_t i : shuffled(rng, count - 1))
        lines[i] = chance(rng, 0.5) ? story.tell({"The ", rising[i], " disappears within the ", rising[i + 1], "."})
                                    : story.tell({"The ", rising[i + 1], " is roomier than the ", rising[i], "."});
    while (story.questions() < 4) {
        const auto small = below(rng, 3), large = small + 2 + below(rng, count - 2 - small);
        const bool yes = chance(rng, 0.5), within = chance(rng, 0.5);
        const Word first = rising[within == yes ? small : large], second = rising[within == yes ? large : small];
        const Word verb = within ? "Could" : "Is", relation = within ? "disappear within" : "roomier than";
        story.ask({verb, " the ", first, " ", relation, " the ", second, "?"}, yes ? "yes" : "no",
                  between(lines, small, large));
    }
}

}  // namespace kvmem::synth
