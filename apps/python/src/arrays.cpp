#include "arrays.hpp"

#include <algorithm>
#include <concepts>
#include <cstring>
#include <limits>

namespace kvmem::python {

static py::type_error bad_type(const char* name, const std::string& expected, const std::string& got) {
    return py::type_error(std::string("bad type of ") + name + ": expected " + expected + ", got " + got);
}

static std::string type_name(py::handle object) { return Py_TYPE(object.ptr())->tp_name; }

Buffer::Buffer(py::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &info_, PyBUF_STRIDES | PyBUF_FORMAT) != 0) throw py::error_already_set();
}

namespace {

// The kind of number of a buffer, and its size in bytes: "float32" is {'f', 4}.
struct Element {
    char kind;  // f: float, i: signed, u: unsigned, 0: another
    py::ssize_t size;

    bool operator==(const Element&) const = default;
};

}  // namespace

template <class T>
static constexpr Element element_of{std::floating_point<T>    ? 'f'
                                    : std::signed_integral<T> ? 'i'
                                                              : 'u',
                                    sizeof(T)};

static Element element_in(const Py_buffer& buffer) {
    const char* format = buffer.format ? buffer.format : "B";
    if (*format == '@' || *format == '=' || *format == '<') ++format;
    if (format[0] == 0 || format[1] != 0) return {0, 0};
    if (std::strchr("fd", format[0])) return {'f', buffer.itemsize};
    if (std::strchr("bhilqn", format[0])) return {'i', buffer.itemsize};
    if (std::strchr("BHILQN", format[0])) return {'u', buffer.itemsize};
    return {0, 0};
}

template <class T, class From>
static T converted(From from, const char* name) {
    if constexpr (std::integral<T> && std::integral<From>)
        if (!std::in_range<T>(from))
            throw OptionError(name,
                              "integers from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                                  std::to_string(std::numeric_limits<T>::max()),
                              std::to_string(from));
    return static_cast<T>(from);
}

template <class T, class From>
static void copy_strided(const Py_buffer& buffer, Index rows, Index cols, const char* name, std::vector<T>& to) {
    const py::ssize_t across = buffer.strides[buffer.ndim - 1], down = buffer.ndim == 2 ? buffer.strides[0] : 0;
    to.reserve(rows * cols);
    for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < cols; ++j) {
            From from;
            std::memcpy(&from, static_cast<const char*>(buffer.buf) + i * down + j * across, sizeof from);
            to.push_back(converted<T>(from, name));
        }
}

// Copies numbers of any type that T takes. Returns false for others.
template <class T>
static bool copy_any(const Py_buffer& buffer, Index rows, Index cols, const char* name, std::vector<T>& to) {
    const Element element = element_in(buffer);
    const auto copy = [&]<class... From>() {
        return ((element == element_of<From> && (copy_strided<T, From>(buffer, rows, cols, name, to), true)) || ...);
    };
    if constexpr (std::floating_point<T>)
        if (copy.template operator()<float, double>()) return true;
    return copy.template operator()<std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                                    std::uint32_t, std::uint64_t>();
}

template <class T>
static const char* wanted() {
    return std::floating_point<T> ? "numbers of float32, float64 or integers" : "integers";
}

template <class T>
void Numbers<T>::take(const Py_buffer& buffer, const char* name) {
    rows_ = buffer.ndim == 2 ? buffer.shape[0] : 1;
    cols_ = buffer.shape[buffer.ndim - 1];
    is_row_ = buffer.ndim == 1;
    const bool is_aligned = reinterpret_cast<std::uintptr_t>(buffer.buf) % alignof(T) == 0;
    if (element_in(buffer) == element_of<T> && is_aligned && PyBuffer_IsContiguous(&buffer, 'C')) {
        data_ = static_cast<const T*>(buffer.buf);
        return;
    }
    if (!copy_any(buffer, rows_, cols_, name, copy_))
        throw bad_type(name, wanted<T>(), std::string("format '") + (buffer.format ? buffer.format : "B") + "'");
    data_ = copy_.data();
}

