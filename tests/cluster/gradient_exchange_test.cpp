#include "cluster/gradient_exchange.hpp"

#include "kvmem/cluster/threads.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "support/cluster_checks.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

using namespace kvmem;

namespace {

// A table of which shards touch some rows, dense matrices, and a parameter that only one shard touches.
struct Network {
    Parameters parameters;
    std::vector<Tape> tapes;

    explicit Network(Index shards) : tapes(static_cast<std::size_t>(shards)) {
        parameters.add_normal("table", 300, 9, 1, 1);
        parameters.add_normal("matrix", 40, 17, 1, 1);
        parameters.add_normal("bias", 1, 50, 1, 1);
        parameters.add_normal("rare", 6, 3, 1, 1);
        parameters.add_normal("unused", 6, 3, 1, 1);
        parameters[1].frozen.resize(40);
        parameters[1].frozen[7] = true;
    }

    // The gradients of a shard in a step. One shard in six has none.
    void fill(Index shard, Index step) {
        Tape& tape = tapes[shard];
        tape.reset();
        Rng rng(5, {static_cast<std::uint64_t>(shard), static_cast<std::uint64_t>(step)});
        if (rng.below(6) == 0) return;
        const auto draw = [&](Real* row, Index cols) {
            for (Index i = 0; i < cols; ++i) row[i] = static_cast<Real>(rng.normal());
        };
        for (int i = 0; i < 20; ++i) draw(tape.gradient(parameters[0]).touch(rng.below(300)), 9);
        draw(tape.gradient(parameters[1]).dense().data, 40 * 17);
        draw(tape.gradient(parameters[2]).dense().data, 50);
        if (shard == step % std::ssize(tapes)) draw(tape.gradient(parameters[3]).touch(step % 6), 3);
    }
    std::vector<Real> values() const {
        std::vector<Real> all;
        for (const Parameter& p : parameters) all.insert(all.end(), p.value.data(), p.value.data() + p.value.size());
        return all;
    }
};

constexpr Index steps = 5;
const OptimizerOptions options{.method = Method::adam, .clip_norm = 1};

// The lengths of the gradients, and then the parameters, after training on one process.
std::vector<Real> trained_alone(Index shards) {
    Network network(shards);
    Optimizer optimizer(network.parameters, options);
    std::vector<Real> lengths;
    for (Index step = 0; step < steps; ++step) {
        for (Index shard = 0; shard < shards; ++shard) network.fill(shard, step);
        lengths.push_back(static_cast<Real>(optimizer.step(network.tapes, 0.01)));
    }
    const std::vector<Real> values = network.values();
    lengths.insert(lengths.end(), values.begin(), values.end());
    return lengths;
}

std::vector<Real> trained_on(Cluster& cluster, Index shards) {
    Network network(shards);
    Optimizer optimizer(network.parameters, options);
    GradientExchange exchange(cluster, shards);
    const ShardRun run = exchange.run_of(cluster.rank());
    std::vector<Real> lengths;
    for (Index step = 0; step < steps; ++step) {
        for (Index shard = run.begin; shard < run.end; ++shard) network.fill(shard, step);
        const auto tapes = std::span(network.tapes).subspan(run.begin, run.count());
        lengths.push_back(static_cast<Real>(optimizer.step(tapes, 0.01, [&](std::span<Optimizer::Gradient> gradients) {
            const std::string note = text_of_rank(cluster.rank());
            const std::vector<std::string> notes = exchange.add_up(gradients, note);
            for (Index rank = 0; rank < cluster.size(); ++rank)
                require_holds(notes[rank] == text_of_rank(rank), "a note travels along", cluster);
        })));
    }
    const std::vector<Real> values = network.values();
    lengths.insert(lengths.end(), values.begin(), values.end());
    return lengths;
}

bool same_bits(const std::vector<Real>& a, const std::vector<Real>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Real)) == 0;
}

}  // namespace

