// Own networks in Python: tapes, matrices on them and layers, each with what it needs to stay alive.
#pragma once

#include "arrays.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/autograd/optimizer.hpp"
#include "module.hpp"

#include <memory>
#include <set>
#include <utility>

namespace kvmem::python {

using SharedParameters = std::shared_ptr<Parameters>;

// A tape with what its operations refer to. Matrices of a pass that it has forgotten cannot be used.
struct OwnTape {
    Tape tape;
    Index pass = 0;
    std::set<SharedParameters> parameters;

    Tape& with(const SharedParameters& used) {
        parameters.insert(used);
        return tape;
    }
};

// A matrix on a tape, of one pass.
struct OwnVar {
    std::shared_ptr<OwnTape> tape;
    Index pass;
    Var var;

    OwnVar(std::shared_ptr<OwnTape> on, Var v) : tape(std::move(on)), pass(tape->pass), var(v) {}
    Var get() const {
        if (pass == tape->pass) return var;
        throw UsageError({.what = "the matrix is of a pass that its tape has forgotten", .hint = "compute it anew"});
    }
    OwnVar with(Var result) const { return {tape, result}; }
};

// A layer with its parameters.
template <class Layer>
struct Own {
    SharedParameters parameters;
    Layer layer;
};
struct OwnOptimizer {
    SharedParameters parameters;
    Optimizer optimizer;
};
struct OwnParameter {
    SharedParameters owner;
    Parameter* parameter;
};

// Rows of different lengths, from (values, offsets).
struct Bags {
    explicit Bags(const std::pair<py::object, py::object>& rows)
        : values(rows.first, "values", 1), offsets(rows.second, "offsets", 1) {
        if (!view().valid()) throw OptionError("offsets", "numbers that rise from 0 to the number of values", "others");
    }
    RaggedView<Token> view() const { return {values.span(), offsets.span()}; }

    Tokens values;
    Indices offsets;
};

// The parameters. Throws TypeError for None.
inline Parameters& checked(const SharedParameters& parameters) {
    if (!parameters) throw py::type_error("bad type of parameters: expected Parameters, got None");
    return *parameters;
}

// The layers, which define_networks() leaves out.
void define_layers(py::module_& module);

}  // namespace kvmem::python
