#include "kvmem/tasks/selection/model_file.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/io/parameters.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"

#include <algorithm>

namespace kvmem {

Metadata metadata_of(const SelectionModel& model) {
    return {{"model", model.settings().kind()}, {"config", to_json(model.settings())}};
}

void write_model_info(hdf5::Writer& file, const SelectionModel& model) {
    write_settings(file, model.settings(), answer_selection());
    write_lexicon(file, model.lexicon());
}

void save_selection_model(const SelectionModel& model, const std::filesystem::path& path) {
    hdf5::Writer file(model_format, model_version);
    write_model_info(file, model);
    write_parameters(file, model.parameters());
    file.save(path);
}

std::unique_ptr<SelectionModel> load_selection_model(const std::filesystem::path& path) {
    const hdf5::Reader file(path, model_format, model_version);
    auto model = make_selection_model(read_settings(file, answer_selection()), read_lexicon(file), Start::zeros);
    read_parameters(model->parameters(), file);
    return model;
}

void require_same_lexicon(const SelectionModel& ours, const hdf5::Reader& file) {
    if (read_lexicon(file) == ours.lexicon()) return;
    throw Error({.what = "the data set or the word vectors have changed since this checkpoint",
                 .expected = "the same words",
                 .got = "others",
                 .where = file.name(),
                 .hint = "begin a new run"});
}

}  // namespace kvmem
