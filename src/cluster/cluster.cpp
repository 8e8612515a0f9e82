#include "kvmem/cluster/cluster.hpp"

#include "kvmem/core/error.hpp"

#include <bit>
#include <thread>

namespace kvmem {

static constexpr const char* call_names[] = {"exchange", "gather", "broadcast", "the end"};

void Cluster::require_same(Call call, int got, Index rank) {
    if (got == static_cast<int>(call)) return;
    const bool known = got > 0 && got <= static_cast<int>(std::size(call_names));
    const bool ended = got == static_cast<int>(Call::end);
    throw Error({.what = "rank " + std::to_string(rank) + (ended ? " has ended" : " is elsewhere"),
                 .expected = std::string("a message of ") + call_names[static_cast<int>(call) - 1],
                 .got = known ? call_names[got - 1] : "call " + std::to_string(got),
                 .where = "cluster",
                 .hint = "start all ranks with the same program, arguments and files"});
}

void Cluster::run(Call call, std::span<const Outgoing> out, std::span<Incoming> in) {
    const auto begin = std::chrono::steady_clock::now();
    for (const Outgoing& message : out) {
        ++counts_.messages;
        counts_.bytes += std::ssize(message.bytes);
    }
    transfer(call, out, in);
    if (delay_.count() > 0) std::this_thread::sleep_until(begin + delay_);
}

static Incoming into(std::string& text, Index rank) {
    return {rank, [&text](std::size_t size) {
                text.resize(size);
                return std::as_writable_bytes(std::span(text));
            }};
}

std::vector<std::string> Cluster::all_to_all(Call call, std::string_view own) {
    std::vector<std::string> texts(static_cast<std::size_t>(size_));
    std::vector<Outgoing> out;
    std::vector<Incoming> in;
    for (Index rank = 0; rank < size_; ++rank) {
        if (rank == rank_) continue;
        out.push_back({rank, std::as_bytes(std::span(own))});
        in.push_back(into(texts[rank], rank));
    }
    run(call, out, in);
    texts[rank_] = own;
    return texts;
}

std::vector<std::string> Cluster::gather(std::string_view own) { return all_to_all(Call::gather, own); }

void Cluster::end() { all_to_all(Call::end, {}); }

// A binomial tree over the distances from the root: rank d receives from d without its highest bit, and then sends to
// d + each higher power of two.
void Cluster::broadcast(std::string& bytes, Index root) {
    const Index own = (rank_ - root + size_) % size_;
    const auto rank_at = [&](Index distance) { return (distance + root) % size_; };
    if (own > 0) {
        Incoming in = into(bytes, rank_at(own - static_cast<Index>(std::bit_floor(static_cast<std::uint64_t>(own)))));
        run(Call::broadcast, {}, {&in, 1});
    }
    for (Index step = 1; own + step < size_; step *= 2) {
        if (step <= own) continue;
        const Outgoing out{rank_at(own + step), std::as_bytes(std::span(bytes))};
        run(Call::broadcast, {&out, 1}, {});
    }
}

}  // namespace kvmem
