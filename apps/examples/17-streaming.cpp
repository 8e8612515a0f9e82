// Symbols as soon as they are chosen: a text model is trained for a moment, and what it samples is printed as it comes.
#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/models/recurrent_text.hpp"
#include "kvmem/tasks/sequences/objective.hpp"
#include "kvmem/train/trainer.hpp"

#include <cstdio>
#include <string>

using namespace kvmem;

int main() {
    std::string text;
    for (int i = 0; i < 60; ++i) text += "the cat sat on the mat. the dog sat on the log. ";
    const std::string_view texts[] = {text};
    TextDataset data;
    data.units = Units::learn(UnitKind::chars, texts);
    data.splits["train"].push_row(data.units.encode(text));

    RecurrentText network({.width = 64, .embedding = 16, .piece = 32, .dropout = 0}, {Units(), data.units});
    TextObjective objective(network, data);
    Trainer trainer(objective, {.epochs = 20, .batch = 8, .schedule = {.rate = 0.01}});
    trainer.run({});

    Ragged<Token> sources, prompts;
    sources.end_row();  // a text has no source
    prompts.push_row(data.units.encode("the "));
    std::string written;
    std::printf("the ");
    const auto results = generate(network, sources, {.max_length = 60, .sample = true, .temperature = 0.5},
                                  {.prefixes = prompts, .token = [&](const NewToken& next) {
                                       const std::string& symbol = data.units.text(next.token);
                                       std::printf("%s", symbol.c_str());
                                       std::fflush(stdout);
                                       written += symbol;
                                       return symbol != ".";  // the end of a sentence ends the text
                                   }});
    std::printf("\n");
    return data.units.decode(results[0][0].tokens) == "the " + written ? 0 : 1;
}
