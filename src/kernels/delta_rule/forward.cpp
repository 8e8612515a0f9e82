#include "kernels/delta_rule/chunk.hpp"
#include "kvmem/core/error.hpp"

namespace kvmem {

DeltaRuleShape delta_rule_shape(const DeltaRuleCall& call) {
    constexpr const char* here = "delta_rule";
    const Index n = call.decay.rows, heads = call.decay.cols;
    const auto& offsets = call.offsets;
    require_shape(heads >= 1 && call.strength.rows == n && call.strength.cols == heads, here,
                  "decay and strength [n, H]");
    require_shape(call.query.rows == n && same_shape(call.query, call.key) && call.key.cols % heads == 0, here,
                  "query and key [n, H*D]");
    require_shape(call.value.rows == n && call.value.cols % heads == 0, here, "value [n, H*E]");
    require_shape(!offsets.empty() && offsets.front() == 0 && offsets.back() == n && std::ranges::is_sorted(offsets),
                  here, "offsets from 0 to n that do not fall");
    require_shape(call.key.cols > 0 && call.value.cols > 0, here, "positive widths");
    DeltaRuleShape shape{n, std::ssize(offsets) - 1, heads, call.key.cols / heads, call.value.cols / heads, 0};
    require_shape(!call.memory.data || (call.memory.rows == shape.sequences &&
                                        call.memory.cols == heads * shape.key_width * shape.value_width),
                  here, "memory [N, H*D*E]");
    for (Index i = 0; i < shape.sequences; ++i) shape.chunks += detail::chunk_count(offsets[i + 1] - offsets[i]);
    return shape;
}

DeltaRuleSaved delta_rule_room(const DeltaRuleCall& call, Arena& arena) {
    const DeltaRuleShape s = delta_rule_shape(call);
    return {arena.matrix(s.rows, s.heads * s.value_width),
            arena.matrix(s.chunks, s.heads * s.key_width * s.value_width)};
}

namespace detail {

DeltaRows rows_of(const DeltaRuleCall& call, const DeltaRuleShape& s, Index h, Index first, Index count) {
    return {count,
            s.key_width,
            s.value_width,
            columns_of(call.query, h, s.key_width, first),
            columns_of(call.key, h, s.key_width, first),
            columns_of(call.value, h, s.value_width, first),
            columns_of(call.decay, h, 1, first),
            columns_of(call.strength, h, 1, first)};
}

std::span<const Index> first_chunks(const DeltaRuleCall& call, Arena& arena) {
    const auto first = arena.take<Index>(std::ssize(call.offsets));
    first[0] = 0;
    for (std::size_t i = 1; i < first.size(); ++i)
        first[i] = first[i - 1] + chunk_count(call.offsets[i] - call.offsets[i - 1]);
    return first;
}

namespace {
// Runs rows of one head and changes its memory [D, E]. It writes the errors of the rows and what they read.
class Forward {
  public:
    static Index room(Index key_width, Index value_width) {
        return chunk_rows * (2 * chunk_rows + key_width + 2 * value_width) +
               PackedTranspose::room(chunk_rows, key_width);
    }
    Forward(Index key_width, Index value_width, Real* room)
        : products_{room, chunk_rows},
          reads_{products_[chunk_rows], chunk_rows},
          keys_{reads_[chunk_rows], key_width},
          errors_{keys_[chunk_rows], value_width},
          written_{errors_[chunk_rows], value_width},
          packed_(written_[chunk_rows]) {}

    // `errors` may be null.
    void run(const DeltaRows& chunk, bool recurrent, Real* memory, Rows errors, Rows out) const {
        if (!errors.data) errors = errors_;
        if (recurrent || chunk.rows == 1)
            run_rows(chunk, memory, errors, out);
        else
            run_chunk(chunk, memory, errors, out);
    }

  private:
    static void run_rows(const DeltaRows& c, Real* memory, Rows errors, Rows out) {
        for (Index i = 0; i < c.rows; ++i)
            simd().delta_step({c.key_width, c.value_width, c.query[i], c.key[i], c.value[i], c.a(i), c.b(i), memory,
                               errors[i], out[i]});
    }

