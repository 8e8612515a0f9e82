// The graphs of a recurrent encoder-decoder, from the equations of seq2seq.hpp.
#include "kvmem/tasks/sequences/models/seq2seq.hpp"
#include "tasks/sequences/models/recurrent_onnx.hpp"

namespace kvmem {

using namespace onnx;

class Seq2Seq::Graphs {
  public:
    explicit Graphs(const Seq2Seq& model) : model_(model), config_(model.config_) {}

    OnnxModel encoder() const;
    OnnxModel step() const;

  private:
    // The memory and its source, as a step reads them.
    struct Inputs {
        Value source, key, value;
    };
    struct Read {
        Value weights, read;  // [batch, length], [batch, memory]
    };
    bool has_attention() const { return config_.attention != SequenceAttention::none; }
    Index memory_width() const { return model_.encoder_->out_width(); }
    Index key_width() const { return model_.key_ ? config_.width : memory_width(); }

    Value last_of(const std::vector<Value>& states, Index layer) const;
    void output_first_states(Graph& graph, const RecurrentRun& run) const;
    Inputs inputs(Graph& graph) const;
    Read read_memory(const Value& state, const Inputs& memory) const;
    Value scores(const Value& read) const;
    Value copied(const Value& scores, const Value& gate, const Inputs& memory, const Value& weights) const;

