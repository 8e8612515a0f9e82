#include "kvmem/cluster/agreement.hpp"

#include "io/byte_stream.hpp"
#include "kernels/simd/instruction_set.hpp"
#include "kvmem/core/option_error.hpp"
#include "kvmem/kernels/instruction_set.hpp"
#include "kvmem/version.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <utility>

namespace kvmem {

// What differs of a long text.
static std::string part_of(std::string_view text, std::size_t difference) {
    constexpr std::size_t before = 30, length = 80;
    return std::string(text.substr(difference - std::min(difference, before), length));
}

void require_same_text(Cluster& cluster, std::string_view own, std::string_view what, std::string_view hint) {
    const std::vector<std::string> all = cluster.gather(own);
    const auto other = std::ranges::find_if(all, [&](const std::string& text) { return text != all.front(); });
    if (other == all.end()) return;
    const std::size_t at = std::ranges::mismatch(all.front(), *other).in1 - all.front().begin();
    throw Error({.what = "rank " + std::to_string(other - all.begin()) + " has other " + std::string(what),
                 .expected = part_of(all.front(), at),
                 .got = part_of(*other, at),
                 .where = "cluster",
                 .hint = std::string(hint)});
}

namespace {

enum class FailureKind : std::uint8_t { error, usage, option };

// What a step threw on a rank.
struct Failure {
    FailureKind kind = FailureKind::error;
    Problem problem{};
    std::string option{};
};

template <class Stream>
void transfer(Stream& s, OneOf<Failure> auto& failure) {
    s(failure.kind, failure.option);
    auto& problem = failure.problem;
    s(problem.what, problem.expected, problem.got, problem.where, problem.hint);
}

}  // namespace

static std::string bytes_of(const Failure& failure) {
    ByteWriter out;
    out(failure);
    return std::move(out.bytes);
}

// The failure of a step as bytes, or none.
static std::string failure_of(const std::function<void()>& step) {
    try {
        step();
        return {};
    } catch (const OptionError& e) {
        return bytes_of({FailureKind::option, e.problem(), e.option()});
    } catch (const UsageError& e) {
        return bytes_of({FailureKind::usage, e.problem()});
    } catch (const Error& e) {
        return bytes_of({FailureKind::error, e.problem()});
    } catch (const std::exception& e) {
        return bytes_of({FailureKind::error, {.what = e.what()}});
    }
}

void run_together(Cluster& cluster, const std::function<void()>& step) {
    const std::vector<std::string> all = cluster.gather(failure_of(step));
    const auto failed = std::ranges::find_if(all, [](const std::string& bytes) { return !bytes.empty(); });
    if (failed == all.end()) return;
    const std::string rank = "rank " + std::to_string(failed - all.begin());
    ByteReader in(*failed, "the failure of " + rank);
    Failure failure;
    in(failure);
    in.require_end();
    Problem& problem = failure.problem;
    problem.where += (problem.where.empty() ? "" : ", on ") + rank;
    if (failure.kind == FailureKind::option) throw OptionError(failure.option, std::move(problem));
    if (failure.kind == FailureKind::usage) throw UsageError(std::move(problem));
    throw Error(std::move(problem));
}

void agree_on_instruction_set(Cluster& cluster) {
    using detail::InstructionSet;
    require_same_text(cluster, "kvmem " KVMEM_VERSION " by " __VERSION__, "programs",
                      "start the same build on all machines");
    const std::vector<std::string> all = cluster.gather(std::to_string(static_cast<int>(detail::instruction_set())));
    const auto common = static_cast<InstructionSet>(std::stoi(*std::ranges::min_element(all)));
    const std::string name(detail::name_of(common));
    ::setenv("KVMEM_ISA", name.c_str(), 1);
    const std::string_view used = instruction_set_name();
    if (used != detail::name_of(std::min(common, InstructionSet::avx512)))
        throw Error({.what = "this rank computes with another instruction set than all have",
                     .expected = name,
                     .got = std::string(used),
                     .where = "rank " + std::to_string(cluster.rank()),
                     .hint = "set KVMEM_ISA=" + name + " for all ranks"});
}

}  // namespace kvmem
