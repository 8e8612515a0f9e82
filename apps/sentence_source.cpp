// Trained models that choose sentences: opening them, and kvmem predict, inspect and plot of them.
#include "inspection.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/selection/model_file.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "kvmem/train/session.hpp"
#include "plot_run.hpp"
#include "sentences.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

namespace kvmem::apps {

std::unique_ptr<SelectionModel> open_selection_model(const std::string& run) {
    const Task& task = task_of_run(run);
    if (&task.type() != &answer_selection())
        throw Error({.what = "the model chooses no sentences",
                     .expected = "one for " + answer_selection().name(),
                     .got = "one for " + task.type().name(),
                     .where = run});
    return load_selection_model(model_file_of(run));
}

bool chooses_sentences(const po::variables_map& values) {
    return &task_of_run(find_run(values)).type() == &answer_selection();
}

PlotPage plot_sentences(const po::variables_map& values) {
    const std::string run = values["run"].as<std::string>();
    const auto model = open_selection_model(run);
    PlotPage page = described_page(run, model->name(), model->summary(), model->settings());
    page.result = plural(model->lexicon().vectors.size(), "word") + " with vectors";
    return page;
}

void inspect_selector(const std::filesystem::path& path, bool as_json) {
    const auto model = open_selection_model(path.string());
    const Index stems = model->lexicon().stems.size() - 1, words = model->lexicon().vectors.size();
    print({.name = model->name(),
           .settings = model->settings(),
           .parameters = model->parameters(),
           .rows = {{"stems of training sentences", std::to_string(stems)},
                    {"words with vectors", std::to_string(words)}},
           .members = {{"stems", stems}, {"words", words}}},
          as_json);
}

}  // namespace kvmem::apps
