#include "kvmem/io/vectors.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/io/hdf5.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

namespace kvmem {

static Error bad(const std::string& name, const std::string& expected, const std::string& got) {
    return Error({.what = "these vectors cannot be read", .expected = expected, .got = got, .where = name});
}

// --- NumPy -----------------------------------------------------------------------------------------------

// The header, a Python dictionary, from the value of this key on.
static std::string_view value_of(std::string_view header, std::string_view key, const std::string& name) {
    const std::size_t at = header.find(key);
    const std::size_t colon = at == header.npos ? at : header.find(':', at);
    if (colon == header.npos) throw bad(name, "a header with " + std::string(key), "none");
    std::string_view rest = header.substr(colon + 1);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return rest;
}

// The two numbers of "(3, 4)".
static std::pair<Index, Index> shape_of(std::string_view text, const std::string& name) {
    Index extent[2] = {};
    const char *at = text.data() + 1, *end = text.data() + text.size();
    bool fits = text.starts_with('(');
    for (int i = 0; i < 2 && fits; ++i) {
        const auto [next, error] = std::from_chars(at, end, extent[i]);
        fits = error == std::errc() && extent[i] >= 0 && next != end && *next == (i == 0 ? ',' : ')');
        at = next + 1;
        while (i == 0 && at < end && *at == ' ') ++at;
    }
    if (!fits) throw bad(name, "two dimensions", std::string(text.substr(0, text.find(')') + 1)));
    return {extent[0], extent[1]};
}

template <class T>
static Matrix copied(const char* bytes, std::size_t size, Index rows, Index cols, const std::string& name) {
    const std::size_t numbers = size / sizeof(T);
    if (cols > 0 && std::cmp_greater(rows, numbers / cols))
        throw bad(name, "as many numbers as its header says", "fewer");
    if (std::cmp_not_equal(size, rows * cols * sizeof(T)))
        throw bad(name, "as many numbers as its header says", "more");
    Matrix m(rows, cols);
    for (Index i = 0; i < m.size(); ++i) {
        T x;
        std::memcpy(&x, bytes + i * sizeof(T), sizeof x);
        m.data()[i] = static_cast<Real>(x);
    }
    return m;
}

static Matrix read_npy(const std::string& bytes, const std::string& name) {
    if (bytes.size() < 12 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0)
        throw bad(name, "a .npy file", "other bytes");
    const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
    const bool is_first = byte(6) == 1;
    const std::size_t start = is_first ? 10 : 12;
    std::size_t length = byte(8) | byte(9) << 8;
    if (!is_first) length |= byte(10) << 16 | byte(11) << 24;
    if (byte(6) < 1 || byte(6) > 3 || length > bytes.size() - start)
        throw bad(name, "a header of version 1 to 3", "another");
    const std::string_view header = std::string_view(bytes).substr(start, length);
    if (!value_of(header, "'fortran_order'", name).starts_with("False"))
        throw bad(name, "rows one after the other", "columns (fortran_order)");
    const auto [rows, cols] = shape_of(value_of(header, "'shape'", name), name);
    const std::string_view type = value_of(header, "'descr'", name);
    const char* data = bytes.data() + start + length;
    const std::size_t size = bytes.size() - start - length;
    if (type.starts_with("'<f4'")) return copied<float>(data, size, rows, cols, name);
    if (type.starts_with("'<f8'")) return copied<double>(data, size, rows, cols, name);
    throw bad(name, "little-endian float32 or float64", std::string(type.substr(0, type.find(','))));
}

// --- fvecs: each row is its width as int32, then its floats ----------------------------------------------

static Matrix read_fvecs(const std::string& bytes, const std::string& name) {
    std::int32_t width = 0;
    if (bytes.empty()) return {};
    if (bytes.size() >= 4) std::memcpy(&width, bytes.data(), 4);
    const std::size_t row = 4 + std::size_t{4} * std::max(width, 0);
    if (width < 1 || bytes.size() % row != 0)
        throw bad(name, "rows of one width", "a width that the file is no multiple of");
    Matrix m(static_cast<Index>(bytes.size() / row), width);
    for (Index i = 0; i < m.rows(); ++i) {
        const char* at = bytes.data() + i * row;
        std::int32_t here = 0;
        std::memcpy(&here, at, 4);
        if (here != width) throw bad(name, "rows of one width", "another in row " + std::to_string(i));
        for (Index j = 0; j < m.cols(); ++j) {
            float x;
            std::memcpy(&x, at + 4 + 4 * j, 4);
            m(i, j) = static_cast<Real>(x);
        }
    }
    return m;
}

// --- Text ------------------------------------------------------------------------------------------------

static bool is_space(char c) { return c == ' ' || c == '\t'; }

static std::string_view next_word(std::string_view& line) {
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    const std::size_t end = std::find_if(line.begin(), line.end(), is_space) - line.begin();
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
}

// Removes and returns a line's name: its part before the first tab, or its first word without a tab.
static std::string_view take_name(std::string_view& line) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) return next_word(line);
    const std::string_view name = line.substr(0, tab);
    line.remove_prefix(tab + 1);
    return name;
}

