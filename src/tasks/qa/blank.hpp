// Questions of blanks alone. Not installed.
#pragma once

#include "kvmem/core/error.hpp"

#include <string_view>

namespace kvmem {

inline bool is_blank_question(std::string_view question) {
    return question.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Throws Error for a blank question: whatever answered it would be no answer.
inline void require_question(std::string_view question) {
    if (is_blank_question(question)) throw Error({.what = "the question is empty", .expected = "a question in words"});
}

}  // namespace kvmem
