// A store as simple as can be, to hold the real one against; and keys to fill both with.
#pragma once

#include "kvmem/core/rng.hpp"
#include "kvmem/store/memory_store.hpp"
#include "random.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <vector>

namespace kvmem::test {

using store::Hits;
using store::Id;
using store::KeyEncoding;
using store::MemoryStore;
using store::StoreOptions;

struct TwinSlot {
    std::vector<float> key, value;
    std::string text;
    bool operator==(const TwinSlot&) const = default;
};
struct TwinHit {
    Id id;
    float score;
    bool operator==(const TwinHit&) const = default;
};

class Twin {
  public:
    explicit Twin(Similarity metric) : metric_(metric) {}

    std::map<Id, TwinSlot> slots;

    void put(ConstView keys, ConstView values, const std::vector<std::string>& texts, const std::vector<Id>& ids) {
        for (std::size_t i = 0; i < ids.size(); ++i) {
            const auto row = static_cast<Index>(i);
            slots[ids[i]] = {{keys.row(row), keys.row(row) + keys.cols},
                             {values.row(row), values.row(row) + values.cols},
                             texts.empty() ? std::string() : texts[i]};
        }
    }

    float score(const float* query, const std::vector<float>& key) const {
        double dot = 0, squares = 0, query_square = 0, key_square = 0;
        for (std::size_t i = 0; i < key.size(); ++i) {
            const double q = double{query[i]}, k = double{key[i]};
            dot += q * k, squares += (q - k) * (q - k), query_square += q * q, key_square += k * k;
        }
        if (metric_ == Similarity::dot) return static_cast<float>(dot);
        if (metric_ == Similarity::euclidean) return static_cast<float>(-squares);
        const double norms = std::sqrt(query_square) * std::sqrt(key_square);
        return norms > 0 ? static_cast<float>(dot / norms) : 0.0f;
    }

    template <class Passes>
    std::vector<TwinHit> search(const float* query, Index k, Passes passes) const {
        std::vector<TwinHit> all;
        for (const auto& [id, slot] : slots)
            if (passes(id)) all.push_back({id, score(query, slot.key)});
        std::stable_sort(all.begin(), all.end(), [](const TwinHit& a, const TwinHit& b) { return a.score > b.score; });
        all.resize(std::min(all.size(), static_cast<std::size_t>(k)));
        return all;
    }
    std::vector<TwinHit> search(const float* query, Index k) const {
        return search(query, k, [](Id) { return true; });
    }

  private:
    Similarity metric_;
};

// Small whole numbers: sums of their products are exact in any order, so that scores, and ties, are the same to the
// bit.
inline Matrix whole_numbers(Index rows, Index cols, std::uint64_t seed, Index most = 8) {
    Matrix m(rows, cols);
    Rng rng(seed);
    for (Real& x : m.view().span()) x = static_cast<Real>(rng.below(2 * most + 1) - most);
    return m;
}

inline std::vector<Id> ids_from(Id first, Index count) {
    std::vector<Id> ids(count);
    std::iota(ids.begin(), ids.end(), first);
    return ids;
}

inline std::vector<TwinHit> row_of(const Hits& hits, Index query) {
    std::vector<TwinHit> row;
    for (std::size_t i = 0; i < hits.ids_of(query).size(); ++i)
        row.push_back({hits.ids_of(query)[i], hits.scores_of(query)[i]});
    return row;
}

}  // namespace kvmem::test
