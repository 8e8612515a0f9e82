// Texts of slots, which may be any bytes, as Python has them.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

namespace kvmem::python {

namespace py = pybind11;

// Texts of any bytes: str is UTF-8, and bytes that are none come back as surrogates.
inline py::str text_of(const std::string& bytes) {
    return py::reinterpret_steal<py::str>(
        PyUnicode_DecodeUTF8(bytes.data(), static_cast<py::ssize_t>(bytes.size()), "surrogateescape"));
}

inline std::string bytes_of(py::handle text) {
    if (text.is_none()) return {};
    if (PyBytes_Check(text.ptr())) return py::reinterpret_borrow<py::bytes>(text);
    if (!PyUnicode_Check(text.ptr()))
        throw py::type_error(std::string("bad type of texts: expected str, bytes or None, got ") +
                             Py_TYPE(text.ptr())->tp_name);
    const auto bytes =
        py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogateescape"));
    if (!bytes) throw py::error_already_set();
    return py::reinterpret_borrow<py::bytes>(bytes);
}

inline std::vector<std::string> texts_of(py::handle texts) {
    std::vector<std::string> all;
    if (texts.is_none()) return all;
    if (PyUnicode_Check(texts.ptr()) || PyBytes_Check(texts.ptr())) return {bytes_of(texts)};
    for (const py::handle text : py::reinterpret_borrow<py::iterable>(texts)) all.push_back(bytes_of(text));
    return all;
}

inline py::list to_list(const std::vector<std::string>& texts) {
    py::list all;
    for (const std::string& text : texts) all.append(text_of(text));
    return all;
}

}  // namespace kvmem::python
