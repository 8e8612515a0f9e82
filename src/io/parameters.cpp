#include "kvmem/io/parameters.hpp"

#include "io/named_values.hpp"
#include "kvmem/core/error.hpp"

namespace kvmem {

static constexpr const char* format = "kvmem-parameters";
static constexpr int version = 1;
static const std::string folder = "/parameters";

void write_parameters(hdf5::Writer& file, const Parameters& parameters) {
    for (const Parameter& p : parameters) file.write(folder + "/" + p.name, p.value);
}

Matrix load_parameter(const hdf5::Reader& file, const std::string& dataset) {
    Matrix matrix = file.matrix(dataset);
    require_finite(matrix, dataset, file.name());
    return matrix;
}

void read_parameters(Parameters& parameters, const hdf5::Reader& file) {
    for (Parameter& p : parameters) {
        Matrix loaded = load_parameter(file, folder + "/" + p.name);
        if (!same_shape(loaded.view(), p.value.view()))
            throw Error({.what = "a parameter does not fit the configuration",
                         .expected = std::to_string(p.value.rows()) + " x " + std::to_string(p.value.cols()) +
                                     " numbers in " + p.name,
                         .got = std::to_string(loaded.rows()) + " x " + std::to_string(loaded.cols()),
                         .where = file.name()});
        p.value = std::move(loaded);
    }
}

// HDF5 would take such a name for a path.
static void check_name(const std::string& name) {
    if (name.empty() || name == "." || name.find_first_of(std::string("/\0", 2)) != std::string::npos)
        throw Error({.what = "a parameter of this name cannot be saved",
                     .expected = "a name without slashes and zero bytes",
                     .got = "'" + name + "'",
                     .where = "save_parameters",
                     .hint = "separate its parts by dots"});
}

void save_parameters(const Parameters& parameters, const std::filesystem::path& path) {
    for (const Parameter& p : parameters) check_name(p.name);
    hdf5::Writer file(format, version);
    write_parameters(file, parameters);
    file.save(path);
}

static NamedValues values_in(const hdf5::Reader& file) {
    return {file.name(), file.children(folder),
            [&](const std::string& name) { return file.matrix(folder + "/" + name); }};
}

void load_parameters(const ParameterGroup& group, const std::filesystem::path& path) {
    const hdf5::Reader file(path, format, version);
    load_values(group, values_in(file));
}

void load_parameters(Parameters& parameters, const std::filesystem::path& path) {
    const hdf5::Reader file(path, format, version);
    load_values(parameters, values_in(file));
}

}  // namespace kvmem
