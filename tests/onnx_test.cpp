// Exported networks in ONNX Runtime, beside kvmem's own numbers.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/tasks/qa/models/mem_n2n.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/sequences/models/language_model.hpp"
#include "kvmem/tasks/sequences/models/recurrent_text.hpp"
#include "kvmem/tasks/sequences/models/seq2seq.hpp"
#include "kvmem/tasks/sequences/models/transformer.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "support/onnx_cases.hpp"
#include "support/python.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace {

std::vector<Token> random_tokens(Rng& rng, Index count, Token size) {
    std::vector<Token> tokens;
    while (std::ssize(tokens) < count) tokens.push_back(static_cast<Token>(rng.below(size)));
    return tokens;
}

// Rows of random tokens, one for each length.
Ragged<Token> random_rows(Rng& rng, const std::vector<Index>& lengths, Token size) {
    Ragged<Token> rows;
    for (const Index length : lengths) rows.push_row(random_tokens(rng, length, size));
    return rows;
}

// The first parameters are small, and attention with them is even.
void enlarge(Parameters& parameters) {
    for (Parameter& p : parameters)
        for (Real& x : p.value.view().span()) x *= 2;
}

// --- sequences

SequenceUnits small_units() {
    const std::string source[] = {"a", "b", "c", "d"}, target[] = {"c", "A", "b", "x", "y"};
    return {Units(UnitKind::chars, source), Units(UnitKind::chars, target)};
}

// Steps of a decoding beside its graph "step", whose first states are there.
void add_steps(OnnxCases& cases, const SequenceNetwork& network, const Ragged<Token>& sources) {
    const auto decoding = network.begin(sources);
    const Index rows = sources.size(), vocabulary = decoding->vocabulary();
    Rng rng(5);
    Index longest = 0;
    for (Index i = 0; i < rows; ++i) longest = std::max(longest, std::ssize(sources[i]));
    std::vector<Token> tokens(static_cast<std::size_t>(rows), begin_token);
    Matrix logs(rows, vocabulary);
    for (int step = 0; step < 4; ++step) {
        if (step > 0) cases.run("step");
        decoding->step(tokens, logs);
        cases.tokens("token", {rows}, tokens);
        cases.expect("log_probabilities", {rows, vocabulary}, logs.view().span());
        const Index heads = decoding->heads();
        Matrix weights(rows * heads, longest);
        for (Index i = 0; i < weights.rows(); ++i)
            std::ranges::copy(decoding->weights(i / heads, i % heads), weights.row(i));
        if (heads > 0) cases.expect("weights", {rows, heads, longest}, weights.view().span());
        tokens = random_tokens(rng, rows, static_cast<Token>(vocabulary));
    }
}

void add_translation(OnnxCases& cases, const std::string& name, SequenceNetwork& network) {
    Rng rng(4);
    const Ragged<Token> sources = random_rows(rng, {5, 1, 30}, network.source_units().size());
    cases.begin(name, network.onnx());
    cases.run("encoder");
    cases.tokens("source_tokens", sources.view());
    cases.run("step");
    add_steps(cases, network, sources);
}

std::vector<Seq2SeqConfig> forms() {
    const auto form = [](SequenceAttention attention, Cell cell, auto change) {
        Seq2SeqConfig c{.cell = cell, .attention = attention, .width = 6, .embedding = 5};
        change(c);
        return c;
    };
    using enum SequenceAttention;
    const auto plain = [](Seq2SeqConfig&) {};
    return {form(additive, Cell::lstm, plain),
            form(concat, Cell::gru, plain),
            form(dot, Cell::rnn, plain),
            form(dot, Cell::gru_reset_before, [](Seq2SeqConfig& c) { c.bidirectional = false, c.copy = true; }),
            form(none, Cell::lstm, [](Seq2SeqConfig& c) { c.tied = true, c.embedding = 6, c.decoder_layers = 2; }),
            form(additive, Cell::gru, [](Seq2SeqConfig& c) { c.copy = true, c.encoder_layers = 2; }),
            form(general, Cell::lstm, [](Seq2SeqConfig& c) {
                c.input_feeding = false, c.bidirectional = false, c.encoder_layers = c.decoder_layers = 2;
            })};
}

// --- questions

Vocabulary small_vocabulary() {
    Vocabulary v;
    for (int i = 0; i < 8; ++i) v.set_count(v.add(TokenKind::word, "w" + std::to_string(i)), i > 2);
    for (int i = 0; i < 5; ++i) v.add(TokenKind::entity, "e" + std::to_string(i));
    return v;
}

