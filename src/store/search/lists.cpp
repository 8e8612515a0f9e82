#include "store/search/lists.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/rng.hpp"
#include "store/search/centroids.hpp"
#include "store/search/selection.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kvmem::store {

// Vectors that each centroid is learned from.
static constexpr Index examples_each = 48;
// Vectors that find their list at once.
static constexpr Index assigned_at_once = 65536;

void see_as_lists(Similarity metric, const float* key, Index width, float* seen) {
    double factor = 1;  // of tiny vectors it is no float
    if (metric == Similarity::cosine) {
        const double norm = std::sqrt(detail::scan().product(key, key, width));
        factor = norm > 0 ? 1 / norm : 1;
    }
    std::transform(key, key + width, seen, [&](float x) { return static_cast<float>(double{x} * factor); });
}

// Keys as lists see them.
static Matrix keys_of(const State& state, std::span<const Place> places) {
    const Index width = state.options.key_width;
    Matrix keys(static_cast<Index>(places.size()), width);
    parallel_for(keys.rows(), 1024, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const Place place = places[static_cast<std::size_t>(i)];
            see_as_lists(state.options.metric, state.part(place).keys.data() + place.slot * width, width, keys.row(i));
        }
    });
    return keys;
}

static std::shared_ptr<Part> centroid_part(ConstView centroids, Similarity metric) {
    std::vector<Id> ids(static_cast<std::size_t>(centroids.rows));
    std::iota(ids.begin(), ids.end(), Id{0});
    const auto part =
        std::make_shared<Part>(StoreOptions{centroids.cols, 0, metric, KeyEncoding::int8}, centroids.rows, false);
    part->append(0, centroids, {}, ids);
    return part;
}

// How keys look for their centroid.
static StoreOptions options_of_keys(Index width) { return {width, 0, Similarity::euclidean, KeyEncoding::int8}; }

// The mean of each centroid's keys, in the order of the keys; a random key where there is none.
static Matrix means_of(ConstView keys, std::span<const std::uint32_t> nearest, Index count, Rng& random) {
    std::vector<double> sums(static_cast<std::size_t>(count * keys.cols));
    std::vector<Index> members(static_cast<std::size_t>(count));
    for (Index i = 0; i < keys.rows; ++i) {
        const Index list = nearest[static_cast<std::size_t>(i)];
        double* sum = sums.data() + list * keys.cols;
        for (Index j = 0; j < keys.cols; ++j) sum[j] += double{keys(i, j)};
        ++members[static_cast<std::size_t>(list)];
    }
    Matrix means(count, keys.cols);
    for (Index list = 0; list < count; ++list) {
        const auto n = static_cast<double>(members[static_cast<std::size_t>(list)]);
        const Index instead = n > 0 ? 0 : random.below(keys.rows);
        for (Index j = 0; j < keys.cols; ++j)
            means(list, j) =
                n > 0 ? static_cast<float>(sums[static_cast<std::size_t>(list * keys.cols + j)] / n) : keys(instead, j);
    }
    return means;
}

std::shared_ptr<const Part> train_centroids(const State& state, const IndexOptions& options) {
    require_option(options.lists >= 0 && options.lists <= Index{1} << 24, "lists", "0 to 16,777,216");
    require_option(options.rounds >= 1, "rounds", "1 or more");
    std::vector<Place> places = live_places(state, [](const Slice&) { return true; });
    const auto slots = static_cast<Index>(places.size());
    const Index wanted =
        options.lists > 0 ? options.lists : static_cast<Index>(2 * std::sqrt(static_cast<double>(slots)));
    const Index lists = std::clamp<Index>(wanted, 1, std::max<Index>(1, slots));
    if (slots == 0) return nullptr;
    Rng random(options.seed, {0});
    // The first of a shuffle: as many as are learned from.
    const Index examples = std::min(slots, lists * examples_each);
    for (Index i = 0; i < examples; ++i)
        std::swap(places[static_cast<std::size_t>(i)], places[static_cast<std::size_t>(i + random.below(slots - i))]);
    const Matrix keys = keys_of(state, std::span(places).first(static_cast<std::size_t>(examples)));
    Matrix centroids(lists, keys.cols());
    std::copy_n(keys.data(), centroids.size(), centroids.data());
    const Queries examples_ready(keys, options_of_keys(keys.cols()));
    for (Index round = 0; round < options.rounds; ++round)
        centroids =
            means_of(keys, nearest_centroids(*centroid_part(centroids, Similarity::euclidean), examples_ready, 1),
                     lists, random);
    return searchable(centroids, state.options.metric);
}

std::shared_ptr<const Part> searchable(ConstView centroids, Similarity store_metric) {
    return centroid_part(centroids, store_metric == Similarity::dot ? Similarity::dot : Similarity::euclidean);
}

// Puts places in the order of their lists, and gives the lists' offsets.
static std::vector<Index> sort_into_lists(const State& state, const Part& centroids, std::vector<Place>& places) {
    const ConstView rows{centroids.keys.data(), centroids.capacity, centroids.options.key_width};
    const std::shared_ptr<const Part> part = centroid_part(rows, Similarity::euclidean);
    std::vector<std::uint32_t> list_of;
    for (std::size_t at = 0; at < places.size(); at += assigned_at_once) {
        const auto some = std::span(places).subspan(at, std::min<std::size_t>(assigned_at_once, places.size() - at));
        const Matrix keys = keys_of(state, some);
        const std::vector<std::uint32_t> here = nearest_centroids(*part, Queries(keys, part->options), 1);
        list_of.insert(list_of.end(), here.begin(), here.end());
    }
    std::vector<Index> offsets(static_cast<std::size_t>(part->capacity) + 1);
    for (const std::uint32_t list : list_of) ++offsets[static_cast<std::size_t>(list) + 1];
    std::partial_sum(offsets.begin(), offsets.end(), offsets.begin());
    std::vector<Place> sorted(places.size());
    std::vector<Index> next(offsets.begin(), offsets.end() - 1);
    for (std::size_t i = 0; i < places.size(); ++i)
        sorted[static_cast<std::size_t>(next[static_cast<std::size_t>(list_of[i])]++)] = places[i];
    places = std::move(sorted);
    return offsets;
}

std::shared_ptr<const Part> gather(const State& state, std::shared_ptr<const Part> centroids) {
    std::vector<Place> places = live_places(state, [](const Slice&) { return true; });
    std::shared_ptr<Lists> lists;
    if (centroids && !places.empty()) {
        lists = std::make_shared<Lists>();
        lists->offsets = sort_into_lists(state, *centroids, places);
        lists->centroids = std::move(centroids);
    }
    const auto part = std::make_shared<Part>(state.options, static_cast<Index>(places.size()), state.has_texts);
    part->lists = lists;
    copy_slots(state, places, *part);
    return part;
}

}  // namespace kvmem::store
