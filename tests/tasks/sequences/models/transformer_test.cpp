// The Transformer: what it learns, and that neither steps nor other lines change a line's bits.
#include "kvmem/tasks/sequences/models/transformer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/model_file.hpp"
#include "kvmem/tasks/sequences/objective.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "kvmem/train/config.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_pairs.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace kvmem;

namespace {
TransformerConfig small(Positions positions = Positions::sinusoidal) {
    TransformerConfig c;
    c.width = 32;
    c.heads = 4;
    c.inner = 48;
    c.encoder_layers = 1;
    c.decoder_layers = 2;
    c.positions = positions;
    c.dropout = 0;
    c.label_smoothing = 0;
    return c;
}

// Forms of the network that differ in their code.
std::vector<TransformerConfig> forms() {
    std::vector<TransformerConfig> all{small(), small(Positions::rotary), small(Positions::none),
                                       small(Positions::relative)};
    all[1].tied = false;
    all[2].feed_forward = FeedForwardForm::gelu;
    all[3].norm_order = NormOrder::post;
    return all;
}

// The log probabilities of each symbol of each target and of its end, by one run over all pairs.
Ragged<double> whole_score(const Transformer& model, RaggedView<Token> source, RaggedView<Token> target) {
    Tape tape;
    tape.set_training(false);
    const ConstView logs = log_softmax(model.run(tape, source, target).scores).value();
    Ragged<double> all;
    for (Index i = 0, row = 0; i < target.size(); ++i) {
        for (const Token token : target[i]) all.values.push_back(double{logs(row++, token)});
        all.values.push_back(double{logs(row++, end_token)});
        all.end_row();
    }
    return all;
}
}  // namespace

TEST_CASE("steps with a cache have the bits of one run over whole pairs", "[transformer]") {
    const PairsDataset data = test::toy_pairs(60, 2);
    const PairSplit& split = data.split("train");
    for (const TransformerConfig& config : forms()) {
        CAPTURE(to_json(Settings(config)));
        const Transformer model(config, {data.source, data.target});
        const Ragged<double> whole = whole_score(model, split.source, split.target);
        for (const Index batch : {1, 7, 64}) {
            const ThreadLimit threads(batch == 7 ? 1 : 2);
            const Ragged<double> steps = score(model, split.source, split.target, batch);
            CHECK(steps.values == whole.values);
            CHECK(steps.offsets == whole.offsets);
        }
        double sum = 0;
        for (const double x : whole.values) sum -= x;
        Tape tape;  // a run that is differentiated is computed in tiles
        CHECK(double{model.loss(tape, split.source, split.target).value()(0, 0)} == Approx(sum).epsilon(1e-5));
    }
}

TEST_CASE("hypotheses of a beam have the bits that they have alone", "[transformer]") {
    const PairsDataset data = test::toy_pairs(40, 2);
    const Ragged<Token>& sources = data.split("train").source;
    for (const TransformerConfig& config : forms()) {
        CAPTURE(to_json(Settings(config)));
        const Transformer model(config, {data.source, data.target});
        GenerateOptions options;
        options.beam = options.n_best = 4;
        options.max_length = 12;
        const auto all = generate(model, sources, options);
        options.batch = 3;
        const ThreadLimit one(1);
        const auto few = generate(model, sources, options);
        for (Index i = 0; i < sources.size(); ++i)
            for (std::size_t k = 0; k < all[i].size(); ++k) {
                CHECK(few[i][k].tokens == all[i][k].tokens);
                CHECK(few[i][k].log_probability == all[i][k].log_probability);
                if (!all[i][k].ended) continue;
                Ragged<Token> source, target;
                source.push_row(sources[i]);
                target.push_row(all[i][k].tokens);
                double forced = 0;
                for (const double x : score(model, source, target).values) forced += x;
                CHECK(forced == all[i][k].log_probability);
            }
    }
}