// One number, of which a bool is none.
template <class T>
static T number(py::handle object, const char* name) {
    if (PyBool_Check(object.ptr())) throw bad_type(name, wanted<T>(), "bool");
    T result{};
    if constexpr (std::floating_point<T>) {
        result = static_cast<T>(PyFloat_AsDouble(object.ptr()));
    } else if (const auto whole = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()))) {
        if constexpr (std::signed_integral<T>)
            result = converted<T>(PyLong_AsLongLong(whole.ptr()), name);
        else
            result = converted<T>(PyLong_AsUnsignedLongLong(whole.ptr()), name);
    }
    if (PyErr_Occurred() == nullptr) return result;
    const bool is_huge = PyErr_ExceptionMatches(PyExc_OverflowError) != 0;
    const bool is_type = PyErr_ExceptionMatches(PyExc_TypeError) != 0;
    if (!is_huge && !is_type) throw py::error_already_set();
    PyErr_Clear();
    if (is_type) throw bad_type(name, wanted<T>(), type_name(object));
    throw OptionError(name, std::string(wanted<T>()) + " in range", std::string("a number beyond it"));
}

template <class T>
void Numbers<T>::take_row(py::handle object, const char* name) {
    const py::sequence row = py::reinterpret_borrow<py::sequence>(object);
    for (std::size_t i = 0; i < py::len(row); ++i) copy_.push_back(number<T>(py::object(row[i]), name));
}

static bool is_list(py::handle object) {
    return PyList_Check(object.ptr()) || PyTuple_Check(object.ptr()) || PyRange_Check(object.ptr());
}

// An array of NumPy is a number to Python, too.
static bool is_number(const py::object& object) {
    if (PyNumber_Check(object.ptr()) == 0) return false;
    if (PySequence_Check(object.ptr()) == 0) return true;
    const bool has_length = PyObject_Size(object.ptr()) >= 0;  // one without dimensions has none
    if (!has_length) PyErr_Clear();
    return !has_length;
}

template <class T>
void Numbers<T>::take_sequence(py::handle object, const char* name, int max_dimensions) {
    const py::sequence all = py::reinterpret_borrow<py::sequence>(object);
    const std::size_t count = py::len(all);
    is_row_ = max_dimensions < 2 || count == 0 || is_number(py::object(all[0]));
    if (is_row_) {
        take_row(object, name);
        cols_ = std::ssize(copy_);
    } else {
        rows_ = static_cast<Index>(count);
        for (std::size_t i = 0; i < count; ++i) {
            const Numbers<T> row(py::object(all[i]), name, 1);
            if (i == 0) cols_ = row.cols();
            if (row.cols() != cols_)
                throw OptionError(name, "rows of " + std::to_string(cols_) + " numbers",
                                  "one of " + std::to_string(row.cols()));
            copy_.insert(copy_.end(), row.span().begin(), row.span().end());
        }
    }
    data_ = copy_.data();
}

template <class T>
Numbers<T>::Numbers(py::handle object, const char* name, int max_dimensions) {
    if (PyBytes_Check(object.ptr()) || PyByteArray_Check(object.ptr()) || PyUnicode_Check(object.ptr()))
        throw bad_type(name, wanted<T>(), type_name(object));
    py::object source = py::reinterpret_borrow<py::object>(object);
    if (!PyObject_CheckBuffer(object.ptr()) && !is_list(object) &&
        py::hasattr(object, "__array__"))  // a frame of pandas, a tensor
        source = py::module_::import("numpy").attr("asarray")(object);
    if (!PyObject_CheckBuffer(source.ptr())) {
        if (!is_list(source)) throw bad_type(name, wanted<T>(), type_name(object));
        take_sequence(source, name, max_dimensions);
        return;
    }
    buffer_.emplace(source);
    if (const int dimensions = (*buffer_)->ndim; dimensions < 1 || dimensions > max_dimensions)
        throw OptionError(name, max_dimensions == 1 ? "one dimension" : "one or two dimensions",
                          std::to_string(dimensions));
    take(**buffer_, name);
}

