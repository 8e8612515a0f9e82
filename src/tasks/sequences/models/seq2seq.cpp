#include "kvmem/tasks/sequences/models/seq2seq.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/kernels/pointer.hpp"
#include "tasks/sequences/model_type.hpp"
#include "tasks/sequences/network_decoding.hpp"
#include "tasks/sequences/recurrent_states.hpp"
#include "tasks/sequences/source_slots.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <unordered_map>

namespace kvmem {

void Seq2SeqConfig::check() const {
    if (tied && embedding != width)
        throw UsageError({.what = "tied tables have one width",
                          .expected = "embedding of " + std::to_string(width) + ", the width",
                          .got = std::to_string(embedding)});
    if (copy && attention == SequenceAttention::none)
        throw UsageError({.what = "copies need attention", .expected = "an attention", .got = "none"});
}

bool Seq2Seq::is_luong() const {
    return config_.attention != SequenceAttention::none && config_.attention != SequenceAttention::additive;
}

// The deviation of an embedding's numbers at the start.
static constexpr double embedding_deviation = 0.1;

// The target token with the text of each source token, or unknown_token.
static std::vector<Token> copies(const Units& source, const Units& target) {
    std::unordered_map<std::string, Token> tokens;
    for (Token t = end_token + 1; t < target.size(); ++t) tokens.emplace(target.text(t), t);
    std::vector<Token> all(source.size(), unknown_token);
    for (Token t = end_token + 1; t < source.size(); ++t)
        if (const auto at = tokens.find(source.text(t)); at != tokens.end()) all[t] = at->second;
    return all;
}

Seq2Seq::Seq2Seq(const Seq2SeqConfig& config, SequenceUnits units, Start start)
    : SequenceNetwork(std::move(units), start), config_(validated(config)) {
    const Seq2SeqConfig& c = config_;
    Parameters& p = parameters_;
    const Index width = c.width;
    source_table_.emplace(p, "source", source_units().size(), c.embedding, embedding_deviation, c.seed);
    target_table_.emplace(p, "target", target_units().size(), c.embedding, embedding_deviation, c.seed);
    RecurrentOptions encoder{.cell = c.cell, .in = c.embedding, .width = width, .layers = c.encoder_layers};
    encoder.bidirectional = c.bidirectional;
    encoder.dropout = c.dropout;
    encoder.recurrent_dropout = c.recurrent_dropout;
    encoder_.emplace(p, "encoder", encoder, c.seed);
    const Index memory = encoder_->out_width();

    RecurrentOptions decoder = encoder;
    decoder.bidirectional = false;
    decoder.layers = c.decoder_layers;
    if (c.attention == SequenceAttention::additive) decoder.in += memory;
    if (feeds_input()) decoder.in += width;
    decoder_.emplace(p, "decoder", decoder, c.seed);
    if (c.bidirectional || c.decoder_layers != c.encoder_layers)
        for (Index layer = 0; layer < c.decoder_layers; ++layer) {
            const std::string number = std::to_string(layer);
            first_h_.emplace_back(p, "first_h." + number, memory, width, c.seed);
            if (c.cell == Cell::lstm) first_c_.emplace_back(p, "first_c." + number, memory, width, c.seed);
        }

    const LinearOptions plain{.init = Init::xavier, .bias = false};
    const bool is_additive = c.attention == SequenceAttention::additive || c.attention == SequenceAttention::concat;
    if (is_additive) {
        query_.emplace(p, "query", width, width, c.seed, LinearOptions{.init = Init::xavier});
        key_.emplace(p, "key", memory, width, c.seed, plain);
        direction_ = &p.add_normal("direction", 1, width, 1 / std::sqrt(static_cast<double>(width)), c.seed);
    } else if (c.attention == SequenceAttention::general) {
        query_.emplace(p, "query", width, memory, c.seed, plain);
    } else if (c.attention == SequenceAttention::dot && memory != width) {
        key_.emplace(p, "key", memory, width, c.seed, plain);
    }
    const Index read = width + memory + (is_luong() ? 0 : c.embedding);
    if (c.attention != SequenceAttention::none) readout_.emplace(p, "readout", read, width, c.seed);
    if (c.copy) {
        gate_.emplace(p, "gate", read, 1, c.seed);
        copies_ = copies(source_units(), target_units());
    }
    if (c.tied)
        out_bias_ = &p.add("out.bias", Matrix(1, target_units().size()));
    else
        out_.emplace(p, "out", width, target_units().size(), c.seed);
}

std::string Seq2Seq::summary() const {
    const std::string attention = choices(config_.attention)[static_cast<std::size_t>(config_.attention)];
    return "A recurrent encoder-decoder (" +
           std::string(choices(config_.cell)[static_cast<std::size_t>(config_.cell)]) + ") of width " +
           std::to_string(config_.width) + " with " +
           (config_.attention == SequenceAttention::none ? "no" : attention) + " attention";
}

Var Seq2Seq::embed(Tape& tape, const Embedding& table, std::span<const Token> tokens) const {
    return dropout(table(tape, tokens), config_.dropout);
}

// The decoder's first state of a layer, from the encoder's last states `last` of all layers and directions.
Var Seq2Seq::map_state(const std::vector<Var>& last, std::span<const Linear> maps, Index layer) const {
    const Index directions = config_.bidirectional ? 2 : 1;
    const auto first = static_cast<std::size_t>(std::min(layer, config_.encoder_layers - 1) * directions);
    const Var state = directions == 2 ? concat_cols({last[first], last[first + 1]}) : last[first];
    return maps.empty() ? state : maps[static_cast<std::size_t>(layer)](state);
}

Seq2Seq::Encoded Seq2Seq::encode(Tape& tape, RaggedView<Token> source) const {
    const Recurrent::Run run = (*encoder_)(embed(tape, *source_table_, source.values), source.offsets);
    Encoded encoded;
    for (Index layer = 0; layer < config_.decoder_layers; ++layer) {
        const Var h = map_state(run.last.h, first_h_, layer);
        encoded.state.cells.h.push_back(first_h_.empty() ? h : tanh(h));
        if (config_.cell == Cell::lstm) encoded.state.cells.c.push_back(map_state(run.last.c, first_c_, layer));
    }
    if (config_.attention != SequenceAttention::none) encoded.memory = {key_ ? (*key_)(run.out) : run.out, run.out};
    if (feeds_input()) encoded.state.read = tape.constant(Matrix(source.size(), config_.width));
    return encoded;
}

Var Seq2Seq::read_memory(Var state, const Memory& memory, const Lookups& lookups, StepOutput& out) const {
    Tape& tape = *state.tape;
    const Var query = query_ ? (*query_)(state) : state;
    AttendOptions options;
    if (direction_) options.similarity = Similarity::additive;
    if (tape.training()) {
        LookupBias bias;
        if (direction_) bias.direction = tape.parameter(*direction_);
        if (gate_) out.weights = attend_weights(query, memory.key, lookups.segments, options, bias);
        return attend(query, memory.key, memory.value, lookups.segments, options, bias).read;
    }
    const View read = tape.arena().matrix(query.rows(), memory.value.cols());
    attend({.query = query.value(),
            .key = memory.key.value(),
            .value = memory.value.value(),
            .direction = direction_ ? direction_->value.view() : ConstView{}},
           lookups.segments, options,
           {.output = read, .log_sum_exp = tape.arena().matrix(query.rows(), 1), .weights = lookups.weights},
           tape.arena());
    return tape.constant(read);
}

// r of what was read and where, side by side, and the gate.
Var Seq2Seq::read_out(StepOutput& out, std::initializer_list<Var> parts) const {
    const Var all = concat_cols(parts);
    if (gate_) out.gate = (*gate_)(all);
    return tanh((*readout_)(all));
}

// One step, from the symbols before, embedded. The state becomes the next one.
Seq2Seq::StepOutput Seq2Seq::step(Var input, State& state, const Memory& memory, const Lookups& lookups) const {
    const auto run_cells = [&](Var x) {
        const Recurrent::Run run = decoder_->step(x, state.cells);
        state.cells = run.last;
        return run.out;
    };
    StepOutput out;
    if (config_.attention == SequenceAttention::none) {
        out.read = run_cells(input);
    } else if (is_luong()) {
        const Var h = run_cells(state.read ? concat_cols({input, *state.read}) : input);
        out.read = read_out(out, {h, read_memory(h, memory, lookups, out)});
        if (state.read) state.read = out.read;
    } else {
        const Var read = read_memory(state.cells.h.back(), memory, lookups, out);
        out.read = read_out(out, {run_cells(concat_cols({input, read})), read, input});
    }
    return out;
}

Var Seq2Seq::scores(Var read) const {
    const Var dropped = dropout(read, config_.dropout);
    Tape& tape = *read.tape;
    return out_ ? (*out_)(dropped)
                : linear(dropped, tape.parameter(target_table_->table()), tape.parameter(*out_bias_));
}

std::vector<Token> Seq2Seq::copied_tokens(std::span<const Token> source) const {
    std::vector<Token> tokens;
    for (const Token t : source) tokens.push_back(copies_[t]);
    return tokens;
}

namespace {
// Targets in the order of their lengths, the longest first: then the rows of a step are the first ones of the step
// before. Rows of all steps lie one step after the other.
struct StepOrder {
    std::vector<Index> order;   // of the pairs
    std::vector<Index> counts;  // of the rows of each step
    std::vector<Token> inputs;  // begin_token, then the target's symbols
    std::vector<Token> targets;

