// Recurrent networks as nodes of ONNX graphs. Not installed.
#pragma once

#include "io/onnx_graph.hpp"
#include "kvmem/nn/recurrent.hpp"

#include <vector>

namespace kvmem::onnx {

// Of each layer [directions, batch, width].
struct StateValues {
    std::vector<Value> h, c;  // c of an LSTM alone
};

struct RecurrentRun {
    Value out;  // [length, batch, directions * width]
    StateValues last;
};

// Throws Error for cells that ONNX lacks.
void require_onnx_cell(Cell cell);

// x [length, batch, in]; lengths int32 [batch], or none where all are whole; states to begin with, or zeros.
RecurrentRun run(const Recurrent& network, const Value& x, const Value& lengths = {}, const StateValues& first = {});

// The states of a step as inputs h and c and as outputs next_h and next_c of the graph, [batch, layers, width].
StateValues input_states(Graph& graph, const RecurrentOptions& options, const std::string& about);
void output_states(Graph& graph, const RecurrentOptions& options, const StateValues& states);

// States of all layers [batch, width] as an output.
void output_layers(Graph& graph, const std::string& name, const std::vector<Value>& layers, Index width);

}  // namespace kvmem::onnx
