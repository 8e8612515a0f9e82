// A store of key-value vectors: add, search, read by attention, remove, filter, save and open again.
//
//     MemoryStore store({.key_width = 128, .value_width = 64});
//     store.add(keys, {.vectors = values});                     // the store numbers the slots
//     for (auto [id, score] : store.search(query, 10)) ...      // one query, a span
//     Hits hits = store.search(queries, 10);                    // many, a matrix
//     for (auto [id, score] : hits[0]) ...
//
// A slot has an id of 64 bits, a key, and a value that is a vector, a text of any bytes, or both.
//
// Threads: any number of threads may call const functions while another thread changes the store. Threads that change
// it wait for each other. Every call works on one snapshot, taken when the call begins: it sees all of a change or
// none.
//
// Results: scores are computed from the float keys in double and rounded once; equal scores are ordered by id. So a
// result does not depend on the number of threads, the batch, the encoding, the number of shards or where slots lie.
// With `probes` it depends on the index. The last digits of a read of all slots depend on where they lie, unless
// `exact_sums` is set or the store is in shards.
//
// Lifetimes: arguments are copied, and results are copies; neither outlives or follows the other. The one exception is
// Hits, whose views point into it.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/kernels/attend.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem::store {

// The name of a slot.
using Id = std::uint64_t;

// The encoding of keys that a search scans. bfloat16 halves the time and int8 quarters it. Neither loses a result: the
// error of an encoding is bounded, and every slot within the bound is scored again by its float key.
enum class KeyEncoding { float32, bfloat16, int8 };

// Their names in files and on command lines, in the order of the enumerations.
inline constexpr const char* metric_names[] = {"dot", "cosine", "euclidean"};
inline constexpr const char* encoding_names[] = {"float32", "bfloat16", "int8"};

// What all slots of a store have in common.
struct StoreOptions {
    Index key_width = 0;                  // D: 1 to 65536
    Index value_width = 0;                // E: 0 for no value vectors, up to 65536
    Similarity metric = Similarity::dot;  // not additive
    // What searches scan.
    KeyEncoding encoding = KeyEncoding::float32;

    bool operator==(const StoreOptions&) const = default;
};

// Values of slots to add: vectors [n, E], empty when E is 0; texts, empty or n of them.
struct Values {
    // Rows belong to the keys of the same number.
    ConstView vectors = {};
    std::span<const std::string> texts = {};
};

// Which slots a search finds, and how.
struct SearchOptions {
    // Finds these ids alone, in any order. Ids that are not in the store are ignored.
    std::optional<std::span<const Id>> among = std::nullopt;
    // Finds only ids for which this is true. Several threads may call it at once.
    std::function<bool(Id)> where = nullptr;
    // Scans this number of lists of index(), the nearest to each query; 0 scans all slots, exactly. Slots that were
    // added after index() are always scanned.
    Index probes = 0;
};

// A slot that a search found.
struct Hit {
    // The slot, and its score by the metric.
    Id id;
    float score;

    bool operator==(const Hit&) const = default;
};

// The hits of one query, best first: a view of two arrays that it does not own.
class HitView {
  public:
    // An input iterator over hits, made of pointers into both arrays.
    struct Iterator {
        // What the standard library needs to know.
        using value_type = Hit;
        using difference_type = std::ptrdiff_t;
        const Id* id = nullptr;
        const float* score = nullptr;

        // As of every input iterator.
        Hit operator*() const { return {*id, *score}; }
        Iterator& operator++() { return ++id, ++score, *this; }
        Iterator operator++(int) { return {id++, score++}; }
        bool operator==(const Iterator&) const = default;
    };

    // Both arrays have one entry for each hit.
    HitView(std::span<const Id> ids, std::span<const float> scores) : ids_(ids), scores_(scores) {}

    // The number of hits, one hit, and iteration over them.
    Index size() const { return std::ssize(ids_); }
    bool empty() const { return ids_.empty(); }
    Hit operator[](Index i) const { return {ids_[i], scores_[i]}; }
    Iterator begin() const { return {ids_.data(), scores_.data()}; }
    Iterator end() const { return {ids_.data() + size(), scores_.data() + size()}; }

  private:
    std::span<const Id> ids_;
    std::span<const float> scores_;
};

// The best slots of each query, best first. A score is that of the metric: the product, the cosine, or minus the
// squared distance. The views of a query are valid as long as the Hits; asking a temporary for one does not compile.
struct Hits {
    Index k = 0;                // places for each query: the k of the call, or the size of a smaller store
    std::vector<Id> ids;        // [B, k]; 0 in an empty place
    std::vector<float> scores;  // [B, k]; -inf in an empty place
    std::vector<Index> count;   // [B]: hits of each query; less than k only if the filter passes fewer

    // The hits of one query without empty places, as two arrays or together.
    std::span<const Id> ids_of(Index query) const& { return {ids.data() + query * k, size_of(query)}; }
    std::span<const float> scores_of(Index query) const& { return {scores.data() + query * k, size_of(query)}; }
    HitView operator[](Index query) const& { return {ids_of(query), scores_of(query)}; }

