// Softmax lookups that are done block by block: a list of tasks for the blocks of queries and the parts of the slots.
// Which tasks there are depends on the shapes alone, so the bits do not depend on the threads.
#include "kernels/attend/call.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem::detail {

// A call is cut into about so many tasks at least, if it is large enough: work for all cores that there may be. Not
// into many more, because each task copies the keys and values that it reads, unless they lie in a row.
static constexpr Index target_tasks = 16;
static constexpr Index min_queries = 4 * query_block;
static constexpr Index min_slots = 4096;
// More slots of few queries are cut in any case: what is added to one sum in float is then little enough to be good.
static constexpr Index max_slots = Index{1} << 17;

namespace {

// How the queries and the slots of a segment are cut, for each of its heads.
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

// A segment's share of the pieces is that of its work.
static Split split_of(const AttendCall& call, Index segment) {
    const Index queries = call.queries(segment), slots = call.slots(segment);
    const Index total = std::max<Index>(1, call.total_work());
    const Index max_parts = std::max<Index>(1, target_tasks * call.work(segment) / total / call.heads);
    const Index query_parts = std::clamp<Index>(queries / min_queries, 1, max_parts);
    const Index slot_parts = std::clamp<Index>(slots / min_slots, 1, max_parts);
    return {query_parts, queries > min_queries ? 1 : std::max(slot_parts, slots / max_slots)};
}

static Index share(Index total, Index parts, Index i) { return total * i / parts; }

// Queries in whole blocks.
static Index query_share(Index queries, Index parts, Index i) {
    const Index blocks = (queries + query_block - 1) / query_block;
    return std::min(queries, share(blocks, parts, i) * query_block);
}

// What a part of a head's lookup reads first.
static void prefetch_range(Prefetcher& prefetcher, const Head& head, const Part& part) {
    prefetcher.add(head.key, head.key_row, head.key_width, part.first_slot, part.end_slot, slot_panel);
    prefetcher.add(head.value, head.value_row, head.value_width, part.first_slot, part.end_slot, slot_panel);
    prefetcher.add(head.query, head.query_row, head.key_width, part.first_query, part.end_query, query_block);
}

// What a task reads and writes first: the same worker most often goes on with the next one.
static Prefetcher next_operands(const AttendCall& call, const Tile* next) {
    Prefetcher prefetcher;
    if (!next) return prefetcher;
    prefetch_range(prefetcher, call.head(next->segment, next->head), next->part);
    prefetcher.add(next->out.output, next->out.output_row, call.value_width, next->part.first_query,
                   next->part.end_query, query_block);
    return prefetcher;
}

static void run(const AttendCall& call, const Tile& tile, const Tile* next, const WorkerScratch& scratch) {
    const Head head = call.head(tile.segment, tile.head);
    const Part& part = tile.part;
    if (part.end_query - part.first_query > few_queries && !head.by_distance)
        return simd().attend_tiles(head, part, tile.out, next_operands(call, next), scratch.mine());
    for (Index q = part.first_query; q < part.end_query; q += few_queries)
        simd().attend_rows(head, {q, std::min(q + few_queries, part.end_query), part.first_slot, part.end_slot},
                           tile.out);
}

// The read of query q from those of parts of the slots, whose sums are apart from their largest scores.
static void merge_parts(const HeadOutput& to, Index q, Index width, const Tile* parts, Index count) {
    Real* read = to.output + q * to.output_row;
    Real largest = -std::numeric_limits<Real>::infinity();
    for (Index i = 0; i < count; ++i) largest = std::max(largest, parts[i].out.log_sum_exp[q]);
    double total = 0;
    for (Index i = 0; i < count; ++i) {
        Real& weight = parts[i].out.total[q];  // relative to the largest of all from now on
        if (weight != 0) weight *= std::exp2(parts[i].out.log_sum_exp[q] - largest);
        total += static_cast<double>(weight);
    }
    std::fill_n(read, width, Real{0});
    for (Index k = 0; k < width && total != 0; ++k) {
        double sum = 0;
        for (Index i = 0; i < count; ++i)
            sum += static_cast<double>(parts[i].out.total[q]) *
                   static_cast<double>(parts[i].out.output[q * parts[i].out.output_row + k]);
        read[k] = static_cast<Real>(sum / total);
    }
    to.log_sum_exp[q * to.log_sum_exp_row] =
        largest == lowest ? lowest : from_power(largest) + static_cast<Real>(std::log(total));
}

// The tasks of one lookup. With several parts of the slots each has a read of its own, in scratch.
static void add_tiles(const AttendCall& call, const AttendOutput& out, Index segment, Index head, const Split& split,
                      Tile* tiles, Arena& scratch) {
    const Index queries = call.queries(segment), slots = call.slots(segment);
    for (Index q = 0; q < split.query_parts; ++q)
        for (Index s = 0; s < split.slot_parts; ++s) {
            HeadOutput to = call.output(out, segment, head);
            if (split.slot_parts > 1) {
                const View read = scratch.matrix(queries, call.value_width), sums = scratch.matrix(2, queries);
                to = {read.data, read.cols, sums.row(0), 1, nullptr, sums.row(1)};  // of so many no scores are kept
            }
            *tiles++ = {segment,
                        head,
                        {query_share(queries, split.query_parts, q), query_share(queries, split.query_parts, q + 1),
                         share(slots, split.slot_parts, s), share(slots, split.slot_parts, s + 1)},
                        to};
        }
}

void attend_by_blocks(const AttendCall& call, const AttendOutput& out, Arena& scratch) {
    const Index segments = call.segments.size(), heads = call.heads;
    const auto splits = scratch.take<Split>(segments);
    Index max_queries = 0, count = 0;
    for (Index i = 0; i < segments; ++i) {
        const Split split = splits[static_cast<std::size_t>(i)] = split_of(call, i);
        max_queries = std::max(max_queries, call.queries(i));
        count += heads * split.tiles();
    }
    const bool is_tiled = max_queries > few_queries;
    const WorkerScratch workers(scratch, is_tiled ? attend_scratch(max_queries, call.key_width, call.value_width) : 0);
    const auto tiles = scratch.take<Tile>(count);
    // Calls body(segment, head, cut, its first task).
    const auto each_lookup = [&](auto body) {
        Tile* tile = tiles.data();
        for (Index i = 0; i < segments; ++i)
            for (Index h = 0; h < heads; ++h) {
                const Split& split = splits[static_cast<std::size_t>(i)];
                body(i, h, split, tile);
                tile += split.tiles();
            }
    };
    each_lookup(
        [&](Index i, Index h, const Split& split, Tile* tile) { add_tiles(call, out, i, h, split, tile, scratch); });
    const Index grain = task_grain(count, call.total_work(), is_tiled ? tile_work : row_work);
    kvmem::parallel_for(count, grain, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            run(call, tiles[static_cast<std::size_t>(i)],
                i + 1 < count ? &tiles[static_cast<std::size_t>(i + 1)] : nullptr, workers);
    });
    each_lookup([&](Index i, Index h, const Split& split, const Tile* tile) {
        for (Index q = 0; split.slot_parts > 1 && q < call.queries(i); ++q)
            merge_parts(call.output(out, i, h), q, call.value_width, tile, split.slot_parts);
    });
}

