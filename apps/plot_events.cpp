// kvmem plot and kvmem inspect of models that recommend.
#include "event_source.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/train/session.hpp"
#include "plot_run.hpp"
#include "task_table.hpp"
#include "task_verbs.hpp"

#include <boost/json.hpp>
#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

PlotPage plot_events(const po::variables_map& values) {
    const std::string run = values["run"].as<std::string>();
    const auto model = open_recommendation_model(run);
    PlotPage page;
    page.title = std::filesystem::absolute(run + "/").parent_path().filename().string() + ": " + model->name();
    page.summary = model->summary() + ".";
    page.result = plural(model->catalog().items(), "item");
    if (is_folder(run))
        add_run(page, RunFiles{run}, task_of_run(run).type());
    else
        add_settings(page, to_json(model->settings()));
    return page;
}

void inspect_recommender(const std::filesystem::path& path, bool as_json) {
    const auto model = open_recommendation_model(path.string());
    const std::string config = to_json(model->settings());
    if (as_json) {
        json::array parameters;
        for (const Parameter& p : model->parameters())
            parameters.push_back(json::object{{"name", p.name}, {"rows", p.value.rows()}, {"cols", p.value.cols()}});
        std::cout << json::serialize(json::object{{"format", "kvmem-model"},
                                                  {"model", model->settings().kind()},
                                                  {"config", json::parse(config)},
                                                  {"items", model->catalog().items()},
                                                  {"actions", json::value_from(model->catalog().actions)},
                                                  {"parameters", std::move(parameters)}})
                  << "\n";
        return;
    }
    std::cout << "model: " << model->name() << ", " << plural(model->parameters().count(), "parameter") << "\n";
    print_row("items", std::to_string(model->catalog().items()));
    print_row("actions", printable(joined(model->catalog().actions)));
    for (const Parameter& p : model->parameters())
        print_row("parameter " + p.name, std::to_string(p.value.rows()) + " x " + std::to_string(p.value.cols()));
    print_row("configuration", config);
}

}  // namespace kvmem::apps
