#include "choice.hpp"
#include "kvmem/nn/key_value_memory.hpp"
#include "kvmem/nn/multi_head_attention.hpp"
#include "kvmem/nn/recurrent.hpp"
#include "networks.hpp"

namespace kvmem::python {

using py::literals::operator""_a;

// The layer's output for x, row by row.
template <class Layer>
static OwnVar apply(const Own<Layer>& self, const OwnVar& x) {
    x.tape->with(self.parameters);
    return x.with(self.layer(x.get()));
}

static void define_embedding(py::module_& module) {
    py::class_<Own<Embedding>>(module, "Embedding", "A table of vectors for tokens.")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index tokens, Index width,
                         double deviation, std::uint64_t seed) {
                 return Own<Embedding>{p, Embedding(checked(p), name, tokens, width, deviation, seed)};
             }),
             "__init__(self, parameters, name, tokens, width, deviation=0.1, seed=1)\n--\n\nAdds the table.",
             "parameters"_a, "name"_a, "tokens"_a, "width"_a, "deviation"_a = 0.1, "seed"_a = 1)
        .def(
            "__call__",
            [](const Own<Embedding>& self, const std::shared_ptr<OwnTape>& tape,
               const std::pair<py::object, py::object>& rows) {
                const Bags bags(rows);
                return OwnVar(tape, self.layer(tape->with(self.parameters), bags.view(), BagScale::sum));
            },
            "__call__(self, tape, bags)\n--\n\n[bags, width], the sum of the rows of each bag: bags are (values, "
            "offsets).",
            "tape"_a.none(false), "bags"_a)
        .def_property_readonly(
            "table",
            [](const Own<Embedding>& self) {
                return OwnParameter{self.parameters, &self.layer.table()};
            },
            "The table [tokens, width].");
}

static void define_row_layers(py::module_& module) {
    py::class_<Own<Linear>>(module, "Linear", "x W' + b.")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index in, Index out, std::uint64_t seed,
                         bool bias) {
                 return Own<Linear>{p, Linear(checked(p), name, in, out, seed, {.bias = bias})};
             }),
             "__init__(self, parameters, name, inputs, outputs, seed=1, *, bias=True)\n--\n\nAdds weight and bias.",
             "parameters"_a, "name"_a, "inputs"_a, "outputs"_a, "seed"_a = 1, py::kw_only(), "bias"_a = true)
        .def("__call__", &apply<Linear>, "__call__(self, x)\n--\n\n[B, outputs] of x [B, inputs].", "x"_a);
    py::class_<Own<LayerNorm>>(module, "LayerNorm", "Each row normalised, with a learned gain and bias.")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index width, const std::string& form) {
                 const auto f = choice<NormForm>(form, choices(NormForm{}), "form");
                 return Own<LayerNorm>{p, LayerNorm(checked(p), name, width, f)};
             }),
             "__init__(self, parameters, name, width, *, form='layer')\n--\n\n"
             "layer (Ba et al. 2016) or rms (Zhang and Sennrich 2019), which has no bias.",
             "parameters"_a, "name"_a, "width"_a, py::kw_only(), "form"_a = "layer")
        .def("__call__", &apply<LayerNorm>, "__call__(self, x)\n--\n\n[B, width] of x [B, width].", "x"_a);
    py::class_<Own<FeedForward>>(module, "FeedForward", "Two maps with a function between them.")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index width, Index inner,
                         std::uint64_t seed, const std::string& form) {
                 const auto f = choice<FeedForwardForm>(form, choices(FeedForwardForm{}), "form");
                 return Own<FeedForward>{p, FeedForward(checked(p), name, width, inner, f, seed)};
             }),
             "__init__(self, parameters, name, width, inner, seed=1, *, form='relu')\n--\n\n"
             "relu or gelu (Vaswani et al. 2017), or swiglu (Shazeer 2020).",
             "parameters"_a, "name"_a, "width"_a, "inner"_a, "seed"_a = 1, py::kw_only(), "form"_a = "relu")
        .def("__call__", &apply<FeedForward>, "__call__(self, x)\n--\n\n[B, width] of x [B, width].", "x"_a);
}

static void define_recurrent(py::module_& module) {
    py::class_<Own<Recurrent>>(module, "Recurrent", "A recurrent network over sequences of any lengths.")
        .def(
            py::init([](const SharedParameters& p, const std::string& name, Index inputs, Index width,
                        std::uint64_t seed, const std::string& cell, Index layers, bool bidirectional, double dropout) {
                const RecurrentOptions options{.cell = choice<Cell>(cell, choices(Cell{}), "cell"),
                                               .in = inputs,
                                               .width = width,
                                               .layers = layers,
                                               .bidirectional = bidirectional,
                                               .dropout = dropout};
                return Own<Recurrent>{p, Recurrent(checked(p), name, options, seed)};
            }),
            "__init__(self, parameters, name, inputs, width, seed=1, *, cell='lstm', layers=1, bidirectional=False, "
            "dropout=0.0)\n--\n\nrnn, lstm, gru, gru-reset-before, min-gru or min-lstm.",
            "parameters"_a, "name"_a, "inputs"_a, "width"_a, "seed"_a = 1, py::kw_only(), "cell"_a = "lstm",
            "layers"_a = 1, "bidirectional"_a = false, "dropout"_a = 0.0)
        .def(
            "__call__",
            [](const Own<Recurrent>& self, const OwnVar& x, py::object offsets) {
                const Indices sequences(offsets, "offsets", 1);
                x.tape->with(self.parameters);
                return x.with(self.layer(x.get(), sequences.span()).out);
            },
            "__call__(self, x, offsets)\n--\n\n"
            "The outputs [n, width] of x [n, inputs] (twice the width in both directions); sequence i is rows\n"
            "[offsets[i], offsets[i + 1]).",
            "x"_a, "offsets"_a);
}

