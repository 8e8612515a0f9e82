#include "tasks/qa/synth/world.hpp"

#include <utility>

namespace kvmem::synth {

static constexpr Phrase takes[] = {
    {" collected the ", "."}, {" seized the ", "."}, {" lifted the ", " off the floor."}};
static constexpr Phrase puts[] = {{" let go of the ", "."}, {" abandoned the ", "."}, {" set the ", " on the floor."}};
static constexpr std::size_t max_held = 3;

World::World(Story& story, Rng& rng, std::size_t thing_count) : story_(story), rng_(rng) {
    for (const Person& person : sample(rng, people, cast)) actors.push_back({person, {}, {}});
    for (const Word name : sample(rng, synth::things, thing_count)) things.push_back({.name = name});
}

std::pair<std::size_t, std::size_t> World::any_two() {
    const std::size_t first = any_actor(), step = static_cast<std::size_t>(rng_.below(cast - 1));
    return {first, (first + 1 + step) % cast};
}

Word World::any_place(Word other) {
    for (;;)
        if (const Word place = pick(rng_, places); place != other) return place;
}

Actor& World::any_placed() {
    for (;;)
        if (Actor& actor = pick(rng_, actors); !actor.place.empty()) return actor;
}

std::size_t World::walk(std::size_t actor) {
    const Word place = any_place(actors[actor].place);
    arrive(actor, place, {story_.tell({actors[actor].person.name, pick(rng_, walks), place, "."})});
    return actor;
}

void World::arrive(std::size_t actor, Word place, Ids proof) {
    const Actor before = std::exchange(actors[actor], {actors[actor].person, place, proof});
    for (Thing* thing : held_by(actor)) {
        Ids moved = thing->proof;
        moved.insert(moved.end(), before.proof.begin(), before.proof.end());
        moved.insert(moved.end(), proof.begin(), proof.end());
        thing->stays.push_back({place, before.place, std::move(moved)});
    }
}

void World::act(const Habits& habits) {
    const std::size_t actor = any_actor();
    const Word place = actors[actor].place;
    if (place.empty()) return void(walk(actor));
    const std::vector<Thing*> held = held_by(actor);
    if (held.size() < max_held && chance(rng_, habits.take))
        if (Thing* thing = any_free_thing(place)) return take(actor, *thing);
    if (!held.empty() && chance(rng_, habits.put)) return put(actor, *pick(rng_, held));
    if (!held.empty() && chance(rng_, habits.give))
        if (const auto other = any_actor();
            other != actor && actors[other].place == place && held_by(other).size() < max_held)
            return void(give(actor, other, *pick(rng_, held)));
    walk(actor);
}

void World::take(std::size_t actor, Thing& thing) {
    const Phrase phrase = pick(rng_, takes);
    const int line = story_.tell({actors[actor].person.name, phrase.before, thing.name, phrase.after});
    thing.holder = actor;
    thing.proof = {line};
    thing.touched[actor] = line;
    if (thing.stays.empty()) thing.stays.push_back({actors[actor].place, {}, {}});
}

void World::put(std::size_t actor, Thing& thing) {
    const Phrase phrase = pick(rng_, puts);
    const int line = story_.tell({actors[actor].person.name, phrase.before, thing.name, phrase.after});
    thing.holder.reset();
    thing.place = actors[actor].place;
    thing.proof = actors[actor].proof;
    thing.proof.push_back(line);
    thing.touched[actor] = line;
}

int World::give(std::size_t from, std::size_t to, Thing& thing) {
    const Word giver = actors[from].person.name, receiver = actors[to].person.name;
    int line = 0;
    switch (rng_.below(3)) {
        case 0:
            line = story_.tell({giver, " entrusted the ", thing.name, " to ", receiver, "."});
            break;
        case 1:
            line = story_.tell({giver, " presented ", receiver, " with the ", thing.name, "."});
            break;
        default:
            line = story_.tell({giver, " lent the ", thing.name, " to ", receiver, "."});
    }
    thing.holder = to;
    thing.proof = {line};
    thing.touched[from] = thing.touched[to] = line;
    return line;
}

std::vector<Thing*> World::held_by(std::size_t actor) {
    std::vector<Thing*> held;
    for (Thing& thing : things)
        if (thing.holder == actor) held.push_back(&thing);
    return held;
}

Ids World::touched_by(std::size_t actor) const {
    Ids lines;
    for (const Thing& thing : things)
        if (thing.touched[actor] != 0) lines.push_back(thing.touched[actor]);
    return lines;
}

Thing* World::any_free_thing(Word place) {
    std::vector<Thing*> free;
    for (Thing& thing : things)
        if (!thing.holder && (thing.place.empty() || thing.place == place)) free.push_back(&thing);
    return free.empty() ? nullptr : pick(rng_, free);
}

}  // namespace kvmem::synth
