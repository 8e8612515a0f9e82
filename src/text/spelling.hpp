// Words as bags of their parts, so that words which are spelled alike read alike: "director" and "directed", or a word
// with a typing error (Bojanowski et al. 2017, "fastText": the word and its n-grams, hashed). Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <string_view>
#include <vector>

namespace kvmem {

// Adds numbers from [first, first + rows): one for the word itself, and one for each part of 3 to 5 bytes of
// "<word>". Different parts may share a number.
void add_spelling(std::string_view word, Token first, Index rows, std::vector<Token>& numbers);

}  // namespace kvmem
