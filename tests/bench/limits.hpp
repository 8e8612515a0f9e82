// What this machine can do at most, measured in the same run as everything else.
#pragma once

#include <string>

namespace bench {

// Multiplications and additions of floats a second on the first `threads` cores, all in registers: with AVX-512 where
// there is one, else AVX2 with FMA, else 0.
double peak_flops(int threads);

// Bytes a second that they read from a buffer that no cache holds.
double read_bandwidth(int threads);

// Seconds that all cores of the machine together have computed.
double busy_seconds();

std::string processor_name();

}  // namespace bench