TEST_CASE("shards are dealt as subtrees, in their order", "[cluster]") {
    for (Index shards = 1; shards <= 40; ++shards)
        for (Index ranks = 1; ranks <= 12; ++ranks) {
            const std::vector<ShardRun> runs = deal_shards(shards, ranks);
            REQUIRE(std::ssize(runs) == ranks);
            Index end = 0;
            for (const ShardRun& run : runs) {
                REQUIRE(run.begin == end);
                end = run.end;
                if (run.count() == 0) continue;
                // Aligned to the power of two that holds it.
                const auto width = static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(run.count())));
                CHECK(run.begin % width == 0);
                CHECK((run.count() == width || run.end == shards));
            }
            CHECK(end == shards);
        }
    for (const ShardRun& run : deal_shards(24, 3)) CHECK(run.count() == 8);
    CHECK(deal_shards(2, 3).back().count() == 0);
}

TEST_CASE("any number of ranks has the gradients of one process", "[cluster]") {
    for (const Index shards : {1, 6, 8, 13}) {
        const std::vector<Real> alone = trained_alone(shards);
        for (const Index ranks : {2, 3, 4, 5, 8}) {
            CAPTURE(shards, ranks);
            bool same = true;
            CHECK_NOTHROW(run_on_threads(ranks, [&](Cluster& cluster) {
                const bool here = same_bits(trained_on(cluster, shards), alone);
                for (const std::string& text : cluster.gather(here ? "same" : "other"))
                    if (text != "same" && cluster.rank() == 0) same = false;
            }));
            CHECK(same);
        }
    }
}

// The bytes that each rank sends in a step with gradients of these rows of a table.
static std::vector<Index> bytes_sent(Index ranks, Index rows, Index cols, Index touched) {
    std::vector<Index> bytes(static_cast<std::size_t>(ranks));
    run_on_threads(ranks, [&](Cluster& cluster) {
        Parameters parameters;
        Parameter& table = parameters.add("table", Matrix(rows, cols));
        Tape tape;
        if (touched == rows)
            tape.gradient(table).dense();
        else
            for (Index i = 0; i < touched; ++i) tape.gradient(table).touch(i * rows / touched);
        std::vector<Optimizer::Gradient> gradients{{&table, &tape.gradient(table)}};
        GradientExchange(cluster, ranks).add_up(gradients, {});
        bytes[cluster.rank()] = cluster.counts().bytes;
    });
    return bytes;
}

TEST_CASE("a step sends twice the gradients' bytes, less a rank's share", "[cluster]") {
    for (const Index ranks : {2, 3, 4, 8}) {
        const Index all = 1000 * 64 * sizeof(Real);
        CAPTURE(ranks);
        for (const Index bytes : bytes_sent(ranks, 1000, 64, 1000))
            CHECK(bytes <= 2 * all * (ranks - 1) / ranks + 4096);
    }
}

TEST_CASE("of a table only touched rows are sent", "[cluster]") {
    const Index touched = 200 * 64 * sizeof(Real);
    for (const Index bytes : bytes_sent(2, 100'000, 64, 200)) CHECK(bytes <= 12 * touched / 10);
    // As if the rows were all.
    for (const Index bytes : bytes_sent(4, 100'000, 64, 200)) CHECK(bytes <= 12 * 2 * touched * 3 / 4 / 10);
}

// What rank 0 says of such a message of rank 1.
static std::string failure_of_message(const std::string& message) {
    try {
        run_on_threads(2, [&](Cluster& cluster) {
            Parameters parameters;
            Parameter& table = parameters.add("table", Matrix(4, 2));
            std::vector<Optimizer::Gradient> gradients{{&table, nullptr}};
            if (cluster.rank() == 0)
                GradientExchange(cluster, 2).add_up(gradients, {});
            else
                cluster.gather(message);
        });
    } catch (const Error& e) {
        return e.what();
    }
    return "none";
}

TEST_CASE("a message of another rank that is too short is an error that names the rank", "[cluster]") {
    using namespace std::string_literals;
    const auto too_short = [](const std::string& needed, const std::string& got) {
        return Catch::Contains("the message of rank 1 is too short: expected at least " + needed + " more bytes, got " +
                               got);
    };
    CHECK_THAT(failure_of_message("ab"), too_short("4", "2"));
    CHECK_THAT(failure_of_message("\5\0\0\0ab"s), too_short("5", "2"));
    CHECK_THAT(failure_of_message("\0\0\0\0"s), too_short("1", "0"));
    CHECK_THAT(failure_of_message("\0\0\0\0\2\1\0\0\0\3"s), too_short("4", "1"));
}
