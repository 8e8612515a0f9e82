// What the benchmark measures.
#pragma once

#include <string>
#include <vector>

#include "protocol.hpp"

namespace bench {

// What a time is compared with: the peak of multiplications, the read bandwidth, nothing (a rate of examples), or no
// time at all but the memory that a run takes.
enum class Unit { flops, bytes, examples, memory };

struct Job {
    std::string name;
    Case shape;
    Unit unit;
    double work;  // in the unit, of one run
};

// With `quick`, sizes of 4096 and more are a quarter. Those of training are among those of attention, too.
std::vector<Job> attention_jobs(bool quick);
std::vector<Job> recurrent_jobs();
std::vector<Job> decode_jobs();
std::vector<Job> training_jobs();

}  // namespace bench
