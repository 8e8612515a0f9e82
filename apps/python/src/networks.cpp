#include "networks.hpp"

#include "choice.hpp"
#include "kvmem/io/parameters.hpp"

#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

namespace kvmem::python {

using py::literals::operator""_a;

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
        .def(
            "save",
            [](const Parameters& self, const std::filesystem::path& path) {
                const py::gil_scoped_release no_gil;
                save_parameters(self, path);
            },
            "save(self, path)\n--\n\nWrites all values to a file, in place of what was there.", "path"_a)
        .def(
            "load",
            [](Parameters& self, const std::filesystem::path& path) {
                const py::gil_scoped_release no_gil;
                load_parameters(self, path);
            },
            "load(self, path)\n--\n\nReads all values. A file with other names or shapes raises Error and changes "
            "nothing.",
            "path"_a)
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

static void define_operations(py::module_& module) {
    module.def("dot_scores", &binary<dot_scores>, "dot_scores(x, y)\n--\n\nx [B, d] times y [n, d] transposed.", "x"_a,
               "y"_a);
    module.def("mean_squared_error", &binary<mean_squared_error>,
               "mean_squared_error(x, y)\n--\n\nThe mean of (x - y)^2: [1, 1].", "x"_a, "y"_a);
    module.def("tanh", &unary<tanh>, "tanh(x)\n--\n\nOf each number.", "x"_a);
    module.def("sigmoid", &unary<sigmoid>, "sigmoid(x)\n--\n\nOf each number.", "x"_a);
    module.def("relu", &unary<relu>, "relu(x)\n--\n\nOf each number.", "x"_a);
    module.def(
        "dropout", [](const OwnVar& x, double rate) { return x.with(dropout(x.get(), rate)); },
        "dropout(x, rate)\n--\n\nx, of which numbers become 0 with this probability while the tape is training.", "x"_a,
        "rate"_a);
    module.def(
        "concat_cols",
        [](const std::vector<OwnVar>& parts) {
            if (parts.empty()) throw OptionError("parts", "one or more", "none");
            std::vector<Var> all;
            for (const OwnVar& part : parts) all.push_back(part.get());
            return parts.front().with(concat_cols(all));
        },
        "concat_cols(parts)\n--\n\nMatrices of as many rows side by side; Error for others.", "parts"_a);
    module.def(
        "segment_mean",
        [](const OwnVar& x, py::object offsets) {
            const Indices rows(offsets, "offsets", 1);
            return x.with(segment_mean(x.get(), rows.span()));
        },
        "segment_mean(x, offsets)\n--\n\nThe mean of rows [offsets[i], offsets[i + 1]), for each i; zeros of no rows.",
        "x"_a, "offsets"_a);
    module.def("log_softmax", &unary<log_softmax>, "log_softmax(x)\n--\n\nOf each row.", "x"_a);
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
                if (n < 1) throw OptionError("n", "1 or more", std::to_string(n));
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
