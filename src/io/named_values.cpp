#include "io/named_values.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

void require_finite(ConstView matrix, const std::string& part, const std::string& file) {
    if (!std::ranges::all_of(matrix.span(), [](Real x) { return std::isfinite(x); }))
        throw Error({.what = "a parameter is broken",
                     .expected = "finite numbers",
                     .got = "NaN or infinity in " + part,
                     .where = file,
                     .hint = "train again, with a lower rate or a clip length"});
}

static std::string shape_of(const Matrix& m) { return std::to_string(m.rows()) + " x " + std::to_string(m.cols()); }

static Matrix read_value(const NamedValues& values, const Parameter& p) {
    const auto refuse = [&](const std::string& what, const std::string& expected, const std::string& got) {
        throw Error({.what = what,
                     .expected = expected,
                     .got = got,
                     .where = values.file,
                     .hint = "load what a network of the same layers saved"});
    };
    if (std::ranges::find(values.names, p.name) == values.names.end())
        refuse("the file lacks a parameter", p.name, "no such name");
    Matrix value = values.read(p.name);
    if (!same_shape(value, p.value))
        refuse("parameter " + p.name + " has another shape", shape_of(p.value), shape_of(value));
    require_finite(value, p.name, values.file);
    return value;
}

void load_values(const ParameterGroup& group, const NamedValues& values) {
    std::vector<Matrix> all;
    for (const Parameter* p : group) all.push_back(read_value(values, *p));
    for (std::size_t i = 0; Parameter * p : group) std::ranges::copy(all[i++].view().span(), p->value.data());
}

void load_values(Parameters& parameters, const NamedValues& values) {
    for (const std::string& name : values.names)
        if (!parameters.find(name))
            throw Error({.what = "the file has a parameter that the network lacks",
                         .expected = std::to_string(parameters.size()) + " parameters",
                         .got = name,
                         .where = values.file,
                         .hint = "to load some of them alone, pass a group"});
    std::vector<Parameter*> all;
    for (Parameter& p : parameters) all.push_back(&p);
    load_values(ParameterGroup(std::move(all)), values);
}

}  // namespace kvmem
