#include "kvmem/io/safetensors.hpp"

#include "io/half.hpp"
#include "io/little_endian.hpp"
#include "io/named_values.hpp"
#include "io/strict_json.hpp"
#include "kvmem/core/bfloat16.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/text.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace kvmem {

namespace json = boost::json;

static constexpr const char* metadata_field = "__metadata__";
static constexpr std::size_t length_bytes = 8, max_header = 100'000'000;  // as the format's own library has it

static Error bad_safetensors(const std::string& file, const std::string& expected, const std::string& got) {
    return Error({.what = "no safetensors file that can be read", .expected = expected, .got = got, .where = file});
}

// --- Types ------------------------------------------------------------------------------------------------------

template <class T>
static Real read(const char* bytes) {
    return static_cast<Real>(number_at<T>(bytes));
}

namespace {
struct Type {
    std::string_view name;
    std::size_t size;
    Real (*read)(const char* bytes);  // null: no type of parameters
};
}  // namespace

static constexpr Type types[] = {
    {"F64", 8, read<double>}, {"F32", 4, read<float>}, {"F16", 2, read<Half>},  {"BF16", 2, read<Bfloat16>},
    {"I64", 8, nullptr},      {"I32", 4, nullptr},     {"I16", 2, nullptr},     {"I8", 1, nullptr},
    {"U64", 8, nullptr},      {"U32", 4, nullptr},     {"U16", 2, nullptr},     {"U8", 1, nullptr},
    {"BOOL", 1, nullptr},     {"F8_E4M3", 1, nullptr}, {"F8_E5M2", 1, nullptr},
};

static const Type* find_type(std::string_view name) {
    const auto* type = std::ranges::find(types, name, &Type::name);
    return type == std::end(types) ? nullptr : type;
}

// --- Reading ----------------------------------------------------------------------------------------------------

Safetensors::Safetensors(const std::filesystem::path& path) : Safetensors(read_file(path), path.string()) {}

Safetensors::Safetensors(std::string bytes, std::string name) : bytes_(std::move(bytes)), name_(std::move(name)) {
    if (bytes_.size() < length_bytes) throw bad_safetensors(name_, "the length of a header", "the end of the file");
    const auto length = number_at<std::uint64_t>(bytes_.data());
    if (length > max_header || length > bytes_.size() - length_bytes)
        throw bad_safetensors(name_, "a header within the file, of at most 100 MB", std::to_string(length) + " bytes");
    const std::size_t end = length_bytes + length;
    try {
        read_header(end);
    } catch (const Error& e) {
        if (!e.problem().where.empty()) throw;
        throw Error(e.problem_at(name_));
    } catch (const std::exception& e) {  // of Boost.JSON
        throw bad_safetensors(name_, "a header of JSON in the format's form", e.what());
    }
    check_places(end);
}

static std::uint64_t whole_number(const json::value& value) {
    json::error_code code;
    const auto number = value.to_number<std::uint64_t>(code);
    if (code || value.is_double())
        throw Error({.what = "a number of the header is wrong",
                     .expected = "a whole number from 0",
                     .got = json::serialize(value).substr(0, 40)});
    return number;
}

static std::vector<std::uint64_t> whole_numbers(const json::value& values) {
    std::vector<std::uint64_t> all;
    for (const json::value& value : values.as_array()) all.push_back(whole_number(value));
    return all;
}

// The product of factors, or nothing where it exceeds `max`.
static std::optional<std::uint64_t> product(std::span<const std::uint64_t> factors, std::uint64_t max) {
    if (std::ranges::find(factors, 0) != factors.end()) return 0;
    std::uint64_t all = 1;
    for (const std::uint64_t factor : factors) {
        if (factor > max / all) return {};
        all *= factor;
    }
    return all;
}

static const json::value& field(const json::object& fields, const char* name) {
    const json::value* value = fields.if_contains(name);
    if (!value) throw Error({.what = "the header is wrong", .expected = name, .got = "no such field"});
    return *value;
}

