// The Transformers whose decoding is compared: sizes and sources.
#pragma once

#include "protocol.hpp"

#include <string>
#include <vector>

namespace bench {

inline bool is_decoding(const Case& c) { return c.kind.rfind("decode", 0) == 0; }

// kind is decode: `batch` sources of `slots` tokens, each with a beam of `queries` over `slots` steps, of an encoder
// and a decoder with post-norm; with `causal`, peers run the whole decoder for each step. Or decode-text: `slots`
// tokens of one text, of a decoder alone with pre-norm; with `bf16`, of weights rounded to 16 bits. Feed-forwards are
// relu of width 4 `width`, positions are learned, the table of the target is that of the output. Nothing ends: the
// end's bias is low.
struct DecodeData {
    static constexpr Index tokens = 42, begin = 1, end = 2, first = 3;  // of both sides
    static constexpr float end_bias = -1e4F;

    static Index layers(const Case& c) { return c.kind == "decode" ? 4 : 6; }
    static std::vector<std::int64_t> sources(const Case& c) {
        std::vector<std::int64_t> all;
        for (Index i = 0; i < c.batch * c.slots; ++i)
            all.push_back(first + random_bits(91, static_cast<std::uint32_t>(i)) % (tokens - first));
        return all;
    }
    // Bytes of the weights that one row reads.
    static double bytes(const Case& c) {
        const auto w = static_cast<double>(c.width);
        return static_cast<double>(layers(c)) * 12 * w * w * (c.bf16 ? 2 : sizeof(float));
    }
};

}  // namespace bench
