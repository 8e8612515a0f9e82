// Who searches vectors: kvmem's store and, where they are installed, FAISS and hnswlib.
#pragma once

#include "kvmem/core/matrix.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bench {

// Fills ids [queries, k] of the largest products.
using SearchCall = std::function<void(kvmem::ConstView queries, kvmem::Index k, std::int64_t* ids)>;

struct Searcher {
    std::string name;
    double build_seconds = 0;
    double bytes_per_vector = 0;  // beyond the float32 keys; below 0: not known
    // How hard to look, and the search that does it: one for an exact searcher.
    std::vector<std::pair<std::string, SearchCall>> ways;
};

using MakeSearcher = std::function<Searcher(kvmem::ConstView base)>;
struct Peer {
    bool is_exact;
    MakeSearcher make;
};

std::vector<Peer> kvmem_peers(int threads);
std::vector<Peer> faiss_peers(int threads);    // none where it is not installed
std::vector<Peer> hnswlib_peers(int threads);  // the same

// softmax(q K') V by OpenBLAS's matrix-vector products and a loop; empty where it is not installed.
using ReadCall = std::function<void(const float* query, const float* keys, const float* values, kvmem::Index slots,
                                    kvmem::Index width, float* read)>;
ReadCall openblas_read(int threads);

double seconds_now();

}  // namespace bench
