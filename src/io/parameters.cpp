#include "kvmem/io/parameters.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

static constexpr const char* format = "kvmem-parameters";
static constexpr int version = 1;
static const std::string folder = "/parameters";

void write_parameters(hdf5::Writer& file, const Parameters& parameters) {
    for (const Parameter& p : parameters) file.write(folder + "/" + p.name, p.value);
}

Matrix load_parameter(const hdf5::Reader& file, const std::string& dataset) {
    Matrix matrix = file.matrix(dataset);
    if (!std::ranges::all_of(matrix.view().span(), [](Real x) { return std::isfinite(x); }))
        throw Error({.what = "a parameter is broken",
                     .expected = "finite numbers",
                     .got = "NaN or infinity in " + dataset,
                     .where = file.name(),
                     .hint = "train again, with a lower rate or a clip length"});
    return matrix;
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

static std::string shape_of(const Matrix& m) { return std::to_string(m.rows()) + " x " + std::to_string(m.cols()); }

static Matrix read_value(const hdf5::Reader& file, const Parameter& p) {
    const auto refuse = [&](const std::string& what, const std::string& expected, const std::string& got) {
        throw Error({.what = what,
                     .expected = expected,
                     .got = got,
                     .where = file.name(),
                     .hint = "load what a network of the same layers saved"});
    };
    const std::string dataset = folder + "/" + p.name;
    if (!file.has(dataset)) refuse("the file lacks a parameter", p.name, "no such name");
    Matrix value = load_parameter(file, dataset);
    if (value.rows() != p.value.rows() || value.cols() != p.value.cols())
        refuse("parameter " + p.name + " has another shape", shape_of(p.value), shape_of(value));
    return value;
}

// Reads all values before it changes any.
static void load(const hdf5::Reader& file, const ParameterGroup& group) {
    std::vector<Matrix> values;
    for (const Parameter* p : group) values.push_back(read_value(file, *p));
    for (std::size_t i = 0; Parameter * p : group) std::ranges::copy(values[i++].view().span(), p->value.data());
}

void load_parameters(const ParameterGroup& group, const std::filesystem::path& path) {
    load(hdf5::Reader(path, format, version), group);
}

void load_parameters(Parameters& parameters, const std::filesystem::path& path) {
    const hdf5::Reader file(path, format, version);
    for (const std::string& name : file.children(folder))
        if (!parameters.find(name))
            throw Error({.what = "the file has a parameter that the network lacks",
                         .expected = std::to_string(parameters.size()) + " parameters",
                         .got = name,
                         .where = file.name(),
                         .hint = "to load some of them alone, pass a group"});
    std::vector<Parameter*> all;
    for (Parameter& p : parameters) all.push_back(&p);
    load(file, ParameterGroup(std::move(all)));
}

}  // namespace kvmem
