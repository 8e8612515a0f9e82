#include "kvmem/tasks/sequences/model_file.hpp"

#include "io/units_file.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/io/parameters.hpp"
#include "kvmem/train/checkpoint.hpp"
#include "tasks/sequences/model_type.hpp"

namespace kvmem {

Metadata metadata_of(const SequenceNetwork& network) {
    return {{"model", network.settings().kind()},
            {"config", to_json(network.settings())},
            {"source", units_json(network.source_units())},
            {"target", units_json(network.target_units())}};
}

void write_network_info(hdf5::Writer& file, const SequenceNetwork& network) {
    const Settings settings = network.settings();
    write_settings(file, settings, *find_sequence_model(settings.kind()).task);
    write_units(file, "/source", network.source_units());
    write_units(file, "/target", network.target_units());
}

void save_sequence_network(const SequenceNetwork& network, const std::filesystem::path& path) {
    hdf5::Writer file(model_format, model_version);
    write_network_info(file, network);
    write_parameters(file, network.parameters());
    file.save(path);
}

static Settings read_network_settings(const hdf5::Reader& file) {
    const std::string kind = file.attribute("/", "model");
    const TaskType* task = nullptr;
    try {
        task = find_sequence_model(kind).task;
    } catch (const UsageError& e) {
        throw Error(e.problem_at(file.name()));
    }
    return model_settings_from_json(file.attribute("/", "config"), *task, kind, file.name());
}

std::unique_ptr<SequenceNetwork> load_sequence_network(const std::filesystem::path& path) {
    const hdf5::Reader file(path, model_format, model_version);
    const Settings settings = read_network_settings(file);
    auto network =
        make_sequence_network(settings, {read_units(file, "/source"), read_units(file, "/target")}, Start::zeros);
    read_parameters(network->parameters(), file);
    return network;
}

void require_same_units(const SequenceNetwork& ours, const hdf5::Reader& file) {
    if (read_units(file, "/source") == ours.source_units() && read_units(file, "/target") == ours.target_units())
        return;
    throw Error({.what = "the data set has changed since this checkpoint",
                 .expected = "the same units",
                 .got = "others",
                 .where = file.name(),
                 .hint = "begin a new run"});
}

}  // namespace kvmem