template class Numbers<Real>;
template class Numbers<std::uint64_t>;
template class Numbers<Index>;
template class Numbers<std::int32_t>;

namespace {

// Numbers on their way to Python. It lives as long as the arrays that view them.
struct Lender {
    std::shared_ptr<const void> owner;
    void* data;
    const char* format;
    py::ssize_t size;
    std::vector<py::ssize_t> shape;
    bool readonly;

    py::buffer_info buffer() const {
        std::vector<py::ssize_t> strides(shape.size(), size);
        for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
        return {data, size, format, static_cast<py::ssize_t>(shape.size()), shape, strides, readonly};
    }
};

}  // namespace

void define_arrays(py::module_& module) {
    py::class_<Lender>(module, "_Lender", py::buffer_protocol(), py::module_local())
        .def_buffer([](const Lender& lender) { return lender.buffer(); });
}

// Of NumPy, imported with the first array, so that importing kvmem is quick; without it, `empty` is null. No static of
// them is made by a function: it may lend the GIL to a thread that waits for the static.
static py::handle make_array, make_empty;

static void find_numpy() {
    if (make_array) return;
    try {
        const py::module_ numpy = py::module_::import("numpy");
        make_empty = numpy.attr("empty").cast<py::object>().release();
        make_array = numpy.attr("asarray").cast<py::object>().release();
    } catch (py::error_already_set& e) {
        if (!e.matches(PyExc_ImportError)) throw;
        make_array = py::handle(reinterpret_cast<PyObject*>(&PyMemoryView_Type)).inc_ref();
    }
}

template <class T>
static const char* format_of() {
    if constexpr (std::same_as<T, float>) return "f";
    if constexpr (std::same_as<T, double>) return "d";
    if constexpr (std::same_as<T, std::int32_t>) return "i";
    if constexpr (std::same_as<T, std::int64_t>) return "l";
    if constexpr (std::same_as<T, std::uint64_t>) return "L";
    if constexpr (std::same_as<T, std::uint8_t>) return "?";
}

template <class T>
py::object array(std::shared_ptr<const void> owner, const T* data, std::vector<py::ssize_t> shape, bool readonly) {
    find_numpy();
    static T nothing{};  // an array without numbers has an address, too
    void* numbers = const_cast<T*>(data ? data : &nothing);
    return make_array(Lender{std::move(owner), numbers, format_of<T>(), sizeof(T), std::move(shape), readonly});
}

template <class T>
py::object result(std::shared_ptr<const void> owner, const T* data, std::vector<py::ssize_t> shape) {
    constexpr py::ssize_t few = 4096;
    find_numpy();
    py::ssize_t size = 1;
    for (const py::ssize_t side : shape) size *= side;
    if (size > few || !make_empty) return array(std::move(owner), data, std::move(shape));
    py::tuple sides(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) sides[i] = shape[i];
    py::object copy = make_empty(sides, format_of<T>());
    const Buffer buffer(copy);
    std::copy_n(data, size, static_cast<T*>(buffer->buf));
    return copy;
}

#define KVMEM_ARRAYS_OF(T)                                                                            \
    template py::object array(std::shared_ptr<const void>, const T*, std::vector<py::ssize_t>, bool); \
    template py::object result(std::shared_ptr<const void>, const T*, std::vector<py::ssize_t>);
KVMEM_ARRAYS_OF(float)
KVMEM_ARRAYS_OF(double)
KVMEM_ARRAYS_OF(std::int32_t)
KVMEM_ARRAYS_OF(std::int64_t)
KVMEM_ARRAYS_OF(std::uint64_t)
KVMEM_ARRAYS_OF(std::uint8_t)
#undef KVMEM_ARRAYS_OF

py::object array(Matrix matrix, bool as_row) {
    const auto owner = std::make_shared<Matrix>(std::move(matrix));
    const bool is_row = as_row && owner->rows() == 1;
    return result<Real>(
        owner, owner->data(),
        is_row ? std::vector<py::ssize_t>{owner->cols()} : std::vector<py::ssize_t>{owner->rows(), owner->cols()});
}

}  // namespace kvmem::python
