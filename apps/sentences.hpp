// Parts of verbs for questions with candidate sentences.
#pragma once

#include "kvmem/tasks/selection/model.hpp"
#include "program.hpp"

#include <boost/json/array.hpp>

#include <memory>

namespace kvmem::apps {

// kvmem import sentences. The first argument is the layout.
int run_import_sentences(const Arguments& arguments);

// The model of a run directory or a model file. Throws Error for a model of another task.
std::unique_ptr<SelectionModel> open_selection_model(const std::string& run);

// The candidates by falling score: [{"number", "sentence", "score"}].
boost::json::array ranked_sentences(const SelectionModel& model, const SelectionQuestion& question);

// Whether the option "run" names a model that chooses sentences, and kvmem predict with it: lines of JSON
// {"question", "candidates"} in, with ranked candidates out.
bool chooses_sentences(const po::variables_map& values);
int predict_sentences(const po::variables_map& values);

}  // namespace kvmem::apps
