#include "tasks/sequences/synth/makers.hpp"

#include <utility>
#include <vector>

namespace kvmem::synth {

namespace {

struct Action {
    std::string name;
    Index origin;  // the word of the command
};
using Actions = std::vector<Action>;

// A command of SCAN's grammar (Lake and Baroni 2018). All 20,910 have the same probability.
class Command {
  public:
    explicit Command(Rng& rng) : rng_(rng) {
        const Index kind = rng_.below(1 + 2 * sentences);
        Actions first = sentence();
        if (kind > 0) {
            const bool after = kind > sentences;
            say(after ? "after" : "and");
            Actions second = sentence();
            if (after) std::swap(first, second);
            first.insert(first.end(), second.begin(), second.end());
        }
        for (const Action& action : first) {
            made_.target += (made_.target.empty() ? "" : " ") + action.name;
            made_.origins.push_row(std::span(&action.origin, 1));
        }
    }
    MadePair pair() { return std::move(made_); }

  private:
    static constexpr Index phrases = 34, sentences = 3 * phrases;  // of four verbs alone and 30 with a direction

    // Adds a word to the command, and returns its position.
    Index say(const std::string& word) {
        made_.source += (made_.source.empty() ? "" : " ") + word;
        return words_++;
    }

    Actions sentence() {
        const Actions once = phrase();
        const Index times = 1 + rng_.below(3);
        if (times > 1) say(times == 2 ? "twice" : "thrice");
        Actions all;
        for (Index i = 0; i < times; ++i) all.insert(all.end(), once.begin(), once.end());
        return all;
    }

    // A verb, which "turn" is only with a direction.
    Actions phrase() {
        static const std::pair<const char*, const char*> verbs[] = {
            {"walk", "I_WALK"}, {"look", "I_LOOK"}, {"run", "I_RUN"}, {"jump", "I_JUMP"}, {"turn", nullptr}};
        const Index drawn = rng_.below(phrases);
        const auto& [verb, action] = verbs[drawn < 4 ? drawn : (drawn - 4) % 5];
        Actions done;
        const Index at = say(verb);
        if (action) done.push_back({action, at});
        return drawn < 4 ? done : directed((drawn - 4) / 5, done);
    }

    // What is done in one of two directions: turned to, turned away from, or on the way around.
    Actions directed(Index way, const Actions& done) {
        const Index manner = way / 2;
        if (manner > 0) say(manner == 1 ? "opposite" : "around");
        const bool left = way % 2 == 0;
        const Action turn{left ? "I_TURN_LEFT" : "I_TURN_RIGHT", say(left ? "left" : "right")};
        Actions all(manner == 1 ? 2 : 1, turn);
        all.insert(all.end(), done.begin(), done.end());
        const Actions quarter = all;
        for (int i = 0; manner == 2 && i < 3; ++i) all.insert(all.end(), quarter.begin(), quarter.end());
        return all;
    }

    Rng& rng_;
    MadePair made_;
    Index words_ = 0;
};

}  // namespace

MadePair make_command(Rng& rng) { return Command(rng).pair(); }

}  // namespace kvmem::synth
