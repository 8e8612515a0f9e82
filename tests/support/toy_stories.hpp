// Stories small enough to learn in seconds: people go to places, and are asked after. Each story has three questions,
// so that its examples' slots are each the first ones of the next. Task 0 asks where somebody is, task 1 whether she is
// there.
#pragma once

#include "kvmem/core/rng.hpp"
#include "support/toy_kb.hpp"

#include <string>
#include <vector>

namespace kvmem::test {

class ToyStories {
  public:
    explicit ToyStories(Index stories = 120, std::uint64_t seed = 5) : rng_(seed) {
        dataset_.info = {"Toy stories", "tests", "CC0-1.0", "kvmem tests"};
        dataset_.tasks = {"qa1_where", "qa2_whether"};
        for (const char* split : {"train", "valid"})
            for (Index i = 0; i < (split[0] == 't' ? stories : stories / 3); ++i) story(dataset_.splits[split], i % 2);
        for (const std::string& name : places()) dataset_.candidates.push_back(entity(name));
        for (const char* name : {"yes", "no"}) dataset_.candidates.push_back(entity(name));
        std::sort(dataset_.candidates.begin(), dataset_.candidates.end());
        dataset_.count_tokens();
    }
    const QaDataset& dataset() const { return dataset_; }

  private:
    static const std::vector<std::string>& places() {
        static const std::vector<std::string> all{"kitchen", "garden", "office", "hallway"};
        return all;
    }
    Token word(const std::string& text) { return dataset_.vocabulary.add(TokenKind::word, text); }
    Token entity(const std::string& text) { return dataset_.vocabulary.add(TokenKind::entity, text); }

    void story(Split& split, Index task) {
        static const std::vector<std::string> people{"mary", "john", "daniel"};
        std::vector<std::vector<Token>> told;
        std::vector<std::size_t> at(people.size());
        if (split.local_offsets.empty()) split.local_offsets.push_back(0);
        for (int question = 0; question < 3; ++question) {
            for (int i = 0; i < 2; ++i) {
                const auto who = static_cast<std::size_t>(question == 0 ? i : rng_.below(2));
                at[who] = static_cast<std::size_t>(rng_.below(4));
                told.push_back({word(people[who]), word("went"), word("to"), word("the"), entity(places()[at[who]])});
            }
            const auto who = static_cast<std::size_t>(rng_.below(2)), other = static_cast<std::size_t>(rng_.below(4));
            if (task == 0) {
                split.question.push_row(std::vector{word("where"), word("is"), word(people[who])});
                split.answer.push_row(std::vector{entity(places()[at[who]])});
            } else {
                split.question.push_row(
                    std::vector{word("is"), word(people[who]), word("in"), word("the"), entity(places()[other])});
                split.answer.push_row(std::vector{entity(at[who] == other ? "yes" : "no")});
            }
            for (const auto& sentence : told) {
                split.local_slots.key.push_row(sentence);
                split.local_slots.value.push_row(sentence);
            }
            split.local_offsets.push_back(split.local_slots.size());
            split.task.push_back(task);
        }
    }

    Rng rng_;
    QaDataset dataset_;
};

inline QaDataset toy_stories(Index stories = 120, std::uint64_t seed = 5) {
    return ToyStories(stories, seed).dataset();
}

}  // namespace kvmem::test
