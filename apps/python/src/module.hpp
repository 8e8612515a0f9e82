// The parts of the extension module: each defines some of the names of the package kvmem.
#pragma once

#include <pybind11/pybind11.h>

namespace kvmem::python {

void define_errors(pybind11::module_& module);
void define_attend(pybind11::module_& module);
void define_store(pybind11::module_& module);
void define_datasets(pybind11::module_& module);
void define_training(pybind11::module_& module);
void define_answerer(pybind11::module_& module);
void define_documents(pybind11::module_& module);
void define_translator(pybind11::module_& module);
void define_recommender(pybind11::module_& module);
void define_selector(pybind11::module_& module);
void define_networks(pybind11::module_& module);

}  // namespace kvmem::python