// What a read gives in Python: the output, or with weights a pair.
static py::object output_of(const OwnVar& query, const MultiHeadAttention::Read& read, bool weights) {
    OwnVar out = query.with(read.out);
    if (!weights) return py::cast(std::move(out));
    return py::make_tuple(std::move(out), query.with(read.weights()));
}

static void define_attention(py::module_& module) {
    py::class_<Own<MultiHeadAttention>>(module, "MultiHeadAttention",
                                        "Several lookups side by side (Vaswani et al. 2017, section 3.2.2).")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index width, Index heads,
                         std::uint64_t seed, Index key_heads, bool rotary) {
                 const MultiHeadOptions options{
                     .width = width, .heads = heads, .key_heads = key_heads, .rotary = rotary};
                 return Own<MultiHeadAttention>{p, MultiHeadAttention(checked(p), name, options, seed)};
             }),
             "__init__(self, parameters, name, width, heads=1, seed=1, *, key_heads=0, rotary=False)\n--\n\n"
             "The heads share the width; key_heads that divide them are shared by groups of queries.",
             "parameters"_a, "name"_a, "width"_a, "heads"_a = 1, "seed"_a = 1, py::kw_only(), "key_heads"_a = 0,
             "rotary"_a = false)
        .def(
            "read",
            [](const Own<MultiHeadAttention>& self, const OwnVar& query, const OwnVar& memory, py::object query_offsets,
               py::object slot_offsets, bool causal, bool weights) {
                const Indices queries(query_offsets, "query_offsets", 1), slots(slot_offsets, "slot_offsets", 1);
                query.tape->with(self.parameters);
                const Segments segments{queries.span(), slots.span()};
                return output_of(query, self.layer.read(query.get(), memory.get(), segments, {.causal = causal}),
                                 weights);
            },
            "read(self, query, memory, query_offsets, slot_offsets, *, causal=False, weights=False)\n--\n\n"
            "[B, width]: rows [query_offsets[i], query_offsets[i + 1]) of query [B, width] read rows\n"
            "[slot_offsets[i], slot_offsets[i + 1]) of memory [S, width]. With weights=True also the weights\n"
            "[n, 1] in the order of segments, queries, heads and slots.",
            "query"_a, "memory"_a, "query_offsets"_a, "slot_offsets"_a, py::kw_only(), "causal"_a = false,
            "weights"_a = false)
        .def(
            "self",
            [](const Own<MultiHeadAttention>& self, const OwnVar& x, py::object offsets, bool causal, bool weights) {
                const Indices sequences(offsets, "offsets", 1);
                x.tape->with(self.parameters);
                return output_of(x, self.layer.self(x.get(), sequences.span(), {.causal = causal}), weights);
            },
            "self(self, x, offsets, *, causal=False, weights=False)\n--\n\n"
            "Self-attention: rows [offsets[i], offsets[i + 1]) of x [n, width] read each other.",
            "x"_a, "offsets"_a, py::kw_only(), "causal"_a = false, "weights"_a = false);
    py::class_<Own<KeyValueMemory>>(module, "KeyValueMemory", "A memory that is read in several hops.")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index width, Index hops) {
                 return Own<KeyValueMemory>{p, KeyValueMemory(checked(p), name, width, {.hops = hops})};
             }),
             "__init__(self, parameters, name, width, *, hops=1)\n--\n\nAdds the map of each hop.", "parameters"_a,
             "name"_a, "width"_a, py::kw_only(), "hops"_a = 1)
        .def(
            "read",
            [](const Own<KeyValueMemory>& self, const OwnVar& query, const OwnVar& key, const OwnVar& value,
               py::object slot_offsets) {
                const Indices offsets(slot_offsets, "slot_offsets", 1);
                query.tape->with(self.parameters);
                const OwnedSegments segments = Segments::one_query_each(offsets.span());
                return query.with(self.layer.read(query.get(), key.get(), value.get(), segments).state);
            },
            "read(self, query, key, value, slot_offsets)\n--\n\n"
            "The state [B, width] after the last hop; query i reads slots [slot_offsets[i], slot_offsets[i + 1]).",
            "query"_a, "key"_a, "value"_a, "slot_offsets"_a);
}

void define_layers(py::module_& module) {
    define_embedding(module);
    define_row_layers(module);
    define_recurrent(module);
    define_attention(module);
}

}  // namespace kvmem::python
