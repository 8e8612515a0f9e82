#include "kvmem/autograd/parameter.hpp"

#include "kvmem/core/error.hpp"

namespace kvmem {

Parameter& Parameters::add(const std::string& name, Matrix value) {
    if (find(name))
        throw Error({.what = "two parameters of the same name",
                     .expected = {},
                     .got = name,
                     .where = "Parameters",
                     .hint = {}});
    return all_.emplace_back(name, std::move(value));
}

Parameter& Parameters::add_normal(const std::string& name, Index rows, Index cols, double deviation,
                                  std::uint64_t seed) {
    Matrix value(rows, cols);
    std::uint64_t stream = 0;
    for (const char c : name) stream = stream * 31 + static_cast<unsigned char>(c);
    Rng rng(seed, {stream});
    for (Real& x : value.view().span()) x = static_cast<Real>(deviation * rng.normal());
    return add(name, std::move(value));
}

Parameter* Parameters::find(const std::string& name) {
    for (Parameter& p : all_)
        if (p.name == name) return &p;
    return nullptr;
}

Index Parameters::count() const {
    Index count = 0;
    for (const Parameter& p : all_) count += p.value.size();
    return count;
}

}  // namespace kvmem
