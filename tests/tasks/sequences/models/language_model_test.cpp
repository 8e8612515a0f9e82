// Transformer language models: what they learn, and that steps with a cache are a run over the whole text.
#include "kvmem/tasks/sequences/models/language_model.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/objective.hpp"
#include "kvmem/train/config.hpp"
#include "support/small_sequences.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace kvmem;

namespace {
LanguageModelConfig small(Positions positions = Positions::rotary) {
    LanguageModelConfig c;
    c.width = 32;
    c.heads = 4;
    c.inner = 64;
    c.layers = 2;
    c.context = 12;
    c.piece = 24;
    c.positions = positions;
    c.dropout = 0;
    return c;
}

TextDataset alphabet(Index times) {
    std::string text;
    for (Index i = 0; i < times; ++i) text += "abcdefghij";
    TextDataset data;
    data.units = test::learned(UnitKind::chars, {text});
    data.splits["train"].push_row(data.units.encode(text));
    data.splits["valid"].push_row(data.units.encode(text.substr(0, 50)));
    return data;
}
}  // namespace

// Language models of all kinds.
static std::vector<LanguageModelConfig> all_models() {
    std::vector<LanguageModelConfig> all;
    for (const Positions positions : {Positions::none, Positions::sinusoidal, Positions::rotary})
        all.push_back(small(positions));
    all.push_back(small());
    all.back().mixer = Mixer::delta;
    all.push_back(small());
    all.back().product_keys = 16;
    return all;
}

TEST_CASE("symbols of texts longer than the context have the bits of steps with a cache", "[language-model]") {
    const TextDataset data = alphabet(5);
    for (const LanguageModelConfig& config : all_models()) {
        const LanguageModel model(config, {Units(), data.units});
        Ragged<Token> texts, inputs, none;
        texts.push_row(data.split("train")[0].first(45));
        texts.push_row(data.split("train")[0].subspan(3, 7));
        texts.end_row();
        for (Index i = 0; i < texts.size(); ++i) {
            inputs.values.push_back(begin_token);
            inputs.values.insert(inputs.values.end(), texts[i].begin(), texts[i].end());
            inputs.end_row(), none.end_row();
        }
        Tape tape;
        tape.set_training(false);
        const ConstView logs = log_softmax(model.scores(model.states(tape, inputs))).value();
        const Ragged<double> steps = score(model, none, texts);
        std::vector<double> whole;
        double sum = 0;
        for (Index i = 0, row = 0; i < texts.size(); ++i)
            for (std::size_t t = 0; t <= texts[i].size(); ++t, ++row)
                whole.push_back(double{logs(row, t < texts[i].size() ? texts[i][t] : end_token)}), sum -= whole.back();
        CHECK(steps.values == whole);
        CHECK(double{model.loss(tape, none, texts).value()(0, 0)} == Approx(sum).epsilon(1e-5));
        CHECK(cross_entropy_of(model, texts) == Approx(sum / static_cast<double>(whole.size())).epsilon(1e-5));
    }
}

TEST_CASE("symbols farther away than all layers read change nothing", "[language-model]") {
    const TextDataset data = alphabet(5);
    const LanguageModel model(small(), {Units(), data.units});
    Ragged<Token> texts;
    for (int i = 0; i < 2; ++i) texts.push_row(data.split("train")[0].first(40));
    texts.values[40] = texts.values[5];
    Tape tape;
    tape.set_training(false);
    const ConstView states = model.states(tape, texts).value();
    const auto equal = [&](Index at) { return std::equal(states.row(at), states.row(at + 1), states.row(40 + at)); };
    CHECK(!equal(0));
    CHECK(!equal(2 * 11));  // two layers of 11 symbols before the one that reads
    CHECK(equal(2 * 11 + 1));
}

TEST_CASE("a Transformer language model learns a text and goes on with it beyond its context", "[language-model]") {
    const TextDataset data = alphabet(60);
    LanguageModel model(small(), {Units(), data.units});
    TextObjective objective(model, data);
    TrainerOptions options;
    options.epochs = 15;
    options.batch = 4;
    options.schedule = {.rate = 5e-3, .warmup = 0.1, .decay = Decay::cosine};
    options.patience = 0;
    Trainer(objective, options, {.higher_is_better = false}).run({});
    CHECK(objective.validate().score < 1);  // log 13 = 2.6 at the start; the end is a surprise
    Ragged<Token> source, prefix;
    source.end_row();
    prefix.push_row(data.units.encode("abcdefg"));
    GenerateOptions length;
    length.max_length = 38;
    const std::string text = data.units.decode(generate(model, source, length, {.prefixes = prefix})[0][0].tokens);
    CHECK(text == "abcdefghijabcdefghijabcdefghijabcdefghijabcde");
}

TEST_CASE("a language model of the delta rule with product keys learns a text and remembers it without a context",
          "[language-model]") {
    const TextDataset data = alphabet(60);
    LanguageModelConfig config = small();
    config.mixer = Mixer::delta;
    config.product_keys = 20;
    LanguageModel model(config, {Units(), data.units});
    TextObjective objective(model, data);
    TrainerOptions options;
    options.epochs = 15;
    options.batch = 4;
    options.schedule = {.rate = 5e-3, .warmup = 0.1, .decay = Decay::cosine};
    options.patience = 0;
    Trainer(objective, options, {.higher_is_better = false}).run({});
    CHECK(objective.validate().score < 1);
    // Chunks of training and the recurrent form of evaluation agree.
    Ragged<Token> texts;
    texts.push_row(data.split("train")[0].first(300));
    Tape tape;
    const Var chunks = model.scores(model.states(tape, texts));
    tape.set_training(false);
    const Var rows = model.scores(model.states(tape, texts));
    double worst = 0, largest = 1;
    for (Index i = 0; i < rows.value().size(); ++i) {
        const double x = double{rows.value().data[i]};
        worst = std::max(worst, std::abs(x - double{chunks.value().data[i]}));
        largest = std::max(largest, std::abs(x));
    }
    CHECK(worst < 1e-5 * largest);
}
