#include "kernels/simd/instruction_set.hpp"

#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

using namespace kvmem;
using detail::InstructionSet;

namespace {

// KVMEM_ISA as it was, at the end.
struct Environment {
    std::optional<std::string> before =
        std::getenv("KVMEM_ISA") ? std::optional<std::string>(std::getenv("KVMEM_ISA")) : std::nullopt;
    ~Environment() {
        if (before)
            setenv("KVMEM_ISA", before->c_str(), 1);
        else
            unsetenv("KVMEM_ISA");
    }
};

InstructionSet with(const char* wish) {
    setenv("KVMEM_ISA", wish, 1);
    return detail::instruction_set();
}

}  // namespace

TEST_CASE("KVMEM_ISA limits the instruction set by the names that there are", "[simd]") {
    const Environment restore;
    unsetenv("KVMEM_ISA");
    const InstructionSet best = detail::instruction_set();
    CHECK(with("") == best);
    CHECK(with("baseline") == InstructionSet::baseline);
    CHECK(with("avx2") == std::min(best, InstructionSet::avx2));
    CHECK(with("avx512") == std::min(best, InstructionSet::avx512));
    CHECK(with("avx512vnni") == best);
    for (const char* wrong : {"avx", "AVX2", "avx2 ", "avx5120", "sse4", "neon"}) {
        CAPTURE(wrong);
        try {
            with(wrong);
            FAIL("an unknown name was taken");
        } catch (const Error& e) {
            CHECK(e.problem().expected == "baseline, avx2, avx512 or avx512vnni");
            CHECK(e.problem().got == wrong);
        }
    }
}
