// Values of settings, as the program's options have them.
#pragma once

#include <pybind11/pybind11.h>

#include <string>

namespace kvmem::python {

// The text of a setting's value for set_field() (train/settings.hpp).
inline std::string option_text(pybind11::handle value) {
    if (PyBool_Check(value.ptr())) return value.ptr() == Py_True ? "yes" : "no";
    return pybind11::str(value);
}

}  // namespace kvmem::python
