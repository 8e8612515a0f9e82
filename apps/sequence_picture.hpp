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
    std::vector<std::string> heads;           // their names
};

std::vector<std::string> symbols_of(const Units& units, std::span<const Token> tokens);
// A group for each head, a column for each source symbol and a row for each target symbol.
HeatMap heat_map(const AlignedLine& line);
// What the symbols of the source, or begin and those of the target, read of themselves: a group for each head. Without
// groups where the network has no such attention.
HeatMap self_map(const SequenceNetwork& network, std::span<const Token> source, std::span<const Token> target,
                 bool of_source);

}  // namespace kvmem::apps
