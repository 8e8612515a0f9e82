#include "kvmem/core/option_error.hpp"

#include <utility>

namespace kvmem {

OptionError::OptionError(std::string option, std::string expected, std::string got, std::string hint)
    : UsageError({.what = "bad value of " + option,
                  .expected = std::move(expected),
                  .got = std::move(got),
                  .hint = std::move(hint)}),
      option_(std::move(option)) {}

OptionError::OptionError(std::string option, Problem problem)
    : UsageError(std::move(problem)), option_(std::move(option)) {}

}  // namespace kvmem