void Safetensors::read_header(std::size_t end) {
    const json::value header = parse_strictly(std::string_view(bytes_).substr(length_bytes, end - length_bytes));
    const std::size_t size = bytes_.size() - end;
    for (const auto& [name, value] : header.as_object()) {
        const json::object& fields = value.as_object();
        if (name == metadata_field) {
            for (const auto& [key, text] : fields) metadata_[key] = text.as_string();
            continue;
        }
        const std::vector<std::uint64_t> places = whole_numbers(field(fields, "data_offsets"));
        Tensor tensor{std::string(field(fields, "dtype").as_string()), whole_numbers(field(fields, "shape")), 0, 0};
        const Type* type = find_type(tensor.type);
        if (!type)
            throw bad_safetensors(name_, "a known type of tensor " + std::string(name), tensor.type.substr(0, 40));
        if (places.size() != 2 || places[0] > places[1] || places[1] > size)
            throw bad_safetensors(name_, "a place within the file for tensor " + std::string(name), "another");
        const auto numbers = product(tensor.shape, size);
        if (!numbers || *numbers != (places[1] - places[0]) / type->size || (places[1] - places[0]) % type->size != 0)
            throw bad_safetensors(name_, "as many bytes as the shape of tensor " + std::string(name) + " needs",
                                  std::to_string(places[1] - places[0]));
        tensor.begin = end + places[0];
        tensor.end = end + places[1];
        tensors_.emplace(name, std::move(tensor));
    }
}

// The tensors fill the bytes from `first` on, without gaps.
void Safetensors::check_places(std::size_t first) const {
    std::vector<std::pair<std::size_t, std::size_t>> places;
    for (const auto& [name, tensor] : tensors_) places.emplace_back(tensor.begin, tensor.end);
    std::ranges::sort(places);
    for (const auto& [begin, end] : places) {
        if (begin != first)
            throw bad_safetensors(name_, "tensors one behind the other", begin < first ? "an overlap" : "a gap");
        first = end;
    }
    if (first != bytes_.size())
        throw bad_safetensors(name_, "tensors to the end of the file", "other bytes behind them");
}

std::vector<std::string> Safetensors::names() const {
    std::vector<std::string> all;
    for (const auto& [name, tensor] : tensors_) all.push_back(name);
    return all;
}

Matrix Safetensors::matrix(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw bad_safetensors(name_, "a tensor " + name, "none");
    const Tensor& tensor = found->second;
    const Type& type = *find_type(tensor.type);
    if (!type.read) throw bad_safetensors(name_, "F64, F32, F16 or BF16 in tensor " + name, tensor.type);
    if (tensor.shape.size() > 2)
        throw bad_safetensors(name_, "at most two dimensions of tensor " + name, std::to_string(tensor.shape.size()));
    const auto extent = [&](std::size_t from_last) {
        const std::size_t n = tensor.shape.size();
        return from_last < n ? static_cast<Index>(tensor.shape[n - 1 - from_last]) : 1;
    };
    Matrix matrix(extent(1), extent(0));
    const char* at = bytes_.data() + tensor.begin;
    for (Real& x : matrix.view().span()) x = type.read(at), at += type.size;
    return matrix;
}

void load_safetensors(Parameters& parameters, const std::filesystem::path& path) {
    const Safetensors file(path);
    load_values(parameters, {file.name(), file.names(), [&](const std::string& name) { return file.matrix(name); }});
}

// --- Writing ----------------------------------------------------------------------------------------------------

static std::string header_of(const Parameters& parameters, const Metadata& metadata) {
    json::object header;
    if (!metadata.empty()) {
        json::object& texts = header[metadata_field].emplace_object();
        for (const auto& [name, text] : metadata) texts[name] = text;
    }
    Index end = 0;
    for (const Parameter& p : parameters) {
        if (p.name == metadata_field || invalid_utf8_at(p.name) != std::string::npos)
            throw Error({.what = "a parameter of this name cannot be saved",
                         .expected = "UTF-8, and not __metadata__",
                         .got = "'" + p.name + "'",
                         .where = "save_safetensors"});
        const Index begin = end;
        end += p.value.size() * static_cast<Index>(sizeof(float));
        header[p.name] = {
            {"dtype", "F32"}, {"shape", {p.value.rows(), p.value.cols()}}, {"data_offsets", {begin, end}}};
    }
    std::string text = json::serialize(header);
    text.append((length_bytes - text.size() % length_bytes) % length_bytes, ' ');  // the numbers begin aligned
    return text;
}

void save_safetensors(const Parameters& parameters, const std::filesystem::path& path, const Metadata& metadata) {
    const std::string header = header_of(parameters, metadata);
    if (header.size() > max_header)
        throw Error({.what = "the header is too long for safetensors",
                     .expected = "at most 100 MB",
                     .got = std::to_string(header.size()) + " bytes",
                     .where = path.string()});
    std::string bytes = bytes_of(static_cast<std::uint64_t>(header.size())) + header;
    for (const Parameter& p : parameters) {
        static_assert(sizeof(Real) == sizeof(float));
        bytes.append(reinterpret_cast<const char*>(p.value.data()),
                     static_cast<std::size_t>(p.value.size()) * sizeof(Real));
    }
    replace_file(path, bytes);
}

}  // namespace kvmem
