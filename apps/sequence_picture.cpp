#include "sequence_picture.hpp"

namespace kvmem::apps {

std::vector<std::string> symbols_of(const Units& units, std::span<const Token> tokens) {
    std::vector<std::string> symbols;
    for (const Token token : tokens) symbols.push_back(symbol_text(units, token));
    return symbols;
}

HeatMap heat_map(const AlignedLine& line) {
    HeatMap map;
    map.column = "source symbol";
    map.title = "Weights of source symbols, for each head and target symbol";
    for (std::size_t t = 0; t < line.target.size(); ++t)
        map.rows.push_back({std::to_string(t + 1), line.target[t], false});
    for (Index head = 0; head < line.result.heads; ++head) {
        HeatMap::Group& group = map.groups.emplace_back();
        group.name = "head " + std::to_string(head + 1);
        for (std::size_t s = 0; s < line.source.size(); ++s) {
            HeatMap::Column& column = group.columns.emplace_back();
            column.name = line.source[s];
            for (Index t = 0; t < std::ssize(line.target); ++t)
                column.weights.push_back(double{line.result.weights[t * line.result.heads + head][s]});
        }
    }
    return map;
}

}  // namespace kvmem::apps
