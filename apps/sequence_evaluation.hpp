// Measurements of models of pairs, for `evaluate` and `plot`.
#pragma once

#include "kvmem/tasks/sequences/metrics.hpp"
#include "sequence_source.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

// Sources with all their right targets, as tokens and as text.
struct TestLines {
    std::string name{};                // "valid", or the file's
    Ragged<Token> source{}, target{};  // the target is the first of the references
    Ragged<Index> origins{};           // for each token of all targets the positions that it came from, or no rows
    std::vector<std::string> texts{};
    std::vector<std::vector<std::string>> references{};
    std::vector<std::string> tasks{};  // of each line, "" for none

    void add(const TestLines& more);
};

// The lines of the files that the option "pairs" names, or of the split of the run's data set, or of the one that
// "data" names: those of these tasks alone, if any are named. Throws Error when there are none.
TestLines test_lines(const po::variables_map& values, const SequenceNetwork& network,
                     std::span<const std::string> tasks = {});

// How often a head read a symbol's origin most, over the symbols with an origin of outputs that are the first
// reference.
struct OriginReport {
    Index symbols = 0;
    std::vector<Index> found{};  // by head
    double share(std::size_t head) const;
};

struct PairsEvaluation {
    std::vector<Generated> results;
    std::vector<std::string> outputs;
    std::vector<Match> matches;  // in words, or characters of other units
    std::vector<Index> lengths;  // of the sources, in symbols
    MatchReport report;
    OriginReport origins;              // empty without weights or origins
    std::vector<std::string> heads;    // names of the model's
    Ragged<double> log_probabilities;  // of the first references
    double seconds = 0;                // of the search

    void add(PairsEvaluation more);
};

// The matches of each task of lines, by name; none where no line has a task.
std::map<std::string, MatchReport> by_task(const TestLines& lines, const PairsEvaluation& evaluation);

// Shows progress. The results have attention weights if `weights`, or if the lines have origins to compare with.
PairsEvaluation evaluate_lines(const SequenceSource& source, const TestLines& lines, const GenerateOptions& options,
                               bool weights);

// "(3 of 7) knight -> N AY T, expected K N AY T"
std::string error_text(const TestLines& lines, const PairsEvaluation& evaluation, Index line);

}  // namespace kvmem::apps
