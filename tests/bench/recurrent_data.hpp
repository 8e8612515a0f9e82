// A recurrent layer in one direction and its sequences: the same for every contestant.
#pragma once

#include "protocol.hpp"

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace bench {

inline bool is_recurrent(const Case& c) { return c.kind.rfind("lstm", 0) == 0 || c.kind.rfind("gru", 0) == 0; }

// kind is lstm, gru, lstm-words or gru-words: `batch` sequences of `slots` rows, or words of 3 to 20 letters. `width`
// is that of the input and of the state.
struct RecurrentData {
    bool lstm, words;
    Index width, gates, rows;
    std::vector<Index> lengths;
    Floats input, weight;           // [rows, width], sequence after sequence: x, and the loss is sum(out * weight)
    Floats from_input, from_state;  // [gates * width, width] in PyTorch's order
    Floats bias;                    // [gates * width], of the input; the other one is zero

    explicit RecurrentData(const Case& c)
        : lstm(c.kind.rfind("lstm", 0) == 0),
          words(c.kind.find("words") != std::string::npos),
          width(c.width),
          gates(lstm ? 4 : 3),
          lengths(lengths_of(c)) {
        rows = std::accumulate(lengths.begin(), lengths.end(), Index{0});
        const double deviation = 1 / std::sqrt(static_cast<double>(width));
        input = normal_floats(rows * width, 81);
        weight = normal_floats(rows * width, 82);
        from_input = normal_floats(gates * width * width, 83, deviation);
        from_state = normal_floats(gates * width * width, 84, deviation);
        bias = normal_floats(gates * width, 85, deviation);
    }

    static std::vector<Index> lengths_of(const Case& c) {
        std::vector<Index> all;
        const bool words = c.kind.find("words") != std::string::npos;
        for (Index i = 0; i < c.batch; ++i)
            all.push_back(words ? 3 + random_bits(86, static_cast<std::uint32_t>(i)) % 18 : c.slots);
        return all;
    }
};

}  // namespace bench
