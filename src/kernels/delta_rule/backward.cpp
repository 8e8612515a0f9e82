#include "kernels/delta_rule/chunk.hpp"
#include "kernels/vector.hpp"
#include "kvmem/core/error.hpp"

namespace kvmem {

namespace detail {
namespace {
// to[i] += factor * from[i], unless `to` is null.
void add_to(Real* to, Real factor, const Real* from, Index count) {
    if (to) simd().add_scaled(factor, from, to, count);
}

// Chunks of one head, from the last to the first. With G the decays of a chunk (of its memory G_0), M the memory before
// it, * number by number, and W = b X:
//
//     X = V - G_0 K M - (G * K K') W     below the diagonal
//     O = G_0 Q M + (G * Q K') W         on and below the diagonal
//     M' = G_0[last] M + (G[last] K)' W
class Backward {
  public:
    static Index room(Index d, Index e) {
        const Index widest = std::max({d, e, chunk_rows});
        return chunk_rows * (5 * chunk_rows + 1 + 2 * d + 3 * e) + d * e + PackedTranspose::room(widest, widest);
    }
    Backward(Index key_width, Index value_width, Real* room)
        : d_(key_width),
          e_(value_width),
          keys_{room, chunk_rows},
          queries_{keys_[chunk_rows], chunk_rows},
          by_keys_{queries_[chunk_rows], chunk_rows},
          by_queries_{by_keys_[chunk_rows], chunk_rows},
          grad_decays_{by_queries_[chunk_rows], chunk_rows + 1},
          reads_{grad_decays_[chunk_rows], d_},
          scaled_{reads_[chunk_rows], d_},
          written_{scaled_[chunk_rows], e_},
          found_{written_[chunk_rows], e_},
          grad_errors_{found_[chunk_rows], e_},
          grad_memory_{grad_errors_[chunk_rows], e_},
          packed_(grad_memory_[d_]) {}

    // The gradient of the memory [D, E] after a chunk. run() turns it into the one before.
    Real* grad_memory() const { return grad_memory_.data; }

    // Null data of `grads` are not computed.
    void run(const DeltaRows& c, ConstRows memory, ConstRows errors, ConstRows grad_out, const DeltaGradients& grads) {
        const Decays decays(c);
        recompute(c, errors);
        find_grad_errors(c, decays, errors, grad_out, grads);
        add_within(c, decays, grad_out, grads);
        add_through_memory(c, decays, memory, grad_out, grads);
        if (grads.decay.data) add_grad_decays(c, decays, grads.decay);
    }

  private:
    // W, and the products of keys and of queries with keys.
    void recompute(const DeltaRows& c, ConstRows errors) const {
        const PackedTranspose keys(c.rows, d_, c.key, packed_);
        keys.multiply(false, c.rows, c.key, keys_);
        keys.multiply(false, c.rows, c.query, queries_);
        for (Index i = 0; i < c.rows; ++i)
            for (Index k = 0; k < e_; ++k) written_[i][k] = c.b(i) * errors[i][k];
    }

    // The gradient of X, from the last row to the first: later rows add to that of an earlier w.
    void find_grad_errors(const DeltaRows& c, const Decays& decays, ConstRows errors, ConstRows grad_out,
                          const DeltaGradients& grads) const {
        const Index m = c.rows;
        for (Index i = 0; i < m; ++i)
            for (Index j = 0; j < m; ++j) by_queries_[i][j] = j <= i ? decays.of_row(i, j) * queries_[i][j] : Real{0};
        multiply_transposed(false, m, e_, m, by_queries_, grad_out, grad_errors_);
        multiply(false, m, e_, d_, c.key, grad_memory_, found_);
        for (Index i = m - 1; i >= 0; --i) {
            for (Index j = i + 1; j < m; ++j) by_keys_[i][j] = -decays.of_row(j, i) * keys_[j][i];
            Real* const grad = grad_errors_[i];  // of w_i, then of x_i
            simd().add_scaled(decays.of_row(m - 1, i), found_[i], grad, e_);
            simd().add_weighted(by_keys_[i] + i + 1, grad_errors_[i + 1], e_, m - 1 - i, e_, grad);
            if (grads.strength.data) *grads.strength[i] += dot(grad, errors[i], e_);
            for (Index k = 0; k < e_; ++k) grad[k] *= c.b(i);
            if (grads.value.data) add_to(grads.value[i], 1, grad, e_);
        }
    }

