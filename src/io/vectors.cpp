#include "kvmem/io/vectors.hpp"

#include "core/memory.hpp"
#include "io/inflate.hpp"
#include "io/npy.hpp"
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

static Error bad_vectors(const std::string& name, const std::string& expected, const std::string& got) {
    return Error({.what = "these vectors cannot be read", .expected = expected, .got = got, .where = name});
}

// --- fvecs: each row is its width as int32, then its floats ----------------------------------------------

static Matrix read_fvecs(std::string_view bytes, const std::string& name) {
    std::int32_t width = 0;
    if (bytes.empty()) return {};
    if (bytes.size() >= 4) std::memcpy(&width, bytes.data(), 4);
    const std::size_t row = 4 + std::size_t{4} * std::max(width, 0);
    if (width < 1 || bytes.size() % row != 0)
        throw bad_vectors(name, "rows of one width", "a width that the file is no multiple of");
    Matrix m(static_cast<Index>(bytes.size() / row), width);
    for (Index i = 0; i < m.rows(); ++i) {
        const char* at = bytes.data() + i * row;
        std::int32_t here = 0;
        std::memcpy(&here, at, 4);
        if (here != width) throw bad_vectors(name, "rows of one width", "another in row " + std::to_string(i));
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

// Removes and returns a line's name: its part before the first tab, or its first word without a tab.
static std::string_view take_name(std::string_view& line) {
    const std::size_t tab = line.find('\t');
    if (tab == line.npos) return next_word(line);
    const std::string_view name = line.substr(0, tab);
    line.remove_prefix(tab + 1);
    return name;
}

static Index count_words(std::string_view line) {
    Index count = 0;
    while (!next_word(line).empty()) ++count;
    return count;
}

// The same for a line of `width` numbers, whose name may have further words if those are no numbers: GloVe has
// ". . ." and "at name@domain.com".
static std::string_view take_name(std::string_view& line, Index width) {
    const bool has_tab = line.find('\t') != line.npos;
    std::string_view name = take_name(line);
    for (Index further = has_tab ? 0 : count_words(line) - width; further > 0; --further) {
        std::string_view rest = line;
        if (to_number(next_word(rest))) break;
        name = {name.data(), static_cast<std::size_t>(rest.data() - name.data())};
        line = rest;
    }
    return name;
}

namespace {

// The first line of word2vec's and fastText's text files: the number of lines that follow, and of numbers in each.
struct Heading {
    bool is_there = false;
    Index width = -1;
};

}  // namespace

// Two whole numbers are a heading if the next line is no row of two words and has a name and as many numbers.
static Heading heading_of(std::string_view text, const std::string& name) {
    TextLines lines(text, name);
    std::string_view first, second;
    const auto next = [&](std::string_view& line) {
        while (lines.next(line))
            if (!std::ranges::all_of(line, is_space)) return true;
        return false;
    };
    if (!next(first) || !next(second)) return {};
    const auto whole = [&]() -> Index {
        const std::string_view word = next_word(first);
        Index number = 0;
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
        return error == std::errc() && end == word.data() + word.size() ? number : 0;
    };
    const Index rows = whole(), width = whole();
    if (rows < 1 || width < 1 || !next_word(first).empty()) return {};
    if (count_words(second) == 2 && are_numbers(second)) return {};
    take_name(second, width);
    return count_words(second) == width && are_numbers(second) ? Heading{true, width} : Heading{};
}

VectorFile parse_vectors(std::string_view text, const std::string& name, const VectorLines& wanted) {
    std::vector<Real> numbers;
    VectorFile file;
    const Heading heading = heading_of(text, name);
    Index width = heading.width, rows = 0;
    bool has_names = heading.is_there, is_heading = heading.is_there;
    TextLines lines(text, name);
    for (std::string_view line; rows < wanted.max_rows && lines.next(line);) {
        if (std::all_of(line.begin(), line.end(), is_space)) continue;
        if (std::exchange(is_heading, false)) continue;
        const std::string where = name + ":" + std::to_string(lines.number());
        if (width < 0) {
            std::string_view rest = line;
            has_names = !are_numbers(take_name(rest));
        }
        if (has_names) {
            file.names.emplace_back(width < 0 ? take_name(line) : take_name(line, width));
            if (file.names.back().empty()) throw bad_vectors(where, "a name, as before", "none");
            if (width < 0) width = count_words(line);
            if (wanted.use && !wanted.use(file.names.back())) {
                file.names.pop_back();
                continue;
            }
        }
        const std::size_t before = numbers.size();
        for (std::string_view word = next_word(line); !word.empty(); word = next_word(line))
            numbers.push_back(number_in(word, where));
        const Index here = static_cast<Index>(numbers.size() - before);
        if (width >= 0 && here != width)
            throw bad_vectors(where, (has_names ? "a name and " : "") + std::to_string(width) + " numbers",
                              std::to_string(here));
        width = here;
        ++rows;
    }
    if (width == 0) throw bad_vectors(name, "numbers", "names alone");
    file.vectors = Matrix(rows, std::max<Index>(width, 0));
    std::copy(numbers.begin(), numbers.end(), file.vectors.data());
    return file;
}

// Refuses rows without numbers: they take no bytes, so a short file could claim any number of them.
static Matrix with_width(Matrix vectors, const std::string& name) {
    if (vectors.rows() > 0 && vectors.cols() == 0) throw bad_vectors(name, "numbers in each row", "none");
    return vectors;
}

static VectorFile vectors_in(std::string_view bytes, const std::filesystem::path& path, const std::string& dataset) {
    const std::string ending = path.extension().string(), name = path.string();
    if (ending == ".npy") return {with_width(read_npy(bytes, name), name), {}};
    if (ending == ".npz") return {with_width(read_npz(bytes, dataset, name), name), {}};
    if (ending == ".fvecs") return {read_fvecs(bytes, name), {}};
    return parse_vectors(bytes, name);
}

VectorFile read_vectors(const std::filesystem::path& path, const std::string& dataset) {
    const std::string ending = path.extension().string(), name = path.string();
    if (ending == ".h5" || ending == ".hdf5") return {with_width(hdf5::read_matrix(path, dataset), name), {}};
    const std::string bytes = read_file(path);
    if (ending != ".gz") return vectors_in(bytes, path, dataset);
    const std::string inflated = inflate(bytes, Deflated::gzip, detail::half_of_memory(), name);
    return vectors_in(inflated, std::filesystem::path(path).replace_extension(), dataset);
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
