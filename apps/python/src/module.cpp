// The extension module kvmem._kvmem: the library's public functions, for Python.
#include "module.hpp"

#include "arrays.hpp"
#include "kvmem/version.hpp"

PYBIND11_MODULE(_kvmem, module) {
    using namespace kvmem::python;
    pybind11::options options;
    options.disable_function_signatures();  // docstrings begin with Python's own
    const pybind11::object name = module.attr("__name__");
    module.attr("__name__") = "kvmem";  // the package, which all names belong to
    module.attr("__version__") = KVMEM_VERSION;
    define_arrays(module);
    define_errors(module);
    define_attend(module);
    define_store(module);
    define_datasets(module);
    define_training(module);
    define_answerer(module);
    define_documents(module);
    define_translator(module);
    define_recommender(module);
    define_selector(module);
    define_networks(module);
    module.attr("__name__") = name;
}