const std::vector<Token> small_candidates = {4, 9, 10, 12, 13};

// Questions with these numbers of slots. Values are single tokens, or two now and then, as stories or as facts.
Batch random_batch(const std::vector<Index>& slots, bool is_story) {
    Rng rng(6);
    Batch batch;
    const Token size = small_vocabulary().size();
    for (const Index n : slots) {
        batch.question.push_row(random_tokens(rng, 1 + rng.below(4), size));
        batch.answer.end_row();
        for (Index s = 0; s < n; ++s) {
            const auto key = random_tokens(rng, 1 + rng.below(5), size);
            batch.slots.push(key, is_story ? key : random_tokens(rng, s % 4 == 3 ? 2 : 1, size));
        }
        batch.slot_offsets.push_back(batch.slots.size());
    }
    return batch;
}

// Rows of slots as [questions, slots, words].
void add_slots(OnnxCases& cases, const std::string& name, const Batch& batch, const Ragged<Token>& bags) {
    Index slots = 1, words = 1;
    for (Index i = 0; i < batch.size(); ++i)
        slots = std::max(slots, batch.slots_of(i).second - batch.slots_of(i).first);
    for (Index s = 0; s < bags.size(); ++s) words = std::max(words, std::ssize(bags[s]));
    std::vector<Token> padded(static_cast<std::size_t>(batch.size() * slots * words), Token{-1});
    for (Index i = 0; i < batch.size(); ++i)
        for (auto [s, last] = batch.slots_of(i); s < last; ++s)
            std::ranges::copy(bags[s], padded.begin() + (i * slots + s - batch.slots_of(i).first) * words);
    cases.tokens(name, {batch.size(), slots, words}, padded);
}

void add_questions(OnnxCases& cases, const std::string& name, Model& model, const Batch& batch) {
    enlarge(model.parameters());
    cases.begin(name, model.onnx());
    cases.run("network");
    cases.tokens("question", batch.question.view());
    if (model.kind() == "mem-n2n") {
        add_slots(cases, "sentences", batch, batch.slots.key);
    } else {
        add_slots(cases, "keys", batch, batch.slots.key);
        add_slots(cases, "values", batch, batch.slots.value);
    }
    Tape tape;
    tape.set_training(false);
    Matrix scores(batch.size(), std::ssize(model.candidates()));
    AttentionTrace trace;
    model.score(tape, batch, scores, &trace);
    cases.expect("scores", {scores.rows(), scores.cols()}, scores.view().span());
    Index slots = 1;
    for (Index i = 0; i < batch.size(); ++i)
        slots = std::max(slots, batch.slots_of(i).second - batch.slots_of(i).first);
    Matrix weights(batch.size() * trace.hops, slots);
    for (Index i = 0; i < batch.size(); ++i)
        for (Index hop = 0; hop < trace.hops; ++hop) {
            const auto [first, last] = batch.slots_of(i);
            std::ranges::copy(trace.of(hop).subspan(first, last - first), weights.row(i * trace.hops + hop));
        }
    cases.expect("weights", {batch.size(), trace.hops, slots}, weights.view().span());
}

void add_memory_networks(OnnxCases& cases) {
    const Batch stories = random_batch({3, 7, 0, 5, 4}, true), facts = random_batch({6, 1, 0, 9}, false);
    MemN2NConfig plain{.width = 6, .hops = 2, .memory = 5, .linear_start = false};
    plain.deviation = 0.2;
    MemN2NConfig aligned = plain, bags = plain, linear = plain;
    aligned.encoding = Encoding::aligned, aligned.empty_slots = aligned.linear_map = aligned.relu = true;
    bags.encoding = Encoding::bag, bags.tying = HopTying::layerwise, bags.temporal = false;
    linear.linear_start = linear.empty_slots = true;
    for (const MemN2NConfig& c : {plain, aligned, bags, linear}) {
        MemN2N model(c, small_vocabulary(), small_candidates);
        model.set_phase(0);
        add_questions(cases, "mem-n2n-" + std::to_string(cases.size()), model, stories);
    }
    KvMemNNConfig sides;
    sides.width = 6;
    KvMemNNConfig answers = sides, shared = sides;
    answers.tying = Tying::answers, answers.bag_scale = BagScale::mean, answers.copy_weight = 0;
    shared.tying = Tying::shared, shared.bag_scale = BagScale::sum, shared.hops = 1;
    for (const KvMemNNConfig& c : {sides, answers, shared}) {
        KvMemNN model(c, small_vocabulary(), small_candidates);
        add_questions(cases, "kv-mem-nn-" + std::to_string(cases.size()), model, facts);
    }
}

}  // namespace

