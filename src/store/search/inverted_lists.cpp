#include "store/search/inverted_lists.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "store/search/candidates.hpp"
#include "store/search/centroids.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

namespace kvmem::store {

// k-means learns each centroid from a sample of this many keys, as its error falls little with more.
static constexpr Index sample_per_centroid = 48;
// Keys that are assigned to their lists at once: bounds the memory of their copies.
static constexpr Index assign_block = 65536;

void to_list_space(Similarity metric, const float* key, Index width, float* mapped) {
    double factor = 1;  // in double, as the inverse norm of a tiny key overflows a float
    if (metric == Similarity::cosine) {
        const double norm = std::sqrt(detail::scan().product(key, key, width));
        factor = norm > 0 ? 1 / norm : 1;
    }
    std::transform(key, key + width, mapped, [&](float x) { return static_cast<float>(double{x} * factor); });
}

Matrix keys_in_list_space(const Snapshot& snapshot, std::span<const Location> locations) {
    const Index width = snapshot.options.key_width;
    Matrix keys(std::ssize(locations), width);
    parallel_for(keys.rows(), 1024, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            to_list_space(snapshot.options.metric, snapshot.segment(locations[i]).key(locations[i].slot), width,
                          keys.row(i));
    });
    return keys;
}

static std::shared_ptr<Segment> centroid_segment(ConstView centroids, Similarity metric) {
    std::vector<Id> ids(centroids.rows);
    std::iota(ids.begin(), ids.end(), Id{0});
    auto segment =
        std::make_shared<Segment>(StoreOptions{centroids.cols, 0, metric, KeyEncoding::int8}, centroids.rows, false);
    segment->append(0, centroids, {}, ids);
    return segment;
}

// Keys choose their list by distance, whatever the metric of the store.
static StoreOptions options_of_keys(Index width) { return {width, 0, Similarity::euclidean, KeyEncoding::int8}; }

// The mean of each centroid's keys; a random key for a centroid without any. Sums are in the order of the keys, so that
// they do not depend on threads.
static Matrix means_of(ConstView keys, std::span<const std::uint32_t> nearest, Index count, Rng& random) {
    std::vector<double> sums(count * keys.cols);
    std::vector<Index> members(count);
    for (Index i = 0; i < keys.rows; ++i) {
        double* sum = sums.data() + nearest[i] * keys.cols;
        for (Index j = 0; j < keys.cols; ++j) sum[j] += double{keys(i, j)};
        ++members[nearest[i]];
    }
    Matrix means(count, keys.cols);
    for (Index list = 0; list < count; ++list) {
        const auto n = static_cast<double>(members[list]);
        const double* sum = sums.data() + list * keys.cols;
        if (n > 0)
            std::transform(sum, sum + keys.cols, means.row(list), [n](double x) { return static_cast<float>(x / n); });
        else
            std::copy_n(keys.row(random.below(keys.rows)), keys.cols, means.row(list));
    }
    return means;
}

// A random sample of the numbers below `all`: the first steps of a Fisher-Yates shuffle, of which only the places that
// changed are in memory.
static std::vector<Index> sample_below(Index all, Index count, Rng& random) {
    std::unordered_map<Index, Index> moved;
    const auto at = [&](Index place) {
        const auto found = moved.find(place);
        return found == moved.end() ? place : found->second;
    };
    std::vector<Index> picked;
    picked.reserve(static_cast<std::size_t>(count));
    for (Index i = 0; i < count; ++i) {
        const Index from = i + random.below(all - i);
        picked.push_back(at(from));
        moved[from] = at(i);
        moved.erase(i);  // no later step looks there
    }
    return picked;
}

static bool is_any(const SegmentView&) { return true; }

CentroidTraining::CentroidTraining(Index slots, const IndexOptions& options)
    : random_(options.seed, {0}), rounds_(options.rounds) {
    require_option(options.lists >= 0 && options.lists <= Index{1} << 24, "lists", "0 to 16,777,216");
    require_option(options.rounds >= 1, "rounds", "1 or more");
    const Index wanted =
        options.lists > 0 ? options.lists : static_cast<Index>(2 * std::sqrt(static_cast<double>(slots)));
    lists_ = std::clamp<Index>(wanted, 1, slots);
    sample_ = sample_below(slots, std::min(slots, lists_ * sample_per_centroid), random_);
}