    void run_chunk(const DeltaRows& c, Real* memory, Rows errors, Rows out) const {
        const Index m = c.rows, d = c.key_width, e = c.value_width;
        const Decays decays(c);
        const PackedTranspose keys(m, d, c.key, packed_);
        keys.multiply(false, m, c.key, products_);
        keys.multiply(false, m, c.query, reads_);
        const ConstRows before{memory, e};
        multiply(false, m, e, d, c.key, before, errors);
        multiply(false, m, e, d, c.query, before, out);
        for (Index i = 0; i < m; ++i) {
            const Real left = decays.of_memory(i), b = c.b(i);
            for (Index j = 0; j < i; ++j) products_[i][j] *= -decays.of_row(i, j);
            for (Index j = 0; j <= i; ++j) reads_[i][j] *= decays.of_row(i, j);
            for (Index j = i + 1; j < m; ++j) reads_[i][j] = 0;
            for (Index k = 0; k < e; ++k) errors[i][k] = c.value[i][k] - left * errors[i][k];
            for (Index k = 0; k < e; ++k) out[i][k] *= left;
            // Row i of the triangular system: x_i loses what the rows before have written for its key.
            simd().add_weighted(products_[i], written_.data, e, i, e, errors[i]);
            for (Index k = 0; k < e; ++k) written_[i][k] = b * errors[i][k];
            const Real last = decays.of_row(m - 1, i);
            for (Index k = 0; k < d; ++k) keys_[i][k] = last * c.key[i][k];
        }
        multiply(true, m, e, m, reads_, written_, out);
        for (Index k = 0; k < d * e; ++k) memory[k] *= decays.of_memory(m - 1);
        multiply_transposed(true, d, e, m, keys_, written_, {memory, e});
    }

    Rows products_, reads_;  // [chunk, chunk]: of keys with keys and of queries with keys
    Rows keys_;              // [chunk, D]: what is left of each row at the end of the chunk
    Rows errors_, written_;  // [chunk, E]: x, where it is not saved, and b x
    Real* packed_;
};
}  // namespace

}  // namespace detail

void delta_rule(const DeltaRuleCall& call, const DeltaRuleSaved& saved, View out, View last, Arena& scratch) {
    const DeltaRuleShape s = delta_rule_shape(call);
    const Index d = s.key_width, e = s.value_width, size = d * e;
    require_shape(same_shape(out, call.value) && last.rows == s.sequences && last.cols == s.heads * size, "delta_rule",
                  "out [n, H*E] and the last memories [N, H*D*E]");
    require_shape(!saved.memories.data || (same_shape(saved.errors, out) && saved.memories.rows == s.chunks &&
                                           saved.memories.cols == last.cols),
                  "delta_rule", "room to save in from delta_rule_room()");
    const ArenaScope scope(scratch);
    const Index room = detail::Forward::room(d, e);
    Real* const rooms = scratch.take<Real>(worker_count() * room).data();
    const auto first_chunk = detail::first_chunks(call, scratch);
    detail::for_each_head(s, [&](Index sequence, Index h, Index worker) {
        const detail::Forward forward(d, e, rooms + worker * room);
        Real* const memory = last.row(sequence) + h * size;
        if (call.memory.data)
            std::copy_n(call.memory.row(sequence) + h * size, size, memory);
        else
            std::fill_n(memory, size, Real{0});
        Index chunk = first_chunk[sequence];
        for (Index i = call.offsets[sequence], end = call.offsets[sequence + 1]; i < end; i += detail::chunk_rows) {
            if (saved.memories.data) std::copy_n(memory, size, saved.memories.row(chunk++) + h * size);
            forward.run(detail::rows_of(call, s, h, i, std::min(detail::chunk_rows, end - i)), call.recurrent, memory,
                        detail::columns_of(saved.errors, h, e, i), detail::columns_of(out, h, e, i));
        }
    });
}

}  // namespace kvmem
