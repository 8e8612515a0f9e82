#include "kvmem/io/safetensors.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "random.hpp"
#include "support/python.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

using namespace kvmem;
using test::normal;
using test::same_bits;

namespace {

template <class T>
std::string raw(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

std::string file_of(const std::string& header, const std::string& numbers = {}) {
    return raw<std::uint64_t>({header.size()}) + header + numbers;
}

Safetensors parsed(const std::string& header, const std::string& numbers = {}) {
    return Safetensors(file_of(header, numbers), "here");
}

std::string one(const std::string& type, const std::string& shape, const std::string& places) {
    return R"({"a":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + places + "}}";
}

void check_refused(const std::string& bytes, const std::string& part) {
    CAPTURE(bytes.substr(0, 200));
    CHECK_THROWS_WITH(Safetensors(bytes, "here"), Catch::Contains(part) && Catch::StartsWith("here: "));
}

void add_network(Parameters& p, std::uint64_t seed) {
    p.add("encoder.weight", normal(3, 4, seed));
    p.add("encoder.bias", normal(1, 3, seed + 1));
    p.add("none", normal(0, 2, seed + 2));
}

}  // namespace

TEST_CASE("parameters come back from safetensors with the same bits, and texts beside them", "[safetensors]") {
    const test::TemporaryDirectory directory;
    const auto path = directory / "network.safetensors";
    Parameters saved, loaded;
    add_network(saved, 1), add_network(loaded, 9);
    save_safetensors(saved, path, {{"config", R"({"width": 4})"}, {"é", ""}});
    load_safetensors(loaded, path);
    for (std::size_t i = 0; i < saved.size(); ++i) CHECK(same_bits(loaded[i].value, saved[i].value));
    const Safetensors file(path);
    CHECK(file.names() == std::vector<std::string>{"encoder.bias", "encoder.weight", "none"});
    CHECK(file.metadata() == Metadata{{"config", R"({"width": 4})"}, {"é", ""}});
    const std::string bytes = read_file(path);
    CHECK(bytes.substr(8, 2) == "{\"");
    CHECK(bytes.find_last_of('}') / 8 == (bytes.size() - 15 * 4 - 1) / 8);  // at most 7 blanks behind the header
    CHECK((bytes.size() - 15 * 4) % 8 == 0);
}

TEST_CASE("numbers of all float types are read from safetensors, NaN among them", "[safetensors]") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    const auto row = [](const std::string& type, const std::string& numbers) {
        const std::string size = std::to_string(numbers.size());
        const std::string count = std::to_string(numbers.size() / (type == "F64" ? 8 : type == "F32" ? 4 : 2));
        return parsed(one(type, "[" + count + "]", "[0," + size + "]"), numbers).matrix("a");
    };
    CHECK(same_bits(row("F32", raw<float>({1.5f, -0.0f, inf, nan})), matrix_of({{1.5f, -0.0f, inf, nan}})));
    CHECK(same_bits(row("F64", raw<double>({0.1, 1e300})), matrix_of({{0.1f, inf}})));
    CHECK(same_bits(row("BF16", raw<std::uint16_t>({0x3fc0, 0xff80})), matrix_of({{1.5f, -inf}})));
    // One, the largest number, the smallest normal and subnormal ones, minus zero and infinity.
    const Matrix half = row("F16", raw<std::uint16_t>({0x3c00, 0x7bff, 0x0400, 0x0001, 0x8000, 0xfc00, 0x7e01}));
    const float expected[] = {1, 65504, 0x1p-14f, 0x1p-24f, -0.0f, -inf};
    for (Index i = 0; i < 6; ++i) CHECK(std::bit_cast<int>(half(0, i)) == std::bit_cast<int>(expected[i]));
    CHECK(std::isnan(half(0, 6)));
}

TEST_CASE("a tensor of two dimensions, one or none is a matrix, and others are refused when they are read",
          "[safetensors]") {
    const std::string four = raw<float>({1, 2, 3, 4});
    CHECK(parsed(one("F32", "[2,2]", "[0,16]"), four).matrix("a")(1, 0) == 3);
    CHECK(parsed(one("F32", "[4]", "[0,16]"), four).matrix("a").cols() == 4);
    CHECK(parsed(one("F32", "[]", "[0,4]"), four.substr(0, 4)).matrix("a")(0, 0) == 1);
    CHECK(parsed(one("F32", "[0,9]", "[0,0]")).matrix("a").cols() == 9);
    const Safetensors cube = parsed(one("F32", "[1,2,2]", "[0,16]"), four);
    CHECK_THROWS_WITH(cube.matrix("a"), Catch::Contains("two dimensions"));
    CHECK_THROWS_WITH(cube.matrix("b"), Catch::Contains("tensor b"));
    CHECK_THROWS_WITH(parsed(one("I32", "[4]", "[0,16]"), four).matrix("a"), Catch::Contains("F64, F32, F16 or BF16"));
    CHECK_THROWS_AS(parsed(one("F32", "[0,18446744073709551615]", "[0,0]")).matrix("a"), Error);
}