namespace {

// Heads [first_head, end_head) of a segment on slots [first_slot, end_slot): their gradients of keys and values are the
// task's own. Gradients of queries are summed over the parts of the slots, if there are several, afterwards.
struct BackwardTile {
    Index segment, first_head, end_head, first_slot, end_slot;
    Real* grad_query;  // [heads of it, queries, key width], or null: straight to the result
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
    void prefetch_gradients(Prefetcher& prefetcher, const BackwardTile& tile, Index head) const {
        const HeadGradients to = gradients(tile, head);
        prefetcher.add(to.key, call.in.key.cols, call.key_width, tile.first_slot, tile.end_slot, slot_panel);
        prefetcher.add(to.value, call.in.value.cols, call.value_width, tile.first_slot, tile.end_slot, slot_panel);
    }
    // What it begins with.
    void prefetch_operands(Prefetcher& prefetcher, const BackwardTile& tile, Index head) const {
        const HeadGradients to = gradients(tile, head);
        const Index queries = call.queries(tile.segment);
        prefetch_range(prefetcher, call.head(tile.segment, head), part(tile));
        prefetcher.add(to.grad_output, to.output_row, call.value_width, 0, queries, query_block);
        prefetcher.add(to.output, to.output_row, call.value_width, 0, queries, query_block);
        prefetcher.add(to.query, to.query_row, call.key_width, 0, queries, query_block);
        prefetcher.add(to.scores, call.slots(tile.segment), call.slots(tile.segment), 0, queries, query_block);
    }

    void run(const BackwardTile& tile, const BackwardTile* next, Real* scratch) const {
        const Index queries = call.queries(tile.segment), width = call.key_width;
        for (Index h = tile.first_head; h < tile.end_head; ++h) {
            Prefetcher prefetcher;
            prefetch_gradients(prefetcher, tile, h);
            if (h + 1 < tile.end_head)
                prefetch_operands(prefetcher, tile, h + 1);
            else if (next)
                prefetch_operands(prefetcher, *next, next->first_head);
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

void attend_by_blocks_backward(const AttendCall& call, const AttendOutput& out, ConstView grad_output,
                               const AttendGradients& grads, Arena& scratch) {
    const Index segments = call.segments.size(), heads = call.heads;
    // A bias that heads share gets its gradient from one of them after the other.
    const Index groups = heads_share_bias(call, grads) ? 1 : call.options.memory_heads(), group_heads = heads / groups;
    const auto parts_of = [&](Index i) {
        return segments * groups >= target_tasks / 2
                   ? Index{1}
                   : std::clamp<Index>(call.slots(i) / (2 * slot_panel), 1, target_tasks / (segments * groups));
    };
    Index count = 0;
    for (Index i = 0; i < segments; ++i) count += groups * parts_of(i);
    const auto tiles = scratch.take<BackwardTile>(count);
    std::size_t made = 0;
    for (Index i = 0; i < segments; ++i)
        for (Index g = 0; g < groups; ++g)
            for (Index p = 0; p < parts_of(i); ++p) {
                const bool apart = parts_of(i) > 1 && grads.query.data;
                tiles[made++] = {
                    i,
                    g * group_heads,
                    (g + 1) * group_heads,
                    share(call.slots(i), parts_of(i), p),
                    share(call.slots(i), parts_of(i), p + 1),
                    apart ? scratch.take<Real>(group_heads * call.queries(i) * call.key_width).data() : nullptr};
            }
    const Backward backward{call, out, softmax_sums(call, out.log_sum_exp, scratch), grad_output, grads};
    const WorkerScratch workers(scratch, backward_scratch(call.key_width, call.value_width));
    kvmem::parallel_for(count, task_grain(count, 3 * call.total_work(), tile_work), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            backward.run(tiles[static_cast<std::size_t>(i)],
                         i + 1 < count ? &tiles[static_cast<std::size_t>(i + 1)] : nullptr, workers.mine());
    });
    for (const BackwardTile& tile : tiles)
        if (tile.grad_query) add_grad_query(call, tile, grads.query);
}

}  // namespace kvmem::detail
