#include "kvmem/cluster/agreement.hpp"

#include "kernels/simd/instruction_set.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/instruction_set.hpp"
#include "kvmem/version.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>

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

// A problem as a text that gather() moves: its parts, each with a 0 behind it.
static std::string text_of(const Problem& problem) {
    std::string text;
    for (const std::string& part : {problem.what, problem.expected, problem.got, problem.where, problem.hint})
        text += part + '\0';
    return text;
}

static Problem problem_of(std::string_view text) {
    Problem problem;
    for (std::string* part : {&problem.what, &problem.expected, &problem.got, &problem.where, &problem.hint}) {
        const std::size_t end = std::min(text.find('\0'), text.size());
        *part = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return problem;
}

void run_together(Cluster& cluster, const std::function<void()>& step) {
    std::string failure;
    try {
        step();
    } catch (const Error& e) {
        failure = text_of(e.problem());
    } catch (const std::exception& e) {
        failure = text_of({.what = e.what()});
    }
    const std::vector<std::string> all = cluster.gather(failure);
    const auto failed = std::ranges::find_if(all, [](const std::string& text) { return !text.empty(); });
    if (failed == all.end()) return;
    Problem problem = problem_of(*failed);
    problem.where += (problem.where.empty() ? "rank " : ", on rank ") + std::to_string(failed - all.begin());
    throw Error(problem);
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
