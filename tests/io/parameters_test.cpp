#include "kvmem/io/parameters.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/io/file_format.hpp"
#include "random.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <limits>

using namespace kvmem;
using test::normal;
using test::same_bits;

static void add_network(Parameters& p, std::uint64_t seed) {
    p.add("encoder.weight", normal(3, 4, seed));
    p.add("encoder.bias", normal(1, 3, seed + 1));
    p.add("out", normal(5, 3, seed + 2));
    p.add("none", normal(0, 2, seed + 3));
}

static bool same_values(const Parameters& a, const Parameters& b) {
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i) same = same_bits(a[i].value, b[i].value);
    return same;
}

// The message of the Error that loading gives; "" when it gives none, which changes nothing either if `p` was saved.
static std::string refusal(Parameters& p, const std::filesystem::path& path) {
    Parameters before;
    for (const Parameter& q : p) before.add(q.name, q.value);
    std::string message;
    try {
        load_parameters(p, path);
    } catch (const Error& e) {
        message = e.what();
    }
    CHECK(same_values(p, before));
    return message;
}

TEST_CASE("parameters that were saved are loaded with the same bits", "[parameters]") {
    const test::TemporaryDirectory directory;
    const auto path = directory / "network.h5";
    Parameters saved, loaded;
    add_network(saved, 1), add_network(loaded, 9);
    save_parameters(saved, path);
    CHECK(file_format(path) == "kvmem-parameters");
    const Real* where = loaded[0].value.data();
    load_parameters(loaded, path);
    CHECK(same_values(loaded, saved));
    CHECK(loaded[0].value.data() == where);
    save_parameters(Parameters(), path);
    Parameters none;
    load_parameters(none, path);
}

TEST_CASE("a group is loaded from a file of a larger network", "[parameters]") {
    const test::TemporaryDirectory directory;
    Parameters saved, loaded;
    add_network(saved, 1), add_network(loaded, 9);
    save_parameters(saved, directory / "network.h5");
    const Matrix out = loaded.find("out")->value;
    load_parameters(loaded.group("encoder"), directory / "network.h5");
    CHECK(same_bits(loaded[0].value, saved[0].value));
    CHECK(same_bits(loaded[1].value, saved[1].value));
    CHECK(same_bits(loaded.find("out")->value, out));
}

TEST_CASE("parameters of another network are refused by name and shape, with nothing changed", "[parameters]") {
    const test::TemporaryDirectory directory;
    const auto path = directory / "network.h5";
    Parameters saved;
    add_network(saved, 1);
    save_parameters(saved, path);
    Parameters more, fewer, other;
    add_network(more, 9), add_network(other, 9);
    more.add("decoder.weight", normal(2, 2, 1));
    fewer.add("out", normal(5, 3, 1));
    other.find("out")->value = normal(3, 5, 1);
    CHECK(refusal(more, path).find("lacks a parameter: expected decoder.weight") != std::string::npos);
    CHECK(refusal(fewer, path).find("encoder.bias") != std::string::npos);
    CHECK(refusal(other, path).find("parameter out has another shape: expected 3 x 5, got 5 x 3") != std::string::npos);
}

TEST_CASE("damaged and foreign files of parameters are refused, with nothing changed", "[parameters]") {
    const test::TemporaryDirectory directory;
    const auto path = directory / "network.h5";
    Parameters p;
    add_network(p, 1);
    CHECK(refusal(p, directory / "missing.h5") != "");
    save_parameters(p, path);
    std::ifstream file(path, std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(file)), {});
    const auto write = [&](const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; };
    for (std::size_t at = 0; at < whole.size(); at += 97) {
        std::string changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ 0x10);
        write(changed);
        Parameters q;
        add_network(q, 9);
        try {  // a byte that nothing uses may change
            load_parameters(q, path);
            CHECK(same_values(q, p));
        } catch (const Error&) {
            Parameters fresh;
            add_network(fresh, 9);
            CHECK(same_values(q, fresh));
        }
    }
    write(whole.substr(0, whole.size() / 2));
    CHECK(refusal(p, path) != "");
    const auto refuses = [&](const char* format, int version, ConstView out) {
        hdf5::Writer writer(format, version);
        for (const Parameter& q : p) writer.write("/parameters/" + q.name, q.name == "out" ? out : q.value);
        writer.save(path);
        return refusal(p, path);
    };
    Matrix broken = p.find("out")->value;
    CHECK(refuses("kvmem-parameters", 1, broken).empty());
    CHECK(refuses("kvmem-model", 1, broken).find("kvmem-parameters") != std::string::npos);
    CHECK(refuses("kvmem-parameters", 2, broken).find("newer") != std::string::npos);
    broken(1, 1) = std::numeric_limits<Real>::quiet_NaN();
    CHECK(refuses("kvmem-parameters", 1, broken).find("NaN or infinity") != std::string::npos);
}

TEST_CASE("names that would be paths in a file are not saved, and the file stays", "[parameters]") {
    const test::TemporaryDirectory directory;
    const auto path = directory / "network.h5";
    Parameters good;
    good.add("a", normal(1, 2, 1));
    save_parameters(good, path);
    for (const std::string& name : {std::string(), std::string("."), std::string("a/b"), std::string("a\0b", 3)}) {
        Parameters p;
        p.add(name, Matrix(1, 2));
        CHECK_THROWS_AS(save_parameters(p, path), Error);
    }
    CHECK(refusal(good, path).empty());
}