    explicit StepOrder(RaggedView<Token> target) : order(target.size()) {
        std::iota(order.begin(), order.end(), Index{0});
        std::ranges::stable_sort(order, std::greater(), [&](Index i) { return std::ssize(target[i]); });
        for (std::size_t t = 0;; ++t) {
            Index count = 0;
            for (const Index i : order) {
                const std::span<const Token> symbols = target[i];
                if (symbols.size() < t) break;
                inputs.push_back(t == 0 ? begin_token : symbols[t - 1]);
                targets.push_back(t == symbols.size() ? end_token : symbols[t]);
                ++count;
            }
            if (count == 0) return;
            counts.push_back(count);
        }
    }
};
}  // namespace

static Var first_rows(Var x, Index count) { return x.rows() == count ? x : slice_rows(x, 0, count); }

Var Seq2Seq::loss(Tape& tape, RaggedView<Token> source, RaggedView<Token> target) const {
    require_shape(source.size() == target.size(), "Seq2Seq::loss", "a source for each target");
    const StepOrder steps(target);
    Ragged<Token> sources;
    for (const Index i : steps.order) sources.push_row(source[i]);
    Encoded encoded = encode(tape, sources);
    const Var inputs = embed(tape, *target_table_, steps.inputs);
    std::vector<Index> ones(steps.order.size() + 1);
    std::iota(ones.begin(), ones.end(), Index{0});
    State& state = encoded.state;
    std::vector<Var> reads, gates, weights;
    Ragged<Token> copied;
    Index first = 0;
    for (const Index count : steps.counts) {
        for (std::vector<Var>* all : {&state.cells.h, &state.cells.c, &state.cells.mask})
            for (Var& x : *all) x = first_rows(x, count);
        if (state.read) state.read = first_rows(*state.read, count);
        Memory memory = encoded.memory;
        const auto size = static_cast<std::size_t>(count) + 1;
        if (memory.key.tape) {
            const Index slots = sources.offsets[size - 1];
            memory = {first_rows(memory.key, slots), first_rows(memory.value, slots)};
        }
        const Segments segments{std::span(ones).first(size), std::span(sources.offsets).first(size)};
        const Index weights_count = gate_ ? sources.offsets[size - 1] : 0;
        Lookups lookups{segments};
        if (!tape.training()) lookups.weights = tape.arena().take<Real>(weights_count);
        const StepOutput out = step(slice_rows(inputs, first, count), state, memory, lookups);
        reads.push_back(out.read);
        if (gate_) {
            gates.push_back(*out.gate);
            weights.push_back(out.weights ? *out.weights : tape.constant({lookups.weights.data(), weights_count, 1}));
            for (Index i = 0; i < count; ++i) copied.push_row(copied_tokens(sources[i]));
        }
        first += count;
    }
    const Var all = scores(concat_rows(reads));
    if (gate_) return pointer_loss(all, concat_rows(gates), concat_rows(weights), copied, steps.targets);
    const std::vector<Index> targets(steps.targets.begin(), steps.targets.end());
    return cross_entropy(all, targets, {}, tape.training() ? config_.label_smoothing : 0);
}

// --- generation

class Seq2Seq::Steps final : public NetworkDecoding {
  public:
    Steps(const Seq2Seq& model, RaggedView<Token> sources)
        : NetworkDecoding(model), model_(model), states_(*model.decoder_) {
        add(sources);
    }

