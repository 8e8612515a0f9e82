// Numbers of Python objects, by the buffer protocol: NumPy is used where it is installed, and never needed.
//
// What comes in is viewed as it lies if it has the library's type and C order, and copied otherwise. What goes out is
// an array that owns its numbers, or shares them with the object that owns them. All functions need the GIL.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/option_error.hpp"

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::python {

namespace py = pybind11;

// A buffer of an object for the life of this, which must end with the GIL held.
class Buffer {
  public:
    // Throws the object's error when it gives no buffer with strides.
    explicit Buffer(py::handle object);
    Buffer(Buffer&& other) noexcept : info_(std::exchange(other.info_, {})) {}
    Buffer& operator=(Buffer&&) = delete;
    ~Buffer() { PyBuffer_Release(&info_); }

    // What Python says about it.
    const Py_buffer* operator->() const { return &info_; }
    const Py_buffer& operator*() const { return info_; }

  private:
    Py_buffer info_{};
};

// A row or a matrix of T, which is Real or an integer.
template <class T>
class Numbers {
  public:
    // Takes a buffer of numbers, a sequence of numbers or, up to `max_dimensions` of 2, a sequence of rows. Floats take
    // integers, too. Throws TypeError for what holds other things, and ValueError for other shapes and for numbers that
    // T lacks. `name` is the argument's.
    Numbers(py::handle object, const char* name, int max_dimensions);

    // The shape: a row of n numbers has 1 x n.
    Index rows() const { return rows_; }
    Index cols() const { return cols_; }
    bool is_row() const { return is_row_; }
    // The numbers, valid as long as this.
    std::span<const T> span() const { return {data_, static_cast<std::size_t>(rows_ * cols_)}; }
    BasicView<const T> view() const { return {data_, rows_, cols_}; }

  private:
    void take(const Py_buffer& buffer, const char* name);
    void take_sequence(py::handle object, const char* name, int max_dimensions);
    void take_row(py::handle object, const char* name);

    std::optional<Buffer> buffer_;
    std::vector<T> copy_;
    const T* data_ = nullptr;
    Index rows_ = 1, cols_ = 0;
    bool is_row_ = true;
};
using Floats = Numbers<Real>;
using Ids = Numbers<std::uint64_t>;
using Indices = Numbers<Index>;
using Tokens = Numbers<std::int32_t>;

// A row of integers, of which a single number is one.
template <class T>
Numbers<T> integers(py::handle object, const char* name) {
    const bool is_one = PyIndex_Check(object.ptr()) != 0 && !PyObject_CheckBuffer(object.ptr());
    return Numbers<T>(is_one ? py::make_tuple(object) : py::reinterpret_borrow<py::object>(object), name, 1);
}

// Registers the type that lends its numbers to the arrays below.
void define_arrays(py::module_& module);

// An array of numbers that `owner` owns: of NumPy if it is installed, or else a memoryview.
template <class T>
py::object array(std::shared_ptr<const void> owner, const T* data, std::vector<py::ssize_t> shape,
                 bool readonly = false);
// The same of numbers that nothing else uses: a few are copied, which is quicker.
template <class T>
py::object result(std::shared_ptr<const void> owner, const T* data, std::vector<py::ssize_t> shape);
// An array that takes the numbers.
template <class T>
py::object array(std::vector<T> numbers, std::vector<py::ssize_t> shape) {
    const auto owner = std::make_shared<std::vector<T>>(std::move(numbers));
    return result<T>(owner, owner->data(), std::move(shape));
}
template <class T>
py::object array(std::vector<T> numbers) {
    const auto size = static_cast<py::ssize_t>(numbers.size());
    return array(std::move(numbers), {size});
}
// The same of a matrix, or of its only row.
py::object array(Matrix matrix, bool as_row = false);

}  // namespace kvmem::python