    // What passes through the products of rows of the chunk.
    void add_within(const DeltaRows& c, const Decays& decays, ConstRows grad_out, const DeltaGradients& grads) const {
        const Index m = c.rows;
        const PackedTranspose written(m, e_, written_, packed_);
        written.multiply(false, m, grad_errors_, by_keys_);
        written.multiply(false, m, grad_out, by_queries_);
        for (Index i = 0; i < m; ++i)
            for (Index j = 0; j < m; ++j) {
                const Real left = j <= i ? decays.of_row(i, j) : 0;
                Real &by_key = by_keys_[i][j], &by_query = by_queries_[i][j];
                if (j < i) grad_decays_[i][j + 1] = by_query * queries_[i][j] - by_key * keys_[i][j];
                by_key *= j < i ? -left : 0;
                by_query *= left;
            }
        if (grads.query.data) multiply(true, m, d_, m, by_queries_, c.key, grads.query);
        if (!grads.key.data) return;
        multiply_transposed(true, m, d_, m, by_queries_, c.query, grads.key);
        multiply_transposed(true, m, d_, m, by_keys_, c.key, grads.key);
        multiply(true, m, d_, m, by_keys_, c.key, grads.key);
    }

    // What passes through the memory before the chunk and the one after it.
    void add_through_memory(const DeltaRows& c, const Decays& decays, ConstRows memory, ConstRows grad_out,
                            const DeltaGradients& grads) const {
        const Index m = c.rows;
        const Real left = decays.of_memory(m - 1);
        // Of the memory after it: the gradients of keys and decays of what was written.
        PackedTranspose(d_, e_, grad_memory_, packed_).multiply(false, m, written_, reads_);
        for (Index i = 0; i < m; ++i) {
            if (i + 1 < m) grad_decays_[m - 1][i + 1] += dot(c.key[i], reads_[i], d_);
            if (grads.key.data) add_to(grads.key[i], decays.of_row(m - 1, i), reads_[i], d_);
            grad_decays_[i][0] = 0;
        }
        grad_decays_[m - 1][0] = dot(memory.data, grad_memory_.data, d_ * e_);
        for (Index k = 0; k < d_ * e_; ++k) grad_memory_.data[k] *= left;
        // Of the memory before it, which rows read by their queries and by their keys.
        const PackedTranspose before(d_, e_, memory, packed_);
        add_reads(c.query, 1, m, decays, before, grad_out, grads.query);
        add_reads(c.key, -1, m, decays, before, grad_errors_, grads.key);
    }

    // For rows that have `sign` G_0 by M with the gradient grad_read.
    void add_reads(ConstRows by, Real sign, Index m, const Decays& decays, const PackedTranspose& before,
                   ConstRows grad_read, Rows grad_by) const {
        before.multiply(false, m, grad_read, reads_);
        for (Index i = 0; i < m; ++i) {
            const Real left = sign * decays.of_memory(i);
            grad_decays_[i][0] += sign * dot(by[i], reads_[i], d_);
            if (grad_by.data) add_to(grad_by[i], left, reads_[i], d_);
            for (Index k = 0; k < d_; ++k) scaled_[i][k] = left * by[i][k];
        }
        multiply_transposed(true, d_, e_, m, scaled_, grad_read, grad_memory_);
    }

    // Decays are running products: row i of them is a_i times the row before.
    void add_grad_decays(const DeltaRows& c, const Decays& decays, Rows grad) const {
        for (Index i = c.rows - 1; i >= 0; --i) {
            Real sum = 0;
            for (Index j = 0; j <= i; ++j) {
                sum += grad_decays_[i][j] * (i > 0 ? decays.values[i - 1][j] : Real{1});
                if (i > 0 && j < i) grad_decays_[i - 1][j] += c.a(i) * grad_decays_[i][j];
            }
            *grad[i] += sum;
        }
    }

