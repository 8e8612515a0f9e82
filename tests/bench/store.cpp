// The benchmark of the store: see README.md, "The store".
#include "limits.hpp"
#include "store_data.hpp"
#include "store_peers.hpp"

#include "kvmem/core/parallel.hpp"
#include "kvmem/store/memory_store.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <numeric>
#include <set>

namespace {

using namespace bench;
using kvmem::ConstView;
using kvmem::Index;

constexpr Index k = 10;

struct Limits {
    double bytes, flops;
};

std::string printed(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

// The best of several runs: what others on the machine take makes a run longer, never shorter.
template <class F>
double best_seconds(F&& call, double enough = 1.0, int least = 3) {
    double best = 1e30, total = 0;
    for (int i = 0; i < least || (total < enough && i < 50); ++i) {
        const double start = seconds_now();
        call(i);
        const double took = seconds_now() - start;
        best = std::min(best, took);
        total += took;
    }
    return best;
}

using Truth = std::vector<std::int64_t>;

// Share of the k best that were found, of the first `queries`.
double recall(const Truth& truth, const Truth& got, Index queries) {
    Index found = 0;
    for (Index q = 0; q < queries; ++q) {
        const auto first = truth.begin() + q * k;
        found += std::count_if(got.begin() + q * k, got.begin() + (q + 1) * k,
                               [&](std::int64_t id) { return std::find(first, first + k, id) != first + k; });
    }
    return static_cast<double>(found) / static_cast<double>(queries * k);
}

// By products in double of some queries; the rest of the benchmark compares with kvmem's exact results, which these
// check.
void check_truth(const VectorSet& set, const Truth& truth) {
    for (Index q = 0; q < 20; ++q) {
        std::vector<std::pair<double, std::int64_t>> all;
        for (Index i = 0; i < set.base.rows(); ++i) {
            double sum = 0;
            for (Index j = 0; j < set.base.cols(); ++j) sum += double{set.base(i, j)} * double{set.queries(q, j)};
            all.push_back({-sum, i});
        }
        std::partial_sort(all.begin(), all.begin() + k, all.end());
        for (Index i = 0; i < k; ++i)
            if (all[static_cast<std::size_t>(i)].second != truth[static_cast<std::size_t>(q * k + i)] &&
                std::abs(all[static_cast<std::size_t>(i)].first - all[static_cast<std::size_t>(i + 1)].first) > 1e-6)
                throw std::runtime_error("the exact search is wrong");
    }
}

void exact_table(const VectorSet& set, const std::vector<Peer>& peers, const Limits& limits, const Truth& truth) {
    std::cout << "\n| exact, k = 10 | batch 1, ms | of bandwidth | batch 8, ms | batch 1000, ms | of FMA peak | recall "
                 "| bytes/vector more |\n"
                 "|---|---|---|---|---|---|---|---|\n";
    const double bytes = static_cast<double>(set.base.size()) * 4, flops = 2 * static_cast<double>(set.base.size());
    for (const Peer& peer : peers) {
        if (!peer.is_exact) continue;
        const Searcher searcher = peer.make(set.base);
        const SearchCall& search = searcher.ways[0].second;
        Truth got(truth.size());
        const auto seconds = [&](Index batch) {
            return best_seconds([&](int i) {
                const Index at = batch < 100 ? (i * batch) % 900 : 0;
                search(set.queries.view().middle_rows(at, batch), k, got.data() + at * k);
            });
        };
        const double one = seconds(1), eight = seconds(8), many = seconds(set.queries.rows());
        std::cout << "| " << searcher.name << " | " << printed("%.2f", one * 1e3) << " | "
                  << printed("%.0f %%", 100 * bytes / one / limits.bytes) << " | " << printed("%.2f", eight * 1e3)
                  << " | " << printed("%.0f", many * 1e3) << " | "
                  << printed("%.0f %%", 100 * flops * static_cast<double>(set.queries.rows()) / many / limits.flops)
                  << " | " << printed("%.4f", recall(truth, got, set.queries.rows())) << " | "
                  << printed("%.1f", searcher.bytes_per_vector) << " |" << std::endl;
    }
}

void approximate_table(const VectorSet& set, const std::vector<Peer>& peers, const Truth& truth) {
    std::cout << "\n| approximate, k = 10, batch 1000 | build, s | bytes/vector more | how hard | recall | queries/s "
                 "|\n|---|---|---|---|---|---|\n";
    for (const Peer& peer : peers) {
        if (peer.is_exact) continue;
        const Searcher searcher = peer.make(set.base);
        for (const auto& [way, search] : searcher.ways) {
            Truth got(truth.size());
            const double seconds = best_seconds([&](int) { search(set.queries, k, got.data()); }, 0.5, 5);
            std::cout << "| " << searcher.name << " | " << printed("%.2f", searcher.build_seconds) << " | "
                      << (searcher.bytes_per_vector < 0 ? std::string() : printed("%.1f", searcher.bytes_per_vector))
                      << " | " << way << " | " << printed("%.4f", recall(truth, got, set.queries.rows())) << " | "
                      << printed("%.0f", static_cast<double>(set.queries.rows()) / seconds) << " |" << std::endl;
        }
    }
}

void read_table(const VectorSet& set, int threads, const Limits& limits) {
    const Index n = set.base.rows(), width = set.base.cols();
    kvmem::store::MemoryStore memory({.key_width = width, .value_width = width});
    std::vector<kvmem::store::Id> ids(static_cast<std::size_t>(n));
    std::iota(ids.begin(), ids.end(), kvmem::store::Id{0});
    memory.add(set.base, {.vectors = set.base}, ids);
    kvmem::store::ReadOptions options;
    options.temperature = 0.1f;
    const double ours =
        best_seconds([&](int i) { static_cast<void>(memory.read(set.queries.view().middle_rows(i, 1), options)); });
    std::cout << "\n| read of one query over all slots, keys and values | ms | of bandwidth |\n|---|---|---|\n";
    const auto row = [&](const char* name, double seconds) {
        std::cout << "| " << name << " | " << printed("%.2f", seconds * 1e3) << " | "
                  << printed("%.0f %%", 100 * 8 * static_cast<double>(set.base.size()) / seconds / limits.bytes) << " |"
                  << std::endl;
    };
    row("kvmem", ours);
    if (const ReadCall peer = openblas_read(threads)) {
        std::vector<float> read(static_cast<std::size_t>(width));
        const double theirs = best_seconds(
            [&](int i) { peer(set.queries.row(i), set.base.data(), set.base.data(), n, width, read.data()); });
        row("OpenBLAS: sgemv, softmax, sgemv", theirs);
    }
}

// How fast slots are added to a store of each size: 64 wide, 20,000 at a time.
void growth_table(int threads) {
    const kvmem::ThreadLimit limit(threads);
    constexpr Index batch = 20'000, measured = 500'000;
    const VectorSet set = made_up(batch, 64, 0, 1);
    kvmem::store::MemoryStore memory({.key_width = 64});
    std::vector<kvmem::store::Id> ids(static_cast<std::size_t>(batch));
    const auto fill_to = [&](Index slots) {
        while (memory.size() < slots) {
            std::iota(ids.begin(), ids.end(), static_cast<kvmem::store::Id>(memory.size()));
            memory.add(set.base, {}, ids);
        }
    };
    std::cout << "\n## Adding, " << threads << (threads == 1 ? " thread" : " threads")
              << "\n\n| slots | adds/s | bytes/slot more |\n|---|---|---|\n";
    for (const Index slots : {1'000'000, 5'000'000}) {
        fill_to(slots - measured);
        const double start = seconds_now();
        fill_to(slots);
        const double seconds = seconds_now() - start;
        std::cout << "| " << slots << " | " << printed("%.0f", static_cast<double>(measured) / seconds) << " | "
                  << printed("%.1f", static_cast<double>(memory.memory_bytes()) / static_cast<double>(slots) - 256)
                  << " |" << std::endl;
    }
}

void run(const VectorSet& set, int threads, bool exact, bool approximate) {
    const kvmem::ThreadLimit limit(threads);
    const Limits limits{read_bandwidth(threads), peak_flops(threads)};
    std::cout << "\n## " << set.name << ", " << threads << (threads == 1 ? " thread" : " threads")
              << "\n\nRead bandwidth " << printed("%.1f GB/s", limits.bytes / 1e9) << ", FMA peak "
              << printed("%.1f GF/s", limits.flops / 1e9) << ".\n";
    std::vector<Peer> peers = kvmem_peers(threads);
    Truth truth(static_cast<std::size_t>(set.queries.rows() * k));
    peers[0].make(set.base).ways[0].second(set.queries, k, truth.data());
    check_truth(set, truth);
    for (const auto& more : {faiss_peers(threads), hnswlib_peers(threads)})
        peers.insert(peers.end(), more.begin(), more.end());
    if (exact) exact_table(set, peers, limits, truth), read_table(set, threads, limits);
    if (approximate) approximate_table(set, peers, truth);
}

}  // namespace

int main(int count, char** values) try {
    namespace po = boost::program_options;
    std::vector<int> threads;
    std::string only;
    po::options_description options("Options");
    options.add_options()("help", "print this and exit")("quick", "200,000 clustered vectors alone")(
        "threads", po::value(&threads)->multitoken()->default_value({1, 2}, "1 2"), "how many to measure with")(
        "only", po::value(&only)->default_value("all"), "exact, approximate or all");
    po::variables_map map;
    po::store(po::parse_command_line(count, values, options), map);
    po::notify(map);
    if (map.count("help")) return std::cout << options, 0;
    std::cout << "# kvmem's store and its peers\n\n"
              << processor_name() << ". The best of several runs; recall is against the exact result.\n";
    const auto each = [&](const VectorSet& set) {
        for (const int t : threads)
            if (set.base.rows() > 0) run(set, t, only != "approximate", only != "exact");
    };
    each(made_up(200'000, 128, 1000, 1));
    if (map.count("quick")) return 0;
    each(made_up(1'000'000, 128, 1000, 1));
    each(made_up(200'000, 128, 0, 1));
    each(fashion_mnist());
    if (only == "all")
        for (const int t : threads) growth_table(t);
    return 0;
} catch (const std::exception& e) {
    std::cerr << "error: " << e.what() << "\n";
    return 1;
}
