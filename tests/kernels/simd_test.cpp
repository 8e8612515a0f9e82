// The inner loops of the instruction set that is chosen here: what they compute is what the standard library says.
#include "kernels/simd/table.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

using namespace kvmem;
using detail::simd;

TEST_CASE("the environment may choose a lesser instruction set", "[simd]") {
    const char* wish = std::getenv("KVMEM_ISA");
    const std::string name = simd().name;
    if (wish && std::string(wish) == "baseline")
        CHECK(name == "baseline");
    else if (wish && std::string(wish) == "avx2")
        CHECK((name == "avx2" || name == "baseline"));
    else
        CHECK((name == "avx512" || name == "avx2" || name == "baseline"));
}

TEST_CASE("activations are as near to the exact functions as float is", "[simd]") {
    struct Function {
        Activation kind;
        std::function<double(double)> exact, slope;
    };
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    const auto cdf = [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; };
    const auto density = [](double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0)); };
    const Function all[] = {
        {Activation::identity, [](double x) { return x; }, [](double) { return 1.0; }},
        {Activation::relu, [](double x) { return x > 0 ? x : 0.0; }, [](double x) { return x > 0 ? 1.0 : 0.0; }},
        {Activation::tanh, [](double x) { return std::tanh(x); },
         [](double x) { return 1 - std::tanh(x) * std::tanh(x); }},
        {Activation::sigmoid, sigmoid, [&](double x) { return sigmoid(x) * (1 - sigmoid(x)); }},
        {Activation::gelu, [&](double x) { return x * cdf(x); }, [&](double x) { return cdf(x) + x * density(x); }}};
    std::vector<Real> in;
    for (int i = -3000; i <= 3000; ++i) in.push_back(static_cast<Real>(i / 97.0));
    for (const Real far : {Real{1e4}, Real{-1e4}, Real{88}, Real{-104}, Real{0}}) in.push_back(far);
    const auto count = static_cast<Index>(in.size());
    for (const Function& f : all) {
        std::vector<Real> out(in.size()), ones(in.size(), 1), grad(in.size(), 0);
        simd().activate(f.kind, in.data(), out.data(), count);
        simd().activate_backward(f.kind, {in.data(), out.data(), ones.data(), grad.data(), count});
        for (std::size_t i = 0; i < in.size(); ++i) {
            const auto x = static_cast<double>(in[i]);
            INFO("kind " << static_cast<int>(f.kind) << " at " << x);
            REQUIRE(static_cast<double>(out[i]) == Approx(f.exact(x)).epsilon(1e-6).margin(6e-7));
            REQUIRE(static_cast<double>(grad[i]) == Approx(f.slope(x)).epsilon(1e-6).margin(3e-6));
        }
    }
}

TEST_CASE("weights are as exact as float can say how far their scores are apart", "[simd]") {
    std::vector<Real> scores;
    for (int i = 0; i < 4000; ++i) scores.push_back(static_cast<Real>(-i / 50.0));
    std::vector<Real> weights = scores;
    const auto [largest, total] = simd().softmax_row(weights.data(), static_cast<Index>(weights.size()));
    CHECK(largest == 0);
    double exact = 0;
    for (const Real s : scores) exact += std::exp(static_cast<double>(s));
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const auto distance = static_cast<double>(scores[i]);
        REQUIRE(static_cast<double>(weights[i]) ==
                Approx(std::exp(distance) / exact).epsilon(6e-7 - 1.2e-7 * distance));
    }
    std::vector<Real> far{-1000, 0, -std::numeric_limits<Real>::infinity()};
    simd().softmax_row(far.data(), 3);
    CHECK(far == std::vector<Real>{0, 1, 0});
    std::vector<Real> nothing(20, -std::numeric_limits<Real>::infinity());
    CHECK(simd().softmax_row(nothing.data(), 20).total == 0);
    CHECK(nothing == std::vector<Real>(20, Real{0}));
    std::vector<Real> broken(20, 0);
    broken[7] = std::numeric_limits<Real>::quiet_NaN();
    CHECK(std::isnan(simd().softmax_row(broken.data(), 20).total));
}