    Index d_, e_;
    Rows keys_, queries_;        // [chunk, chunk]: K K', Q K'
    Rows by_keys_, by_queries_;  // [chunk, chunk]: their gradients, and before that their products with G
    Rows grad_decays_;           // [chunk, chunk + 1]
    Rows reads_, scaled_;        // [chunk, D]
    Rows written_, found_;       // [chunk, E]: W, K by the gradient of the memory
    Rows grad_errors_;           // [chunk, E]
    Rows grad_memory_;           // [D, E]
    Real* packed_;
};
}  // namespace

static DeltaGradients gradients_of(const DeltaRuleArrays<View>& g, const DeltaRuleShape& s, Index h, Index first) {
    return {columns_of(g.query, h, s.key_width, first), columns_of(g.key, h, s.key_width, first),
            columns_of(g.value, h, s.value_width, first), columns_of(g.decay, h, 1, first),
            columns_of(g.strength, h, 1, first)};
}
}  // namespace detail

static void check(const DeltaRuleCall& call, const DeltaRuleShape& s, const DeltaRuleSaved& saved, ConstView grad_out,
                  ConstView grad_last, const DeltaRuleArrays<View>& grads) {
    const Index memory = s.heads * s.key_width * s.value_width;
    const auto fits = [](ConstView grad, ConstView of) { return !grad.data || same_shape(grad, of); };
    const ConstView last{nullptr, s.sequences, memory};
    require_shape(same_shape(grad_out, call.value) && fits(grad_last, last) && same_shape(saved.errors, call.value) &&
                      saved.memories.rows == s.chunks && saved.memories.cols == memory &&
                      fits(grads.query, call.query) && fits(grads.key, call.key) && fits(grads.value, call.value) &&
                      fits(grads.decay, call.decay) && fits(grads.strength, call.strength) && fits(grads.memory, last),
                  "delta_rule_backward", "what delta_rule() saved, and gradients of the shapes of the call, or empty");
}

void delta_rule_backward(const DeltaRuleCall& call, const DeltaRuleSaved& saved, ConstView grad_out,
                         ConstView grad_last, const DeltaRuleArrays<View>& grads, Arena& scratch) {
    const DeltaRuleShape s = delta_rule_shape(call);
    check(call, s, saved, grad_out, grad_last, grads);
    const Index d = s.key_width, e = s.value_width, size = d * e;
    const ArenaScope scope(scratch);
    const Index room = detail::Backward::room(d, e);
    Real* const rooms = scratch.take<Real>(worker_count() * room).data();
    const auto first_chunk = detail::first_chunks(call, scratch);
    detail::for_each_head(s, [&](Index sequence, Index h, Index worker) {
        detail::Backward backward(d, e, rooms + worker * room);
        if (grad_last.data)
            std::copy_n(grad_last.row(sequence) + h * size, size, backward.grad_memory());
        else
            std::fill_n(backward.grad_memory(), size, Real{0});
        const Index first = call.offsets[sequence], end = call.offsets[sequence + 1];
        for (Index chunk = first_chunk[sequence + 1] - 1; chunk >= first_chunk[sequence]; --chunk) {
            const Index i = first + (chunk - first_chunk[sequence]) * detail::chunk_rows;
            backward.run(detail::rows_of(call, s, h, i, std::min(detail::chunk_rows, end - i)),
                         {saved.memories.row(chunk) + h * size, e},
                         detail::columns_of(ConstView(saved.errors), h, e, i), detail::columns_of(grad_out, h, e, i),
                         detail::gradients_of(grads, s, h, i));
        }
        if (grads.memory.data) detail::add_to(grads.memory.row(sequence) + h * size, 1, backward.grad_memory(), size);
    });
}

}  // namespace kvmem
