// Python functions that the library calls, on any thread, while the GIL is released.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <optional>
#include <utility>

namespace kvmem::python {

namespace py = pybind11;

// Holds the first exception of Python functions: the library's work goes on to a place where it may end, and then the
// exception is thrown. Several threads may use it at once.
class FirstError {
  public:
    // Whether a function has thrown.
    bool is_set() const { return is_set_; }
    // Returns f(), called with the GIL, or `otherwise` when it throws an exception of Python, or one has before.
    template <class F, class Result>
    Result call(F&& f, Result otherwise) {
        if (is_set_) return otherwise;
        const py::gil_scoped_acquire gil;
        try {
            return f();
        } catch (py::error_already_set& e) {
            if (!error_) error_.emplace(std::move(e));
            is_set_ = true;
            return otherwise;
        }
    }
    // Throws the exception, if there is one. Needs the GIL.
    void rethrow() {
        if (error_) throw py::error_already_set(std::move(*std::exchange(error_, std::nullopt)));
    }

  private:
    std::atomic<bool> is_set_ = false;
    std::optional<py::error_already_set> error_;  // under the GIL
};

}  // namespace kvmem::python
