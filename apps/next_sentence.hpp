// Trained models of next sentences, for verbs that read text by them.
#pragma once

#include "kvmem/tasks/qa/documents/next_sentence.hpp"
#include "program.hpp"

#include <filesystem>
#include <memory>

namespace kvmem::apps {

// The model of a run directory or a model file. Throws Error for another model.
std::unique_ptr<documents::NextSentence> open_next_sentence(const std::filesystem::path& run);

// Whether the option "run" names such a model.
bool is_run_of_next_sentence(const po::variables_map& values);

}  // namespace kvmem::apps
