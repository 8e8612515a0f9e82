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
        group.name = line.heads[static_cast<std::size_t>(head)];
        for (std::size_t s = 0; s < line.source.size(); ++s) {
            HeatMap::Column& column = group.columns.emplace_back();
            column.name = line.source[s];
            for (Index t = 0; t < std::ssize(line.target); ++t)
                column.weights.push_back(double{line.result.weights[t * line.result.heads + head][s]});
        }
    }
    return map;
}

HeatMap self_map(const SequenceNetwork& network, std::span<const Token> source, std::span<const Token> target,
                 bool of_source) {
    std::vector<std::string> symbols =
        of_source ? symbols_of(network.source_units(), source) : symbols_of(network.target_units(), target);
    if (!of_source) symbols.insert(symbols.begin(), "(begin)");
    HeatMap map;
    map.column = "symbol read";
    map.title = of_source ? "Weights of symbols of the source for each other"
                          : "Weights of symbols of the output for each other";
    for (std::size_t i = 0; i < symbols.size(); ++i) map.rows.push_back({std::to_string(i + 1), symbols[i], false});
    for (const SelfAttention& head : network.self_attention(source, target)) {
        if (head.of_source != of_source) continue;
        HeatMap::Group& group = map.groups.emplace_back(HeatMap::Group{head.name, {}});
        for (Index column = 0; column < std::ssize(symbols); ++column) {
            HeatMap::Column& weights = group.columns.emplace_back(HeatMap::Column{symbols[column], {}});
            for (Index row = 0; row < std::ssize(symbols); ++row)
                weights.weights.push_back(double{head.weights(row, column)});
        }
    }
    return map;
}

}  // namespace kvmem::apps
