// Questions to documents, without training.
#pragma once

#include "program.hpp"

#include "kvmem/cluster/cluster.hpp"

#include <filesystem>

namespace kvmem::apps {

// The options of a search of documents: --threshold and --selector; and those of 'kvmem ask', with --answers.
void add_options_of_search(po::options_description& options);
po::options_description document_options();

// Whether the option "run", or a path, names a data set with documents.
bool are_documents(const po::variables_map& values);
bool are_documents(const std::filesystem::path& path);

// Asks them the option "question", or the lines of standard input; with a cluster, documents in shards, of which each
// rank has some. Returns the exit code.
int ask_documents(const po::variables_map& values, Cluster* cluster);

// Prints how well they answer their own questions, for 'kvmem evaluate'.
int evaluate_documents(const po::variables_map& values);

}  // namespace kvmem::apps
