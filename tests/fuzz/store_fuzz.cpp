// Any bytes are a store's file, or its log, or an Error.
#include "kvmem/core/error.hpp"
#include "store/files/log.hpp"
#include "store/files/store_file.hpp"
#include "store/log_checksums.hpp"
#include "store/search/search.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

using namespace kvmem;
using namespace kvmem::store;

// What was loaded is searched.
static void load(std::span<const std::byte> bytes) {
    const StoredSegment stored = load_store(bytes, "fuzz");
    const Index slots = stored.head.slots;
    if (slots == 0) return;
    const Snapshot snapshot{stored.head.options, {{stored.segment, slots, nullptr}}, slots, 0, stored.head.has_texts};
    const ConstView queries{stored.segment->keys.data(), std::min<Index>(slots, 3), stored.head.options.key_width};
    SearchOptions options;
    options.probes = 1;
    search(snapshot, Queries(queries, snapshot.options), 5, -std::numeric_limits<float>::infinity(), options);
}

// A first byte below 0x80 (a file begins with 0x89) is followed by a log; its lowest bit asks for right checksums,
// which no changed bytes would have otherwise.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        if (size > 0 && data[0] < 0x80) {
            std::string log(reinterpret_cast<const char*>(data + 1), size - 1);
            if (data[0] & 1) log = test::with_checksums(std::move(log));
            const std::uint64_t generation = log_generation(log, "fuzz");
            replay_log(log, "fuzz", {.key_width = 1 + (data[0] >> 3), .value_width = data[0] & 3}, generation & 1,
                       [](const Record&) {});
        } else {
            load(std::as_bytes(std::span(data, size)));
        }
    } catch (const Error&) {
    }
    return 0;
}
