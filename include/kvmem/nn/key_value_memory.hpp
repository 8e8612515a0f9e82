// A key-value memory that is read in several hops (Miller et al. 2016, section 3.1).
#pragma once

#include "kvmem/autograd/ops.hpp"

#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The matrix R_j that maps to the next state. It begins as the identity.
enum class HopMap {
    separate,  // one for each hop (Miller et al. 2016, section 3.1)
    shared,    // one for all hops
    none       // q + o as it is (Sukhbaatar et al. 2015, section 2.2, adjacent tying)
};

// How a memory is read.
struct KeyValueMemoryOptions {
    // The number of reads, and the map after each.
    Index hops = 1;
    HopMap map = HopMap::separate;
    AttendOptions lookup = {};  // how every hop reads: heads, scale; copied with what it views
};

// In hop j the state q_j addresses the keys and reads the values, o_j = attend(q_j, keys, values), and becomes
// q_{j+1} = R_j (q_j + o_j). Parameters: name.R1, name.R2, ... if separate, name.R if shared, [width, width] each.
class KeyValueMemory {
  public:
    // Throws Error when the width or the number of hops is negative, or the heads do not divide the width.
    KeyValueMemory(Parameters& parameters, const std::string& name, Index width,
                   const KeyValueMemoryOptions& options = {});

    // What a hop did: its query and the log-sum-exp of its scores, from which attend_weights() makes the weights of
    // each head. Valid until the tape's reset().
    struct Hop {
        // The state before the hop [B, width], and what it read.
        Var query;
        Lookup lookup;
    };
    // What read() gives, on the tape of the query.
    struct Result {
        Var state;  // [B, width] after the last hop; without hops the query itself
        // What each hop did.
        std::vector<Hop> hops;
    };
    // query [B, width]; key, value [S, width]. A query without slots reads zeros. Throws Error when shapes do not fit.
    [[nodiscard]] Result read(Var query, Var key, Var value, const Segments& segments) const;
    // The same with separate keys and values for each hop: hops() of both.
    [[nodiscard]] Result read(Var query, std::span<const Var> keys, std::span<const Var> values,
                              const Segments& segments) const;

    // The number of reads.
    Index hops() const { return hops_; }
    AttendOptions lookup() const;  // valid as long as the memory

  private:
    Index width_, hops_;
    AttendOptions lookup_;  // without its slopes
    std::vector<Real> slopes_;
    std::vector<Parameter*> maps_;  // one per hop, one for all, or none
};

}  // namespace kvmem
