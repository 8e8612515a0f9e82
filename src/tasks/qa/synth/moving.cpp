// Tasks 1 to 3 and 5 to 8: where people and things are, who gave what to whom, who holds what.
#include "tasks/qa/synth/makers.hpp"
#include "tasks/qa/synth/world.hpp"

#include <map>
#include <utility>

namespace kvmem::synth {

void one_fact(Story& story, Rng& rng) {
    World world(story, rng);
    while (story.questions() < questions_per_story) {
        for (int i = 0; i < 2; ++i) world.walk();
        world.ask_place(world.any_placed());
    }
}

void yes_no(Story& story, Rng& rng) {
    World world(story, rng);
    while (story.questions() < questions_per_story) {
        for (int i = 0; i < 2; ++i) world.walk();
        const Actor& actor = world.any_placed();
        const bool yes = chance(rng, 0.5);
        const Word place = yes ? actor.place : world.any_place(actor.place);
        story.ask({"Can ", actor.person.name, " be found at the ", place, "?"}, yes ? "yes" : "no", actor.proof);
    }
}

void two_facts(Story& story, Rng& rng) {
    World world(story, rng, 3);
    while (story.questions() < questions_per_story) {
        std::vector<const Thing*> known;
        for (int i = 0; i < 3 || known.empty(); ++i) {
            world.act({.take = 0.5, .put = 0.3, .give = 0});
            known.clear();
            for (const Thing& thing : world.things)
                if (!thing.proof.empty()) known.push_back(&thing);
        }
        const Thing& thing = *pick(rng, known);
        Ids proof = thing.proof;
        Word place = thing.place;
        if (thing.holder) {
            const Actor& holder = world.actors[*thing.holder];
            place = holder.place;
            proof.insert(proof.end(), holder.proof.begin(), holder.proof.end());
        }
        story.ask({"Where would one find the ", thing.name, "?"}, place, std::move(proof));
    }
}

// The stays of all things that came from a known place to a place where they have been only once.
static std::vector<std::pair<const Thing*, const Stay*>> single_arrivals(const World& world) {
    std::vector<std::pair<const Thing*, const Stay*>> found;
    for (const Thing& thing : world.things)
        for (const Stay& stay : thing.stays) {
            const auto here = [&](const Stay& other) { return other.place == stay.place; };
            if (!stay.from.empty() && std::count_if(thing.stays.begin(), thing.stays.end(), here) == 1)
                found.emplace_back(&thing, &stay);
        }
    return found;
}

void three_facts(Story& story, Rng& rng) {
    World world(story, rng, 3);
    while (story.questions() < questions_per_story) {
        auto arrivals = single_arrivals(world);
        for (int i = story.questions() == 0 ? -6 : 0; i < 3 || arrivals.empty(); ++i) {
            world.act({.take = 0.5, .put = 0.25, .give = 0});
            arrivals = single_arrivals(world);
        }
        const auto [thing, stay] = pick(rng, arrivals);
        story.ask({"From where was the ", thing->name, " brought to the ", stay->place, "?"}, stay->from, stay->proof);
    }
}

struct Gift {
    Word giver, thing, receiver;
    int line;
};

// Asks for one part of a gift by the other two. Gives false if no two parts determine the third.
static bool ask_gift(Story& story, Rng& rng, const std::vector<Gift>& gifts) {
    std::vector<std::pair<Gift, int>> askable;
    for (const Gift& gift : gifts)
        for (int asked = 0; asked < 3; ++asked) {
            const auto fits = [&](const Gift& other) {
                return (asked == 0 || other.giver == gift.giver) && (asked == 1 || other.thing == gift.thing) &&
                       (asked == 2 || other.receiver == gift.receiver);
            };
            if (std::count_if(gifts.begin(), gifts.end(), fits) == 1) askable.emplace_back(gift, asked);
        }
    if (askable.empty()) return false;
    const auto& [gift, asked] = pick(rng, askable);
    const auto& [giver, thing, receiver, line] = gift;
    if (asked == 0) story.ask({"Who provided ", receiver, " with the ", thing, "?"}, giver, {line});
    if (asked == 1) story.ask({"With what did ", giver, " provide ", receiver, "?"}, thing, {line});
    if (asked == 2) story.ask({"Whom did ", giver, " provide with the ", thing, "?"}, receiver, {line});
    return true;
}

// An actor takes a random thing, or gives it away if it has a holder.
static void take_or_give(Rng& rng, World& world, std::vector<Gift>& gifts) {
    Thing& thing = pick(rng, world.things);
    auto [from, to] = world.any_two();
    if (!thing.holder) return world.take(from, thing);
    if (from != *thing.holder) to = std::exchange(from, *thing.holder);
    gifts.push_back(
        {world.actors[from].person.name, thing.name, world.actors[to].person.name, world.give(from, to, thing)});
}

void three_arguments(Story& story, Rng& rng) {
    World world(story, rng, 4);
    std::vector<Gift> gifts;
    while (story.questions() < questions_per_story) {
        for (int i = 0; i < 2 || gifts.empty(); ++i) take_or_give(rng, world, gifts);
        if (!ask_gift(story, rng, gifts))
            return;  // more gifts would not help; the first gift alone always allows a question
    }
}

static constexpr World::Habits gatherers{.take = 0.7, .put = 0.45, .give = 0.5};

// A random actor who ever touched a thing. Every number of held things is equally likely.
static std::size_t any_carrier(World& world, Rng& rng) {
    for (int i = 0;; ++i) {
        world.act(gatherers);
        std::map<std::size_t, std::vector<std::size_t>> by_count;
        for (std::size_t actor = 0; actor < cast; ++actor)
            if (!world.touched_by(actor).empty()) by_count[world.held_by(actor).size()].push_back(actor);
        if (i < 2 || by_count.empty()) continue;
        return pick(rng, std::next(by_count.begin(), rng.below(static_cast<Index>(by_count.size())))->second);
    }
}

void counting(Story& story, Rng& rng) {
    static constexpr Word numbers[] = {"none", "one", "two", "three"};
    World world(story, rng, 6);
    while (story.questions() < questions_per_story) {
        const std::size_t actor = any_carrier(world, rng);
        story.ask({"How many things does ", world.actors[actor].person.name, " hold?"},
                  numbers[world.held_by(actor).size()], world.touched_by(actor));
    }
}

void lists(Story& story, Rng& rng) {
    World world(story, rng, 6);
    while (story.questions() < questions_per_story) {
        const std::size_t actor = any_carrier(world, rng);
        std::vector<Word> names;
        for (const Thing* thing : world.held_by(actor)) names.push_back(thing->name);
        std::sort(names.begin(), names.end());
        std::string answer;
        for (const Word name : names) answer += (answer.empty() ? "" : ",") + std::string(name);
        story.ask({"Which things does ", world.actors[actor].person.name, " hold?"},
                  answer.empty() ? "nothing" : answer, world.touched_by(actor));
    }
}

}  // namespace kvmem::synth
