// kvmem plot and kvmem inspect of models that recommend.
#include "event_source.hpp"
#include "inspection.hpp"
#include "kvmem/core/text.hpp"
#include "plot_run.hpp"
#include "task_verbs.hpp"

#include <boost/json.hpp>

namespace kvmem::apps {

namespace json = boost::json;

PlotPage plot_events(const po::variables_map& values) {
    const std::string run = values["run"].as<std::string>();
    const auto model = open_recommendation_model(run);
    PlotPage page = described_page(run, model->name(), model->summary(), model->settings());
    page.result = plural(model->catalog().items(), "item");
    return page;
}

void inspect_recommender(const std::filesystem::path& path, bool as_json) {
    const auto model = open_recommendation_model(path.string());
    const Catalog& catalog = model->catalog();
    print({.name = model->name(),
           .settings = model->settings(),
           .parameters = model->parameters(),
           .rows = {{"items", std::to_string(catalog.items())}, {"actions", printable(joined(catalog.actions))}},
           .members = {{"items", catalog.items()}, {"actions", json::value_from(catalog.actions)}}},
          as_json);
}

}  // namespace kvmem::apps
