#include "kvmem_attention.hpp"

#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/attend.hpp"

#include <algorithm>

namespace bench {

using kvmem::ConstView;
using kvmem::View;

namespace {

std::vector<Index> even_offsets(Index segments, Index rows) {
    std::vector<Index> offsets;
    for (Index i = 0; i <= segments; ++i) offsets.push_back(i * rows);
    return offsets;
}

class Attention : public Task {
  public:
    explicit Attention(const Case& c)
        : threads_(static_cast<int>(c.threads)),
          in_(c, false),
          query_offsets_(even_offsets(c.batch, c.queries)),
          slot_offsets_(even_offsets(c.batch, c.slots)),
          rows_{c.batch * c.queries, c.batch * c.slots},
          columns_(c.heads * c.width),
          read_(in_.query.size()),
          log_sum_exp_(rows_.query * c.heads) {
        options_.heads = c.heads;
        options_.scale = static_cast<float>(scale_of(c));
        options_.causal = c.causal != 0;
        if (c.backward)
            for (const Floats* of : {&in_.query, &in_.key, &in_.value}) gradients_.emplace_back(of->size());
        if (c.bf16) {
            bf16_key_ = to_bf16(in_.key);
            bf16_value_ = to_bf16(in_.value);
        }
        if (gradients_.empty()) return;
        if (kvmem::saves_weights(segments(), options_)) weights_ = Floats(kvmem::weight_count(segments(), c.heads));
        scores_ = Floats(kvmem::saved_score_count(segments(), options_));
    }

    // As the operation on a tape: weights or scores are saved for backward where they are small.
    void run() override {
        scratch_.reset();
        const kvmem::AttendInput in{queries(in_.query), slots(in_.key), slots(in_.value)};
        const View log_sum_exp{log_sum_exp_.data(), rows_.query, options_.heads};
        const kvmem::AttendOutput out{queries(read_), log_sum_exp, span(weights_), span(scores_)};
        if (bf16_key_.size() > 0)
            return kvmem::attend(in.query, slots(bf16_key_), slots(bf16_value_), segments(), options_, out, scratch_);
        kvmem::attend(in, segments(), options_, out, scratch_);
        if (gradients_.empty()) return;
        for (const Floats& g : gradients_) std::fill_n(g.data(), g.size(), 0.0f);
        kvmem::attend_backward(
            in, segments(), options_, out, queries(in_.grad_read),
            {.query = queries(gradients_[0]), .key = slots(gradients_[1]), .value = slots(gradients_[2])}, scratch_);
    }

    float at(int output, Index i) const override {
        return output == 0 ? read_[i] : gradients_[static_cast<std::size_t>(output - 1)][i];
    }

  private:
    using Bf16 = Numbers<kvmem::Bfloat16>;

    static std::span<float> span(const Floats& x) { return {x.data(), static_cast<std::size_t>(x.size())}; }
    View queries(const Floats& x) const { return {x.data(), rows_.query, columns_}; }
    View slots(const Floats& x) const { return {x.data(), rows_.slot, columns_}; }
    kvmem::Bfloat16View slots(const Bf16& x) const { return {x.data(), rows_.slot, columns_}; }
    static Bf16 to_bf16(const Floats& x) {
        Bf16 all(x.size());
        for (Index i = 0; i < x.size(); ++i) all[i] = kvmem::Bfloat16(x[i]);
        return all;
    }
    kvmem::Segments segments() const { return {query_offsets_, slot_offsets_}; }

    kvmem::ThreadLimit threads_;
    Inputs in_;
    kvmem::AttendOptions options_;
    std::vector<Index> query_offsets_, slot_offsets_;
    struct {
        Index query, slot;
    } rows_;
    Index columns_;
    Floats read_, log_sum_exp_;
    std::vector<Floats> gradients_;
    Floats weights_, scores_;
    Bf16 bf16_key_, bf16_value_;
    kvmem::Arena scratch_;
};

}  // namespace

bool kvmem_can_attend(const Case& c) { return c.kind == "attend"; }

std::unique_ptr<Task> kvmem_attention(const Case& c) { return std::make_unique<Attention>(c); }

kvmem::Var lookup(kvmem::Var query, kvmem::Var key, kvmem::Var value, const kvmem::Segments& segments,
                  kvmem::Index heads, kvmem::Real scale) {
    kvmem::AttendOptions options;
    options.heads = heads;
    options.scale = scale;
    return kvmem::attend(query, key, value, segments, options).read;
}

}  // namespace bench
