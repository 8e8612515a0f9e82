#include "kvmem/nn/recurrent.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/nn/orthogonal.hpp"
#include "nn/row_ops.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace kvmem {

static constexpr const char* in_recurrent = "Recurrent";

static void check(const RecurrentOptions& o) {
    constexpr Index max_width = Index{1} << 28;  // gates of such a width can still be counted
    for (const Index x : {o.in, o.width, o.layers})
        require_shape(x >= 1 && x <= max_width, in_recurrent, "positive widths and layers, of at most 2^28");
    require_shape(o.projection >= 0 && o.projection <= max_width, in_recurrent, "a projection that is not negative");
    for (const double rate : {o.dropout, o.recurrent_dropout})
        require_shape(rate >= 0 && rate < 1, in_recurrent, "a dropout from 0 to below 1");
    require_shape(o.cell == Cell::lstm || (!o.peepholes && !o.layer_norm && o.projection == 0), in_recurrent,
                  "peepholes, layer normalisation and projection of an LSTM alone");
    require_shape(o.recurrent_dropout == 0 || !is_minimal(o.cell), in_recurrent,
                  "recurrent dropout of a cell that has recurrent weights");
    require_shape(std::isfinite(o.forget_bias), in_recurrent, "a finite forget bias");
}

Recurrent::Recurrent(Parameters& parameters, const std::string& name, const RecurrentOptions& options,
                     std::uint64_t seed)
    : options_(options) {
    check(options);
    for (Index l = 0; l < options.layers; ++l) {
        const std::string layer = name + "." + std::to_string(l);
        const Index in = l == 0 ? options.in : out_width();
        if (!options.bidirectional) {
            layers_.push_back(add_layer(parameters, layer, in, seed));
            continue;
        }
        for (const char* direction : {".forwards", ".backwards"})
            layers_.push_back(add_layer(parameters, layer + direction, in, seed));
    }
}

static Matrix filled(Index cols, Real value) {
    Matrix m(1, cols);
    m.fill(value);
    return m;
}

// An orthogonal matrix for each gate.
static Parameter& add_orthogonal(Parameters& parameters, const std::string& name, Index gates, Index width, Index cols,
                                 std::uint64_t seed) {
    Matrix value(gates * width, cols);
    Rng rng(seed, {name_stream(name)});
    for (Index g = 0; g < gates && parameters.start() == Start::drawn; ++g)
        orthogonal(value.view().middle_rows(g * width, width), rng);
    return parameters.add(name, std::move(value));
}

Recurrent::Layer Recurrent::add_layer(Parameters& parameters, const std::string& name, Index in,
                                      std::uint64_t seed) const {
    const Index d = options_.width, w = state_width(), gates = gate_count(options_.cell);
    const bool norm = options_.layer_norm;
    const double deviation = std::sqrt(2 / static_cast<double>(in + d));
    Matrix bias(1, gates * d);
    if (options_.cell == Cell::lstm) std::fill_n(bias.data() + d, d, static_cast<Real>(options_.forget_bias));
    const auto add = [&](bool has, const char* part, Matrix value) {
        return has ? &parameters.add(name + part, std::move(value)) : nullptr;
    };
    Layer layer{};
    layer.weights.input = &parameters.add_normal(name + ".input.weight", gates * d, in, deviation, seed);
    layer.weights.bias = add(!norm, ".input.bias", bias);
    layer.input_gain = add(norm, ".input.norm.gain", filled(gates * d, 1));
    layer.input_bias = add(norm, ".input.norm.bias", bias);
    RecurrentMatrices<Parameter*>& m = layer.weights;
    if (!is_minimal(options_.cell))
        m.recurrent = &add_orthogonal(parameters, name + ".recurrent.weight", gates, d, w, seed);
    m.reset_bias = add(options_.cell == Cell::gru, ".reset.bias", Matrix(1, d));
    m.peepholes = add(options_.peepholes, ".peepholes", Matrix(3, d));
    if (options_.projection > 0)
        m.projection =
            &parameters.add_normal(name + ".projection.weight", w, d, std::sqrt(2 / static_cast<double>(w + d)), seed);
    m.gate_gain = add(norm, ".recurrent.norm.gain", filled(gates * d, 1));
    m.cell_gain = add(norm, ".cell.norm.gain", filled(d, 1));
    m.cell_bias = add(norm, ".cell.norm.bias", Matrix(1, d));
    return layer;
}

const RecurrentMatrices<Parameter*>& Recurrent::weights(Index layer, Direction direction) const {
    const bool backwards = direction == Direction::backwards;
    require_shape(layer >= 0 && layer < options_.layers && (!backwards || options_.bidirectional), in_recurrent,
                  "one of the layers, in a direction that it has");
    return layers_[static_cast<std::size_t>(layer * directions() + (backwards ? 1 : 0))].weights;
}

