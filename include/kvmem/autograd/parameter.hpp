// Named matrices that training changes, and groups of them by their dotted names.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/rng.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// Its address is its identity: tapes and optimisers refer to it, so it must stay where it is while they do.
struct Parameter {
    // Takes the name, and the value at the start.
    Parameter(std::string n, Matrix v) : name(std::move(n)), value(std::move(v)) {}
    Parameter(const Parameter&) = delete;
    Parameter& operator=(const Parameter&) = delete;

    // Whether training leaves this row as it is.
    bool is_frozen(Index row) const { return !frozen.empty() && frozen[row]; }

    // The name in files and reports, and the numbers.
    std::string name;
    Matrix value;
    bool trainable = true;     // while false, tapes make no gradient for it and optimisers leave it as it is
    std::vector<bool> frozen;  // rows that training leaves as they are; empty: none
};

// The stream of random numbers that a parameter of this name begins with: Rng(seed, {name_stream(name)}). Another order
// of parameters, or more of them, changes none.
[[nodiscard]] std::uint64_t name_stream(std::string_view name);

// Parameters of one network that are handled together. Refers to them: valid as long as they are.
class ParameterGroup {
  public:
    // The pointers must not be null.
    explicit ParameterGroup(std::vector<Parameter*> parameters) : all_(std::move(parameters)) {}

    // The number of parameters, and iteration over them.
    std::size_t size() const { return all_.size(); }
    auto begin() const { return all_.begin(); }  // of Parameter*
    auto end() const { return all_.end(); }
    Index count() const;  // of numbers
    // Between passes: what a tape has recorded already keeps its gradients.
    void set_trainable(bool trainable) const;

  private:
    std::vector<Parameter*> all_;
};

// How parameters begin: drawn at random, or as zeros, for a network whose values are read from a file.
enum class Start { drawn, zeros };

// The parameters of a network, in the order in which they were added; owns them.
class Parameters {
  public:
    Parameters() = default;
    // Parameters that begin as zeros, or drawn. A layer that draws numbers by itself must look at start() first.
    explicit Parameters(Start start) : start_(start) {}
    Start start() const { return start_; }

    // Throws Error when the name is taken.
    Parameter& add(const std::string& name, Matrix value);
    // Normally distributed with this standard deviation, drawn from a stream named by the seed and the name; or zeros.
    Parameter& add_normal(const std::string& name, Index rows, Index cols, double deviation, std::uint64_t seed);

    // The parameters by their places, and their number. References stay valid when others are added.
    Parameter& operator[](std::size_t i) { return all_[i]; }
    const Parameter& operator[](std::size_t i) const { return all_[i]; }
    std::size_t size() const { return all_.size(); }
    // The parameter of this name, or null.
    [[nodiscard]] Parameter* find(std::string_view name);
    // The parameter of this name and all whose names continue it after a dot: "encoder" is encoder.weight and
    // encoder.norm.gain, but not encoder2.weight. "" is all of them. Throws Error when there is none.
    [[nodiscard]] ParameterGroup group(std::string_view name);
    Index count() const;  // of numbers
    // A line each: name, shape, count of numbers, and "frozen" where it is not trainable; then a line for the total.
    std::string describe() const;
    auto begin() { return all_.begin(); }
    auto end() { return all_.end(); }
    auto begin() const { return all_.begin(); }
    auto end() const { return all_.end(); }

  private:
    Start start_ = Start::drawn;
    std::deque<Parameter> all_;
};

}  // namespace kvmem
