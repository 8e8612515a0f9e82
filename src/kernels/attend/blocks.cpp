// Softmax attention block by block. The work is a list of tiles, queries by slots of one head, each of which is a task.
// The tiles depend on the shapes alone, so the output is bit-reproducible.
#include "kernels/attend/call.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem::detail {

// A large call has at least about this many tasks, which is work for all cores of most machines. More tasks would copy
// more: each copies the keys and values that it reads, unless they lie one after the other.
static constexpr Index target_tasks = 16;
static constexpr Index min_queries = 4 * query_block;
static constexpr Index min_slots = 4096;
// More slots of few queries are split in any case, because a sum of more terms in float would lose too much.
static constexpr Index max_slots = Index{1} << 17;

namespace {

// Into how many parts the queries and the slots of a segment are split, for each of its heads.
struct Split {
    Index query_parts, slot_parts;

    Index tiles() const { return query_parts * slot_parts; }
};

struct Tile {
    Index segment, head;
    Part part;
    HeadOutput out;
};

}  // namespace

// A segment gets tasks in proportion to its work.
static Split split_of(const AttendCall& call, Index segment) {
    const Index queries = call.queries(segment), slots = call.slots(segment);
    const Index total = std::max<Index>(1, call.total_work());
    const Index max_parts = std::max<Index>(1, target_tasks * call.work(segment) / total / call.heads);
    const Index query_parts = std::clamp<Index>(queries / min_queries, 1, max_parts);
    if (call.options.alone) return {query_parts, 1};
    const Index slot_parts = std::clamp<Index>(slots / min_slots, 1, max_parts);
    return {query_parts, queries > min_queries ? 1 : std::max(slot_parts, slots / max_slots)};
}

// Where part i of `parts` equal parts begins.
static Index part_begin(Index total, Index parts, Index i) { return total * i / parts; }

// The same in whole blocks of queries.
static Index query_begin(Index queries, Index parts, Index i) {
    const Index blocks = (queries + query_block - 1) / query_block;
    return std::min(queries, part_begin(blocks, parts, i) * query_block);
}

// What a part of a head reads first.
static void add_operands(Prefetcher& prefetcher, const Head& head, const Part& part) {
    prefetcher.add(head.key, head.key_row, head.key_width, part.first_slot, part.end_slot, slot_panel);
    prefetcher.add(head.value, head.value_row, head.value_width, part.first_slot, part.end_slot, slot_panel);
    prefetcher.add(head.query, head.query_row, head.key_width, part.first_query, part.end_query, query_block);
}

// What the next tile reads and writes first: most often the same worker runs it.
static Prefetcher prefetch_tile(const AttendCall& call, const Tile* next) {
    Prefetcher prefetcher;
    if (!next) return prefetcher;
    add_operands(prefetcher, call.head(next->segment, next->head), next->part);
    prefetcher.add(next->out.output, next->out.output_row, call.value_width, next->part.first_query,
                   next->part.end_query, query_block);
    return prefetcher;
}

static void run(const AttendCall& call, const Tile& tile, const Tile* next, const WorkerScratch& scratch) {
    const Head head = call.head(tile.segment, tile.head);
    const Part& part = tile.part;
    if (part.end_query - part.first_query > few_queries && !head.by_distance && !head.alone)
        return simd().attend_tiles(head, part, tile.out, prefetch_tile(call, next), scratch.mine());
    for (Index q = part.first_query; q < part.end_query; q += few_queries)
        simd().attend_rows(head, {q, std::min(q + few_queries, part.end_query), part.first_slot, part.end_slot},
                           tile.out);
}

// The output of query q from the tiles of all parts of its slots, each of which has its largest score and its sum.
static void merge_tiles(const HeadOutput& to, Index q, Index width, std::span<const Tile> tiles) {
    Real* output = to.output + q * to.output_row;
    Real largest = -std::numeric_limits<Real>::infinity();
    for (const Tile& tile : tiles) largest = std::max(largest, tile.out.log_sum_exp[q]);
    double total = 0;
    for (const Tile& tile : tiles) {
        Real& weight = tile.out.total[q];  // relative to the largest score of all tiles from here on
        if (weight != 0) weight *= std::exp2(tile.out.log_sum_exp[q] - largest);
        total += static_cast<double>(weight);
    }
    std::fill_n(output, width, Real{0});
    for (Index k = 0; k < width && total != 0; ++k) {
        double sum = 0;
        for (const Tile& tile : tiles)
            sum += static_cast<double>(tile.out.total[q]) *
                   static_cast<double>(tile.out.output[q * tile.out.output_row + k]);
        output[k] = static_cast<Real>(sum / total);
    }
    to.log_sum_exp[q * to.log_sum_exp_row] =
        largest == lowest ? lowest : from_power(largest) + static_cast<Real>(std::log(total));
}

