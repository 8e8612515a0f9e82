// Softmax lookups that are done block by block: a list of tasks for the blocks of queries and the parts of the slots.
// Which tasks there are depends on the shapes alone, so the bits do not depend on the threads.
#include "kernels/attend/lookup.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem::detail {

// A call is cut into about so many tasks at least, if it is large enough: work for all cores that there may be. Not
// into many more, because each task copies the keys and values that it reads, unless they lie in a row.
static constexpr Index pieces = 16;
static constexpr Index least_queries = 4 * query_block;
static constexpr Index least_slots = 4096;
// More slots of few queries are cut in any case: what is added to one sum in float is then little enough to be good.
static constexpr Index most_slots = Index{1} << 17;

namespace {

// How the queries and the slots of a segment are cut, for each of its heads.
struct Cut {
    Index query_parts, slot_parts;

    Index tasks() const { return query_parts * slot_parts; }
};

struct Task {
    Index segment, head;
    Part part;
    HeadRead out;
};

}  // namespace

// A segment's share of the pieces is that of its work.
static Cut cut_of(const Lookups& lookups, Index segment) {
    const Index queries = lookups.queries(segment), slots = lookups.slots(segment);
    const Index total = std::max<Index>(1, lookups.total_work());
    const Index most = std::max<Index>(1, pieces * lookups.work(segment) / total / lookups.heads);
    const Index query_parts = std::clamp<Index>(queries / least_queries, 1, most);
    const Index slot_parts = std::clamp<Index>(slots / least_slots, 1, most);
    return {query_parts, queries > least_queries ? 1 : std::max(slot_parts, slots / most_slots)};
}

static Index share(Index total, Index parts, Index i) { return total * i / parts; }

// Queries in whole blocks.
static Index query_share(Index queries, Index parts, Index i) {
    const Index blocks = (queries + query_block - 1) / query_block;
    return std::min(queries, share(blocks, parts, i) * query_block);
}

// What a part of a head's lookup reads first.
static void ask_for(Ahead& ahead, const Head& head, const Part& part) {
    ahead.add(head.key, head.key_row, head.key_width, part.first_slot, part.end_slot, slot_panel);
    ahead.add(head.value, head.value_row, head.value_width, part.first_slot, part.end_slot, slot_panel);
    ahead.add(head.query, head.query_row, head.key_width, part.first_query, part.end_query, query_block);
}

// What a task reads and writes first: the same worker most often goes on with the next one.
static Ahead ahead_of(const Lookups& lookups, const Task* next) {
    Ahead ahead;
    if (!next) return ahead;
    ask_for(ahead, lookups.head(next->segment, next->head), next->part);
    ahead.add(next->out.read, next->out.read_row, lookups.value_width, next->part.first_query, next->part.end_query,
              query_block);
    return ahead;
}

static void run(const Lookups& lookups, const Task& task, const Task* next, const WorkerScratch& scratch) {
    const Head head = lookups.head(task.segment, task.head);
    const Part& part = task.part;
    if (part.end_query - part.first_query > few_queries && !head.by_distance)
        return simd().attend_tiles(head, part, task.out, ahead_of(lookups, next), scratch.mine());
    for (Index q = part.first_query; q < part.end_query; q += few_queries)
        simd().attend_rows(head, {q, std::min(q + few_queries, part.end_query), part.first_slot, part.end_slot},
                           task.out);
}

// The read of query q from those of parts of the slots, whose sums are apart from their largest scores.
static void merge_parts(const HeadRead& to, Index q, Index width, const Task* parts, Index count) {
    Real* read = to.read + q * to.read_row;
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
                   static_cast<double>(parts[i].out.read[q * parts[i].out.read_row + k]);
        read[k] = static_cast<Real>(sum / total);
    }
    to.log_sum_exp[q * to.log_sum_exp_row] =
        largest == lowest ? lowest : from_power(largest) + static_cast<Real>(std::log(total));
}

