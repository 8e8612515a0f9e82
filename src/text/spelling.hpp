// Words as bags of hashed n-grams, so that words of similar spelling have similar embeddings: "director" and
// "directed", or a word with a typing error (Bojanowski et al. 2017, "fastText"). Not installed.
#pragma once

#include "kvmem/core/types.hpp"

#include <string_view>
#include <vector>

namespace kvmem {

// Appends numbers from [first, first + rows): one for the word, and one for each n-gram of 3 to 5 bytes of "<word>".
// Different n-grams may share a number.
void add_spelling(std::string_view word, Token first, Index rows, std::vector<Token>& numbers);

}  // namespace kvmem
