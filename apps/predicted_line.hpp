// A line that `kvmem predict` reads, and the line that it writes for it.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/answerer.hpp"

#include <optional>
#include <string>

namespace kvmem::apps {

// What `kvmem predict` gives of each answer unless its options say otherwise.
inline const AnswerOptions predict_defaults{.candidates = 5, .slots = 3};

// How many lines could not be answered, told the right answers, and were answered rightly.
struct PredictCounts {
    Index failed = 0, judged = 0, right = 0;
    std::optional<Problem> first_problem = {};
};

// Answers a line, plain or JSON, that holds more than blanks: a JSON line without its end. One that cannot be answered
// gives a line with "error", which names `where`.
std::string predicted_line(const Answerer& answerer, const AnswerOptions& options, const std::string& text,
                           const std::string& where, PredictCounts& counts);

}  // namespace kvmem::apps
