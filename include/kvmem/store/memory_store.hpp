// A key-value memory of vectors: add, search, read by attention, remove, filter, keep in a file, open again.
//
//     MemoryStore store({.key_width = 128, .value_width = 64});
//     store.add(keys, {.vectors = values}, ids);
//     Hits hits = store.search(queries, 10);
//
// StoredSlots have a key, and a value that is a vector, a text of any bytes, or both; they are called by 64-bit ids.
//
// Threads: any number of them may call const functions while one at a time changes the store (several that want to take
// turns by themselves). Every call works on one state of the store, the one that it found when it began, and sees all
// of a change or nothing of it. What a search finds does not depend on the number of threads, on how many queries are
// handed in at once, on the form that keys are scanned in, nor on where slots lie: scores are always worked out from
// the float keys in double and rounded once, and equal ones are in the order of their ids. (With `probes` it depends on
// the lists.)
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/kernels/attend.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem::store {

using Id = std::uint64_t;

// What a search goes through. Narrow codes take a half or a quarter of the time; what they may get wrong is bounded,
// and all slots that could belong to the result are compared again by their float keys, so that nothing is lost.
enum class KeyEncoding { float32, bfloat16, int8 };

// What files and command lines call them, in the order of the enumerations.
inline constexpr const char* metric_names[] = {"dot", "cosine", "euclidean"};
inline constexpr const char* encoding_names[] = {"float32", "bfloat16", "int8"};

struct StoreOptions {
    Index key_width = 0;                  // D: 1 to 65536
    Index value_width = 0;                // E: 0 for no value vectors, up to 65536
    Similarity metric = Similarity::dot;  // not additive
    KeyEncoding encoding = KeyEncoding::float32;

    bool operator==(const StoreOptions&) const = default;
};

// Values of slots to be added: vectors [n, E], empty when E is 0; texts, empty or n of them.
struct Values {
    ConstView vectors = {};
    std::span<const std::string> texts = {};
};

struct SearchOptions {
    std::optional<std::span<const Id>> among =
        std::nullopt;                         // only these, in any order; ids that are not there do no harm
    std::function<bool(Id)> where = nullptr;  // only those; may be called from several threads at once
    // Of the lists that index() made, go through so many that are nearest to each query. 0: all slots, exactly.
    // StoredSlots that were added since are always gone through.
    Index probes = 0;
};

// The best of each query, best first. Scores are those of the metric: products, cosines, or minus the squared distance.
struct Hits {
    Index k = 0;                // places of each query: what was asked for, or all slots of the store if they are fewer
    std::vector<Id> ids;        // [B, k]; 0 where there is nothing
    std::vector<float> scores;  // [B, k]; -inf where there is nothing
    std::vector<Index> count;   // [B]: how many there are; less than k only if the filter has no more

    std::span<const Id> ids_of(Index query) const {
        return {ids.data() + query * k, static_cast<std::size_t>(count[static_cast<std::size_t>(query)])};
    }
    std::span<const float> scores_of(Index query) const {
        return {scores.data() + query * k, static_cast<std::size_t>(count[static_cast<std::size_t>(query)])};
    }
};

// All slots in reach of each query: those of query i are [offsets[i], offsets[i + 1]), best first.
struct Neighbourhood {
    std::vector<Index> offsets;
    std::vector<Id> ids;
    std::vector<float> scores;
};

struct ReadOptions {
    Index top_k = 0;       // read the best k alone; 0: all of them
    Real temperature = 1;  // scores are divided by it; above 0
    Index heads = 1;  // queries and keys are so many heads of equal width, and values too; more than one only for dot
    SearchOptions search = {};
    bool copy_slots = false;  // with top_k: also give the keys and values that were read
};

// Softmax attention. A query that finds nothing reads zeros with log_sum_exp -inf.
struct ReadResult {
    Matrix values;               // [B, E]
    Matrix log_sum_exp;          // [B, heads], of all scores, or of the k best
    Hits hits;                   // with top_k: what was read, a row for each query and head
    std::vector<float> weights;  // of the hits
    // With copy_slots: of the hits, in the state that was read; zeros where there is nothing.
    Matrix slot_keys;    // [B * heads * hits.k, D]
    Matrix slot_values;  // [B * heads * hits.k, E]
};

// What get() found of each id. Rows of those that are missing are zeros.
struct StoredSlots {
    std::vector<bool> found;
    Matrix keys;                     // [n, D]
    Matrix values;                   // [n, E]
    std::vector<std::string> texts;  // [n], empty ones where there were none
};

struct IndexOptions {
    Index lists = 0;   // 0: about 2 sqrt(slots)
    Index rounds = 8;  // of k-means
    std::uint64_t seed = 1;
};

// How often a search with `probes` finds what the exact one does, of the first k, and how fast both were.
struct RecallReport {
    double recall = 0;
    double seconds_exact = 0, seconds_probing = 0;
};

// The first row that cannot be a key, a value or a query: its numbers must be finite, and their squares sum to less
// than 1e37. rows.rows when all of them can.
Index first_invalid_row(ConstView rows);

enum class Access {
    load,  // into memory, for reading and writing; changes go to a log beside the file. One process at a time
    // Read where it lies: opens at once, shares memory with other readers, refuses changes. Keys, values and what is
    // searched are not checked against their hashes, which would read all of them. Whoever else cuts the file short
    // in place, or takes its disk away, ends the process with SIGBUS; kvmem replaces files and never does.
    map,
};

// What a file says of itself; see MemoryStore::peek.
struct StoreInfo {
    StoreOptions options;
    Index slots = 0;  // in the file
    bool has_texts = false;
    Index lists = 0;
    std::string generator;
};

class MemoryStore {
  public:
    // An empty store in memory. Throws Error when an option is out of range.
    explicit MemoryStore(const StoreOptions& options);
    ~MemoryStore();
    // Whatever is then asked of the one that was moved from throws Error.
    MemoryStore(MemoryStore&&) noexcept;
    MemoryStore& operator=(MemoryStore&&) noexcept;

    StoreOptions options() const;
    Index size() const;
    bool has_texts() const;   // whether any slot was ever added with one
    Index lists() const;      // of the index; 0 when there is none
    Index unindexed() const;  // slots that are in no list
    // Bytes held for slots: keys, codes, values, texts, ids. Of a mapped store what is not in the file.
    std::size_t memory_bytes() const;
    // Changes since the store was made; in a file, too.
    std::uint64_t version() const;

    // --- Changes: all of a call or, when it throws, nothing of it ---

    // keys [n, D] of finite numbers whose squares sum to less than 1e37. Throws Error when an id is there already or
    // comes twice.
    void add(ConstView keys, const Values& values, std::span<const Id> ids);
    // The same, in place of what these ids had.
    void upsert(ConstView keys, const Values& values, std::span<const Id> ids);
    // How many there were of these ids; others do no harm.
    Index remove(std::span<const Id> ids);
    // Makes lists by k-means (Lloyd 1982) over all slots, so that search can probe. Rewrites the slots in memory.
    void index(const IndexOptions& options = {});
    // Gives back the room of removed slots, and puts slots that were added since index() into its lists. Of a store
    // with a file: writes the file anew and empties the log.
    void compact();

    // --- Questions ---

    bool contains(Id id) const;
    StoredSlots get(std::span<const Id> ids) const;
    std::vector<Id> ids() const;  // all, rising

    Hits search(ConstView queries, Index k, const SearchOptions& options = {}) const;
    // StoredSlots whose score is `least` or more. Within a distance r by the Euclidean metric: least = -r * r.
    Neighbourhood search_within(ConstView queries, float least, const SearchOptions& options = {}) const;
    ReadResult read(ConstView queries, const ReadOptions& options = {}) const;
    // Of a search with these options, `probes` among them, beside the same one without probes.
    RecallReport measure_recall(ConstView queries, Index k, const SearchOptions& probing) const;

    // --- Files (datasets/README.md) ---
    //
    // Several threads may read and write files at once. HDF5 serves them in turn: open(), save(), and index() and
    // compact() of a store with a file.

    // Writes all slots to a file, in place of what was there, all or nothing. The store stays what it is: in memory, or
    // of the file that it was opened from.
    void save(const std::filesystem::path& path) const;
    // Opens a file with what its log holds. Throws Error when it is no store, is damaged, or (load) is being written to
    // by somebody else.
    static MemoryStore open(const std::filesystem::path& path, Access access = Access::load);
    // Makes a new file, which must not exist, and opens it to load. When it throws, nothing is left of it.
    static MemoryStore create(const std::filesystem::path& path, const StoreOptions& options);
    // Reads the header alone.
    static StoreInfo peek(const std::filesystem::path& path);
    // Returns when all changes so far are on the disk. A process that is killed loses none that returned; the system,
    // if it fails, those since the last sync(). Of a store without a file: does nothing.
    void sync();

  private:
    struct Impl;
    explicit MemoryStore(std::unique_ptr<Impl> impl);
    Impl& impl() const;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem::store
