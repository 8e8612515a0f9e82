#include "kvmem/tasks/recommendation/model_file.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/io/parameters.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "tasks/recommendation/catalog_file.hpp"

namespace kvmem {

static constexpr const char* catalog_group = "/catalog";

Metadata metadata_of(const RecommendationModel& model) {
    std::string items;
    for (const std::string& id : model.catalog().objects().ids.all()) items += id + "\n";
    return {{"model", model.settings().kind()}, {"config", to_json(model.settings())}, {"items", items}};
}

void write_model_info(hdf5::Writer& file, const RecommendationModel& model) {
    write_settings(file, model.settings(), recommendation());
    write_catalog(file, catalog_group, model.catalog());
}

void save_recommendation_model(const RecommendationModel& model, const std::filesystem::path& path) {
    hdf5::Writer file(model_format, model_version);
    write_model_info(file, model);
    write_parameters(file, model.parameters());
    file.save(path);
}

std::unique_ptr<RecommendationModel> load_recommendation_model(const std::filesystem::path& path) {
    const hdf5::Reader file(path, model_format, model_version);
    auto model = make_recommendation_model(read_settings(file, recommendation()), read_catalog(file, catalog_group),
                                           Start::zeros);
    read_parameters(model->parameters(), file);
    return model;
}

void require_same_catalog(const RecommendationModel& ours, const hdf5::Reader& file) {
    if (read_catalog(file, catalog_group) == ours.catalog()) return;
    throw Error({.what = "the data set has changed since this checkpoint",
                 .expected = "the same items, features and actions",
                 .got = "others",
                 .where = file.name(),
                 .hint = "begin a new run"});
}

}  // namespace kvmem
