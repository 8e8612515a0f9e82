#include "core/memory.hpp"
#include "io/inflate.hpp"
#include "io/little_endian.hpp"
#include "io/text_source.hpp"
#include "io/word_vectors_group.hpp"
#include "kvmem/core/bfloat16.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/io/vectors.hpp"
#include "kvmem/io/word_vectors.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace kvmem {

static constexpr const char* vectors_format = "kvmem-vectors";
static constexpr int vectors_version = 1;

static Error bad_word_vectors(const std::string& name, const std::string& expected, const std::string& got,
                              const std::string& hint = {}) {
    return error_in(name, "these word vectors cannot be read", expected, got, hint);
}

static bool takes(const WordVectorsOptions& options, std::string_view word) {
    return !options.keep || options.keep(word);
}

static Index max_words_of(const WordVectorsOptions& options) {
    return options.max_words > 0 ? options.max_words : std::numeric_limits<Index>::max();
}

// Throws Error for a file whose bytes alone take more than half of the memory.
static void require_memory_for(const std::filesystem::path& path) {
    std::error_code unknown;  // a pipe has no size
    const std::uintmax_t bytes = std::filesystem::file_size(path, unknown);
    if (!unknown && bytes > detail::half_of_memory())
        throw bad_word_vectors(path.string(),
                               "at most " + std::to_string(detail::half_of_memory()) + " bytes, half of the memory",
                               std::to_string(bytes));
}

// --- word2vec's binary format

// Takes a whole number above 0 and the blank behind it from the front of the bytes.
static Index take_count(std::string_view& bytes, const std::string& name) {
    Index count = 0;
    const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), count);
    const auto digits = static_cast<std::size_t>(end - bytes.data());
    if (error != std::errc() || count < 1 || digits == bytes.size() || (*end != ' ' && *end != '\n'))
        throw bad_word_vectors(name, "the heading of word2vec's binary format, two numbers", "another beginning",
                               "of fastText, read the .vec file beside the .bin");
    bytes.remove_prefix(digits + 1);
    return count;
}

// Takes a word and the space behind it. A line may end between the last vector and the word.
static std::string_view take_word(std::string_view& bytes, const std::string& name) {
    if (bytes.starts_with('\n')) bytes.remove_prefix(1);
    const std::size_t end = bytes.substr(0, max_line_bytes).find(' ');
    if (end == bytes.npos || end == 0) throw bad_word_vectors(name, "a word and a space", "neither");
    const std::string_view word = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    return word;
}

static VectorFile parse_binary(std::string_view bytes, const std::string& name, const WordVectorsOptions& options) {
    const Index rows = take_count(bytes, name), width = take_count(bytes, name);
    if (static_cast<std::size_t>(width) > bytes.size() / 4)
        throw bad_word_vectors(name, "vectors of this width", "fewer bytes");
    const std::size_t size = sizeof(float) * static_cast<std::size_t>(width);
    VectorFile file;
    std::vector<const char*> vectors;  // the bytes of each
    for (Index i = 0; i < rows && std::ssize(file.names) < max_words_of(options); ++i) {
        const std::string_view word = take_word(bytes, name);
        if (bytes.size() < size) throw bad_word_vectors(name, std::to_string(rows) + " vectors", std::to_string(i));
        if (takes(options, word)) {
            file.names.emplace_back(word);
            vectors.push_back(bytes.data());
        }
        bytes.remove_prefix(size);
    }
    file.vectors = Matrix(std::ssize(file.names), width);
    for (Index i = 0; i < file.vectors.rows(); ++i)
        for (Index j = 0; j < width; ++j)
            file.vectors(i, j) = static_cast<Real>(number_at<float>(vectors[static_cast<std::size_t>(i)] + 4 * j));
    return file;
}

// --- numbers and words in two files

static std::filesystem::path words_beside(const std::filesystem::path& numbers) {
    const auto same_name = std::filesystem::path(numbers).replace_extension(".txt");
    return is_there(same_name) ? same_name : numbers.parent_path() / "words.txt";
}

static std::vector<std::string> lines_of(const std::filesystem::path& path) {
    require_memory_for(path);
    const std::string text = read_file(path);
    std::vector<std::string> all;
    TextLines lines(text, path.string());
    for (std::string_view line; lines.next(line);) all.emplace_back(line);
    return all;
}

// The rows that the options take.
static VectorFile selected(VectorFile all, const WordVectorsOptions& options) {
    if (!options.keep && all.vectors.rows() <= max_words_of(options)) return all;
    std::vector<Index> rows;
    for (std::size_t i = 0; i < all.names.size() && std::ssize(rows) < max_words_of(options); ++i)
        if (takes(options, all.names[i])) rows.push_back(static_cast<Index>(i));
    VectorFile some{Matrix(std::ssize(rows), all.vectors.cols()), {}};
    for (Index i = 0; i < std::ssize(rows); ++i) {
        const Index row = rows[static_cast<std::size_t>(i)];
        some.names.push_back(std::move(all.names[static_cast<std::size_t>(row)]));
        std::copy_n(all.vectors.row(row), all.vectors.cols(), some.vectors.row(i));
    }
    return some;
}

static VectorFile read_two_files(const std::filesystem::path& path, const WordVectorsOptions& options) {
    const std::filesystem::path words = options.words.empty() ? words_beside(path) : options.words;
    VectorFile file = read_vectors(path);
    file.names = lines_of(words);
    if (std::ssize(file.names) != file.vectors.rows())
        throw bad_word_vectors(words.string(), std::to_string(file.vectors.rows()) + " lines, a word for each vector",
                               std::to_string(file.names.size()));
    return selected(std::move(file), options);
}

