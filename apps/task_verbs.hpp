// What verbs do with the data sets and runs of each kind of task, for the table (task_table.cpp).
#pragma once

#include "plot_page.hpp"
#include "program.hpp"

#include <filesystem>

namespace kvmem::apps {

// Question answering.
int evaluate_questions(const po::variables_map& values);
PlotPage plot_questions(const po::variables_map& values);
void inspect_questions(const std::filesystem::path& data, const po::variables_map& values);
void inspect_reader(const std::filesystem::path& model, bool json);

// Next sentences of documents.
int evaluate_next_sentence(const po::variables_map& values);
PlotPage plot_next_sentence(const po::variables_map& values);
void inspect_next_sentence(const std::filesystem::path& model, bool json);

// Pairs of sequences, and texts.
int evaluate_pairs(const po::variables_map& values);
int evaluate_text(const po::variables_map& values);
PlotPage plot_pairs(const po::variables_map& values);
PlotPage plot_text(const po::variables_map& values);
void inspect_pairs(const std::filesystem::path& data, const po::variables_map& values);
void inspect_text(const std::filesystem::path& data, const po::variables_map& values);
void inspect_network(const std::filesystem::path& model, bool json);

// Events of users with objects.
int evaluate_events(const po::variables_map& values);
PlotPage plot_events(const po::variables_map& values);
void inspect_events(const std::filesystem::path& data, const po::variables_map& values);
void inspect_recommender(const std::filesystem::path& model, bool json);

// Questions with candidate sentences.
int evaluate_sentences(const po::variables_map& values);
PlotPage plot_sentences(const po::variables_map& values);
void inspect_sentences(const std::filesystem::path& data, const po::variables_map& values);
void inspect_selector(const std::filesystem::path& model, bool json);

}  // namespace kvmem::apps
