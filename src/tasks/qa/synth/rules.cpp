// Tasks 15, 16 and 20: rules to apply, to find, or to know: mistrust between kinds, food of kinds, motives of people.
#include "tasks/qa/synth/makers.hpp"
#include "tasks/qa/synth/world.hpp"

namespace kvmem::synth {

static constexpr Word kinds[] = {"badger", "heron", "lynx", "ferret", "gecko", "panda", "tapir"};
static constexpr Word pets[] = {"Biscuit", "Comet", "Dusty", "Pepper", "Tinker", "Waffle", "Zigzag"};

struct Pet {
    Word name;
    std::size_t kind;  // its number among the kinds of the story
    int line = 0;
};

static int tell_kind(Story& story, Rng& rng, Word name, Word kind) {
    return chance(rng, 0.5) ? story.tell({name, " belongs to the ", kind, " family."})
                            : story.tell({"The ", kind, " over there answers to ", name, "."});
}

void deduction(Story& story, Rng& rng) {
    constexpr std::size_t rules = 4;
    const auto named = sample(rng, kinds, rules);
    std::vector<Pet> all;
    for (const Word name : sample(rng, pets, 4)) all.push_back({name, below(rng, rules)});
    std::vector<std::size_t> mistrusted;
    for (std::size_t kind = 0; kind < rules; ++kind)  // one of the others
        mistrusted.push_back((kind + 1 + below(rng, rules - 1)) % rules);

    std::array<int, rules> rule_lines{};
    for (const std::size_t next : shuffled(rng, rules + all.size()))  // rules, then pets
        if (next < rules)
            rule_lines[next] = story.tell({"Every ", named[next], " mistrusts any ", named[mistrusted[next]], "."});
        else
            all[next - rules].line = tell_kind(story, rng, all[next - rules].name, named[all[next - rules].kind]);
    rng.shuffle(std::span(all));
    for (const Pet& pet : all)
        story.ask({"What sort of creature does ", pet.name, " mistrust?"}, named[mistrusted[pet.kind]],
                  {pet.line, rule_lines[pet.kind]});
}

void induction(Story& story, Rng& rng) {
    static constexpr Word foods[] = {"figs", "nuts", "melons", "carrots", "berries", "clover"};
    constexpr std::size_t groups = 3;
    const auto named = sample(rng, kinds, groups);
    std::vector<Pet> all;  // first a pet of each kind as example, then one to ask about
    for (const Word name : sample(rng, pets, 2 * groups)) all.push_back({name, all.size() % groups});
    std::vector<Word> eaten;
    for (std::size_t kind = 0; kind < groups; ++kind) eaten.push_back(pick(rng, foods));

    std::array<int, groups> meal_lines{};
    for (const std::size_t next : shuffled(rng, all.size() + groups))  // pets, then meals
        if (next < all.size())
            all[next].line = tell_kind(story, rng, all[next].name, named[all[next].kind]);
        else
            meal_lines[next - all.size()] =
                story.tell({all[next - all.size()].name, " eats nothing but ", eaten[next - all.size()], "."});
    const std::size_t first = below(rng, groups);
    for (std::size_t i = 0; i < 2; ++i) {
        const std::size_t kind = (first + i) % groups;
        const Pet &example = all[kind], &asked = all[groups + kind];
        story.ask({"What would ", asked.name, " eat?"}, eaten[kind], {example.line, meal_lines[kind], asked.line});
    }
}

struct Motive {
    Word feeling, place, thing;
};

static constexpr Motive motives[] = {{"chilly", "sauna", "blanket"}, {"curious", "museum", "guidebook"},
                                     {"muddy", "washhouse", "soap"}, {"injured", "clinic", "bandage"},
                                     {"penniless", "bank", "coin"},  {"homesick", "station", "ticket"}};

void motivations(Story& story, Rng& rng) {
    struct Errand {
        Word name;
        Motive motive;
        int done = 0;  // steps done of three: asked, gone, taken
        int line = 0;  // of the feeling
    };
    std::vector<Errand> errands;
    for (const Person& person : sample(rng, people, 4)) errands.push_back({person.name, pick(rng, motives)});
    const auto feel = [&](Errand& errand) {
        const Word verb = chance(rng, 0.5) ? " feels " : " has become ";
        errand.line = story.tell({errand.name, verb, errand.motive.feeling, "."});
    };
    for (std::size_t i = 0; i + 1 < errands.size(); ++i) feel(errands[i]);
    for (std::size_t left = 3 * errands.size(); left > 0; --left) {
        std::vector<Errand*> open;
        for (Errand& errand : errands)
            if (errand.done < 3 && (errand.line != 0 || story.questions() > 0)) open.push_back(&errand);
        Errand& errand = *pick(rng, open);
        const auto& [feeling, place, thing] = errand.motive;
        if (errand.line == 0) feel(errand);
        if (errand.done == 0) {
            story.ask({"To which place is ", errand.name, " likely to turn?"}, place, {errand.line});
        } else if (errand.done == 1) {
            story.tell({errand.name, pick(rng, walks), place, "."});
            story.ask({"What made ", errand.name, " seek the ", place, "?"}, feeling, {errand.line});
        } else {
            story.tell({errand.name, " collected the ", thing, "."});
            story.ask({"What made ", errand.name, " collect the ", thing, "?"}, feeling, {errand.line});
        }
        ++errand.done;
    }
}

}  // namespace kvmem::synth