// --- all formats

// The table of a model whose words it is: that of next sentences has them beside it, others have a vocabulary.
static VectorFile read_table(const std::filesystem::path& path) {
    const hdf5::Reader file(path, "kvmem-model", 1);
    if (!file.has("/words") || !file.has("/parameters/vectors"))
        throw bad_word_vectors(path.string(), "a model of next sentences, or vectors of words",
                               "a model of another kind", "kvmem train DOCUMENTS --model next-sentence makes one");
    return {file.matrix("/parameters/vectors"), file.strings("/words")};
}

static VectorFile read_own(const std::filesystem::path& path, const WordVectorsOptions& options) {
    VectorFile all;
    if (file_format(path) == "kvmem-model") {
        all = read_table(path);
    } else {
        const hdf5::Reader file(path, vectors_format, vectors_version);
        all = {file.matrix("/vectors"), file.strings("/words")};
    }
    if (std::ssize(all.names) != all.vectors.rows())
        throw bad_word_vectors(path.string(), "a word for each vector", std::to_string(all.names.size()) + " words");
    return selected(std::move(all), options);
}

static VectorFile parse_words(std::string_view bytes, const std::string& ending, const std::string& name,
                              const WordVectorsOptions& options) {
    if (ending == ".bin") return parse_binary(bytes, name, options);
    return parse_vectors(bytes, name, {.use = options.keep, .max_rows = max_words_of(options)});
}

static VectorFile read_file_of_words(const std::filesystem::path& path, const WordVectorsOptions& options) {
    const std::string ending = path.extension().string(), name = path.string();
    require_memory_for(path);
    if (ending == ".npy" || ending == ".npz" || ending == ".fvecs") return read_two_files(path, options);
    if (ending == ".h5" || ending == ".hdf5") return read_own(path, options);
    const std::string bytes = read_file(path);
    if (ending != ".gz") return parse_words(bytes, ending, name, options);
    const std::string inflated = inflate(bytes, Deflated::gzip, detail::half_of_memory(), name);
    return parse_words(inflated, path.stem().extension().string(), name, options);
}

WordVectors read_word_vectors(const std::filesystem::path& path, const WordVectorsOptions& options) {
    VectorFile file = read_file_of_words(path, options);
    if (file.names.empty() && (file.vectors.rows() > 0 || !options.keep))
        throw bad_word_vectors(path.string(), "words with their vectors",
                               file.vectors.rows() > 0 ? "numbers alone" : "nothing");
    for (std::string& word : file.names) word = as_utf8(word);
    try {
        return WordVectors(std::move(file.names), std::move(file.vectors));
    } catch (const Error& e) {
        throw Error(e.problem_at(path.string()));
    }
}

void write_word_vectors(const std::filesystem::path& path, const WordVectors& vectors) {
    hdf5::Writer file(vectors_format, vectors_version);
    file.write("/words", std::span<const std::string>(vectors.words()));
    file.write("/vectors", vectors.matrix(), hdf5::Layout::packed);
    file.save(path);
}

// --- in a model's file

WordVectors read_model_vectors(const std::string& path) {
    if (path.empty()) return {};
    const WordVectors read = read_word_vectors(path, {.max_words = max_model_words});
    Matrix rounded(read.size(), read.width());
    std::ranges::transform(read.matrix().span(), rounded.data(), [](Real x) {
        return static_cast<Real>(static_cast<float>(Bfloat16(static_cast<float>(x))));
    });
    try {
        return WordVectors(read.words(), std::move(rounded));
    } catch (const Error& e) {  // a number above the largest of bfloat16
        throw Error(e.problem_at(path));
    }
}

void write_word_vectors(hdf5::Writer& file, const WordVectors& vectors) {
    std::vector<std::uint8_t> bytes;
    bytes.reserve(2 * static_cast<std::size_t>(vectors.matrix().size()));
    for (const Real x : vectors.matrix().span()) {
        const std::uint16_t bits = Bfloat16(static_cast<float>(x)).bits;
        bytes.push_back(static_cast<std::uint8_t>(bits & 255));
        bytes.push_back(static_cast<std::uint8_t>(bits >> 8));
    }
    file.write("/word_vectors", std::span<const std::string>(vectors.words()));
    file.write("/word_vectors/bfloat16", std::span<const std::uint8_t>(bytes), hdf5::Layout::mapped);
}

WordVectors read_word_vectors(const hdf5::Reader& file) {
    if (!file.has("/word_vectors")) return {};
    std::vector<std::string> words = file.strings("/word_vectors");
    const std::vector<std::uint8_t> bytes = file.bytes("/word_vectors/bfloat16");
    const std::size_t row = words.empty() ? 0 : bytes.size() / words.size();
    if (row == 0 || row % 2 != 0 || row * words.size() != bytes.size())
        throw bad_word_vectors(file.name() + ": /word_vectors",
                               "two bytes for each number of " + std::to_string(words.size()) + " words",
                               std::to_string(bytes.size()) + " bytes");
    Matrix numbers(std::ssize(words), static_cast<Index>(row / 2));
    for (std::size_t i = 0; i < bytes.size() / 2; ++i) {
        Bfloat16 number;
        number.bits = static_cast<std::uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
        numbers.data()[i] = static_cast<Real>(static_cast<float>(number));
    }
    try {
        return WordVectors(std::move(words), std::move(numbers));
    } catch (const Error& e) {
        throw Error(e.problem_at(file.name() + ": /word_vectors"));
    }
}

}  // namespace kvmem
