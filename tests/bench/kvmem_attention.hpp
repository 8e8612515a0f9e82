// Every call of kvmem's attention that the benchmark makes.
#pragma once

#include "kvmem/autograd/ops.hpp"
#include "protocol.hpp"

#include <memory>

namespace bench {

bool kvmem_can_attend(const Case& c);
std::unique_ptr<Task> kvmem_attention(const Case& c);

// On a tape: what the training steps look up with.
kvmem::Var lookup(kvmem::Var query, kvmem::Var key, kvmem::Var value, const kvmem::Segments& segments,
                  kvmem::Index heads, kvmem::Real scale);

}  // namespace bench
