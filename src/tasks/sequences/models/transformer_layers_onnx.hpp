// Transformer layers in ONNX graphs, from the equations of nn/transformer.hpp. Not installed.
#pragma once

#include "io/onnx_graph.hpp"
#include "kvmem/tasks/sequences/models/transformer_settings.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kvmem::onnx {

// Keys and values of all layers [batch, layers, key heads, length, width of a head].
struct LayerCache {
    Value keys, values;
};

// A stack of layers whose parameters begin with `name`. The graph and the settings must outlive it.
class LayersGraph {
  public:
    LayersGraph(Graph& graph, const TransformerSettings& settings, std::string name, Index layers)
        : graph_(graph), settings_(settings), name_(std::move(name)), layers_(layers) {}

    // Whole sequences x [batch, length, d], of which a row reads all with a true mask [batch, length].
    Value encode(const Value& x, const Value& mask) const;
    // What a decoder reads of an encoder's output.
    LayerCache project(const Value& memory) const;

    // One more row for each sequence, x [batch, 1, d].
    struct Step {
        Value out;
        LayerCache cache;
        std::vector<Value> weights{};  // [batch, heads, memory] of each layer that reads a memory
    };
    // A row reads the last `window` rows, or all for 0, and the memory, if there is one, where its mask is true.
    Step step(const Value& x, const LayerCache& cache, Index window, const LayerCache* memory = nullptr,
              const Value& mask = {}) const;

    LayerCache input(const std::string& name, const char* length, const std::string& about) const;
    void output(const std::string& name, const LayerCache& cache, const char* length, const std::string& about) const;

  private:
    struct Read {
        Value out, weights;
    };
    Index head_width() const { return settings_.width / settings_.heads; }
    Index key_heads() const { return settings_.key_heads > 0 ? settings_.key_heads : settings_.heads; }
    std::vector<Extent> cache_shape(const char* length) const {
        return {"batch", layers_, key_heads(), length, head_width()};
    }
    std::string part(Index layer, const char* of) const { return name_ + "." + std::to_string(layer) + "." + of; }
    Value norm(const Value& x, const std::string& name) const;
    Value last_norm(const Value& x) const;
    Value feed_forward(const Value& x, const std::string& name) const;
    Value heads_of(const Value& x, const std::string& name) const;
    Value place(const Value& x, const Value& positions) const;
    Value distance_bias(const Value& positions, const Value& slot_count, bool causal) const;
    Value turned(const Value& heads, const Value& positions) const;
    struct Lookup {
        Value queries, keys, values;
        Value mask{}, bias{};  // optional
    };
    Value for_heads(const Value& rows) const;
    Read attend(const Lookup& in, const std::string& name) const;
    template <class F>
    Value sub_layer(const Value& x, const std::string& name, F f) const;

    Graph& graph_;
    const TransformerSettings& settings_;
    std::string name_;
    Index layers_;
};

// sqrt(width) times the rows of a table, and scores of states by settings.tied (models/symbol_table.hpp).
Value symbols(const Value& tokens, const std::string& table, const TransformerSettings& settings);
Value symbol_scores(const Value& states, const std::string& table, const TransformerSettings& settings);

}  // namespace kvmem::onnx
