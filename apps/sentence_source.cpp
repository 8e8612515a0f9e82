// Trained models that choose sentences: opening them, and kvmem predict, inspect and plot of them.
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/selection/model_file.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "kvmem/train/session.hpp"
#include "plot_run.hpp"
#include "sentences.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

#include <boost/json.hpp>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

std::unique_ptr<SelectionModel> open_selection_model(const std::string& run) {
    const TaskVerbs& task = task_of_run(run);
    if (&task.type() != &answer_selection())
        throw Error({.what = "the model chooses no sentences",
                     .expected = "one for " + answer_selection().name(),
                     .got = "one for " + task.type().name(),
                     .where = run});
    return load_selection_model(is_folder(run) ? RunFiles{run}.model() : std::filesystem::path(run));
}

bool chooses_sentences(const po::variables_map& values) {
    return &task_of_run(find_run(values)).type() == &answer_selection();
}

PlotPage plot_sentences(const po::variables_map& values) {
    const std::string run = values["run"].as<std::string>();
    const auto model = open_selection_model(run);
    PlotPage page;
    page.title = std::filesystem::absolute(run + "/").parent_path().filename().string() + ": " + model->name();
    page.summary = model->summary() + ".";
    page.result = plural(model->lexicon().vectors.size(), "word") + " with vectors";
    if (is_folder(run))
        add_run(page, RunFiles{run}, task_of_run(run).type());
    else
        add_settings(page, to_json(model->settings()));
    return page;
}

void inspect_selector(const std::filesystem::path& path, bool as_json) {
    const auto model = open_selection_model(path.string());
    const std::string config = to_json(model->settings());
    const SentenceLexicon& lexicon = model->lexicon();
    if (as_json) {
        json::array parameters;
        for (const Parameter& p : model->parameters())
            parameters.push_back(json::object{{"name", p.name}, {"rows", p.value.rows()}, {"cols", p.value.cols()}});
        std::cout << json::serialize(json::object{{"format", "kvmem-model"},
                                                  {"model", model->settings().kind()},
                                                  {"config", json::parse(config)},
                                                  {"stems", lexicon.stems.size() - 1},
                                                  {"words", lexicon.vectors.size()},
                                                  {"parameters", std::move(parameters)}})
                  << "\n";
        return;
    }
    std::cout << "model: " << model->name() << ", " << plural(model->parameters().count(), "parameter") << "\n";
    print_row("stems of training sentences", std::to_string(lexicon.stems.size() - 1));
    print_row("words with vectors", std::to_string(lexicon.vectors.size()));
    for (const Parameter& p : model->parameters())
        print_row("parameter " + p.name, std::to_string(p.value.rows()) + " x " + std::to_string(p.value.cols()));
    print_row("configuration", config);
}

}  // namespace kvmem::apps
