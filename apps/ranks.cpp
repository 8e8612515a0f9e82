#include "ranks.hpp"

#include "kvmem/cluster/agreement.hpp"
#include "kvmem/cluster/mpi.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/tasks/qa/shards.hpp"
#include "program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace kvmem::apps {

// Ends the processes of all ranks. The same error is often one of all ranks: then the first one saves its best model
// and ends them. So the others wait before they do, up to 4 s, since the first one may wait for them.
[[noreturn]] static void abort_all(const Cluster& cluster) {
    const auto [what, code] = current_failure();
    if (cluster.rank() > 0)
        std::this_thread::sleep_for(std::chrono::milliseconds(3000 + 100 * std::min<Index>(cluster.rank() - 1, 10)));
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    std::cerr << printable("error: rank " + std::to_string(cluster.rank()) + " of " + std::to_string(cluster.size()) +
                           " on " + host + ": " + what)
              << std::endl;
    abort_mpi(code);
}

// KVMEM_CLUSTER_DELAY is the time in microseconds that an exchange takes at least, for measurements.
static void set_delay(Cluster& cluster) {
    const char* const text = std::getenv("KVMEM_CLUSTER_DELAY");
    if (!text || !*text) return;
    const auto delay = number_of<Index>(text);
    if (!delay || *delay < 0)
        throw UsageError({.what = "bad value of the environment variable KVMEM_CLUSTER_DELAY",
                          .expected = "microseconds",
                          .got = text});
    cluster.delay(std::chrono::microseconds(*delay));
}

std::vector<QaDataset> open_shards_of_rank(const std::filesystem::path& manifest, const Cluster& cluster) {
    if (!is_sharded_dataset(manifest))
        throw Error({.what = "several ranks read a data set in shards alone",
                     .expected = "the manifest that 'kvmem shard' writes",
                     .got = is_there(manifest) ? "another file" : "none",
                     .where = manifest.string()});
    const ShardedDataset all = read_shard_manifest(manifest);
    const Dealt own = deal_evenly(std::ssize(all.files), cluster.rank(), cluster.size());
    std::vector<QaDataset> shards;
    shards.reserve(static_cast<std::size_t>(own.last - own.first));
    for (Index i = own.first; i < own.last; ++i) shards.push_back(load_shard(all, i));
    return shards;
}

int ask_shards(Cluster& cluster, const std::vector<ShardReader>& own, const std::function<int(ShardCall)>& ask) {
    if (cluster.rank() > 0) {
        serve_shards(cluster, own);
        return 0;
    }
    const int code = ask(call_to_ranks(cluster, own));
    end_shards(cluster);
    return code;
}

int on_ranks(const std::function<int(Cluster*)>& verb) {
    if (!is_under_mpi()) return verb(nullptr);
    const std::unique_ptr<Cluster> cluster = join_mpi();
    try {
        if (cluster->rank() > 0) ::dup2(::open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
        set_delay(*cluster);
        agree_on_instruction_set(*cluster);
        const int code = verb(cluster->size() > 1 ? cluster.get() : nullptr);
        std::cout.flush();
        cluster->end();
        return code;
    } catch (...) {
        abort_all(*cluster);
    }
}

}  // namespace kvmem::apps
