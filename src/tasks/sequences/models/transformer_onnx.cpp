// The graphs of the Transformer.
#include "kvmem/tasks/sequences/models/transformer.hpp"
#include "tasks/sequences/models/transformer_layers_onnx.hpp"

namespace kvmem {

using namespace onnx;

static OnnxModel encoder_of(const Transformer& model, const TransformerConfig& config) {
    Graph g("encoder", "kvmem transformer: reads source lines. Its outputs are inputs of the step.",
            model.parameters());
    const LayersGraph encoder(g, config, "encoder", config.encoder_layers);
    const LayersGraph decoder(g, config, "decoder", config.decoder_layers);
    const Value source = g.input("source_tokens", Type::int64, {"batch", "length"},
                                 "source tokens; -1 behind shorter lines; at least one token in each");
    const Value rows = encoder.encode(symbols(source, "source", config), is_token(source));
    const LayerCache memory = decoder.project(rows);
    decoder.output("memory", memory, "length", "what the decoder's layers read of the source");
    decoder.output("self", {slice(memory.keys, 3, 0, 0), slice(memory.values, 3, 0, 0)}, "steps", "nothing, at first");
    return g.model();
}

static OnnxModel step_of(const Transformer& model, const TransformerConfig& config) {
    Graph g(
        "step",
        "kvmem transformer: writes one token of each target. The inputs but the token are outputs of the encoder at "
        "first. Then next_self_keys and next_self_values are self_keys and self_values.",
        model.parameters());
    const LayersGraph decoder(g, config, "decoder", config.decoder_layers);
    const Value token = g.input("token", Type::int64, {"batch"}, "the last token of each target; 1 at first");
    const Value source = g.input("source_tokens", Type::int64, {"batch", "length"}, "those of the encoder");
    const LayerCache memory = decoder.input("memory", "length", "what the layers read of the source");
    const LayerCache self = decoder.input("self", "steps", "what they read of the target so far");
    const auto done = decoder.step(symbols(unsqueeze(token, 1), "target", config), self, 0, &memory, is_token(source));
    const Value scores = symbol_scores(squeeze(done.out, 1), "target", config);
    g.output("log_probabilities", apply("LogSoftmax", scores), Type::float32,
             {"batch", Index{model.target_units().size()}}, "of the next token of each target");
    g.output("weights", concat(done.weights, 1), Type::float32,
             {"batch", config.decoder_layers * config.heads, "length"},
             "the attention weights of the heads of the first layer, then of the second ...");
    decoder.output("next_self", done.cache, "next_steps", "what the layers read of the target with this token");
    return g.model();
}

std::vector<OnnxModel> Transformer::onnx() const { return {encoder_of(*this, config_), step_of(*this, config_)}; }

}  // namespace kvmem