// A decimal number with an optional sign, point and exponent. A word that looks like a number is one here, even if it
// is not finite or a double rounds it to 0.
static std::optional<double> to_number(std::string_view word) {
    if (word.starts_with('+') && !word.starts_with("+-")) word.remove_prefix(1);
    const char *first = word.data(), *last = first + word.size();
    double number = 0;
    auto [end, error] = std::from_chars(first, last, number);
    if (error == std::errc::result_out_of_range) {
        long double wide = 0;
        error = std::from_chars(first, last, wide).ec;
        number = error == std::errc() ? static_cast<double>(wide) : HUGE_VAL;
        error = {};
    }
    if (error != std::errc() || end != last) return std::nullopt;
    return number;
}

static bool are_numbers(std::string_view words) {
    for (std::string_view word = next_word(words); !word.empty(); word = next_word(words))
        if (!to_number(word)) return false;
    return true;
}

static Real number_in(std::string_view word, const std::string& where) {
    const std::optional<double> number = to_number(word);
    const Real rounded = static_cast<Real>(number.value_or(0));
    if (!number || !std::isfinite(rounded))
        throw Error({.what = "these vectors cannot be read",
                     .expected = number ? "a finite number that a float can hold" : "a number",
                     .got = std::string(word.substr(0, 40)),
                     .where = where,
                     .hint = number ? "" : "if lines begin with names, the first line's must not be a number"});
    return rounded;
}

VectorFile parse_vectors(std::string_view text, const std::string& name) {
    std::vector<Real> numbers;
    VectorFile file;
    Index width = -1, rows = 0;
    bool has_names = false;
    TextLines lines(text, name);
    for (std::string_view line; lines.next(line);) {
        if (std::all_of(line.begin(), line.end(), is_space)) continue;
        const std::string where = name + ":" + std::to_string(lines.number());
        if (rows == 0) {
            std::string_view rest = line;
            has_names = !are_numbers(take_name(rest));
        }
        if (has_names) {
            file.names.emplace_back(take_name(line));
            if (file.names.back().empty()) throw bad(where, "a name, as before", "none");
        }
        const std::size_t before = numbers.size();
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
            numbers.push_back(number_in(word, where));
        const Index here = static_cast<Index>(numbers.size() - before);
        if (width >= 0 && here != width)
            throw bad(where, (has_names ? "a name and " : "") + std::to_string(width) + " numbers",
                      std::to_string(here));
        width = here;
        ++rows;
    }
    if (width == 0) throw bad(name, "numbers", "names alone");
    file.vectors = Matrix(rows, std::max<Index>(width, 0));
    std::copy(numbers.begin(), numbers.end(), file.vectors.data());
    return file;
}

// Refuses rows without numbers: they take no bytes, so a short file could claim any number of them.
static Matrix with_width(Matrix vectors, const std::string& name) {
    if (vectors.rows() > 0 && vectors.cols() == 0) throw bad(name, "numbers in each row", "none");
    return vectors;
}

VectorFile read_vectors(const std::filesystem::path& path, const std::string& dataset) {
    const std::string ending = path.extension().string(), name = path.string();
    if (ending == ".h5" || ending == ".hdf5") return {with_width(hdf5::read_matrix(path, dataset), name), {}};
    const std::string bytes = read_file(path);
    if (ending == ".npy") return {with_width(read_npy(bytes, name), name), {}};
    if (ending == ".fvecs") return {read_fvecs(bytes, name), {}};
    return parse_vectors(bytes, name);
}

void write_neighbors(const std::filesystem::path& path, BasicView<const std::int64_t> neighbors,
                     BasicView<const Real> distances, const std::string& distance) {
    require_shape(neighbors.rows == distances.rows && neighbors.cols == distances.cols, "write_neighbors",
                  "a distance for each neighbor");
    hdf5::Writer file("neighbors", 1);
    file.attribute("/", "distance", distance);
    file.attribute("/", "count", std::to_string(neighbors.cols));
    file.write("/neighbors", neighbors);
    file.write("/distances", distances);
    file.save(path);
}

}  // namespace kvmem
