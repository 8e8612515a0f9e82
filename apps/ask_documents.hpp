// Questions to documents, without training.
#pragma once

#include "program.hpp"

namespace kvmem::apps {

// The options of a search of documents: --answers and --threshold.
po::options_description document_options();

// Whether the option "run" names a data set with documents.
bool are_documents(const po::variables_map& values);

// Asks them the option "question", or the lines of standard input. Returns the exit code.
int ask_documents(const po::variables_map& values);

// Prints how well they answer their own questions, for 'kvmem evaluate'.
int evaluate_documents(const po::variables_map& values);

}  // namespace kvmem::apps