    const Seq2Seq& model_;
    const Seq2SeqConfig& config_;
};

static constexpr const char* source_about = "source tokens; -1 behind shorter lines; at least one token in each";

// --- the encoder

OnnxModel Seq2Seq::Graphs::encoder() const {
    Graph g("encoder", "kvmem seq2seq: reads source lines. Its outputs are inputs of the step.", model_.parameters());
    const Value source = g.input("source_tokens", Type::int64, {"batch", "length"}, source_about);
    const Value lengths = cast(sum(cast(is_token(source), Type::int32), 1), Type::int32);
    const Value embedded = transpose(gather(g.parameter("source"), as_rows(source)), {1, 0, 2});
    const RecurrentRun encoded = run(*model_.encoder_, embedded, lengths);
    output_first_states(g, encoded);
    if (!has_attention()) return g.model();
    const Value value = transpose(encoded.out, {1, 0, 2});
    g.output("value", value, Type::float32, {"batch", "length", memory_width()}, "the memory");
    if (model_.key_)
        g.output("key", linear(value, "key"), Type::float32, {"batch", "length", key_width()}, "the memory's keys");
    return g.model();
}

// The last state that a layer of the decoder begins with, of both directions: [batch, memory].
Value Seq2Seq::Graphs::last_of(const std::vector<Value>& states, Index layer) const {
    const auto at = static_cast<std::size_t>(std::min(layer, config_.encoder_layers - 1));
    return reshape(transpose(states[at], {1, 0, 2}), {0, -1});
}

void Seq2Seq::Graphs::output_first_states(Graph& graph, const RecurrentRun& run) const {
    const bool is_mapped = !model_.first_h_.empty(), is_lstm = config_.cell == Cell::lstm;
    std::vector<Value> h, c;
    for (Index layer = 0; layer < config_.decoder_layers; ++layer) {
        const Value last = last_of(run.last.h, layer);
        h.push_back(is_mapped ? apply("Tanh", linear(last, "first_h." + std::to_string(layer))) : last);
        if (!is_lstm) continue;
        const Value cell = last_of(run.last.c, layer);
        c.push_back(is_mapped ? linear(cell, "first_c." + std::to_string(layer)) : cell);
    }
    output_layers(graph, "h", h, config_.width);
    if (is_lstm) output_layers(graph, "c", c, config_.width);
    if (model_.feeds_input())
        graph.output("read", 0 * h.front(), Type::float32, {"batch", config_.width}, "zeros: nothing is read yet");
}

// --- the step

OnnxModel Seq2Seq::Graphs::step() const {
    Graph g("step",
            "kvmem seq2seq: writes one token of each target. The inputs but the token are outputs of the encoder "
            "at first. Then next_h, next_c and next_read, as far as they exist, are h, c and read.",
            model_.parameters());
    const Value token = g.input("token", Type::int64, {"batch"}, "the last token of each target; 1 at first");
    const Value embedded = gather(g.parameter("target"), token);
    const RecurrentOptions& options = model_.decoder_->options();
    StateValues states = input_states(g, options, "the state of all layers");
    const auto run_cells = [&](const Value& x) {
        const RecurrentRun done = run(*model_.decoder_, unsqueeze(x, 0), {}, states);
        states = done.last;
        return squeeze(done.out, 0);
    };
    Value all, out;  // what r is made of, and r
    Inputs memory;
    Read read;
    if (!has_attention()) {
        out = run_cells(embedded);
    } else if (memory = inputs(g); model_.is_luong()) {
        const Value h =
            run_cells(model_.feeds_input() ? concat({embedded, g.input("read", Type::float32, {"batch", config_.width},
                                                                       "what the last step read")},
                                                    1)
                                           : embedded);
        read = read_memory(h, memory);
        all = concat({h, read.read}, 1);
    } else {
        read = read_memory(squeeze(states.h.back(), 0), memory);
        all = concat({run_cells(concat({embedded, read.read}, 1)), read.read, embedded}, 1);
    }
    if (has_attention()) out = apply("Tanh", linear(all, "readout"));
    const Value logs = model_.gate_ ? copied(scores(out), apply("Sigmoid", linear(all, "gate")), memory, read.weights)
                                    : apply("LogSoftmax", scores(out));
    g.output("log_probabilities", logs, Type::float32, {"batch", Index{model_.target_units().size()}},
             "of the next token of each target");
    if (has_attention())
        g.output("weights", unsqueeze(read.weights, 1), Type::float32, {"batch", Index{1}, "length"},
                 "the attention weights");
    output_states(g, options, states);
    if (model_.feeds_input()) g.output("next_read", out, Type::float32, {"batch", config_.width}, "what was read");
    return g.model();
}

Seq2Seq::Graphs::Inputs Seq2Seq::Graphs::inputs(Graph& graph) const {
    const Value source = graph.input("source_tokens", Type::int64, {"batch", "length"}, "those of the encoder");
    const Value value = graph.input("value", Type::float32, {"batch", "length", memory_width()}, "the memory");
    if (!model_.key_) return {source, value, value};
    return {source, graph.input("key", Type::float32, {"batch", "length", key_width()}, "the memory's keys"), value};
}

Seq2Seq::Graphs::Read Seq2Seq::Graphs::read_memory(const Value& state, const Inputs& memory) const {
    const Value query = model_.query_ ? linear(state, "query") : state;
    const Value scores =
        model_.direction_
            ? squeeze(linear(apply("Tanh", unsqueeze(query, 1) + memory.key), state.graph->parameter("direction")), 2)
            : dot_scores(query, memory.key);
    const Value weights = masked_softmax(scores, is_token(memory.source));
    return {weights, weighted_sum(weights, memory.value)};
}

Value Seq2Seq::Graphs::scores(const Value& read) const {
    Graph& g = *read.graph;
    return model_.out_ ? linear(read, "out") : linear(read, g.parameter("target")) + g.parameter("out.bias");
}

// The logarithms of the mixture of what is generated and what the attention points at (kernels/pointer.hpp).
Value Seq2Seq::Graphs::copied(const Value& scores, const Value& gate, const Inputs& memory,
                              const Value& weights) const {
    Graph& g = *scores.graph;
    const Value tokens =
        gather(g.constant(Integers(model_.copies_.begin(), model_.copies_.end())), as_rows(memory.source));
    const Value generated = gate * apply("Softmax", scores);
    return apply("Log", g.node("ScatterElements", {generated, tokens, (1 - gate) * weights},
                               {{"axis", std::int64_t{1}}, {"reduction", std::string("add")}}));
}

std::vector<OnnxModel> Seq2Seq::onnx() const {
    require_onnx_cell(config_.cell);
    const Graphs graphs(*this);
    return {graphs.encoder(), graphs.step()};
}

}  // namespace kvmem
