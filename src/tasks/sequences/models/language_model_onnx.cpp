// The graph of a Transformer language model.
#include "kvmem/tasks/sequences/models/language_model.hpp"

#include "tasks/sequences/models/transformer_layers_onnx.hpp"

namespace kvmem {

using namespace onnx;

std::vector<OnnxModel> LanguageModel::onnx() const {
    LanguageModelConfig config = config_;
    require_onnx_layers(config);
    Graph g(
        "step",
        "kvmem language-model: reads one token of each text. The outputs next_self_keys and next_self_values are the "
        "inputs self_keys and self_values of the next step.",
        parameters());
    const LayersGraph layers(g, config_, "decoder", config_.layers);
    const Value token = g.input("token", Type::int64, {"batch"}, "the last token of each text; 1 at first");
    const LayerCache self = layers.input("self", "steps", "what the layers read of the text so far; at first no steps");
    const auto done = layers.step(symbols(unsqueeze(token, 1), "target", config_), self, config_.context);
    const Value scores = symbol_scores(squeeze(done.out, 1), "target", config_);
    g.output("log_probabilities", apply("LogSoftmax", scores), Type::float32, {"batch", Index{target_units().size()}},
             "of the next token of each text");
    layers.output("next_self", done.cache, "next_steps", "what the layers read of the text with this token");
    return {g.model()};
}

}  // namespace kvmem
