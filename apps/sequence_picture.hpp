// Attention weights of a line as a picture.
#pragma once

#include "plot_page.hpp"
#include "sequence_source.hpp"
#include "svg.hpp"

#include <string>
#include <vector>

namespace kvmem::apps {

struct AlignedLine {
    std::vector<std::string> source, target;  // symbols as pictures show them
    Generated result;                         // with weights
};

std::vector<std::string> symbols_of(const Units& units, std::span<const Token> tokens);
// A group for each head, a column for each source symbol and a row for each target symbol.
HeatMap heat_map(const AlignedLine& line);

}  // namespace kvmem::apps
