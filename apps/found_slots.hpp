// What a search of a store finds for one query, as JSON.
#pragma once

#include "kvmem/store/memory_store.hpp"

#include <span>
#include <string>

namespace kvmem::apps {

// The hits of one query: views of a store::ReadResult.
struct FoundSlots {
    Index query;
    std::string name;  // of the query's row in its file, or ""
    std::span<const store::Id> ids;
    std::span<const float> scores;
    std::span<const float> weights;  // of a read
    std::span<const Real> read;      // of a read
    ConstView values;                // of a read that copies slots, a row for each id
};

// The hits of a query. A search has only hits. Valid as long as the result.
FoundSlots found_by(const store::ReadResult& read, Index query, std::string name = {});

// The line that 'kvmem query --json' prints, without its end.
std::string json_line(const store::MemoryStore& store, const FoundSlots& found);

}  // namespace kvmem::apps
