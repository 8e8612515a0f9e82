// The one exception that kvmem throws, and the checks that throw it.
//
// An Error says what went wrong, what was expected, what came instead, where, and what to do about it;
// what() joins the parts in one line without control characters, which a program can print as it is.
#pragma once

#include "kvmem/core/types.hpp"

#include <stdexcept>
#include <string>

namespace kvmem {

// The parts of an Error. Leave out those that there is nothing to say for.
struct Problem {
    std::string what;      // "cannot read the data set"
    std::string expected;  // "a root attribute 'format'"
    std::string got;       // "none"
    std::string where;     // "films.h5", "questions.tsv:17", "attend"
    std::string hint;      // "write it with 'kvmem import'"
};

class Error : public std::runtime_error {
  public:
    explicit Error(Problem problem);

    const Problem& problem() const noexcept { return problem_; }

  private:
    Problem problem_;
};

// Wrong command line or option value: the caller's words, not the data, are at fault.
class UsageError : public Error {
  public:
    using Error::Error;
};

// Throws a UsageError that the option's value is not as expected, unless it `holds`.
void require_option(bool holds, const char* option, const char* expected);

// Throws an Error that a call's shapes do not fit, unless `holds`. `where` names the operation.
void require_shape(bool holds, const char* where, const char* expected);

}  // namespace kvmem
