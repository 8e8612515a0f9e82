#include "inspection.hpp"

#include "kvmem/core/text.hpp"
#include "kvmem/train/config.hpp"
#include "program.hpp"

#include <iostream>

namespace kvmem::apps {

namespace json = boost::json;

void print_info(const DatasetInfo& info) {
    std::cout << "data set" << (info.title.empty() ? " without a title" : ": " + printable(info.title)) << "\n";
    if (!info.source.empty()) print_row("source", info.source);
    if (!info.license.empty()) print_row("license", info.license);
    print_row("made by", info.generator);
}

json::object info_json(const char* format, const DatasetInfo& info) {
    return {{"format", format},
            {"title", info.title},
            {"source", info.source},
            {"license", info.license},
            {"generator", info.generator}};
}

static json::object json_of(const ModelReport& report) {
    json::object all{{"format", "kvmem-model"},
                     {"model", report.settings.kind()},
                     {"config", json::parse(to_json(report.settings))}};
    for (const auto& [name, value] : report.members) all[name] = value;
    json::array parameters;
    for (const Parameter& p : report.parameters)
        parameters.push_back(json::object{{"name", p.name}, {"rows", p.value.rows()}, {"cols", p.value.cols()}});
    all["parameters"] = std::move(parameters);
    return all;
}

void print(const ModelReport& report, bool as_json) {
    if (as_json) {
        std::cout << json::serialize(json_of(report)) << "\n";
        return;
    }
    std::cout << "model: " << report.name << ", " << plural(report.parameters.count(), "parameter") << "\n";
    for (const auto& [name, value] : report.rows) print_row(name, value);
    for (const Parameter& p : report.parameters)
        print_row("parameter " + p.name, std::to_string(p.value.rows()) + " x " + std::to_string(p.value.cols()));
    print_row("configuration", to_json(report.settings));
}

}  // namespace kvmem::apps
