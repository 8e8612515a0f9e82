#include "limits.hpp"

#include <immintrin.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "protocol.hpp"

namespace bench {

namespace {

using Clock = std::chrono::steady_clock;

// Seconds that body(thread) takes on each of several cores at once.
template <class Body>
double seconds_of(int threads, Body&& body) {
    std::vector<std::thread> all;
    const Clock::time_point start = Clock::now();
    for (int t = 0; t < threads; ++t)
        all.emplace_back([t, &body] {
            cpu_set_t core;
            CPU_ZERO(&core);
            CPU_SET(t, &core);
            sched_setaffinity(0, sizeof core, &core);
            body(t);
        });
    for (std::thread& thread : all) thread.join();
    return std::chrono::duration<double>(Clock::now() - start).count();
}

// As many independent sums as hide the latency of an FMA and fit in the registers. The loops over them must be unrolled
// for the sums to live there.
[[gnu::target("avx512f")]] float multiply_avx512(Index rounds) {
    const __m512 factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(0.001f);
    __m512 sum[24];
#pragma GCC unroll 24
    for (int i = 0; i < 24; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
    for (Index r = 0; r < rounds; ++r) {
#pragma GCC unroll 24
        for (int i = 0; i < 24; ++i) sum[i] = _mm512_fmadd_ps(sum[i], factor, term);
    }
#pragma GCC unroll 24
    for (int i = 1; i < 24; ++i) sum[0] = _mm512_add_ps(sum[0], sum[i]);
    return _mm512_cvtss_f32(sum[0]);
}

[[gnu::target("avx2,fma")]] float multiply_avx2(Index rounds) {
    const __m256 factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(0.001f);
    __m256 sum[12];
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) sum[i] = _mm256_set1_ps(static_cast<float>(i));
    for (Index r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i) sum[i] = _mm256_fmadd_ps(sum[i], factor, term);
    }
#pragma GCC unroll 12
    for (int i = 1; i < 12; ++i) sum[0] = _mm256_add_ps(sum[0], sum[i]);
    return _mm256_cvtss_f32(sum[0]);
}

[[gnu::target("avx2")]] std::int32_t read_all(const float* from, Index size) {
    const auto* lines = reinterpret_cast<const __m256i*>(from);
    __m256i sum[8] = {};
    for (Index i = 0; i + 8 <= size / 8; i += 8) {
#pragma GCC unroll 8
        for (int k = 0; k < 8; ++k) sum[k] = _mm256_xor_si256(sum[k], _mm256_load_si256(lines + i + k));
    }
    for (int k = 1; k < 8; ++k) sum[0] = _mm256_xor_si256(sum[0], sum[k]);
    return _mm256_cvtsi256_si32(sum[0]);
}

// Makes the compiler compute it.
template <class T>
void keep(T value) {
    asm volatile("" : : "rm"(value));
}

}  // namespace

double peak_flops(int threads) {
    const bool avx512 = __builtin_cpu_supports("avx512f");
    if (!avx512 && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))) return 0;
    constexpr Index rounds = 500'000;
    const double work = 2.0 * rounds * threads * (avx512 ? 24 * 16 : 12 * 8);
    double best = 0;
    for (int attempt = 0; attempt < 6; ++attempt)
        best = std::max(best, work / seconds_of(threads, [&](int) {
                                  keep(avx512 ? multiply_avx512(rounds) : multiply_avx2(rounds));
                              }));
    return best;
}

double read_bandwidth(int threads) {
    if (!__builtin_cpu_supports("avx2")) return 0;
    const Floats buffer(Index{1} << 26);  // 256 MiB
    const Index part = buffer.size() / threads / 64 * 64;
    double best = 0;
    for (int attempt = 0; attempt < 4; ++attempt)
        best = std::max(best, static_cast<double>(part * threads) * sizeof(float) /
                                  seconds_of(threads, [&](int t) { keep(read_all(buffer.data() + t * part, part)); }));
    return best;
}

double busy_seconds() {
    std::ifstream file("/proc/stat");
    std::string name;
    double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft = 0, stolen = 0;
    file >> name >> user >> nice >> system >> idle >> waiting >> interrupts >> soft >> stolen;
    return (user + nice + system + interrupts + soft + stolen) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::string processor_name() {
    std::ifstream lines("/proc/cpuinfo");
    for (std::string line; std::getline(lines, line);)
        if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
    return "unknown processor";
}

}  // namespace bench
