#include "kvmem/autograd/parameter.hpp"

#include "kvmem/core/error.hpp"
#include "random.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using test::normal;

TEST_CASE("parameters are found by name, and each name is given once", "[parameter]") {
    Parameters p;
    Parameter& a = p.add("a", normal(2, 3, 1));
    Parameter& b = p.add_normal("b", 100, 50, 0.1, 7);
    CHECK(p.find("a") == &a);
    CHECK(p.find("c") == nullptr);
    CHECK(p.count() == 6 + 5000);
    CHECK_THROWS_AS(p.add("a", Matrix(1, 1)), Error);
    CHECK(p.size() == 2);
    double squares = 0;
    for (const Real x : b.value.view().span()) squares += x * x;
    CHECK(squares / 5000 == Approx(0.01).epsilon(0.06));
    // The name is part of the stream: another order of parameters does not change any.
    Parameters q;
    CHECK(test::same_bits(q.add_normal("b", 100, 50, 0.1, 7).value, b.value));
    CHECK_FALSE(test::same_bits(q.add_normal("c", 100, 50, 0.1, 7).value, b.value));
    CHECK_FALSE(test::same_bits(Parameters().add_normal("b", 100, 50, 0.1, 8).value, b.value));
}

TEST_CASE("a group holds the parameters whose dotted names continue its own", "[parameter]") {
    Parameters p;
    for (const char* name : {"encoder.in.weight", "encoder.in.bias", "encoder2.weight", "encoder", "decoder.weight"})
        p.add(name, normal(2, 3, 1));
    const auto names = [&](const char* group) {
        std::vector<std::string> all;
        for (const Parameter* member : p.group(group)) all.push_back(member->name);
        return all;
    };
    CHECK(names("encoder") == std::vector<std::string>{"encoder.in.weight", "encoder.in.bias", "encoder"});
    CHECK(names("encoder.in") == std::vector<std::string>{"encoder.in.weight", "encoder.in.bias"});
    CHECK(names("decoder.weight") == std::vector<std::string>{"decoder.weight"});
    CHECK(names("").size() == p.size());
    CHECK(p.group("encoder").count() == 18);
    for (const char* none : {"enc", "encoder.", "encoder.in.w", "weight"}) CHECK_THROWS_AS(p.group(none), Error);
    CHECK_THROWS_AS(Parameters().group(""), Error);
}

TEST_CASE("parameters are described with shapes, counts and what is frozen", "[parameter]") {
    Parameters p;
    p.add("a", Matrix(2, 3));
    p.add("long.name", Matrix(1, 4)).trainable = false;
    CHECK(p.describe() ==
          "a          2 x 3  6\n"
          "long.name  1 x 4  4  frozen\n"
          "10 numbers in 2 parameters\n");
    CHECK(Parameters().describe() == "0 numbers in 0 parameters\n");
}
