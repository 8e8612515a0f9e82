// The world of tasks 1 to 3 and 6 to 13: people who walk between the places of a small town, and carry things.
//
// Every event is told as a sentence of the story and noted with that sentence's id, so that each answer comes with
// the lines that it follows from. Nothing is known of what was not told.
#pragma once

#include "tasks/qa/synth/story.hpp"

#include <array>
#include <optional>

namespace kvmem::synth {

struct Person {
    Word name, pronoun;
};

inline constexpr Person people[] = {{"Amara", "she"}, {"Ingrid", "she"}, {"Noor", "she"},
                                    {"Kofi", "he"},   {"Otto", "he"},    {"Rafael", "he"}};
inline constexpr Word places[] = {"mill", "harbour", "orchard", "library", "workshop", "market", "chapel"};
inline constexpr Word things[] = {"lantern", "compass", "teapot", "violin", "hammer", "kite"};
inline constexpr Word walks[] = {" walked to the ", " hurried to the ", " strolled over to the ", " came to the "};

inline constexpr std::size_t cast = 4;  // people of a story

struct Actor {
    Person person;
    Word place;  // last known, or empty
    Ids proof;   // the lines that it follows from
};

// A stay of a thing. `from` is the place before, empty for the first one; `proof` are the lines that the thing came
// here from there by.
struct Stay {
    Word place, from;
    Ids proof;
};

struct Thing {
    Word name;
    std::optional<std::size_t> holder{};  // an actor
    Word place{};                         // where it lies if nobody holds it; empty: nobody knows
    Ids proof{};                          // the lines that holder or place follow from
    std::vector<Stay> stays{};
    std::array<int, cast> touched{};  // by actor: the last line in which it came to them or left them, or 0
};

class World {
  public:
    World(Story& story, Rng& rng, std::size_t thing_count = 0);

    std::vector<Actor> actors;
    std::vector<Thing> things;

    std::size_t any_actor() { return static_cast<std::size_t>(rng_.below(cast)); }
    // Two different ones.
    std::pair<std::size_t, std::size_t> any_two();
    // Any place but `other`.
    Word any_place(Word other = {});
    // One whose place is known; there must be one.
    Actor& any_placed();

    // Somebody, or this actor, goes somewhere else; gives the actor.
    std::size_t walk() { return walk(any_actor()); }
    std::size_t walk(std::size_t actor);
    // Somebody walks, takes or puts down a thing, or gives it to somebody at the same place, as is possible.
    struct Habits {
        double take, put, give;  // probabilities, of those who have something to take, put or give
    };
    void act(const Habits& habits);

    void take(std::size_t actor, Thing& thing);
    void put(std::size_t actor, Thing& thing);
    int give(std::size_t from, std::size_t to, Thing& thing);  // gives the line
    // What was told with the line `proof`: the actor is at the place, with all that they hold.
    void arrive(std::size_t actor, Word place, Ids proof);

    std::vector<Thing*> held_by(std::size_t actor);
    // The last line of every thing that ever was with the actor: what they hold follows from these.
    Ids touched_by(std::size_t actor) const;

  private:
    Thing* any_free_thing(Word place);

    Story& story_;
    Rng& rng_;
};

}  // namespace kvmem::synth
