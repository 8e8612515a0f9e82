// What a page says of any run: its learning curves and its settings.
#pragma once

#include "kvmem/train/group.hpp"
#include "plot_page.hpp"

#include <string>
#include <vector>

namespace kvmem::apps {

// Adds the curves and settings of a run directory. `parts` are TaskType::parts() of a group with a model for each.
// Throws Error for a damaged file.
void add_run(PlotPage& page, const RunFiles& files, const TaskType& task, const std::vector<std::string>& parts = {});
// Adds the fields of a JSON object.
void add_settings(PlotPage& page, const std::string& object);

// A page of a run directory or a model file, with its title and summary.
PlotPage described_page(const std::filesystem::path& run, const std::string& name, const std::string& summary,
                        const Settings& settings);

}  // namespace kvmem::apps