    Index vocabulary() const override { return model_.target_units().size(); }
    Index heads() const override { return model_.config_.attention == SequenceAttention::none ? 0 : 1; }

    bool step_scores(std::span<const Token> tokens, View scores) override {
        tape_.reset();
        State state{states_.cells(tape_), states_.read(tape_)};
        const Var input = model_.embed(tape_, *model_.target_table_, tokens);
        Memory memory;
        if (heads() > 0) memory = {tape_.constant(key_), tape_.constant(value_)};
        const Segments segments = slots_.segments();
        weights_.resize(heads() > 0 ? weight_count(segments, 1) : 0);
        const StepOutput out = model_.step(input, state, memory, {segments, weights_});
        output_states_ = out.read.value();
        const ConstView generated = model_.scores(out.read).value();
        if (out.gate)
            pointer_log_probabilities(
                {generated, out.gate->value().span(), weights_, copied(), slots_.weight_offsets()}, scores);
        else
            std::ranges::copy(generated.span(), scores.span().begin());
        states_.store(state.cells, state.read);
        return out.gate.has_value();
    }

    ConstView states() const override { return output_states_; }

    void reorder(std::span<const Index> rows) override {
        states_.reorder(rows);
        slots_.reorder(rows);
    }

    void add(RaggedView<Token> sources) override {
        tape_.reset();
        forget_sources();
        const Encoded encoded = model_.encode(tape_, sources);
        if (heads() > 0) {
            key_ = joined(key_, encoded.memory.key.value());
            value_ = joined(value_, encoded.memory.value.value());
        }
        if (model_.config_.copy) std::ranges::copy(model_.copied_tokens(sources.values), std::back_inserter(sources_));
        states_.add(encoded.state.cells, encoded.state.read);
        slots_.add(sources.offsets);
    }

