// The world of tasks 1 to 3 and 6 to 13: people who walk between the places of a small town, and carry things.
//
// Every event is a sentence of the story, and its effects carry the ids of the lines that prove them, so that each
// answer comes with its support. The world knows nothing that was not told.
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
    Ids proof;   // the lines that prove the place
};

// A stay of a thing. `from` is the place before, empty for the first stay; `proof` are the lines that prove the move.
struct Stay {
    Word place, from;
    Ids proof;
};

struct Thing {
    Word name;
    std::optional<std::size_t> holder{};  // an actor
    Word place{};                         // of a thing without holder; empty: unknown
    Ids proof{};                          // the lines that prove holder or place
    std::vector<Stay> stays{};
    std::array<int, cast> touched{};  // by actor: the last line in which they took, put, gave or got it, or 0
};

class World {
  public:
    World(Story& story, Rng& rng, std::size_t thing_count = 0);

    std::vector<Actor> actors;
    std::vector<Thing> things;

    std::size_t any_actor() { return below(rng_, cast); }
    // Two different actors.
    std::pair<std::size_t, std::size_t> any_two();
    // A place other than `other`.
    Word any_place(Word other = {});
    // An actor whose place is known; at least one must exist.
    Actor& any_placed();

    // An actor goes to another place. Gives the actor.
    std::size_t walk() { return walk(any_actor()); }
    std::size_t walk(std::size_t actor);
    // A random actor walks, takes or puts down a thing, or gives it to an actor at the same place, as is possible.
    struct Habits {
        double take, put, give;  // probabilities, where a thing to take, put or give exists
    };
    void act(const Habits& habits);

    void take(std::size_t actor, Thing& thing);
    void put(std::size_t actor, Thing& thing);
    int give(std::size_t from, std::size_t to, Thing& thing);  // gives the line
    // Notes that an actor, with all held things, is at a place by the lines `proof`.
    void arrive(std::size_t actor, Word place, Ids proof);

    // Asks where an actor is.
    void ask_place(const Actor& actor);

    std::vector<Thing*> held_by(std::size_t actor);
    // The last line of every thing that the actor ever held. These lines prove what the actor holds now.
    Ids touched_by(std::size_t actor) const;

  private:
    Thing* any_free_thing(Word place);
    int tell_of(std::size_t actor, std::span<const Phrase> phrases, Thing& thing);

    Story& story_;
    Rng& rng_;
};

}  // namespace kvmem::synth
