// OptionError: what require_option() throws.
#pragma once

#include "kvmem/core/error.hpp"

#include <string>

namespace kvmem {

// A wrong value of one option. A program may show the option as its users write it.
class OptionError : public UsageError {
  public:
    // "bad value of " and the option, which is named as a field is: "valid_fraction". Empty parts are left out.
    explicit OptionError(std::string option, std::string expected, std::string got = {}, std::string hint = {});

    // The same with a problem as it was stated elsewhere, such as by another process.
    OptionError(std::string option, Problem problem);

    // The option's name. The reference is valid for the life of the error.
    const std::string& option() const noexcept { return option_; }

  private:
    std::string option_;
};

}  // namespace kvmem
