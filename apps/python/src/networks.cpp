#include "arrays.hpp"
#include "choice.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/autograd/optimizer.hpp"
#include "kvmem/nn/key_value_memory.hpp"
#include "kvmem/nn/layers.hpp"
#include "module.hpp"

#include <pybind11/stl.h>

#include <set>

namespace kvmem::python {

using py::literals::operator""_a;

namespace {

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
        if (!view().valid())
            throw bad_argument("offsets", "numbers that rise from 0 to the number of values", "others");
    }
    RaggedView<Token> view() const { return {values.span(), offsets.span()}; }

    Tokens values;
    Indices offsets;
};

}  // namespace

static Parameters& checked(const SharedParameters& parameters) {
    if (!parameters) throw py::type_error("bad type of parameters: expected Parameters, got None");
    return *parameters;
}

// Where the gradient and value are copied from, as they lie on the tape.
static py::object copy_of(ConstView view) {
    Matrix copy(view.rows, view.cols);
    std::copy_n(view.data, view.size(), copy.data());
    return array(std::move(copy));
}

template <Var (*operation)(Var, Var)>
static OwnVar binary(const OwnVar& x, const OwnVar& y) {
    return x.with(operation(x.get(), y.get()));
}
template <Var (*operation)(Var)>
static OwnVar unary(const OwnVar& x) {
    return x.with(operation(x.get()));
}

static void define_tape(py::module_& module) {
    py::class_<OwnVar>(module, "Var", "A matrix on a tape, for one pass.")
        .def_property_readonly(
            "value", [](const OwnVar& x) { return copy_of(x.get().value()); }, "A copy of the numbers.")
        .def_property_readonly(
            "shape", [](const OwnVar& x) { return std::pair(x.get().rows(), x.get().cols()); }, "Rows and columns.")
        .def_property_readonly(
            "grad",
            [](const OwnVar& x) { return x.get().needs_grad() ? copy_of(x.get().grad()) : py::object(py::none()); },
            "A copy of the gradient that backward() found, or None.")
        .def("__add__", &binary<add>)
        .def("__sub__", &binary<subtract>)
        .def("__mul__", &binary<multiply>)
        .def("__mul__", [](const OwnVar& x, Real factor) { return x.with(scale(x.get(), factor)); })
        .def("__rmul__", [](const OwnVar& x, Real factor) { return x.with(scale(x.get(), factor)); })
        .def("__neg__", [](const OwnVar& x) { return x.with(scale(x.get(), -1)); });
    py::class_<OwnTape, std::shared_ptr<OwnTape>>(module, "Tape", "Records a forward pass, and differentiates it.")
        .def(py::init<>(), "__init__(self)\n--\n\nA tape without a pass, which trains.")
        .def(
            "constant",
            [](const std::shared_ptr<OwnTape>& self, py::object numbers) {
                const Floats values(numbers, "numbers", 2);
                Matrix copy(values.rows(), values.cols());
                std::ranges::copy(values.span(), copy.data());
                return OwnVar(self, self->tape.constant(std::move(copy)));
            },
            "constant(self, numbers)\n--\n\nA matrix that is not differentiated.", "numbers"_a)
        .def(
            "parameter",
            [](const std::shared_ptr<OwnTape>& self, const OwnParameter& parameter) {
                return OwnVar(self, self->with(parameter.owner).parameter(*parameter.parameter));
            },
            "parameter(self, parameter)\n--\n\nThe whole of a parameter.", "parameter"_a)
        .def(
            "backward",
            [](OwnTape& self, const OwnVar& loss, Real seed) {
                if (loss.tape.get() != &self) throw UsageError({.what = "the loss is on another tape"});
                const Var of = loss.get();
                const py::gil_scoped_release no_gil;
                self.tape.backward(of, seed);
            },
            "backward(self, loss, seed=1.0)\n--\n\nAdds seed times the gradient of the loss [1, 1].", "loss"_a,
            "seed"_a = 1.0F)
        .def(
            "reset",
            [](OwnTape& self) {
                ++self.pass;
                self.tape.reset();
            },
            "reset(self)\n--\n\nForgets the pass and all gradients; its matrices are gone.")
        .def_property(
            "training", [](const OwnTape& self) { return self.tape.training(); },
            [](OwnTape& self, bool training) { self.tape.set_training(training); },
            "Whether gradients are recorded, and dropout drops.");
}

