// Recurrent language models: their losses, what they learn, and how they go on with a text.
#include "kvmem/tasks/sequences/models/recurrent_text.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/objective.hpp"
#include "kvmem/train/config.hpp"
#include "support/small_sequences.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <string>

using namespace kvmem;

namespace {
RecurrentTextConfig small(Cell cell) {
    RecurrentTextConfig c;
    c.cell = cell;
    c.width = 24;
    c.embedding = 8;
    c.layers = 2;
    c.piece = 16;
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

TEST_CASE("the loss of a text is what its symbols cost step by step", "[recurrent-text]") {
    const TextDataset data = test::small_text();
    const Ragged<Token>& documents = data.split("train");
    for (const Cell cell : {Cell::rnn, Cell::lstm, Cell::gru, Cell::gru_reset_before, Cell::min_gru, Cell::min_lstm}) {
        const RecurrentText model(small(cell), {Units(), data.units});
        Ragged<Token> sources;
        for (Index i = 0; i < documents.size(); ++i) sources.end_row();
        const Ragged<double> steps = score(model, sources, documents);
        double expected = 0;
        for (const double x : steps.values) expected -= x;
        Tape tape;
        CHECK(double{model.loss(tape, sources, documents).value()(0, 0)} == Approx(expected).epsilon(1e-4));
        CHECK(cross_entropy_of(model, documents) ==
              Approx(expected / static_cast<double>(std::ssize(steps.values))).epsilon(1e-4));
    }
}

TEST_CASE("only symbols behind their context count in the loss of a piece", "[recurrent-text]") {
    const TextDataset data = test::small_text();
    const RecurrentText model(small(Cell::lstm), {Units(), data.units});
    Ragged<Token> pieces;
    pieces.push_row(data.split("train")[0]);
    const auto loss = [&](Index context) {
        Tape tape;
        tape.set_training(false);
        return double{model.continuation_loss(tape, pieces, std::vector<Index>{context}).value()(0, 0)};
    };
    const auto size = static_cast<Index>(pieces.values.size());
    CHECK(loss(1) > loss(5));
    CHECK(loss(size - 1) > 0);
    CHECK(loss(size) == 0);
    Tape tape;
    CHECK_THROWS_AS(model.continuation_loss(tape, pieces, {}), Error);
}

TEST_CASE("a language model learns a text and goes on with it", "[recurrent-text]") {
    const TextDataset data = alphabet(60);
    for (const Cell cell : {Cell::lstm, Cell::min_gru}) {
        RecurrentText model(small(cell), {Units(), data.units});
        TextObjective objective(model, data);
        CHECK(objective.items() == 38);  // of 602 symbols, the document's begin and end among them
        TrainerOptions options;
        options.epochs = 20;
        options.batch = 4;
        options.schedule.rate = 0.02;
        options.patience = 0;
        Trainer(objective, options, {.higher_is_better = false}).run({});
        CHECK(objective.validate().score < 1);  // log 13 = 2.6 at the start; the end is a surprise
        Ragged<Token> source, prefix;
        source.end_row();
        prefix.push_row(data.units.encode("abcdefg"));
        GenerateOptions length;
        length.max_length = 8;
        const auto all = generate(model, source, length, {.prefixes = prefix});
        CHECK(data.units.decode(all[0][0].tokens) == "abcdefghijabcde");
    }
}

TEST_CASE("the cross-entropy of a text needs a context", "[recurrent-text]") {
    const TextDataset data = alphabet(2);
    const RecurrentText model(small(Cell::lstm), {Units(), data.units});
    CHECK_THROWS_AS(cross_entropy_of(model, data.split("train"), 0), UsageError);
    CHECK(cross_entropy_of(model, data.split("train"), 1) > 0);
}

TEST_CASE("a text objective needs a document", "[recurrent-text]") {
    TextDataset data = alphabet(1);
    RecurrentText model(small(Cell::lstm), {Units(), data.units});
    data.splits["train"].clear();
    CHECK_THROWS_AS(TextObjective(model, data), Error);
}