// The tasks of one lookup. With several parts of the slots each has a read of its own, in scratch.
static void add_tasks(const Lookups& lookups, const AttendOutput& out, Index segment, Index head, const Cut& cut,
                      Task* tasks, Arena& scratch) {
    const Index queries = lookups.queries(segment), slots = lookups.slots(segment);
    for (Index q = 0; q < cut.query_parts; ++q)
        for (Index s = 0; s < cut.slot_parts; ++s) {
            HeadRead to = lookups.reads(out, segment, head);
            if (cut.slot_parts > 1) {
                const View read = scratch.matrix(queries, lookups.value_width), sums = scratch.matrix(2, queries);
                to = {read.data, read.cols, sums.row(0), 1, nullptr, sums.row(1)};  // of so many no scores are kept
            }
            *tasks++ = {segment,
                        head,
                        {query_share(queries, cut.query_parts, q), query_share(queries, cut.query_parts, q + 1),
                         share(slots, cut.slot_parts, s), share(slots, cut.slot_parts, s + 1)},
                        to};
        }
}

void attend_by_blocks(const Lookups& lookups, const AttendOutput& out, Arena& scratch) {
    const Index segments = lookups.segments.size(), heads = lookups.heads;
    const auto cuts = scratch.take<Cut>(segments);
    Index most_queries = 0, count = 0;
    for (Index i = 0; i < segments; ++i) {
        const Cut cut = cuts[static_cast<std::size_t>(i)] = cut_of(lookups, i);
        most_queries = std::max(most_queries, lookups.queries(i));
        count += heads * cut.tasks();
    }
    const bool tiles = most_queries > few_queries;
    const WorkerScratch workers(scratch,
                                tiles ? attend_scratch(most_queries, lookups.key_width, lookups.value_width) : 0);
    const auto tasks = scratch.take<Task>(count);
    // Calls body(segment, head, cut, its first task).
    const auto each_lookup = [&](auto body) {
        Task* task = tasks.data();
        for (Index i = 0; i < segments; ++i)
            for (Index h = 0; h < heads; ++h) {
                const Cut& cut = cuts[static_cast<std::size_t>(i)];
                body(i, h, cut, task);
                task += cut.tasks();
            }
    };
    each_lookup(
        [&](Index i, Index h, const Cut& cut, Task* task) { add_tasks(lookups, out, i, h, cut, task, scratch); });
    const Index grain = task_grain(count, lookups.total_work(), tiles ? tile_work : row_work);
    kvmem::parallel_for(count, grain, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            run(lookups, tasks[static_cast<std::size_t>(i)],
                i + 1 < count ? &tasks[static_cast<std::size_t>(i + 1)] : nullptr, workers);
    });
    each_lookup([&](Index i, Index h, const Cut& cut, const Task* task) {
        for (Index q = 0; cut.slot_parts > 1 && q < lookups.queries(i); ++q)
            merge_parts(lookups.reads(out, i, h), q, lookups.value_width, task, cut.slot_parts);
    });
}

namespace {

// Heads [first_head, end_head) of a segment on slots [first_slot, end_slot): their gradients of keys and values are the
// task's own. Gradients of queries are summed over the parts of the slots, if there are several, afterwards.
struct BackwardTask {
    Index segment, first_head, end_head, first_slot, end_slot;
    Real* grad_query;  // [heads of it, queries, key width], or null: straight to the result
};

struct Backward {
    const Lookups& lookups;
    const AttendOutput& out;
    SoftmaxSums sums;
    ConstView grad_read;
    const AttendGradients& grads;

    Part part(const BackwardTask& task) const {
        return {0, lookups.queries(task.segment), task.first_slot, task.end_slot};
    }
    HeadGradients gradients(const BackwardTask& task, Index head) const {
        return lookups.gradients(out, sums, grad_read, grads, task.segment, head);
    }
    // What a head adds to at the end of a panel.
    void ask_for_slots(Ahead& ahead, const BackwardTask& task, Index head) const {
        const HeadGradients to = gradients(task, head);
        ahead.add(to.key, lookups.in.key.cols, lookups.key_width, task.first_slot, task.end_slot, slot_panel);
        ahead.add(to.value, lookups.in.value.cols, lookups.value_width, task.first_slot, task.end_slot, slot_panel);
    }
    // What it begins with.
    void ask_for_operands(Ahead& ahead, const BackwardTask& task, Index head) const {
        const HeadGradients to = gradients(task, head);
        const Index queries = lookups.queries(task.segment);
        ask_for(ahead, lookups.head(task.segment, head), part(task));
        ahead.add(to.grad_read, to.read_row, lookups.value_width, 0, queries, query_block);
        ahead.add(to.read, to.read_row, lookups.value_width, 0, queries, query_block);
        ahead.add(to.query, to.query_row, lookups.key_width, 0, queries, query_block);
        ahead.add(to.scores, lookups.slots(task.segment), lookups.slots(task.segment), 0, queries, query_block);
    }

