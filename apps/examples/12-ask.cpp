// Asking from C++: the model that 11-train left answers from its memory, and from a memory with other facts.
#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/tasks/qa/edit_memory.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/train/session.hpp"

#include <iostream>

using namespace kvmem;

// The best answer, with the facts on the path to it.
static std::string ask(const Answerer& answerer, const std::string& question) {
    const Answer answer = answerer.ask(question);
    if (answer.candidates.empty()) return "";
    std::cout << question << "? " << answer.candidates[0].text << "\n   " << answer.paths[0].start;
    for (const Answer::Path::Step& step : answer.paths[0].steps)
        std::cout << (step.reversed ? " <-" : " -") << step.relation << (step.reversed ? "- " : "-> ") << step.entity;
    std::cout << "\n";
    return answer.candidates[0].text;
}

int main() {
    const auto model = [] { return load_model(RunFiles{"example-run"}.model()); };
    const Answerer answerer(model(), load_dataset("example-data.h5"));
    const std::string town = ask(answerer, "what is the capital of Land7");
    const std::string tongue = ask(answerer, "what do people speak in the country with the capital Town7");

    // Facts are read and not learned by heart, so nothing is trained again.
    QaDataset changed = load_dataset("example-data.h5");
    remove_fact(changed, {"Land7", "capital", "Town7"});
    add_fact(changed, {"Land7", "capital", "Newtown"});
    const std::string other = ask(Answerer(model(), changed), "what is the capital of Land7");
    return town == "Town7" && tongue == "Tongue0" && other == "Newtown" ? 0 : 1;
}