TEST_CASE("a hostile safetensors file is refused with a reason", "[safetensors]") {
    const std::string four(16, 'x');
    check_refused("", "length");
    check_refused("1234567", "length");
    check_refused(raw<std::uint64_t>({3}) + "{}", "within the file");
    check_refused(raw<std::uint64_t>({~std::uint64_t{0}}) + "{}", "within the file");
    check_refused(raw<std::uint64_t>({100'000'001}) + std::string(100'000'001, ' '), "100 MB");
    for (const char* header : {"", "[]", "{", R"({"a":1})", R"({"a":{"dtype":1,"shape":[],"data_offsets":[0,4]}})",
                               R"({"__metadata__":{"a":1}})", "{\"\xff\":{}}"})
        check_refused(file_of(header), "JSON");
    check_refused(file_of(std::string(100'000, '[')), "JSON");
    check_refused(file_of(R"({"a":{"dtype":"F32","shape":[]}})"), "data_offsets");
    check_refused(file_of(one("F33", "[4]", "[0,16]"), four), "F33");
    for (const char* places :
         {"[0,17]", "[-1,16]", "[16,0]", "[0]", "[0,16,16]", "[0,1.5]", "[0,18446744073709551616]"})
        check_refused(file_of(one("F32", "[4]", places), four), "");
    for (const char* shape : {"[3]", "[5]", "[-4]", "[4294967296,4294967297]", "[2,3]", "[1e99]", "[\"4\"]", "[]"})
        check_refused(file_of(one("F32", shape, "[0,16]"), four), "");
    check_refused(file_of(one("F32", "[4]", "[0,16]"), four + "y"), "behind them");
    check_refused(file_of(one("F32", "[3]", "[4,16]"), four), "a gap");
    const auto two = [&](const std::string& name, const std::string& places) {
        return R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},")" + name +
               R"(":{"dtype":"F32","shape":[2],"data_offsets":)" + places + "}}";
    };
    CHECK(parsed(two("b", "[8,16]"), four).names().size() == 2);
    check_refused(file_of(two("b", "[4,12]"), four.substr(4)), "an overlap");
    check_refused(file_of(two("b", "[0,8]"), four.substr(8)), "an overlap");
    check_refused(file_of(two("a", "[8,16]"), four), "twice");
    check_refused(file_of(two("\\u0061", "[8,16]"), four), "twice");
}

TEST_CASE("safetensors of another network or with NaN are refused, with nothing changed", "[safetensors]") {
    const test::TemporaryDirectory directory;
    const auto path = directory / "network.safetensors";
    Parameters saved, other, fewer, loaded;
    add_network(saved, 1), add_network(loaded, 9);
    other.add("encoder.weight", Matrix(4, 3));
    fewer.add("encoder.weight", Matrix(3, 4));
    save_safetensors(saved, path);
    CHECK_THROWS_WITH(load_safetensors(other, path), Catch::Contains("that the network lacks"));
    save_safetensors(other, path);
    CHECK_THROWS_WITH(load_safetensors(fewer, path), Catch::Contains("another shape"));
    CHECK_THROWS_WITH(load_safetensors(loaded, path), Catch::Contains("another shape"));
    save_safetensors(Parameters(), path);
    CHECK_THROWS_WITH(load_safetensors(loaded, path), Catch::Contains("lacks a parameter"));
    saved[1].value(0, 2) = std::numeric_limits<Real>::quiet_NaN();
    save_safetensors(saved, path);
    const Matrix before = loaded[0].value;
    CHECK_THROWS_WITH(load_safetensors(loaded, path), Catch::Contains("NaN or infinity in encoder.bias"));
    CHECK(same_bits(loaded[0].value, before));
    Parameters wrong;
    wrong.add("__metadata__", Matrix(1, 1));
    CHECK_THROWS_WITH(save_safetensors(wrong, path), Catch::Contains("cannot be saved"));
}

TEST_CASE("ten lines of numpy read what save_safetensors writes, and write what load_safetensors reads",
          "[safetensors]") {
    if (!test::has_h5py()) return;  // and with it NumPy
    const test::TemporaryDirectory directory;
    Parameters parameters;
    add_network(parameters, 1);
    save_safetensors(parameters, directory / "network.safetensors", {{"model", "own"}});
    REQUIRE(test::python(test::code_in_readme("## safetensors", "python") + R"(
texts, tensors = read('network.safetensors')
assert texts == {'model': 'own'} and tensors['none'].shape == (0, 2)
write('doubled.safetensors', {name: 2 * x for name, x in tensors.items()})
)",
                         directory.path()));
    Parameters doubled;
    add_network(doubled, 9);
    load_safetensors(doubled, directory / "doubled.safetensors");
    for (std::size_t i = 0; i < parameters.size(); ++i)
        for (Index j = 0; j < parameters[i].value.size(); ++j)
            CHECK(doubled[i].value.data()[j] == 2 * parameters[i].value.data()[j]);
}