static void define_parameters(py::module_& module) {
    py::class_<OwnParameter>(module, "Parameter", "A named matrix that training changes.")
        .def_property_readonly(
            "name", [](const OwnParameter& p) { return p.parameter->name; }, "The name in files.")
        .def_property_readonly(
            "value",
            [](const OwnParameter& p) {
                const Matrix& value = p.parameter->value;
                return array(p.owner, value.data(), {value.rows(), value.cols()});
            },
            "The numbers themselves, to read and to change.");
    py::class_<Parameters, SharedParameters>(module, "Parameters", "The parameters of a network, by their names.")
        .def(py::init<>(), "__init__(self)\n--\n\nNo parameters yet: layers add theirs.")
        .def(
            "add_normal",
            [](const SharedParameters& self, const std::string& name, Index rows, Index cols, double deviation,
               std::uint64_t seed) {
                return OwnParameter{self, &self->add_normal(name, rows, cols, deviation, seed)};
            },
            "add_normal(self, name, rows, cols, deviation, seed)\n--\n\nAdds normally distributed numbers.", "name"_a,
            "rows"_a, "cols"_a, "deviation"_a, "seed"_a)
        .def("__len__", &Parameters::size)
        .def("__getitem__",
             [](const SharedParameters& self, const std::string& name) {
                 Parameter* found = self->find(name);
                 if (!found) throw py::key_error(name);
                 return OwnParameter{self, found};
             })
        .def("__iter__", [](const SharedParameters& self) {
            std::vector<std::string> names;
            for (const Parameter& parameter : *self) names.push_back(parameter.name);
            return py::iter(py::cast(names));
        });
    static constexpr const char* methods[] = {"sgd", "adagrad", "adam"};
    py::class_<OwnOptimizer>(module, "Optimizer",
                             "Gradient descent over the parameters that are there when it is made.")
        .def(py::init([](const SharedParameters& parameters, const std::string& method, double clip_norm,
                         double weight_decay) {
                 OptimizerOptions options{.method = choice<Method>(method, methods, "method")};
                 options.clip_norm = clip_norm;
                 options.weight_decay = weight_decay;
                 return OwnOptimizer{parameters, Optimizer(checked(parameters), options)};
             }),
             "__init__(self, parameters, method='adam', *, clip_norm=0.0, weight_decay=0.0)\n--\n\n"
             "sgd, adagrad or adam.",
             "parameters"_a, "method"_a = "adam", py::kw_only(), "clip_norm"_a = 0.0, "weight_decay"_a = 0.0)
        .def(
            "step",
            [](OwnOptimizer& self, const OwnTape& tape, double rate) {
                const py::gil_scoped_release no_gil;
                return self.optimizer.step(tape.tape, rate);
            },
            "step(self, tape, rate)\n--\n\nOne step; returns the length of the gradient.", "tape"_a, "rate"_a);
}

