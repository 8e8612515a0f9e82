#include "kernels/scan.hpp"

#ifndef KVMEM_REAL_DOUBLE  // the store is of floats alone

#include "kvmem/core/bfloat16.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string_view>

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
    const char* wish = std::getenv("KVMEM_ISA");
    const std::string_view most = wish ? wish : "avx512vnni";
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (most == "avx512vnni" && has_avx512 && __builtin_cpu_supports("avx512vnni")) return avx512vnni::scan_table;
    if (most.starts_with("avx512") && has_avx512) return avx512::scan_table;
    if (most != "baseline" && has_avx2) return avx2::scan_table;
#endif
    return baseline::scan_table;
}

const Scan& scan() {
    static const Scan& chosen = choose();
    return chosen;
}

namespace {

// One over a scale; 0, so that all codes are 0 and everything counts as lost, where that would overflow.
float inverse_of(float& scale) {
    if (scale < 1e-37f) scale = 0;
    return scale > 0 ? 1 / scale : 0;
}

// The norms are rounded up a little: they bound.
float rounded_up(double x) { return static_cast<float>(x * (1 + 1e-6)); }

struct Lost {
    double error = 0, norm = 0;  // squares
};

// Numbers of a row as bytes, 128 added: k = scale * (byte - 128) + what is lost.
Lost encode_bytes(const float* row, Index width, float factor, std::uint32_t* codes, float& scale) {
    float most = 0;
    for (Index i = 0; i < width; ++i) most = std::max(most, std::abs(row[i] * factor));
    scale = most / 127;
    const float inverse = inverse_of(scale);
    Lost lost;
    for (Index i = 0; i < width; i += 4) {
        std::uint32_t word = 0x80808080u;
        for (Index j = 0; j < std::min<Index>(4, width - i); ++j) {
            const float x = row[i + j] * factor;
            const auto code = static_cast<std::int32_t>(
                std::lrint(std::clamp(x * inverse, -127.0f, 127.0f)));  // scale may be subnormal
            const double difference = double{x} - double{scale} * code;
            lost.error += difference * difference;
            lost.norm += double{x} * double{x};
            word ^= (0x80u ^ static_cast<std::uint32_t>(code + 128)) << (8 * j);
        }
        codes[i / 4 * scan_tile] = word;
    }
    return lost;
}

Lost encode_halves(const float* row, Index width, float factor, std::uint32_t* codes) {
    Lost lost;
    for (Index i = 0; i < width; i += 2) {
        std::uint32_t word = 0;
        for (Index j = 0; j < std::min<Index>(2, width - i); ++j) {
            const float x = row[i + j] * factor;
            const Bfloat16 code(x);
            const double difference = double{x} - double{static_cast<float>(code)};
            lost.error += difference * difference;
            lost.norm += double{x} * double{x};
            word |= static_cast<std::uint32_t>(code.bits) << (16 * j);
        }
        codes[i / 2 * scan_tile] = word;
    }
    return lost;
}

}  // namespace

CodeBound encode_tile(CodeForm form, const float* rows, Index slots, Index width, const float* factor,
                      std::uint32_t* codes, float* scales) {
    const std::uint32_t nothing = form == CodeForm::int8 ? 0x80808080u : 0;
    if (slots < scan_tile) std::fill_n(codes, code_words(form, width) * scan_tile, nothing);
    if (scales) std::fill_n(scales, scan_tile, 0.0f);
    Lost most;
    for (Index i = 0; i < slots; ++i) {
        const float by = factor ? factor[i] : 1.0f;
        const Lost lost = form == CodeForm::int8 ? encode_bytes(rows + i * width, width, by, codes + i, scales[i])
                                                 : encode_halves(rows + i * width, width, by, codes + i);
        most = {std::max(most.error, lost.error), std::max(most.norm, lost.norm)};
    }
    return {rounded_up(std::sqrt(most.error)), rounded_up(std::sqrt(most.norm))};
}

double encode_query(const float* query, Index width, std::uint32_t* words, float& scale, std::int32_t& start) {
    float most = 0;
    for (Index i = 0; i < width; ++i) most = std::max(most, std::abs(query[i]));
    scale = most / 127;
    const float inverse = inverse_of(scale);
    double error = 0;
    std::int32_t sum = 0;
    for (Index i = 0; i < width; i += 4) {
        std::uint32_t word = 0;
        for (Index j = 0; j < std::min<Index>(4, width - i); ++j) {
            const float x = query[i + j];
            const auto code = static_cast<std::int32_t>(std::lrint(std::clamp(x * inverse, -127.0f, 127.0f)));
            const double difference = double{x} - double{scale} * code;
            error += difference * difference;
            sum += code;
            word |= (static_cast<std::uint32_t>(code) & 0xffu) << (8 * j);
        }
        words[i / 4] = word;
    }
    start = -128 * sum;
    return std::sqrt(error);
}

}  // namespace detail
}  // namespace kvmem

#endif
