// What was measured, as a table for people and as JSON for programs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cases.hpp"

namespace bench {

// What one contestant reached, by the fastest of its variants.
struct Result {
    std::string contestant, variant;
    double seconds = 0;     // the median; 0 with `bytes` or a failure
    double bytes = 0;       // of Unit::memory
    double error = -1;      // of attention; below 0: none
    double loss = 0;        // of a training step's first run
    std::string failure{};  // why there is nothing else
};

struct Measurement {
    Job job;
    std::vector<Result> results;  // kvmem first
    double others = 0;            // cores that were computing for others meanwhile
};

struct Limits {
    double flops = 0, bytes = 0;  // a second; the best seen in the run
};

struct Run {
    std::string machine, compiler;
    std::map<std::string, std::string> versions;  // of the contestants
    std::vector<std::string> contestants;         // in the order of the columns, kvmem first
    std::map<int, Limits> limits;                 // by number of threads
    std::map<int, std::vector<Measurement>> measurements;
};

std::string to_markdown(const Run& run);
std::string to_json(const Run& run);

}  // namespace bench