    void ids_of(Index query) const&& = delete;
    void scores_of(Index query) const&& = delete;
    void operator[](Index query) const&& = delete;

  private:
    std::size_t size_of(Index query) const { return static_cast<std::size_t>(count[query]); }
};

// All slots in reach of each query: those of query i are [offsets[i], offsets[i + 1]), best first.
struct Neighbourhood {
    // Each id has its score at the same place.
    std::vector<Index> offsets;
    std::vector<Id> ids;
    std::vector<float> scores;
};

// How a store is read by attention.
struct ReadOptions {
    Index top_k = 0;       // attends to the best k alone; 0: to all slots
    Real temperature = 1;  // divides the scores; above 0
    Index heads = 1;       // of equal width, in queries, keys and values; above 1 only for the dot metric
    // Which slots are read.
    SearchOptions search = {};
    bool copy_slots = false;  // with top_k: also returns the keys and values of the hits
    // Of all slots: scores in double and sums of whole numbers, whose bits depend on the slots alone. A query of many
    // takes some ten times as long. Stores in shards always read so.
    bool exact_sums = false;
};

// Softmax attention. A query that finds nothing reads zeros with log_sum_exp -inf.
struct ReadResult {
    Matrix values;               // [B, E]
    Matrix log_sum_exp;          // [B, heads], of all scores, or of the k best
    Hits hits;                   // with top_k: the slots that were read, a row for each query and head
    std::vector<float> weights;  // attention weights of the hits
    // With copy_slots: of the hits, in the snapshot that was read; zeros in an empty place.
    Matrix slot_keys;    // [B * heads * hits.k, D]
    Matrix slot_values;  // [B * heads * hits.k, E]
};

// The softmax of a query's hits, best first, as read() has it: sets a weight for each score, and returns the log of the
// sum of exp(score / temperature). For hits of several stores.
Real weigh_hits(std::span<const float> scores, Real temperature, std::span<float> weights);

// Copies of slots, in the order of the ids that get() was given. Rows of missing ids are zeros.
struct StoredSlots {
    // Whether each id is in the store, [n].
    std::vector<bool> found;
    Matrix keys;                     // [n, D]
    Matrix values;                   // [n, E]
    std::vector<std::string> texts;  // [n]; empty for a slot without one
};

// How index() builds lists.
struct IndexOptions {
    Index lists = 0;   // 0: about 2 sqrt(slots)
    Index rounds = 8;  // of k-means
    // The seed of every random choice.
    std::uint64_t seed = 1;
};

// The share of the exact top k that a search with `probes` finds, and the seconds that each of the two took.
struct RecallReport {
    // The share is from 0 to 1, and the seconds are those of all queries.
    double recall = 0;
    double seconds_exact = 0, seconds_probing = 0;
};

// The first row that is no valid key, value or query, or rows.rows. A valid row has finite numbers whose squares sum to
// less than 1e37.
[[nodiscard]] Index first_invalid_row(ConstView rows);

// How a file is opened.
enum class Access {
    // Reads the file into memory, to read and write. Changes go to a log beside the file. One process at a time.
    load,
    // Maps the file, to read only: opens at once and shares memory with other readers. Keys, values and codes are not
    // checked against their hashes, which would read all of them. SIGBUS ends the process when another program
    // truncates the file in place, or its disk goes away. kvmem replaces files and never truncates them.
    map,
};

// The header of a file; see MemoryStore::peek.
struct StoreInfo {
    // What all slots have in common.
    StoreOptions options;
    Index slots = 0;  // in the file
    // Whether slots have texts, the number of lists of index(), and the program that wrote the file.
    bool has_texts = false;
    Index lists = 0;
    std::string generator;
    std::vector<std::filesystem::path> shards;  // their files; none for a store in one file
};

// Which shard of a store in shards a file is.
struct StoreShard {
    // The id that the store was given when it was made, the number of the shard from 0, and the number of all.
    std::uint64_t set = 0;
    Index number = 0, count = 1;
    // Whether all are equal.
    bool operator==(const StoreShard&) const = default;
};

// What open() found beside the slots.
struct OpenReport {
    // Of the file of a shard that was opened by itself, which one it is.
    std::optional<StoreShard> shard{};
    // Whether a log was begun when the file was written, and none is beside it: if there were changes since, they are
    // lost, as when a file is moved alone. Files of older versions do not tell.
    bool lacks_log = false;
    // Whether index() ended before all shards had its lists, so that the store has none until index() is called.
    bool lost_lists = false;
};

// The shard of a slot, of 1 or more: a hash of its id, the same in every process and version.
[[nodiscard]] Index shard_of(Id id, Index shards);

// Whether a file begins as the manifest of a store in shards does. False for what cannot be read.
[[nodiscard]] bool is_sharded(const std::filesystem::path& path);

class MemoryStore {
  public:
    // An empty store in memory. Throws Error when an option is out of range.
    explicit MemoryStore(const StoreOptions& options);
    ~MemoryStore();
    // A store that was moved from may be assigned to or destroyed. Any other call throws Error.
    MemoryStore(MemoryStore&&) noexcept;
    MemoryStore& operator=(MemoryStore&&) noexcept;

