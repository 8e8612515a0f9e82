// Error: the one exception that kvmem throws, and the checks that throw it.
//
// An Error says what went wrong, what was expected, what came instead, where, and what to do about it. what() joins the
// parts in one line without control characters, which a program can print as it is.
#pragma once

#include "kvmem/core/types.hpp"

#include <stdexcept>
#include <string>

namespace kvmem {

// The parts of an Error; empty parts are left out of what().
struct Problem {
    std::string what;        // "cannot read the data set"
    std::string expected{};  // "a root attribute 'format'"
    std::string got{};       // "none"
    std::string where{};     // "films.h5", "questions.tsv:17", "attend"
    std::string hint{};      // "write it with 'kvmem import'"
};

class Error : public std::runtime_error {
  public:
    // what() becomes the problem in one text.
    explicit Error(Problem problem);

    // The parts of the problem. The reference is valid for the life of the error.
    const Problem& problem() const noexcept { return problem_; }
    // The same problem with another `where`, for a caller that knows the place better.
    [[nodiscard]] Problem problem_at(std::string where) const;

  private:
    Problem problem_;
};

// A wrong command line or option value: the caller is at fault, not the data.
class UsageError : public Error {
  public:
    // It is made of a problem, as every Error.
    using Error::Error;
};

// Throws a UsageError about the value of `option` unless `holds`.
void require_option(bool holds, const char* option, const char* expected);

// Throws an Error about the shapes of a call unless `holds`. `where` names the operation.
void require_shape(bool holds, const char* where, const char* expected);

}  // namespace kvmem
