// Gradients that stay outer products until an operation needs them as a matrix. Not installed.
//
// A lookup of one query a segment gives each slot a weight times one vector. The gradients of keys and values, as large
// as they are, need then never be written: embed_sum adds the products to the rows of its table.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/kernels/embed.hpp"

namespace kvmem {

struct LowRankGrad {
    // For operations whose backward function can use an outer product as well as a materialised gradient.
    static void allow(Var out);
    // Whether add() may be called instead of adding to grad(). Not where the operation does not allow it, where the
    // gradient is materialised already, or has outer products with other offsets.
    static bool accepts(Var to, std::span<const Index> offsets);
    // What the term views must last as long as the pass and not change. Its weights may be filled until the next call
    // of grad(). Throws Error unless `to` accepts it.
    static void add(Var to, std::span<const Index> offsets, const OuterProducts::Term& term);
    // The gradient of what was recorded, if it consists of outer products alone, or null. grad() materialises it.
    static const OuterProducts* find(Var out);
};

}  // namespace kvmem
