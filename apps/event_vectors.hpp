// Vectors of items and histories, by a trained model of events, for the verbs of stores.
#pragma once

#include "encoded_text.hpp"

namespace kvmem::apps {

// Whether the run or model file of the option "run" is one of events.
bool is_run_of_events(const po::variables_map& values);
// kvmem index --run RUN: the vectors of the run's items or, with the option "histories", of its users' histories, all
// with their names. Throws Error for a model whose scores are no inner products.
EncodedRows encoded_events(const po::variables_map& values, const PickRows& pick = {});
// kvmem query --run RUN --user U: the vector of the user's history.
VectorFile encoded_user(const po::variables_map& values);

}  // namespace kvmem::apps
