// The contestant onednn: attention as a chain of oneDNN's primitives matmul, softmax, matmul, and its LSTM; see
// README.md.
#include <dnnl.hpp>

#include <limits>

#include "onednn_tasks.hpp"

using bench::Case;
using bench::Floats;
using bench::Index;
using dnnl::memory;

namespace {

// The matrices of all segments and heads, as [pairs, rows, cols].
memory::desc packed(Index pairs, Index rows, Index cols) {
    return {{pairs, rows, cols}, memory::data_type::f32, memory::format_tag::abc};
}

class Attention : public bench::Task {
  public:
    explicit Attention(const Case& c)
        : case_(c), in_(c, true), read_(in_.query.size()), engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {}

    void run() override {
        if (scores_.size() == 0) prepare();
        score_.execute(stream_, score_arguments_);
        stream_.wait();
        if (case_.causal) hide_later_slots();
        softmax_.execute(stream_, softmax_arguments_);
        weigh_.execute(stream_, weigh_arguments_);
        stream_.wait();
    }

    float at(int, Index i) const override {
        return read_[bench::heads_first(i, case_.heads, case_.queries, case_.width)];
    }

  private:
    // In the first run, so that the scores count as memory that it takes.
    void prepare() {
        const Index pairs = case_.batch * case_.heads;
        scores_ = Floats(pairs * case_.queries * case_.slots);
        const auto query = packed(pairs, case_.queries, case_.width), value = packed(pairs, case_.slots, case_.width);
        const auto scores = packed(pairs, case_.queries, case_.slots);
        // Keys [pairs, slots, width] seen as [pairs, width, slots].
        const memory::desc key({pairs, case_.width, case_.slots}, memory::data_type::f32, memory::format_tag::acb);
        dnnl::primitive_attr scaled;
        scaled.set_output_scales(0, {static_cast<float>(bench::scale_of(case_))});
        score_ = dnnl::matmul({{query, key, scores}, scaled, engine_});
        softmax_ = dnnl::softmax_forward({{dnnl::prop_kind::forward_inference, scores, 2}, engine_});
        weigh_ = dnnl::matmul({{scores, value, query}, engine_});
        const auto at = [&](const memory::desc& what, const Floats& where) {
            return memory(what, engine_, where.data());
        };
        score_arguments_ = {{DNNL_ARG_SRC, at(query, in_.query)},
                            {DNNL_ARG_WEIGHTS, at(key, in_.key)},
                            {DNNL_ARG_DST, at(scores, scores_)}};
        softmax_arguments_ = {{DNNL_ARG_SRC, at(scores, scores_)}, {DNNL_ARG_DST, at(scores, scores_)}};
        weigh_arguments_ = {{DNNL_ARG_SRC, at(scores, scores_)},
                            {DNNL_ARG_WEIGHTS, at(value, in_.value)},
                            {DNNL_ARG_DST, at(query, read_)}};
    }

    // As a binary operation after the product, a mask that all pairs share is left to oneDNN's reference code.
    void hide_later_slots() const {
#pragma omp parallel for
        for (Index row = 0; row < scores_.size() / case_.slots; ++row) {
            const Index readable = row % case_.queries + 1 + case_.slots - case_.queries;
            float* score = scores_.data() + row * case_.slots;
            std::fill(score + readable, score + case_.slots, -std::numeric_limits<float>::infinity());
        }
    }

    Case case_;
    bench::Inputs in_;
    Floats read_, scores_;
    dnnl::engine engine_;
    dnnl::stream stream_;
    dnnl::matmul score_, weigh_;
    dnnl::softmax_forward softmax_;
    std::unordered_map<int, memory> score_arguments_, softmax_arguments_, weigh_arguments_;
};

}  // namespace

int main() {
    const dnnl_version_t* v = dnnl_version();
    const std::string version =
        std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
    const auto variants = [](const Case& c) -> std::vector<std::string> {
        if (c.kind == "lstm" && !c.backward) return {"lstm"};
        if (c.kind != "attend" || c.backward || c.bf16) return {};
        return {"chain"};
    };
    const auto make = [](const Case& c, const std::string&) -> std::unique_ptr<bench::Task> {
        if (c.kind == "lstm") return bench::onednn_lstm(c);
        return std::make_unique<Attention>(c);
    };
    return bench::serve({"onednn", version, variants, make});
}