    // What the store was made with, and the number of its slots.
    [[nodiscard]] StoreOptions options() const;
    [[nodiscard]] Index size() const;
    [[nodiscard]] bool has_texts() const;   // whether any slot was ever added with one
    [[nodiscard]] Index lists() const;      // of the index; 0 without one
    [[nodiscard]] Index unindexed() const;  // slots that are in no list
    // Bytes of keys, codes, values, texts and ids in memory. Those of a mapped file do not count.
    [[nodiscard]] std::size_t memory_bytes() const;
    // What open() found; nothing for a store that was not opened.
    [[nodiscard]] const OpenReport& report() const;
    // The number of changes since the store was made, across files.
    [[nodiscard]] std::uint64_t version() const;

    // --- Changes: a call that throws changes nothing ---

    // Adds slots with these ids. keys is [n, D]; every row must be valid (first_invalid_row). Throws Error when an id
    // is in the store or comes twice.
    void add(ConstView keys, const Values& values, std::span<const Id> ids);
    // Adds slots with consecutive ids and returns the first. It is one more than the largest id that was ever added or
    // upserted, or 0 in a new store: ids of removed slots do not come back, not even after compact() or open(). Throws
    // Error when no ids are left, as after the id 2^64 - 1.
    Id add(ConstView keys, const Values& values = {});
    // Adds one slot: a key of D numbers, and a value of E unless E is 0.
    void add(Id id, std::span<const float> key, std::span<const float> value = {});
    // Adds slots or replaces those that have these ids.
    void upsert(ConstView keys, const Values& values, std::span<const Id> ids);
    // Removes slots and returns how many there were. Ids that are not in the store are ignored.
    Index remove(std::span<const Id> ids);
    // Builds inverted lists by k-means (Lloyd 1982) over all slots, for searches with probes. Rewrites the slots.
    void index(const IndexOptions& options = {});
    // Frees the memory of removed slots and puts slots that were added after index() into its lists. A store with a
    // file writes its file anew and empties its log.
    void compact();

    // --- Queries ---

    // Whether slots are in the store, and copies of them.
    [[nodiscard]] bool contains(Id id) const;
    [[nodiscard]] StoredSlots get(std::span<const Id> ids) const;
    [[nodiscard]] std::vector<Id> ids() const;  // all, ascending

    // The k best slots of each query [B, D].
    [[nodiscard]] Hits search(ConstView queries, Index k, const SearchOptions& options = {}) const;
    // The k best slots of one query of D numbers.
    [[nodiscard]] std::vector<Hit> search(std::span<const float> query, Index k,
                                          const SearchOptions& options = {}) const;
    // All slots with a score of at least min_score. Within a distance r by the Euclidean metric: min_score = -r * r.
    [[nodiscard]] Neighbourhood search_within(ConstView queries, float min_score,
                                              const SearchOptions& options = {}) const;
    // Attention of the queries [B, D] over the slots. Throws Error when the store has no value vectors.
    [[nodiscard]] ReadResult read(ConstView queries, const ReadOptions& options = {}) const;
    // Compares a search with these options with the same search without probes.
    [[nodiscard]] RecallReport measure_recall(ConstView queries, Index k, const SearchOptions& probing) const;

    // --- Files (src/store/files/README.md) ---
    //
    // Several threads may read and write files at once. HDF5 serves them in turn in open(), save(), and in index() and
    // compact() of a store with a file.

    // Writes all slots to a file, all or nothing, in place of an old one. The store keeps its own file or none.
    void save(const std::filesystem::path& path) const;
    // Opens a file, or a manifest with all of its shards, and replays its log. Throws Error when it is no store, is
    // damaged, or (load) another process writes to it; one that names the file when a shard is missing, damaged,
    // another's, or was changed by itself.
    [[nodiscard]] static MemoryStore open(const std::filesystem::path& path, Access access = Access::load);
    // Maps the shards [first, last) of a store in shards alone, to read only: it has their slots and no others. Throws
    // Error as open() does, but of other shards' files it knows nothing.
    [[nodiscard]] static MemoryStore open_shards(const std::filesystem::path& path, Index first, Index last);
    // Makes a new file, which must not exist, and opens it to load. Leaves no file behind when it throws. With
    // `shards`, up to 1024, it is a manifest, and slots lie in that number of files beside it (shard_of). Each of these
    // is a store for readers: it has what compact() or index() wrote last. Changes since are in the one log of the
    // manifest, so that a kill at any moment leaves all of a change or none.
    static MemoryStore create(const std::filesystem::path& path, const StoreOptions& options, Index shards = 0);
    // Reads the header alone.
    [[nodiscard]] static StoreInfo peek(const std::filesystem::path& path);
    // Returns when all changes so far are on the disk. A killed process loses no change that returned; a power loss may
    // lose changes after the last sync(). Does nothing for a store without a file.
    void sync();

  private:
    struct Impl;
    enum class Made { whole };  // keeps MemoryStore({}) from being ambiguous
    MemoryStore(Made, std::unique_ptr<Impl> impl);
    Impl& impl() const;
    std::unique_ptr<Impl> impl_;
};

}  // namespace kvmem::store
