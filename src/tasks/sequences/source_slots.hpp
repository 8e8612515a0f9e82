// Which slots of the sources each hypothesis of a Decoding reads. Not installed.
#pragma once

#include "kvmem/kernels/attend.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace kvmem {

class SourceSlots {
  public:
    // Adds a hypothesis for each of these sources, behind the others.
    void add(std::span<const Index> offsets) {
        const Index slots = slot_offsets_.back();
        for (std::size_t i = 1; i < offsets.size(); ++i) {
            source_of_.push_back(std::ssize(slot_offsets_) - 1);
            slot_offsets_.push_back(slots + offsets[i]);
        }
        count();
    }
    // Hypothesis i becomes a copy of what hypothesis rows[i] was.
    void reorder(std::span<const Index> rows) {
        std::vector<Index> sources;
        for (const Index row : rows) sources.push_back(source_of_[row]);
        source_of_ = std::move(sources);
        count();
    }
    // Forgets the sources that no hypothesis reads. Returns the numbers that the others had.
    std::vector<Index> compact() {
        std::vector<Index> left, offsets{0};
        for (Index& source : source_of_) {
            if (left.empty() || left.back() != source) {
                left.push_back(source);
                offsets.push_back(offsets.back() + size(source));
            }
            source = std::ssize(left) - 1;
        }
        slot_offsets_ = std::move(offsets);
        count();
        return left;
    }

    // Hypotheses as queries of their sources' slots. Valid until the next call that changes the object.
    Segments segments() const { return {query_offsets_, slot_offsets_}; }
    Index source(Index row) const { return source_of_[row]; }
    Index first(Index source) const { return slot_offsets_[source]; }  // slot
    Index size(Index source) const { return slot_offsets_[source + 1] - slot_offsets_[source]; }
    // Where the weights of each hypothesis begin, one for each slot of its source, and where the last ones end.
    std::span<const Index> weight_offsets() const { return weight_offsets_; }

  private:
    void count() {
        query_offsets_.assign(slot_offsets_.size(), 0);
        weight_offsets_.assign(1, 0);
        for (const Index source : source_of_) {
            ++query_offsets_[source + 1];
            weight_offsets_.push_back(weight_offsets_.back() + size(source));
        }
        std::partial_sum(query_offsets_.begin(), query_offsets_.end(), query_offsets_.begin());
    }

    std::vector<Index> slot_offsets_{0}, query_offsets_;  // of each source
    std::vector<Index> source_of_, weight_offsets_;       // of each hypothesis
};

}  // namespace kvmem