    std::span<const Real> weights(Index row, Index) const override {
        const std::span<const Index> offsets = slots_.weight_offsets();
        return std::span(weights_).subspan(offsets[row], offsets[row + 1] - offsets[row]);
    }

  private:
    // Drops the slots that no hypothesis reads.
    void forget_sources() {
        std::vector<Index> rows;
        const SourceSlots before = slots_;
        for (const Index source : slots_.compact())
            for (Index slot = 0; slot < before.size(source); ++slot) rows.push_back(before.first(source) + slot);
        if (heads() > 0) key_ = rows_of(key_, rows), value_ = rows_of(value_, rows);
        if (sources_.empty()) return;
        std::vector<Token> sources;
        sources.reserve(rows.size());
        for (const Index row : rows) sources.push_back(sources_[row]);
        sources_ = std::move(sources);
    }
    // With `copy`, the target token of each weight.
    std::vector<Token> copied() const {
        std::vector<Token> tokens;
        for (Index row = 0; row + 1 < std::ssize(slots_.weight_offsets()); ++row) {
            const auto first = sources_.begin() + slots_.first(slots_.source(row));
            tokens.insert(tokens.end(), first, first + slots_.size(slots_.source(row)));
        }
        return tokens;
    }

    const Seq2Seq& model_;
    RecurrentStates states_;   // of the decoder, and r with input feeding
    ConstView output_states_;  // r of the last step, on its tape
    SourceSlots slots_;
    Matrix key_, value_;          // of all slots
    std::vector<Token> sources_;  // with `copy`: the target token of each slot
    std::vector<Real> weights_;
};

std::unique_ptr<Decoding> Seq2Seq::begin(RaggedView<Token> sources) const {
    return std::make_unique<Steps>(*this, sources);
}

const SequenceModelType& seq2seq() {
    static const auto type = SequenceModelType::of<Seq2Seq, Seq2SeqConfig>(
        "a recurrent encoder-decoder, with attention or without (Bahdanau et al. 2015, Luong et al. 2015)",
        [](TrainerOptions& t) {
            t.epochs = 20;
            t.batch = 64;
            t.shards = 2;  // Rows of small shards would leave the matrix products waiting for their weights.
            t.optimizer.clip_norm = 1;
            t.schedule = {.rate = 2e-3, .warmup = 0.05, .decay = Decay::cosine};
        });
    return type;
}

}  // namespace kvmem