Matrix CentroidTraining::learn(ConstView keys) {
    Matrix centroids(lists_, keys.cols);  // the first keys of the sample, which are random
    std::copy_n(keys.data, centroids.size(), centroids.data());
    const Queries queries(keys, options_of_keys(keys.cols));
    for (Index round = 0; round < rounds_; ++round) {
        const auto segment = centroid_segment(centroids, Similarity::euclidean);
        centroids = means_of(keys, nearest_centroids(*segment, queries, 1), lists_, random_);
    }
    return centroids;
}

std::shared_ptr<const Segment> train_centroids(const Snapshot& snapshot, const IndexOptions& options) {
    const std::vector<Location> all = live_locations(snapshot, is_any);
    CentroidTraining training(std::max<Index>(1, std::ssize(all)), options);
    if (all.empty()) return nullptr;
    std::vector<Location> sampled;
    sampled.reserve(training.sample().size());
    for (const Index slot : training.sample()) sampled.push_back(all[static_cast<std::size_t>(slot)]);
    return centroids_for_queries(training.learn(keys_in_list_space(snapshot, sampled)), snapshot.options.metric);
}

std::shared_ptr<const Segment> centroids_for_queries(ConstView centroids, Similarity store_metric) {
    return centroid_segment(centroids, store_metric == Similarity::dot ? Similarity::dot : Similarity::euclidean);
}

// The list of each location.
static std::vector<std::uint32_t> assign_lists(const Snapshot& snapshot, const Segment& centroids,
                                               std::span<const Location> locations) {
    std::vector<std::uint32_t> lists;
    lists.reserve(locations.size());
    for (Index at = 0; at < std::ssize(locations); at += assign_block) {
        const auto block = locations.subspan(at, std::min<Index>(assign_block, std::ssize(locations) - at));
        const Matrix keys = keys_in_list_space(snapshot, block);
        const std::vector<std::uint32_t> nearest = nearest_centroids(centroids, Queries(keys, centroids.options), 1);
        lists.insert(lists.end(), nearest.begin(), nearest.end());
    }
    return lists;
}

// Sorts locations by their lists (a counting sort, so that it is stable) and returns the offsets of the lists.
static std::vector<Index> sort_into_lists(const Snapshot& snapshot, const Segment& centroids,
                                          std::vector<Location>& locations) {
    const ConstView rows{centroids.keys.data(), centroids.capacity, centroids.options.key_width};
    const auto by_distance = centroid_segment(rows, Similarity::euclidean);
    const std::vector<std::uint32_t> lists = assign_lists(snapshot, *by_distance, locations);
    std::vector<Index> offsets(centroids.capacity + 1);
    for (const std::uint32_t list : lists) ++offsets[list + 1];
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    std::vector<Location> sorted(locations.size());
    std::vector<Index> next(offsets.begin(), offsets.end() - 1);
    for (std::size_t i = 0; i < locations.size(); ++i) sorted[next[lists[i]]++] = locations[i];
    locations = std::move(sorted);
    return offsets;
}

static std::shared_ptr<const Segment> gather(const Snapshot& snapshot, const std::shared_ptr<const Segment>& centroids,
                                             std::vector<Location> locations) {
    std::shared_ptr<InvertedLists> lists;
    if (centroids && !locations.empty()) {
        lists = std::make_shared<InvertedLists>();
        lists->offsets = sort_into_lists(snapshot, *centroids, locations);
        lists->centroids = centroids;
    }
    const auto merged = std::make_shared<Segment>(snapshot.options, std::ssize(locations), snapshot.has_texts);
    merged->lists = lists;
    copy_slots(snapshot, locations, *merged);
    return merged;
}

std::vector<std::shared_ptr<const Segment>> merge_segments(const Snapshot& snapshot,
                                                           const std::shared_ptr<const Segment>& centroids,
                                                           Index shards) {
    std::vector<std::vector<Location>> locations(shards);
    for (const Location location : live_locations(snapshot, is_any))
        locations[shard_of(snapshot.segment(location).ids[location.slot], shards)].push_back(location);
    std::vector<std::shared_ptr<const Segment>> segments;
    segments.reserve(locations.size());
    for (std::vector<Location>& of_shard : locations)
        segments.push_back(gather(snapshot, centroids, std::move(of_shard)));
    return segments;
}

}  // namespace kvmem::store
