// What kvmem inspect says of any data set and of any model.
#pragma once

#include "kvmem/autograd/parameter.hpp"
#include "kvmem/io/dataset_info.hpp"
#include "kvmem/train/settings.hpp"

#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::apps {

// The title, source and maker of a data set, printed, and as the first members of its JSON.
void print_info(const DatasetInfo& info);
boost::json::object info_json(const char* format, const DatasetInfo& info);

// A model of any task.
struct ModelReport {
    std::string name;
    Settings settings;
    const Parameters& parameters;
    std::vector<std::pair<std::string, std::string>> rows;  // what the task says of it
    boost::json::object members;                            // the same as JSON
};
void print(const ModelReport& report, bool as_json);

}  // namespace kvmem::apps
