// Named matrices that training changes.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/rng.hpp"

#include <deque>
#include <string>
#include <vector>

namespace kvmem {

// Its address is its identity: tapes and optimisers refer to it, so it must stay where it is while they do.
struct Parameter {
    Parameter(std::string n, Matrix v) : name(std::move(n)), value(std::move(v)) {}
    Parameter(const Parameter&) = delete;
    Parameter& operator=(const Parameter&) = delete;

    bool is_frozen(Index row) const { return !frozen.empty() && frozen[static_cast<std::size_t>(row)]; }

    std::string name;
    Matrix value;
    std::vector<bool> frozen;  // rows that training leaves as they are; empty: none
};

// The parameters of a model, in the order in which they were added; owns them.
class Parameters {
  public:
    // Throws Error when the name is taken.
    Parameter& add(const std::string& name, Matrix value);
    // Normally distributed with this standard deviation, drawn from a stream named by the seed and the name.
    Parameter& add_normal(const std::string& name, Index rows, Index cols, double deviation, std::uint64_t seed);

    Parameter& operator[](std::size_t i) { return all_[i]; }
    const Parameter& operator[](std::size_t i) const { return all_[i]; }
    std::size_t size() const { return all_.size(); }
    Parameter* find(const std::string& name);
    Index count() const;  // of numbers
    auto begin() { return all_.begin(); }
    auto end() { return all_.end(); }
    auto begin() const { return all_.begin(); }
    auto end() const { return all_.end(); }

  private:
    std::deque<Parameter> all_;
};

}  // namespace kvmem
