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
    const std::size_t first = any_actor(), step = below(rng_, cast - 1);
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

// Tells that an actor handles a thing, with a random phrase. Gives the line.
int World::tell_of(std::size_t actor, std::span<const Phrase> phrases, Thing& thing) {
    const Phrase phrase = pick(rng_, phrases);
    return thing.touched[actor] = story_.tell({actors[actor].person.name, phrase.before, thing.name, phrase.after});
}

void World::take(std::size_t actor, Thing& thing) {
    thing.proof = {tell_of(actor, takes, thing)};
    thing.holder = actor;
    if (thing.stays.empty()) thing.stays.push_back({actors[actor].place, {}, {}});
}

void World::put(std::size_t actor, Thing& thing) {
    const int line = tell_of(actor, puts, thing);
    thing.holder.reset();
    thing.place = actors[actor].place;
    thing.proof = actors[actor].proof;
    thing.proof.push_back(line);
}

int World::give(std::size_t from, std::size_t to, Thing& thing) {
    const Word giver = actors[from].person.name, receiver = actors[to].person.name;
    const Index form = rng_.below(3);
    const int line = form == 0   ? story_.tell({giver, " entrusted the ", thing.name, " to ", receiver, "."})
                     : form == 1 ? story_.tell({giver, " presented ", receiver, " with the ", thing.name, "."})
                                 : story_.tell({giver, " lent the ", thing.name, " to ", receiver, "."});
    thing.holder = to;
    thing.proof = {line};
    thing.touched[from] = thing.touched[to] = line;
    return line;
}

void World::ask_place(const Actor& actor) {
    story_.ask({"Where can ", actor.person.name, " be found?"}, actor.place, actor.proof);
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
