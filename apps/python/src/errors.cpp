#include "kvmem/core/error.hpp"

#include "module.hpp"

#include <filesystem>
#include <utility>

namespace kvmem::python {

namespace py = pybind11;

static py::handle error_type, usage_error_type;  // they live as long as the interpreter

static py::str text(const std::string& utf8) {
    return py::reinterpret_steal<py::str>(
        PyUnicode_DecodeUTF8(utf8.data(), static_cast<py::ssize_t>(utf8.size()), "replace"));
}

static void raise(py::handle type, const Error& error) {
    const py::object exception = type(text(error.what()));
    const Problem& problem = error.problem();
    for (const auto& [name, value] : {std::pair("what", &problem.what),
                                      {"expected", &problem.expected},
                                      {"got", &problem.got},
                                      {"where", &problem.where},
                                      {"hint", &problem.hint}})
        exception.attr(name) = text(*value);
    PyErr_SetObject(type.ptr(), exception.ptr());
}

static py::handle new_type(py::module_& module, const char* name, py::handle bases, const char* about) {
    const std::string full_name = std::string("kvmem.") + name;
    const py::handle type = PyErr_NewExceptionWithDoc(full_name.c_str(), about, bases.ptr(), nullptr);
    if (!type) throw py::error_already_set();
    for (const char* part : {"what", "expected", "got", "where", "hint"}) type.attr(part) = "";
    module.attr(name) = type;
    return type;
}

void define_errors(py::module_& module) {
    error_type = new_type(module, "Error", PyExc_Exception,
                          "What went wrong (what), what was expected, what came instead (got), where, and what to do "
                          "(hint): texts, each of which may be empty.");
    usage_error_type = new_type(module, "UsageError", py::make_tuple(error_type, py::handle(PyExc_ValueError)),
                                "An Error about an argument's value.");
    py::register_local_exception_translator([](std::exception_ptr thrown) {
        try {
            if (thrown) std::rethrow_exception(thrown);
        } catch (const UsageError& e) {
            raise(usage_error_type, e);
        } catch (const Error& e) {
            raise(error_type, e);
        } catch (const std::filesystem::filesystem_error& e) {
            raise(error_type,
                  Error({.what = "cannot use this", .got = e.code().message(), .where = e.path1().string()}));
        }
    });
}

}  // namespace kvmem::python
