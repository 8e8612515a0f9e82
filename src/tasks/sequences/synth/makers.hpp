// How pairs are made. Not installed.
#pragma once

#include "kvmem/core/ragged.hpp"
#include "kvmem/core/rng.hpp"

#include <string>

namespace kvmem::synth {

struct MadePair {
    std::string source, target;
    Ragged<Index>
        origins;  // for each token of the target, the positions of the tokens of the source; or no rows at all
};

// Draw a pair of their task (kvmem/tasks/sequences/synth_pairs.hpp).
MadePair make_date(Rng& rng);
MadePair make_reverse(Rng& rng);
MadePair make_copy(Rng& rng);
MadePair make_sort(Rng& rng);
MadePair make_sum(Rng& rng);
MadePair make_command(Rng& rng);

}  // namespace kvmem::synth