    void run(const BackwardTask& task, const BackwardTask* next, Real* scratch) const {
        const Index queries = lookups.queries(task.segment), width = lookups.key_width;
        for (Index h = task.first_head; h < task.end_head; ++h) {
            Ahead ahead;
            ask_for_slots(ahead, task, h);
            if (h + 1 < task.end_head)
                ask_for_operands(ahead, task, h + 1);
            else if (next)
                ask_for_operands(ahead, *next, next->first_head);
            HeadGradients to = gradients(task, h);
            if (task.grad_query) {
                to.query = task.grad_query + (h - task.first_head) * queries * width;
                to.query_row = width;
                std::fill_n(to.query, queries * width, Real{0});
            }
            simd().attend_tiles_backward(lookups.head(task.segment, h), part(task), to, ahead, scratch);
        }
    }
};

}  // namespace

static void add_grad_query(const Lookups& lookups, const BackwardTask& task, View grad_query) {
    const Index width = lookups.key_width;
    const Real* from = task.grad_query;
    for (Index h = task.first_head; h < task.end_head; ++h)
        for (Index q = 0; q < lookups.queries(task.segment); ++q, from += width)
            simd().add_scaled(1, from, grad_query.row(lookups.first_query(task.segment) + q) + h * width, width);
}

void attend_by_blocks_backward(const Lookups& lookups, const AttendOutput& out, ConstView grad_read,
                               const AttendGradients& grads, Arena& scratch) {
    const Index segments = lookups.segments.size(), heads = lookups.heads;
    // A bias that heads share gets its gradient from one of them after the other.
    const Index groups = heads_share_bias(lookups, grads) ? 1 : lookups.options.memory_heads(),
                group_heads = heads / groups;
    const auto parts_of = [&](Index i) {
        return segments * groups >= pieces / 2
                   ? Index{1}
                   : std::clamp<Index>(lookups.slots(i) / (2 * slot_panel), 1, pieces / (segments * groups));
    };
    Index count = 0;
    for (Index i = 0; i < segments; ++i) count += groups * parts_of(i);
    const auto tasks = scratch.take<BackwardTask>(count);
    std::size_t made = 0;
    for (Index i = 0; i < segments; ++i)
        for (Index g = 0; g < groups; ++g)
            for (Index p = 0; p < parts_of(i); ++p) {
                const bool apart = parts_of(i) > 1 && grads.query.data;
                tasks[made++] = {
                    i,
                    g * group_heads,
                    (g + 1) * group_heads,
                    share(lookups.slots(i), parts_of(i), p),
                    share(lookups.slots(i), parts_of(i), p + 1),
                    apart ? scratch.take<Real>(group_heads * lookups.queries(i) * lookups.key_width).data() : nullptr};
            }
    const Backward backward{lookups, out, softmax_sums(lookups, out.log_sum_exp, scratch), grad_read, grads};
    const WorkerScratch workers(scratch, backward_scratch(lookups.key_width, lookups.value_width));
    kvmem::parallel_for(count, task_grain(count, 3 * lookups.total_work(), tile_work), [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            backward.run(tasks[static_cast<std::size_t>(i)],
                         i + 1 < count ? &tasks[static_cast<std::size_t>(i + 1)] : nullptr, workers.mine());
    });
    for (const BackwardTask& task : tasks)
        if (task.grad_query) add_grad_query(lookups, task, grads.query);
}

}  // namespace kvmem::detail
