// The graph of a recurrent language model.
#include "kvmem/tasks/sequences/models/recurrent_text.hpp"
#include "tasks/sequences/models/recurrent_onnx.hpp"

namespace kvmem {

using namespace onnx;

std::vector<OnnxModel> RecurrentText::onnx() const {
    require_onnx_cell(config_.cell);
    Graph g("step",
            "kvmem recurrent-text: reads one token of each text. The outputs next_h and next_c are the inputs h "
            "and c of the next step.",
            parameters());
    const Value token = g.input("token", Type::int64, {"batch"}, "the last token of each text; 1 at first");
    const RecurrentOptions& options = cells_->options();
    const StateValues states = input_states(g, options, "the state of all layers; zeros at first");
    const RecurrentRun done = run(*cells_, unsqueeze(gather(g.parameter("target"), token), 0), {}, states);
    g.output("log_probabilities", apply("LogSoftmax", linear(squeeze(done.out, 0), "out")), Type::float32,
             {"batch", Index{target_units().size()}}, "of the next token of each text");
    output_states(g, options, done.last);
    return {g.model()};
}

}  // namespace kvmem
