// A key-value memory that is read in several hops (Miller et al. 2016, section 3.1).
#pragma once

#include "kvmem/autograd/ops.hpp"

#include <string>
#include <vector>

namespace kvmem {

// In hop j the state q_j addresses the keys and reads the values, o_j = attend(q_j, keys, values), and becomes
// q_{j+1} = R_j (q_j + o_j), with a matrix R_j [width, width] of its own for each hop, which begins as the identity.
class KeyValueMemory {
  public:
    KeyValueMemory(Parameters& parameters, const std::string& name, Index width, Index hops);

    // What a hop did, for looking inside: the query it asked with and the log-sum-exp of its scores, from
    // which attend_weights() makes the weights. Valid until the tape's reset().
    struct Hop {
        Var query;
        Lookup lookup;
    };
    struct Result {
        Var state;  // [B, width] after the last hop
        std::vector<Hop> hops;
    };
    // query [B, width]; key, value [S, width]. A query without slots reads zero.
    Result read(Var query, Var key, Var value, const Segments& segments) const;

    Index hops() const { return static_cast<Index>(maps_.size()); }

  private:
    std::vector<Parameter*> maps_;
};

}  // namespace kvmem
