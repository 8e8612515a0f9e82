#include "kvmem/autograd/parameter.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

std::uint64_t name_stream(std::string_view name) {
    std::uint64_t stream = 0;
    for (const char c : name) stream = stream * 31 + static_cast<unsigned char>(c);
    return stream;
}

Index ParameterGroup::count() const {
    Index count = 0;
    for (const Parameter* p : all_) count += p->value.size();
    return count;
}

void ParameterGroup::set_trainable(bool trainable) const {
    for (Parameter* p : all_) p->trainable = trainable;
}

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
    if (start_ == Start::zeros) return add(name, std::move(value));
    Rng rng(seed, {name_stream(name)});
    for (Real& x : value.view().span()) x = static_cast<Real>(deviation * rng.normal());
    return add(name, std::move(value));
}

Parameter* Parameters::find(std::string_view name) {
    for (Parameter& p : all_)
        if (p.name == name) return &p;
    return nullptr;
}

static bool is_in_group(std::string_view name, std::string_view group) {
    if (group.empty()) return true;
    return name.starts_with(group) && (name.size() == group.size() || name[group.size()] == '.');
}

ParameterGroup Parameters::group(std::string_view name) {
    std::vector<Parameter*> members;
    for (Parameter& p : all_)
        if (is_in_group(p.name, name)) members.push_back(&p);
    if (members.empty())
        throw Error({.what = "no parameters of this group",
                     .expected = all_.empty() ? "a network with parameters" : "a name such as " + all_.front().name,
                     .got = std::string(name),
                     .where = "Parameters",
                     .hint = {}});
    return ParameterGroup(std::move(members));
}

Index Parameters::count() const {
    Index count = 0;
    for (const Parameter& p : all_) count += p.value.size();
    return count;
}

std::string Parameters::describe() const {
    std::size_t width = 0;
    for (const Parameter& p : all_) width = std::max(width, p.name.size());
    std::string text;
    for (const Parameter& p : all_)
        text += p.name + std::string(width - p.name.size() + 2, ' ') + std::to_string(p.value.rows()) + " x " +
                std::to_string(p.value.cols()) + "  " + std::to_string(p.value.size()) +
                (p.trainable ? "\n" : "  frozen\n");
    return text + std::to_string(count()) + " numbers in " + std::to_string(size()) + " parameters\n";
}

}  // namespace kvmem