// The tiles of one head. Where the slots are split, each tile has an output of its own in scratch. Scores are not saved
// of that many slots.
static void make_tiles(const AttendCall& call, const AttendOutput& out, Index segment, Index head, const Split& split,
                       Tile* tiles, Arena& scratch) {
    const Index queries = call.queries(segment), slots = call.slots(segment);
    const auto [query_parts, slot_parts] = split;
    for (Index q = 0; q < query_parts; ++q)
        for (Index s = 0; s < slot_parts; ++s) {
            HeadOutput to = call.output(out, segment, head);
            if (slot_parts > 1) {
                const View output = scratch.matrix(queries, call.value_width), sums = scratch.matrix(2, queries);
                to = {output.data, output.cols, sums.row(0), 1, nullptr, sums.row(1)};
            }
            const Part part{query_begin(queries, query_parts, q), query_begin(queries, query_parts, q + 1),
                            part_begin(slots, slot_parts, s), part_begin(slots, slot_parts, s + 1)};
            *tiles++ = {segment, head, part, to};
        }
}

// Calls body(segment, head, split, its first tile) for all heads of all segments.
template <class Body>
static void for_each_head(const AttendCall& call, std::span<const Split> splits, Tile* tile, Body body) {
    for (Index i = 0; i < call.segments.size(); ++i)
        for (Index h = 0; h < call.heads; ++h, tile += splits[i].tiles()) body(i, h, splits[i], tile);
}

// Runs all tiles in parallel, `grain` or more a task: calls body(tile, the next one or null).
template <class T, class Body>
static void run_tiles(std::span<const T> tiles, Index grain, Body body) {
    const Index count = std::ssize(tiles);
    kvmem::parallel_for(count, grain, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) body(tiles[i], i + 1 < count ? &tiles[i + 1] : nullptr);
    });
}

void attend_by_blocks(const AttendCall& call, const AttendOutput& out, Arena& scratch) {
    const auto splits = scratch.take<Split>(call.segments.size());
    Index max_queries = 0, count = 0;
    for (Index i = 0; i < call.segments.size(); ++i) {
        splits[i] = split_of(call, i);
        max_queries = std::max(max_queries, call.queries(i));
        count += call.heads * splits[i].tiles();
    }
    const bool is_tiled = max_queries > few_queries && !call.options.alone;
    const WorkerScratch workers(scratch, is_tiled ? attend_scratch(max_queries, call.key_width, call.value_width) : 0);
    const auto tiles = scratch.take<Tile>(count);
    for_each_head(call, splits, tiles.data(), [&](Index segment, Index head, const Split& split, Tile* first) {
        make_tiles(call, out, segment, head, split, first, scratch);
    });
    run_tiles(std::span<const Tile>(tiles), task_grain(count, call.total_work(), is_tiled ? tile_work : row_work),
              [&](const Tile& tile, const Tile* next) { run(call, tile, next, workers); });
    for_each_head(call, splits, tiles.data(), [&](Index segment, Index head, const Split& split, const Tile* first) {
        for (Index q = 0; split.slot_parts > 1 && q < call.queries(segment); ++q)
            merge_tiles(call.output(out, segment, head), q, call.value_width, std::span(first, split.slot_parts));
    });
}

namespace {

// Heads [first_head, end_head) of a segment by slots [first_slot, end_slot). No other tile adds to their gradients of
// keys and values. Several parts of the slots sum their gradients of queries afterwards.
struct BackwardTile {
    Index segment, first_head, end_head, first_slot, end_slot;
    Real* grad_query;  // [heads of the tile, queries, key width], or null: the tile adds to the result itself
};

struct Backward {
    const AttendCall& call;
    const AttendOutput& out;
    SoftmaxSums sums;
    ConstView grad_output;
    const AttendGradients& grads;