static void define_layers(py::module_& module) {
    py::class_<Own<Embedding>>(module, "Embedding", "A table of vectors for tokens.")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index tokens, Index width,
                         double deviation, std::uint64_t seed) {
                 return Own<Embedding>{p, Embedding(checked(p), name, tokens, width, deviation, seed)};
             }),
             "__init__(self, parameters, name, tokens, width, deviation=0.1, seed=1)\n--\n\nAdds the table.",
             "parameters"_a, "name"_a, "tokens"_a, "width"_a, "deviation"_a = 0.1, "seed"_a = 1)
        .def(
            "__call__",
            [](const Own<Embedding>& self, const std::shared_ptr<OwnTape>& tape,
               const std::pair<py::object, py::object>& rows) {
                const Bags bags(rows);
                return OwnVar(tape, self.layer(tape->with(self.parameters), bags.view(), BagScale::sum));
            },
            "__call__(self, tape, bags)\n--\n\nThe sum of the rows of each bag: bags are (values, offsets).",
            "tape"_a.none(false), "bags"_a)
        .def_property_readonly(
            "table",
            [](const Own<Embedding>& self) {
                return OwnParameter{self.parameters, &self.layer.table()};
            },
            "The table [tokens, width].");
    py::class_<Own<Linear>>(module, "Linear", "x W' + b.")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index in, Index out, std::uint64_t seed,
                         bool bias) {
                 return Own<Linear>{p, Linear(checked(p), name, in, out, seed, {.bias = bias})};
             }),
             "__init__(self, parameters, name, inputs, outputs, seed=1, *, bias=True)\n--\n\nAdds weight and bias.",
             "parameters"_a, "name"_a, "inputs"_a, "outputs"_a, "seed"_a = 1, py::kw_only(), "bias"_a = true)
        .def(
            "__call__",
            [](const Own<Linear>& self, const OwnVar& x) {
                x.tape->with(self.parameters);
                return x.with(self.layer(x.get()));
            },
            "__call__(self, x)\n--\n\n[B, outputs] of x [B, inputs].", "x"_a);
    py::class_<Own<KeyValueMemory>>(module, "KeyValueMemory", "A memory that is read in several hops.")
        .def(py::init([](const SharedParameters& p, const std::string& name, Index width, Index hops) {
                 return Own<KeyValueMemory>{p, KeyValueMemory(checked(p), name, width, {.hops = hops})};
             }),
             "__init__(self, parameters, name, width, *, hops=1)\n--\n\nAdds the map of each hop.", "parameters"_a,
             "name"_a, "width"_a, py::kw_only(), "hops"_a = 1)
        .def(
            "read",
            [](const Own<KeyValueMemory>& self, const OwnVar& query, const OwnVar& key, const OwnVar& value,
               py::object slot_offsets) {
                const Indices offsets(slot_offsets, "slot_offsets", 1);
                query.tape->with(self.parameters);
                const OwnedSegments segments = Segments::one_query_each(offsets.span());
                return query.with(self.layer.read(query.get(), key.get(), value.get(), segments).state);
            },
            "read(self, query, key, value, slot_offsets)\n--\n\n"
            "The state [B, width] after the last hop; query i reads slots [slot_offsets[i], slot_offsets[i + 1]).",
            "query"_a, "key"_a, "value"_a, "slot_offsets"_a);
}

static void define_operations(py::module_& module) {
    module.def("dot_scores", &binary<dot_scores>, "dot_scores(x, y)\n--\n\nx [B, d] times y [n, d] transposed.", "x"_a,
               "y"_a);
    module.def("mean_squared_error", &binary<mean_squared_error>,
               "mean_squared_error(x, y)\n--\n\nThe mean of (x - y)^2: [1, 1].", "x"_a, "y"_a);
    module.def("tanh", &unary<tanh>, "tanh(x)\n--\n\nOf each number.", "x"_a);
    module.def("sigmoid", &unary<sigmoid>, "sigmoid(x)\n--\n\nOf each number.", "x"_a);
    module.def("relu", &unary<relu>, "relu(x)\n--\n\nOf each number.", "x"_a);
    module.def("softmax", &unary<softmax>, "softmax(x)\n--\n\nOf each row.", "x"_a);
    module.def("sum", &unary<sum>, "sum(x)\n--\n\nOf all numbers: [1, 1].", "x"_a);
    module.def(
        "cross_entropy",
        [](const OwnVar& scores, py::object targets) {
            const Indices columns(targets, "targets", 1);
            return scores.with(cross_entropy(scores.get(), columns.span()));
        },
        "cross_entropy(scores, targets)\n--\n\n"
        "The sum over the rows of the cross-entropy of scores [B, n] against the columns `targets`: [1, 1].",
        "scores"_a, "targets"_a);
    py::class_<Rng>(module, "Rng", "Random numbers that are the same on every machine.")
        .def(py::init([](std::uint64_t seed) { return Rng(seed); }), "__init__(self, seed)\n--\n\nOf this seed.",
             "seed"_a)
        .def(
            "below",
            [](Rng& self, Index n) {
                if (n < 1) throw bad_argument("n", "1 or more", std::to_string(n));
                return self.below(n);
            },
            "below(self, n)\n--\n\nAn integer in [0, n).", "n"_a)
        .def("uniform", &Rng::uniform, "uniform(self)\n--\n\nA number in [0, 1).")
        .def("normal", &Rng::normal, "normal(self)\n--\n\nOf mean 0 and standard deviation 1.")
        .def(
            "shuffle",
            [](Rng& self, py::list items) {
                for (Index i = std::ssize(items); i > 1; --i) {  // as Rng::shuffle
                    const Index other = self.below(i);
                    const py::object item = items[i - 1];
                    items[i - 1] = py::object(items[other]);
                    items[other] = item;
                }
            },
            "shuffle(self, items)\n--\n\nPuts a list in random order.", "items"_a);
}

void define_networks(py::module_& module) {
    define_tape(module);
    define_parameters(module);
    define_layers(module);
    define_operations(module);
}

}  // namespace kvmem::python
