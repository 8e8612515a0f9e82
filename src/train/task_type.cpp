#include "kvmem/train/task_type.hpp"

#include "kvmem/core/error.hpp"

namespace kvmem {

[[noreturn]] static void refuse(const char* what, const std::vector<std::string>& names, std::string_view got) {
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
    throw UsageError({.what = what, .expected = "one of " + all, .got = std::string(got)});
}

const ModelType& find_model(const TaskType& task, std::string_view kind) {
    std::vector<std::string> kinds;
    for (const ModelType* model : task.models()) {
        if (model->kind() == kind) return *model;
        kinds.push_back(model->kind());
    }
    refuse("no such model", kinds, kind);
}

RunConfig TaskType::recommended(const std::string& /*data*/, const std::string& kind) const {
    return kind.empty() ? models().front()->recommended : find_model(*this, kind).recommended;
}

RunConfig preset(const TaskType& task, std::string_view name) {
    for (const ModelType* model : task.models())
        for (const auto& [preset_name, config] : model->presets)
            if (preset_name == name) return config;
    refuse("no such preset", preset_names(task), name);
}

std::vector<std::string> preset_names(const TaskType& task) {
    std::vector<std::string> names;
    for (const ModelType* model : task.models())
        for (const auto& [name, config] : model->presets) names.push_back(name);
    return names;
}

}  // namespace kvmem