    Part part(const BackwardTile& tile) const {
        return {0, call.queries(tile.segment), tile.first_slot, tile.end_slot};
    }
    HeadGradients gradients(const BackwardTile& tile, Index head) const {
        return call.gradients(out, sums, grad_output, grads, tile.segment, head);
    }
    // What a head adds to at the end of a panel.
    void add_gradients(Prefetcher& prefetcher, const BackwardTile& tile, Index head) const {
        const HeadGradients to = gradients(tile, head);
        prefetcher.add(to.key, call.in.key.cols, call.key_width, tile.first_slot, tile.end_slot, slot_panel);
        prefetcher.add(to.value, call.in.value.cols, call.value_width, tile.first_slot, tile.end_slot, slot_panel);
    }
    // What a head begins with.
    void add_first(Prefetcher& prefetcher, const BackwardTile& tile, Index head) const {
        const HeadGradients to = gradients(tile, head);
        const Index queries = call.queries(tile.segment), slots = call.slots(tile.segment);
        add_operands(prefetcher, call.head(tile.segment, head), part(tile));
        prefetcher.add(to.grad_output, to.output_row, call.value_width, 0, queries, query_block);
        prefetcher.add(to.output, to.output_row, call.value_width, 0, queries, query_block);
        prefetcher.add(to.query, to.query_row, call.key_width, 0, queries, query_block);
        prefetcher.add(to.scores, slots, slots, 0, queries, query_block);
    }

    void run(const BackwardTile& tile, const BackwardTile* next, Real* scratch) const {
        const Index queries = call.queries(tile.segment), width = call.key_width;
        for (Index h = tile.first_head; h < tile.end_head; ++h) {
            Prefetcher prefetcher;
            add_gradients(prefetcher, tile, h);
            if (h + 1 < tile.end_head)
                add_first(prefetcher, tile, h + 1);
            else if (next)
                add_first(prefetcher, *next, next->first_head);
            HeadGradients to = gradients(tile, h);
            if (tile.grad_query) {
                to.query = tile.grad_query + (h - tile.first_head) * queries * width;
                to.query_row = width;
                std::fill_n(to.query, queries * width, Real{0});
            }
            simd().attend_tiles_backward(call.head(tile.segment, h), part(tile), to, prefetcher, scratch);
        }
    }
};

}  // namespace

static void add_grad_query(const AttendCall& call, const BackwardTile& tile, View grad_query) {
    const Index width = call.key_width;
    const Real* from = tile.grad_query;
    for (Index h = tile.first_head; h < tile.end_head; ++h)
        for (Index q = 0; q < call.queries(tile.segment); ++q, from += width)
            simd().add_scaled(1, from, grad_query.row(call.first_query(tile.segment) + q) + h * width, width);
}

// Heads that share a key, or all heads that share a bias, add to one gradient and so are one group of a tile.
static std::span<BackwardTile> backward_tiles(const AttendCall& call, const AttendGradients& grads, Arena& scratch) {
    const Index segments = call.segments.size();
    const Index groups = heads_share_bias(call, grads) ? 1 : call.options.memory_heads(), heads = call.heads / groups;
    const auto slot_parts = [&](Index segment) {
        if (segments * groups >= target_tasks / 2) return Index{1};
        return std::clamp<Index>(call.slots(segment) / (2 * slot_panel), 1, target_tasks / (segments * groups));
    };
    Index count = 0;
    for (Index i = 0; i < segments; ++i) count += groups * slot_parts(i);
    const auto tiles = scratch.take<BackwardTile>(count);
    BackwardTile* tile = tiles.data();
    for (Index i = 0; i < segments; ++i) {
        const Index parts = slot_parts(i), slots = call.slots(i);
        const Index own_query = parts > 1 && grads.query.data ? heads * call.queries(i) * call.key_width : 0;
        for (Index g = 0; g < groups; ++g)
            for (Index p = 0; p < parts; ++p)
                *tile++ = {i,
                           g * heads,
                           (g + 1) * heads,
                           part_begin(slots, parts, p),
                           part_begin(slots, parts, p + 1),
                           own_query > 0 ? scratch.take<Real>(own_query).data() : nullptr};
    }
    return tiles;
}

void attend_by_blocks_backward(const AttendCall& call, const AttendOutput& out, ConstView grad_output,
                               const AttendGradients& grads, Arena& scratch) {
    const std::span<const BackwardTile> tiles = backward_tiles(call, grads, scratch);
    const Backward backward{call, out, softmax_sums(call, out.log_sum_exp, scratch), grad_output, grads};
    const WorkerScratch workers(scratch, backward_scratch(call.key_width, call.value_width));
    const Index count = std::ssize(tiles);
    run_tiles(tiles, adds_by_distance(grads) ? count : task_grain(count, 3 * call.total_work(), tile_work),
              [&](const BackwardTile& tile, const BackwardTile* next) { backward.run(tile, next, workers.mine()); });
    for (const BackwardTile& tile : tiles)
        if (tile.grad_query) add_grad_query(call, tile, grads.query);
}

}  // namespace kvmem::detail
