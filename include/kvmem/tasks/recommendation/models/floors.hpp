// Models that count and are not trained: the floors that every other model must pass.
//
// They read the memory of events alone, up to the time of the recommendation. Their formulas:
//
//     popularity   s(i) = sum over the occurrences e of i of 2^(-age(e) / half_life)
//     own-items    s(i) = sum over the user's events e with i of 2^(-age(e) / half_life)
//                         + recency * popularity(i) / max popularity
//     item-knn     co[a][b] = sum over pairs of events of a and b of one user, at most 10 events apart, of
//                         0.7^(distance - 1), and half of it where b comes before a; of a user's last 50 events
//                  s(i) = sum over the last 10 events j of the history, k = 0 for the last, of
//                         0.7^k co[j][i] / ((1 + n_j)^0.5 (1 + n_i)^0.25), with n the numbers of occurrences
#pragma once

#include "kvmem/tasks/recommendation/model.hpp"

#include <optional>

namespace kvmem {

struct PopularityConfig {
    static constexpr const char* kind = "popularity";

    double half_life = 30;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("half_life", c.half_life, Range::from(0), "days in which an event loses half of its weight; 0: never");
        field("seed", c.seed);
    }
};

// Scores an item by its events, which halve in weight in each half-life.
class Popularity final : public RecommendationModel {
  public:
    // Throws UsageError for a half-life out of its range.
    Popularity(const PopularityConfig& config, Catalog catalog, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "popularity"; }
    std::string summary() const override;
    void remember(const EventMemory& memory) override { counts_.emplace(memory, config_.half_life); }
    void score(std::span<const History> histories, View scores) const override;
    void score(const Candidates& candidates, std::span<Real> scores) const override;

  private:
    PopularityConfig config_;
    std::optional<DecayedCounts> counts_;
};

struct OwnItemsConfig {
    static constexpr const char* kind = "own-items";

    double half_life = 60;
    double recency = 0.05;
    double popularity_half_life = 14;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("half_life", c.half_life, Range::from(0), "days in which an event loses half of its weight; 0: never");
        field("recency", c.recency, Range::from(0), "weight of popularity beside the user's own items");
        field("popularity_half_life", c.popularity_half_life, Range::from(0), "days; 0: no end");
        field("seed", c.seed);
    }
};

// Scores an item by its events in the history, and then by its popularity.
class OwnItems final : public RecommendationModel {
  public:
    // Throws UsageError for a setting out of its range.
    OwnItems(const OwnItemsConfig& config, Catalog catalog, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "own items"; }
    std::string summary() const override;
    void remember(const EventMemory& memory) override { counts_.emplace(memory, config_.popularity_half_life); }
    void score(std::span<const History> histories, View scores) const override;
    Explanation explain(const History& history, Token item) const override;

  private:
    double weight_of(const History& history, Index event) const;

    OwnItemsConfig config_;
    std::optional<DecayedCounts> counts_;
};

// What other users took near an item, for item-knn and for learned models that read the same memory.
struct NeighbourOptions {
    Index distance = 10;    // events between the two, at most
    double decay = 0.7;     // of the weight with each event between them
    double before = 0.5;    // the weight of what came before, beside what came after
    Index last = 50;        // events of a user that count; 0: all
    Index occurrences = 0;  // the latest ones that are read; 0: all
};
// Adds co[item][i] of the events before `when` to `sums` [items].
void add_neighbours(const EventMemory& memory, Token item, Index when, Real weight, const NeighbourOptions& options,
                    std::span<Real> sums);

struct ItemKnnConfig {
    static constexpr const char* kind = "item-knn";

    Index history = 10;
    double read_decay = 0.7;
    std::uint64_t seed = 1;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("history", c.history, Range{1, 1e6}, "last events of a history that are read");
        field("read_decay", c.read_decay, Range{0, 1}, "of the weight with each event");
        field("seed", c.seed);
    }
};

// Scores an item by how often it followed the items of the history in those of all users.
class ItemKnn final : public RecommendationModel {
  public:
    // Throws UsageError for a setting out of its range.
    ItemKnn(const ItemKnnConfig& config, Catalog catalog, Start start = Start::drawn);

    Settings settings() const override { return config_; }
    std::string name() const override { return "item k-nearest-neighbours"; }
    std::string summary() const override;
    void remember(const EventMemory& memory) override { memory_ = &memory; }
    void score(std::span<const History> histories, View scores) const override;
    Explanation explain(const History& history, Token item) const override;

  private:
    // Calls read(event, weight) for the items that are read, the last one first.
    template <class Read>
    void for_each_key(const History& history, Read read) const;

    ItemKnnConfig config_;
    const EventMemory* memory_ = nullptr;
};

}  // namespace kvmem
