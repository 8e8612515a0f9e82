#include "store_peers.hpp"

#include "kvmem/core/parallel.hpp"
#include "kvmem/store/memory_store.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#ifdef KVMEM_BENCH_FAISS
#include <faiss/IndexFlat.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/IndexScalarQuantizer.h>
#include <omp.h>
#endif
#ifdef KVMEM_BENCH_HNSWLIB
#include <hnswlib/hnswlib.h>
#endif
#ifdef KVMEM_BENCH_OPENBLAS
#include <cblas.h>
extern "C" void openblas_set_num_threads(int);
#endif

namespace bench {

using kvmem::ConstView;
using kvmem::Index;

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// --- kvmem -----------------------------------------------------------------------------------------------

namespace {

namespace store = kvmem::store;

std::shared_ptr<store::MemoryStore> filled(ConstView base, store::KeyEncoding encoding) {
    auto memory =
        std::make_shared<store::MemoryStore>(store::StoreOptions{.key_width = base.cols, .encoding = encoding});
    std::vector<store::Id> ids(static_cast<std::size_t>(base.rows));
    std::iota(ids.begin(), ids.end(), store::Id{0});
    memory->add(base, {}, ids);
    return memory;
}

SearchCall search_of(std::shared_ptr<store::MemoryStore> memory, Index probes) {
    return [memory, probes](ConstView queries, Index k, std::int64_t* ids) {
        store::SearchOptions options;
        options.probes = probes;
        const store::Hits hits = memory->search(queries, k, options);
        std::copy(hits.ids.begin(), hits.ids.end(), ids);
    };
}

double extra_bytes(const store::MemoryStore& memory, ConstView base) {
    return static_cast<double>(memory.memory_bytes()) / static_cast<double>(base.rows) -
           static_cast<double>(base.cols) * 4;
}

}  // namespace

std::vector<Peer> kvmem_peers(int) {
    std::vector<Peer> peers;
    const char* names[] = {"float32", "bfloat16", "int8"};
    for (const int encoding : {0, 1, 2})
        peers.push_back({true, [=](ConstView base) {
                             Searcher searcher{std::string("kvmem ") + names[encoding], 0, 0, {}};
                             const double start = seconds_now();
                             const auto memory = filled(base, static_cast<store::KeyEncoding>(encoding));
                             searcher.build_seconds = seconds_now() - start;
                             searcher.bytes_per_vector = extra_bytes(*memory, base);
                             searcher.ways.push_back({"all", search_of(memory, 0)});
                             return searcher;
                         }});
    peers.push_back({false, [](ConstView base) {
                         const auto memory = filled(base, store::KeyEncoding::int8);
                         Searcher searcher{"kvmem lists, int8", 0, 0, {}};
                         const double start = seconds_now();
                         memory->index();
                         searcher.build_seconds = seconds_now() - start;
                         searcher.bytes_per_vector = extra_bytes(*memory, base);
                         for (const Index probes : {1, 2, 3, 4, 6, 8, 16, 32})
                             searcher.ways.push_back(
                                 {std::to_string(memory->lists()) + " lists, probes " + std::to_string(probes),
                                  search_of(memory, probes)});
                         return searcher;
                     }});
    return peers;
}

// --- FAISS -----------------------------------------------------------------------------------------------

#ifdef KVMEM_BENCH_FAISS
static SearchCall search_of(std::shared_ptr<faiss::Index> index, std::size_t probes) {
    return [index, probes](ConstView queries, Index k, std::int64_t* ids) {
        std::vector<float> scores(static_cast<std::size_t>(queries.rows * k));
        if (auto* lists = dynamic_cast<faiss::IndexIVF*>(index.get())) lists->nprobe = probes;
        index->search(queries.rows, queries.data, k, scores.data(), ids);
    };
}

std::vector<Peer> faiss_peers(int threads) {
    std::vector<Peer> peers;
    peers.push_back({true, [threads](ConstView base) {
                         omp_set_num_threads(threads);
                         const auto index = std::make_shared<faiss::IndexFlatIP>(base.cols);
                         index->add(base.rows, base.data);
                         return Searcher{"FAISS 1.7.3 (Debian) IndexFlatIP", 0, 0, {{"all", search_of(index, 0)}}};
                     }});
    for (const bool half : {false, true})
        peers.push_back(
            {false, [threads, half](ConstView base) {
                 omp_set_num_threads(threads);
                 const auto centroids = std::make_shared<faiss::IndexFlatIP>(base.cols);
                 const std::size_t lists = base.rows > 500'000 ? 2048 : 1024;
                 const auto width = static_cast<std::size_t>(base.cols);
                 std::shared_ptr<faiss::IndexIVF> index;
                 if (half)
                     index = std::make_shared<faiss::IndexIVFScalarQuantizer>(
                         centroids.get(), width, lists, faiss::ScalarQuantizer::QT_fp16, faiss::METRIC_INNER_PRODUCT);
                 else
                     index = std::make_shared<faiss::IndexIVFFlat>(centroids.get(), width, lists,
                                                                   faiss::METRIC_INNER_PRODUCT);
                 const double start = seconds_now();
                 index->train(base.rows, base.data);
                 index->add(base.rows, base.data);
                 Searcher searcher{
                     std::string("FAISS 1.7.3 (Debian) IVF") + std::to_string(lists) + (half ? ",fp16" : ",Flat"),
                     seconds_now() - start,
                     -1,
                     {}};
                 // The index looks at the centroids but does not own them.
                 const std::shared_ptr<faiss::Index> owner(index.get(), [index, centroids](faiss::Index*) {});
                 for (const std::size_t probes : {1, 2, 4, 8, 16, 32})
                     searcher.ways.push_back({"nprobe " + std::to_string(probes), search_of(owner, probes)});
                 return searcher;
             }});
    return peers;
}
#else
std::vector<Peer> faiss_peers(int) { return {}; }
#endif

// --- hnswlib ---------------------------------------------------------------------------------------------

#ifdef KVMEM_BENCH_HNSWLIB
std::vector<Peer> hnswlib_peers(int) {
    return {{false, [](ConstView base) {
                 const auto space = std::make_shared<hnswlib::InnerProductSpace>(static_cast<std::size_t>(base.cols));
                 const std::shared_ptr<hnswlib::HierarchicalNSW<float>> graph(
                     new hnswlib::HierarchicalNSW<float>(space.get(), static_cast<std::size_t>(base.rows), 16, 200),
                     [space](hnswlib::HierarchicalNSW<float>* p) { delete p; });
                 const double start = seconds_now();
                 graph->addPoint(base.row(0), 0);
                 kvmem::parallel_for(base.rows - 1, 256, [&](Index first, Index last) {
                     for (Index i = first + 1; i <= last; ++i)
                         graph->addPoint(base.row(i), static_cast<std::size_t>(i));
                 });
                 Searcher searcher{"hnswlib (Debian) M16 efC200", seconds_now() - start, -1, {}};
                 for (const std::size_t ef : {10, 16, 32, 64, 128})
                     searcher.ways.push_back(
                         {"ef " + std::to_string(ef), [graph, ef](ConstView queries, Index k, std::int64_t* ids) {
                              graph->setEf(std::max(ef, static_cast<std::size_t>(k)));
                              kvmem::parallel_for(queries.rows, 8, [&](Index first, Index last) {
                                  for (Index q = first; q < last; ++q) {
                                      auto found = graph->searchKnn(queries.row(q), static_cast<std::size_t>(k));
                                      for (Index i = static_cast<Index>(found.size()) - 1; i >= 0; --i, found.pop())
                                          ids[q * k + i] = static_cast<std::int64_t>(found.top().second);
                                  }
                              });
                          }});
                 return searcher;
             }}};
}
#else
std::vector<Peer> hnswlib_peers(int) { return {}; }
#endif

// --- OpenBLAS --------------------------------------------------------------------------------------------

#ifdef KVMEM_BENCH_OPENBLAS
ReadCall openblas_read(int threads) {
    openblas_set_num_threads(threads);
    return [scores = std::vector<float>()](const float* query, const float* keys, const float* values, Index slots,
                                           Index width, float* read) mutable {
        scores.resize(static_cast<std::size_t>(slots));
        const auto n = static_cast<int>(slots), d = static_cast<int>(width);
        cblas_sgemv(CblasRowMajor, CblasNoTrans, n, d, 1, keys, d, query, 1, 0, scores.data(), 1);
        const float most = *std::max_element(scores.begin(), scores.end());
        float sum = 0;
        for (float& score : scores) sum += score = std::exp(score - most);
        cblas_sgemv(CblasRowMajor, CblasTrans, n, d, 1 / sum, values, d, scores.data(), 1, 0, read, 1);
    };
}
#else
ReadCall openblas_read(int) { return nullptr; }
#endif

}  // namespace bench
