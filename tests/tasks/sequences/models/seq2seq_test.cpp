// Recurrent encoder-decoders: what they learn, and that what surrounds a line changes none of its bits.
#include "kvmem/tasks/sequences/models/seq2seq.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/model_file.hpp"
#include "kvmem/tasks/sequences/objective.hpp"
#include "kvmem/train/config.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_pairs.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;

namespace {
Seq2SeqConfig small(SequenceAttention attention, Cell cell = Cell::lstm) {
    Seq2SeqConfig c;
    c.cell = cell;
    c.attention = attention;
    c.width = 24;
    c.embedding = 12;
    c.dropout = 0;
    c.label_smoothing = 0;
    return c;
}

// Forms of the network that differ in their code.
std::vector<Seq2SeqConfig> forms() {
    std::vector<Seq2SeqConfig> all;
    for (const auto attention : {SequenceAttention::none, SequenceAttention::additive, SequenceAttention::dot,
                                 SequenceAttention::general, SequenceAttention::concat})
        all.push_back(small(attention));
    all.push_back(small(SequenceAttention::general, Cell::gru));
    all.back().input_feeding = false;
    all.back().encoder_layers = all.back().decoder_layers = 2;
    all.push_back(small(SequenceAttention::additive, Cell::min_gru));
    all.back().copy = true;
    all.push_back(small(SequenceAttention::none, Cell::rnn));
    all.back().bidirectional = false;
    all.back().tied = true;
    all.back().embedding = 24;
    return all;
}

// log p of a target and its end, step by step.
double log_probability(const Seq2Seq& model, std::span<const Token> source, std::span<const Token> target) {
    Ragged<Token> sources;
    sources.push_row(source);
    const auto decoding = model.begin(sources);
    Matrix logs(1, decoding->vocabulary());
    double total = 0;
    Token last = begin_token;
    for (std::size_t i = 0; i <= target.size(); ++i) {
        decoding->step({&last, 1}, logs);
        last = i < target.size() ? target[i] : end_token;
        total += double{logs(0, last)};
    }
    return total;
}
}  // namespace

TEST_CASE("the loss of a pair is what its target costs step by step", "[seq2seq]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    const PairSplit& split = data.split("train");
    for (const Seq2SeqConfig& config : forms()) {
        CAPTURE(to_json(Settings(config)));
        const Seq2Seq model(config, {data.source, data.target});
        Tape tape;
        tape.set_training(false);
        const double loss = double{model.loss(tape, split.source, split.target).value()(0, 0)};
        tape.reset();
        tape.set_training(true);
        CHECK(double{model.loss(tape, split.source, split.target).value()(0, 0)} == Approx(loss).epsilon(1e-4));
        double expected = 0;
        for (Index i = 0; i < split.size(); ++i) expected -= log_probability(model, split.source[i], split.target[i]);
        CHECK(loss == Approx(expected).epsilon(1e-4));
    }
}

TEST_CASE("an encoder-decoder learns to reverse words in every form", "[seq2seq][slow]") {
    const PairsDataset data = test::toy_pairs(600, 30);
    for (const Seq2SeqConfig& config : forms()) {
        if (config.attention == SequenceAttention::none) continue;  // needs more than a second
        CAPTURE(to_json(Settings(config)));
        Seq2Seq model(config, {data.source, data.target});
        PairsObjective objective(model, data);
        TrainerOptions options;
        options.epochs = 12;
        options.batch = 16;
        options.schedule.rate = 0.01;
        options.optimizer.clip_norm = 1;
        options.patience = 0;
        const double before = objective.validate().loss;
        Trainer(objective, options).run({});
        const Validation after = objective.validate();
        CHECK(after.loss < 0.5 * before);
        CHECK(after.score > 0.3);
    }
}

TEST_CASE("a line has the same bits whatever lines surround it", "[seq2seq]") {
    const PairsDataset data = test::toy_pairs(40, 2);
    const Ragged<Token>& sources = data.split("train").source;
    for (const Seq2SeqConfig& config : forms()) {
        CAPTURE(to_json(Settings(config)));
        const Seq2Seq model(config, {data.source, data.target});
        for (const Index beam : {1, 4}) {
            GenerateOptions options;
            options.beam = options.n_best = beam;
            options.max_length = 12;
            options.batch = 64;
            const auto all = generate(model, sources, options);
            const ThreadLimit one(1);
            options.batch = 3;
            const auto few = generate(model, sources, options);
            for (Index i = 0; i < sources.size(); ++i) {
                Ragged<Token> single;
                single.push_row(sources[i]);
                const auto alone = generate(model, single, options);
                for (Index k = 0; k < std::ssize(all[i]); ++k) {
                    for (const auto* other : {&few[i], &alone.front()}) {
                        CHECK((*other)[k].tokens == all[i][k].tokens);
                        CHECK((*other)[k].log_probability == all[i][k].log_probability);
                    }
                }
            }
        }
    }
}

TEST_CASE("a network of sequences comes back from its file", "[seq2seq]") {
    const test::TemporaryDirectory directory;
    const PairsDataset data = test::toy_pairs(12, 2);
    const Seq2Seq model(small(SequenceAttention::general), {data.source, data.target});
    save_sequence_network(model, directory / "m.h5");
    const auto loaded = load_sequence_network(directory / "m.h5");
    CHECK(to_json(loaded->settings()) == to_json(model.settings()));
    CHECK(loaded->source_units() == model.source_units());
    const auto& sources = data.split("valid").source;
    CHECK(generate(*loaded, sources, {}).front().front().tokens == generate(model, sources, {}).front().front().tokens);
}

TEST_CASE("an empty source has a target, too", "[seq2seq]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    for (const Seq2SeqConfig& config : forms()) {
        const Seq2Seq model(config, {data.source, data.target});
        Ragged<Token> empty;
        empty.end_row();
        empty.end_row();
        Tape tape;
        const Var loss = model.loss(tape, empty, empty);
        CHECK(std::isfinite(loss.value()(0, 0)));
        tape.backward(loss);
        GenerateOptions options;
        options.max_length = 3;
        CHECK(generate(model, empty, options).size() == 2);
    }
}

TEST_CASE("settings of an encoder-decoder that do not fit together are errors", "[seq2seq]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    Seq2SeqConfig config = small(SequenceAttention::none);
    config.copy = true;
    CHECK_THROWS_AS(Seq2Seq(config, {data.source, data.target}), UsageError);
    config = small(SequenceAttention::dot);
    config.tied = true;
    CHECK_THROWS_AS(Seq2Seq(config, {data.source, data.target}), UsageError);
}