void Recurrent::require_state(const Tape& tape, const State& state, Index sequences) const {
    const auto fits = [&](const std::vector<Var>& all, Index cols) {
        if (all.size() != layers_.size()) return false;
        for (const Var x : all)
            if (x.tape != &tape || x.rows() != sequences || x.cols() != cols) return false;
        return true;
    };
    const bool lstm = options_.cell == Cell::lstm;
    require_shape(fits(state.h, state_width()) && (lstm ? fits(state.c, options_.width) : state.c.empty()) &&
                      (state.mask.empty() || fits(state.mask, state_width())) &&
                      (state.packed.empty() || state.packed.size() == layers_.size()),
                  in_recurrent, "a state of each sequence for each layer and direction, with c for an LSTM alone");
}

Recurrent::State Recurrent::start(Tape& tape, Index sequences) const {
    require_shape(sequences >= 0, in_recurrent, "a number of sequences that is not negative");
    State state{std::vector<Var>(layers_.size(), tape.constant(Matrix(sequences, state_width())))};
    if (options_.cell == Cell::lstm) state.c.assign(layers_.size(), tape.constant(Matrix(sequences, options_.width)));
    return state;
}

std::vector<const RecurrentPacked*> Recurrent::pack(Arena& arena) const {
    std::vector<const RecurrentPacked*> all;
    const std::array<Index, 1> no_sequences{0};
    for (const Layer& layer : layers_) {
        const RecurrentMatrices<Parameter*>& m = layer.weights;
        const auto view = [](const Parameter* p) { return p ? p->value.view() : ConstView{}; };
        RecurrentCall call{.cell = options_.cell, .offsets = no_sequences, .x = {nullptr, 0, m.input->value.cols()}};
        call.weights = {view(m.input),      view(m.bias),      view(m.recurrent), view(m.reset_bias), view(m.peepholes),
                        view(m.projection), view(m.gate_gain), view(m.cell_gain), view(m.cell_bias)};
        if (options_.layer_norm) call.weights.input = {}, call.x.cols = m.input->value.rows();
        all.push_back(pack_recurrent(call, false, arena));
    }
    return all;
}

// The initial state with its masks, which are drawn here if it has none yet.
Recurrent::State Recurrent::begin(Tape& tape, Index sequences, const State* initial) const {
    State state;
    if (initial) {
        require_state(tape, *initial, sequences);
        state = *initial;
    }
    if (!tape.training() || options_.recurrent_dropout == 0) {
        state.mask.clear();
    } else if (state.mask.empty()) {
        const Var all = ones(tape, sequences, state_width());
        for (std::size_t i = 0; i < layers_.size(); ++i)
            state.mask.push_back(kvmem::dropout(all, options_.recurrent_dropout));
    }
    return state;
}

RecurrentOutput Recurrent::run_layer(std::size_t at, Var x, std::span<const Index> offsets, const State& state) const {
    Tape& tape = *x.tape;
    const Layer& layer = layers_[at];
    const auto var = [&](Parameter* p) { return p ? std::optional(tape.parameter(*p)) : std::nullopt; };
    const auto of = [&](const std::vector<Var>& all) { return all.empty() ? std::nullopt : std::optional(all[at]); };
    const RecurrentMatrices<Parameter*>& m = layer.weights;
    RecurrentInputs in{.weights = {var(m.input), var(m.bias), var(m.recurrent), var(m.reset_bias), var(m.peepholes),
                                   var(m.projection), var(m.gate_gain), var(m.cell_gain), var(m.cell_bias)},
                       .h = of(state.h),
                       .c = of(state.c),
                       .mask = of(state.mask),
                       .packed = state.packed.empty() ? nullptr : state.packed[at]};
    if (options_.layer_norm) {
        x = layer_norm(linear(x, *in.weights.input), tape.parameter(*layer.input_gain),
                       tape.parameter(*layer.input_bias));
        in.weights.input = {};
    }
    const bool backwards = options_.bidirectional && at % 2 == 1;
    return recurrent(options_.cell, x, in, offsets, backwards ? Direction::backwards : Direction::forwards);
}

Recurrent::Run Recurrent::operator()(Var x, std::span<const Index> offsets, const State* initial) const {
    Tape& tape = Tape::of(in_recurrent, {x});
    require_shape(x.cols() == options_.in && !offsets.empty(), in_recurrent, "x [n, in] and offsets of its sequences");
    const State state = begin(tape, std::ssize(offsets) - 1, initial);
    State last{.h = {}, .c = {}, .mask = state.mask, .packed = {}};
    for (std::size_t at = 0; at < layers_.size();) {
        if (at > 0) x = kvmem::dropout(x, options_.dropout);
        std::vector<Var> outs;
        for (Index d = 0; d < directions(); ++d, ++at) {
            const RecurrentOutput run = run_layer(at, x, offsets, state);
            outs.push_back(run.out);
            last.h.push_back(run.h);
            if (run.c) last.c.push_back(*run.c);
            last.packed.push_back(run.packed);
        }
        x = outs.size() == 1 ? outs[0] : concat_cols(outs);
    }
    return {x, std::move(last)};
}

Recurrent::Run Recurrent::step(Var x, const State& state) const {
    require_shape(!options_.bidirectional, in_recurrent, "a network in one direction for a step");
    std::vector<Index> offsets(static_cast<std::size_t>(x.rows()) + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    return (*this)(x, offsets, &state);
}

}  // namespace kvmem
