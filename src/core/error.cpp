#include "kvmem/core/error.hpp"

#include "kvmem/core/option_error.hpp"
#include "kvmem/core/text.hpp"

#include <utility>

namespace kvmem {

static std::string one_line(const Problem& problem) {
    std::string line;
    if (!problem.where.empty()) line += problem.where + ": ";
    line += problem.what;
    if (!problem.expected.empty()) line += ": expected " + problem.expected;
    if (!problem.got.empty()) line += (problem.expected.empty() ? ": got " : ", got ") + problem.got;
    if (!problem.hint.empty()) line += " (" + problem.hint + ")";
    // Text from a file may hold anything: line ends, terminal escapes, zeros that would cut what() short.
    return printable(line);
}

Error::Error(Problem problem) : std::runtime_error(one_line(problem)), problem_(std::move(problem)) {}

Problem Error::problem_at(std::string where) const {
    Problem problem = problem_;
    problem.where = std::move(where);
    return problem;
}

void require_shape(bool holds, const char* where, const char* expected) {
    if (!holds) throw Error({.what = "shapes do not fit", .expected = expected, .where = where});
}

void require_option(bool holds, const char* option, const char* expected) {
    if (!holds) throw OptionError(option, expected);
}

}  // namespace kvmem
