// Opens trained models that recommend, with the data set of their run.
#pragma once

#include "kvmem/tasks/recommendation/recommender.hpp"
#include "program.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace kvmem::apps {

// The model of the option "run", a run directory or a model file. Throws Error for a model of another task.
std::unique_ptr<RecommendationModel> open_recommendation_model(const std::string& run);
// Adds the options of a table of new items, and takes them: the items, whose features are named as those of the
// catalog.
void add_item_options(CommandLine& line);
std::vector<NewItem> new_items_of(const po::variables_map& values, const Catalog& catalog);
// That model with its data set, or the one that the option "data" names; and with the new items of the option "items"
// and the events of "add", which may be with these.
Recommender open_recommender(const po::variables_map& values);

// "2011-11-10 08:26:00"
std::string date_text(Index seconds);

// The name of what an event is with.
const std::string& event_text(const Recommender& recommender, const Events& events, Index event);
// What 'kvmem recommend --json' prints, without the line's end; a user's name comes first, unless it is empty.
std::string json_line(const Recommender& recommender, const History& history,
                      const std::vector<Recommendation>& recommendations, std::string_view user = {});

}  // namespace kvmem::apps