TEST_CASE("a Transformer learns to reverse words", "[transformer][slow]") {
    const PairsDataset data = test::toy_pairs(600, 30);
    Transformer model(small(), {data.source, data.target});
    PairsObjective objective(model, data);
    TrainerOptions options;
    options.epochs = 15;
    options.batch = 16;
    options.schedule = {.rate = 5e-3, .warmup = 0.1, .decay = Decay::cosine};
    options.optimizer.clip_norm = 1;
    options.patience = 0;
    const double before = objective.validate().loss;
    Trainer(objective, options).run({});
    const Validation after = objective.validate();
    CHECK(after.loss < 0.3 * before);
    CHECK(after.score > 0.5);
}

TEST_CASE("every head of every layer shows its weights over the source", "[transformer]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    const Transformer model(small(), {data.source, data.target});
    Ragged<Token> sources;
    for (const Index line : {0, 1}) sources.push_row(data.split("train").source[line]);
    const auto decoding = model.begin(sources);
    CHECK(decoding->heads() == 8);
    Matrix logs(3, decoding->vocabulary());
    decoding->step(std::vector<Token>{begin_token, begin_token}, logs.view().middle_rows(0, 2));
    decoding->reorder(std::vector<Index>{0, 1, 1});
    const Token first = sources[0][0];
    decoding->step(std::vector<Token>{first, first, 5}, logs);
    // Those of a run over whole pairs, in which target i is the last symbol of hypothesis i.
    Ragged<Token> repeated, targets;
    for (const auto& [line, token] : {std::pair{0, first}, {1, first}, {1, Token{5}}})
        repeated.push_row(sources[line]), targets.push_row(std::vector<Token>{token});
    Tape tape;
    tape.set_training(false);
    const Transformer::Run run = model.run(tape, repeated, targets);
    for (Index layer = 0; layer < 2; ++layer) {
        const Real* weights = run.decoder.reads[layer].memory->weights().value().data;
        for (Index row = 0; row < 3; ++row) {
            const Index slots = std::ssize(repeated[row]);
            weights += 4 * slots;  // of begin_token
            for (Index head = 0; head < 4; ++head, weights += slots) {
                const auto shown = decoding->weights(row, 4 * layer + head);
                CHECK(std::vector(shown.begin(), shown.end()) == std::vector(weights, weights + slots));
            }
        }
    }
}

TEST_CASE("a Transformer comes back from its file, and empty sources have targets", "[transformer]") {
    const test::TemporaryDirectory directory;
    const PairsDataset data = test::toy_pairs(12, 2);
    for (const TransformerConfig& config : forms()) {
        const Transformer model(config, {data.source, data.target});
        save_sequence_network(model, directory / "m.h5");
        const auto loaded = load_sequence_network(directory / "m.h5");
        CHECK(to_json(loaded->settings()) == to_json(model.settings()));
        Ragged<Token> sources;
        sources.end_row();
        sources.push_row(data.split("valid").source[0]);
        Tape tape;
        const Var loss = model.loss(tape, sources, sources);
        CHECK(std::isfinite(loss.value()(0, 0)));
        tape.backward(loss);
        GenerateOptions options;
        options.max_length = 3;
        const auto written = generate(model, sources, options), again = generate(*loaded, sources, options);
        for (std::size_t i = 0; i < 2; ++i) CHECK(written[i].front().tokens == again[i].front().tokens);
    }
}

TEST_CASE("the preset of the published base model builds", "[transformer]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    const RunConfig config = preset(sequence_transduction(), "transformer-base");
    config.validate();
    const auto model = make_sequence_network(config.model, {data.source, data.target}, Start::zeros);
    Index count = 0;
    for (const Parameter& p : model->parameters()) count += p.value.size();
    // 6 encoder layers of 12 d^2 and 6 decoder layers of 16 d^2 numbers, biases, norms and tables.
    const Index layers = 6 * (12 + 16) * 512 * 512;
    CHECK(count > layers);
    CHECK(count < layers + 200'000);
}

TEST_CASE("settings of a Transformer that do not fit together are errors", "[transformer]") {
    const PairsDataset data = test::toy_pairs(12, 2);
    TransformerConfig config = small();
    config.heads = 5;
    CHECK_THROWS_AS(Transformer(config, {data.source, data.target}), UsageError);
    config = small(Positions::rotary);
    config.heads = 32;
    CHECK_THROWS_AS(Transformer(config, {data.source, data.target}), UsageError);
}