TEST_CASE("exported networks give kvmem's numbers in ONNX Runtime", "[onnx]") {
    OnnxCases cases;
    for (const Seq2SeqConfig& c : forms()) {
        Seq2Seq network(c, small_units());
        enlarge(network.parameters());
        add_translation(cases, "seq2seq-" + std::to_string(cases.size()), network);
    }
    for (std::size_t i = 0; i < choices(Positions()).size(); ++i) {
        TransformerConfig c;
        c.width = 8, c.heads = 4, c.inner = 12, c.encoder_layers = 2, c.decoder_layers = 3;
        c.positions = static_cast<Positions>(i);
        c.tied = c.positions != Positions::none;
        if (!c.tied) c.feed_forward = FeedForwardForm::gelu;
        if (c.positions == Positions::learned)
            c.norm_order = NormOrder::post, c.feed_forward = FeedForwardForm::swiglu, c.softcap = 1;
        if (c.positions == Positions::relative) c.norm = NormForm::rms, c.softcap = 1, c.max_distance = 2;
        if (c.positions == Positions::alibi || c.positions == Positions::rotary) c.key_heads = 2;
        Transformer network(c, small_units());
        add_translation(cases, "transformer-" + std::to_string(cases.size()), network);
    }
    for (const auto positions : {Positions::rotary, Positions::relative, Positions::alibi}) {
        LanguageModelConfig c;
        c.width = 8, c.heads = 2, c.key_heads = 1, c.inner = 12, c.layers = 2, c.context = 3, c.positions = positions;
        LanguageModel language(c, small_units());
        cases.begin("language-model-" + std::to_string(cases.size()), language.onnx());
        cases.run("step");
        for (const char* cache : {"self_keys", "self_values"}) cases.numbers(cache, {3, 2, 1, 0, 4}, {});
        add_steps(cases, language, {{}, {0, 0, 0, 0}});
    }
    RecurrentText text({.width = 6, .embedding = 5, .layers = 2}, small_units());
    cases.begin("recurrent-text", text.onnx());
    cases.run("step");
    for (const char* state : {"h", "c"}) cases.numbers(state, {3, 2, 6}, std::vector<Real>(36));
    add_steps(cases, text, {{}, {0, 0, 0, 0}});
    add_memory_networks(cases);
    if (std::system("/usr/bin/python3 -c 'import onnx' 2>/dev/null") == 0)
        CHECK(
            python("import glob, onnx\n"
                   "for path in glob.glob('*.onnx'): onnx.checker.check_model(path, full_check=True)\n",
                   cases.directory()));
    const Output done = cases.check();
    INFO(done.out << done.err);
    if (done.code == 77)
        WARN("no onnxruntime-node here: not tested against it");
    else
        CHECK(done.code == 0);
}

TEST_CASE("a network that ONNX cannot have is refused with a list of those that it can", "[onnx]") {
    Seq2SeqConfig minimal{.cell = Cell::min_gru, .width = 6, .embedding = 5};
    LanguageModelConfig delta;
    delta.mixer = Mixer::delta;
    CHECK_THROWS_WITH(LanguageModel(delta, small_units()).onnx(),
                      Catch::Contains("expected mixer attention, got delta"));
    CHECK_THROWS_WITH(Seq2Seq(minimal, small_units()).onnx(), Catch::Contains("rnn, lstm, gru or gru-reset-before"));
    LanguageModelConfig values;
    values.product_keys = 4;
    CHECK_THROWS_WITH(LanguageModel(values, small_units()).onnx(), Catch::Contains("expected product_keys 0, got 4"));
    for (const ModelType* type : question_answering().models()) {
        const auto model = make_model(type->defaults, small_vocabulary(), small_candidates);
        if (type->kind() == "kv-mem-nn" || type->kind() == "mem-n2n")
            CHECK(model->onnx().size() == 1);
        else
            CHECK_THROWS_WITH(model->onnx(), Catch::Contains("kv-mem-nn or mem-n2n, got " + type->kind()));
    }
    for (const TaskType* task : {&sequence_transduction(), &language_modelling()})
        for (const ModelType* type : task->models())
            CHECK_NOTHROW(make_sequence_network(type->defaults, small_units())->onnx());
}
