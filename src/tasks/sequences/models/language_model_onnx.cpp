// The graph of a Transformer language model.
#include "kvmem/tasks/sequences/models/language_model.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/sequences/models/transformer_layers_onnx.hpp"

namespace kvmem {

using namespace onnx;

static void require_onnx(bool possible, const char* expected, const std::string& got) {
    if (!possible)
        throw Error({.what = "a network of these settings cannot be exported to ONNX",
                     .expected = expected,
                     .got = got,
                     .hint = "safetensors has the weights of every network"});
}

std::vector<OnnxModel> LanguageModel::onnx() const {
    require_onnx(config_.mixer == Mixer::attention, "mixer attention", "delta");
    require_onnx(config_.product_keys == 0, "product_keys 0", std::to_string(config_.product_keys));
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
