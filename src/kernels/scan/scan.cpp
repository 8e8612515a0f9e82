#include "kernels/scan/scan.hpp"

#ifndef KVMEM_REAL_DOUBLE  // the store is of floats alone

#include "kernels/simd/instruction_set.hpp"
#include "kvmem/core/bfloat16.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kvmem {

namespace baseline {
extern const detail::Scan scan_table;
}
#ifdef KVMEM_HAVE_X86_64_SIMD
namespace avx2 {
extern const detail::Scan scan_table;
}
namespace avx512 {
extern const detail::Scan scan_table;
}
namespace avx512vnni {
extern const detail::Scan scan_table;
}
#endif

namespace detail {

static const Scan& choose() {
#ifdef KVMEM_HAVE_X86_64_SIMD
    const InstructionSet best = instruction_set();
    if (best >= InstructionSet::avx512vnni) return avx512vnni::scan_table;
    if (best >= InstructionSet::avx512) return avx512::scan_table;
    if (best >= InstructionSet::avx2) return avx2::scan_table;
#endif
    return baseline::scan_table;
}

const Scan& scan() {
    static const Scan& chosen = choose();
    return chosen;
}

namespace {

// One over a scale. Where that would overflow, scale and inverse are 0: all codes are 0 and the error is the key.
float inverse_of(float& scale) {
    if (scale < 1e-37f) scale = 0;
    return scale > 0 ? 1 / scale : 0;
}

// Norms are rounded up, because they are bounds and come from errors in float.
float rounded_up(double x) { return static_cast<float>(x * (1 + 1e-6)); }

struct CodeError {
    double lost = 0, norm = 0;  // squares
};

float largest_of(const float* x, Index count) {
    float largest[8] = {};  // independent chains hide the latency
    for (Index i = 0; i + 8 <= count; i += 8)
        for (Index j = 0; j < 8; ++j) largest[j] = std::max(largest[j], std::abs(x[i + j]));
    for (Index i = count / 8 * 8; i < count; ++i) largest[0] = std::max(largest[0], std::abs(x[i]));
    return *std::max_element(largest, largest + 8);
}

// Encodes numbers as int8: x = scale * code + error. Calls use(first, codes, count) for some at a time, with zeros
// after the last one.
template <class Use>
CodeError encode_numbers(const float* numbers, Index width, float factor, float& scale, Use use) {
    constexpr Index some = 256;
    scale = largest_of(numbers, width) * factor / 127;
    const float inverse = inverse_of(scale);
    CodeError error;
    for (Index first = 0; first < width; first += some) {
        const Index count = std::min(some, width - first);
        float x[some], left[some];
        std::int8_t codes[some + 4] = {};
        for (Index i = 0; i < count; ++i) x[i] = numbers[first + i] * factor;
        for (Index i = 0; i < count; ++i) {
            const float exact = std::clamp(x[i] * inverse, -127.0f, 127.0f);
            const auto code = static_cast<std::int32_t>(exact + (exact < 0 ? -0.5f : 0.5f));
            left[i] = x[i] - scale * static_cast<float>(code);
            codes[i] = static_cast<std::int8_t>(code);
        }
        error.lost += scan().product(left, left, count);
        error.norm += scan().product(x, x, count);
        use(first, codes, count);
    }
    error.lost = std::pow(std::sqrt(error.lost) + std::sqrt(error.norm) * 0x1p-22, 2);
    return error;
}

std::uint32_t word_of(const std::int8_t* codes) {
    std::uint32_t word;
    std::memcpy(&word, codes, sizeof word);
    return word;
}

// Encodes a row of a tile with 128 added to each number.
CodeError encode_int8(const float* row, Index width, float factor, std::uint32_t* codes, float& scale) {
    return encode_numbers(row, width, factor, scale, [&](Index first, const std::int8_t* some, Index count) {
        for (Index i = 0; i < count; i += 4) codes[(first + i) / 4 * scan_tile] = word_of(some + i) ^ 0x80808080u;
    });
}

CodeError encode_bf16(const float* row, Index width, float factor, std::uint32_t* codes) {
    CodeError error;
    for (Index i = 0; i < width; i += 2) {
        std::uint32_t word = 0;
        for (Index j = 0; j < std::min<Index>(2, width - i); ++j) {
            const float x = row[i + j] * factor;
            const Bfloat16 code(x);
            const double difference = double{x} - double{static_cast<float>(code)};
            error.lost += difference * difference;
            error.norm += double{x} * double{x};
            word |= static_cast<std::uint32_t>(code.bits) << (16 * j);
        }
        codes[i / 2 * scan_tile] = word;
    }
    return error;
}

}  // namespace

CodeBound encode_tile(CodeFormat form, const float* rows, Index slots, Index width, const float* factor,
                      std::uint32_t* codes, float* scales) {
    const std::uint32_t nothing = form == CodeFormat::int8 ? 0x80808080u : 0;
    if (slots < scan_tile) std::fill_n(codes, code_words(form, width) * scan_tile, nothing);
    if (scales) std::fill_n(scales, scan_tile, 0.0f);
    CodeError largest;
    for (Index i = 0; i < slots; ++i) {
        const float by = factor ? factor[i] : 1.0f;
        const CodeError error = form == CodeFormat::int8
                                    ? encode_int8(rows + i * width, width, by, codes + i, scales[i])
                                    : encode_bf16(rows + i * width, width, by, codes + i);
        largest = {std::max(largest.lost, error.lost), std::max(largest.norm, error.norm)};
    }
    return {rounded_up(std::sqrt(largest.lost)), rounded_up(std::sqrt(largest.norm))};
}

double encode_query(const float* query, Index width, std::uint32_t* words, float& scale, std::int32_t& start) {
    std::int32_t sum = 0;
    const CodeError error =
        encode_numbers(query, width, 1, scale, [&](Index first, const std::int8_t* some, Index count) {
            for (Index i = 0; i < count; ++i) sum += some[i];
            for (Index i = 0; i < count; i += 4) words[(first + i) / 4] = word_of(some + i);
        });
    start = -128 * sum;
    return std::sqrt(error.lost);
}

}  // namespace detail
}  // namespace kvmem

#endif
