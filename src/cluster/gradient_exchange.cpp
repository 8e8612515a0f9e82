#include "cluster/gradient_exchange.hpp"

#include "autograd/operation.hpp"
#include "autograd/tree_sum.hpp"
#include "kvmem/core/arena.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace kvmem {

using Gradient = Optimizer::Gradient;

std::vector<ShardRun> deal_shards(Index shards, Index ranks) {
    std::vector<ShardRun> runs{{0, shards}};
    while (std::ssize(runs) < ranks) {
        const auto longest = std::ranges::max_element(runs, {}, &ShardRun::count);
        if (longest->count() <= 1) break;
        const auto left = static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(longest->count())) / 2);
        const ShardRun right{longest->begin + left, longest->end};
        longest->end = right.begin;
        runs.insert(longest + 1, right);
    }
    runs.resize(static_cast<std::size_t>(ranks), {shards, shards});
    return runs;
}

// How a rank writes which rows of a parameter it has touched.
enum class Form : char { none, all, some };

static Form form_of(const SparseRows* rows) {
    if (!rows || rows->touched().empty()) return Form::none;
    const auto touched = rows->touched();
    bool all = std::ssize(touched) == rows->rows();
    for (Index i = 0; all && i < std::ssize(touched); ++i) all = touched[i] == i;
    return all ? Form::all : Form::some;
}

static void append(std::string& text, std::int32_t number) {
    text.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// The first bytes of a rank's text, which it loses.
static std::string_view take(std::string_view& text, std::size_t bytes, Index rank) {
    if (text.size() < bytes)
        throw Error({.what = "the message of rank " + std::to_string(rank) + " is too short",
                     .expected = "at least " + std::to_string(bytes) + " more bytes",
                     .got = std::to_string(text.size()),
                     .where = "sum of gradients",
                     .hint = "start all ranks with the same program, arguments and files"});
    const std::string_view taken = text.substr(0, bytes);
    text.remove_prefix(bytes);
    return taken;
}

// The same as a T.
template <class T>
static T take(std::string_view& text, Index rank) {
    T value;
    std::memcpy(&value, take(text, sizeof value, rank).data(), sizeof value);
    return value;
}

// Of each parameter the form, and of `some` the number of rows and the rows.
static std::string text_of(std::span<const Gradient> gradients) {
    std::string text;
    for (const Gradient& gradient : gradients) {
        const Form form = form_of(gradient.rows);
        text += static_cast<char>(form);
        if (form != Form::some) continue;
        append(text, static_cast<std::int32_t>(gradient.rows->touched().size()));
        for (const Index row : gradient.rows->touched()) append(text, static_cast<std::int32_t>(row));
    }
    return text;
}

void GradientExchange::read_touched(std::string_view text, Index rank) {
    for (Sum& sum : sums_) {
        Touched& touched = sum.touched[rank];
        const auto form = take<Form>(text, rank);
        touched.ids.clear();
        touched.count = form == Form::none ? 0 : form == Form::all ? sum.rows.rows() : take<std::int32_t>(text, rank);
        for (Index i = 0; form == Form::some && i < touched.count; ++i)
            touched.ids.push_back(take<std::int32_t>(text, rank));
    }
}

// What a rank has touched follows its note, whose length comes first.
std::vector<std::string> GradientExchange::gather_touched(std::span<const Gradient> gradients, std::string_view note) {
    std::string own;
    append(own, static_cast<std::int32_t>(note.size()));
    std::vector<std::string> texts = cluster_.gather(own.append(note) + text_of(gradients));
    for (Index rank = 0; rank < cluster_.size(); ++rank) {
        std::string_view rest = texts[rank];
        const auto length = static_cast<std::size_t>(take<std::int32_t>(rest, rank));
        const std::string other(take(rest, length, rank));
        read_touched(rest, rank);
        texts[rank] = other;
    }
    return texts;
}

// Rows lie in the order of their first touch by the first rank that has them. As runs follow each other, that is the
// order of one process.
void GradientExchange::place_rows() {
    for (Sum& sum : sums_) {
        sum.rows.clear();
        for (const Touched& touched : sum.touched)
            for (Index i = 0; i < touched.count; ++i) sum.rows.place_to_write(touched[i]);
    }
}

// Slices are about equal shares of all numbers, cut between rows: squares are summed row by row.
void GradientExchange::cut_slices() {
    Index all = 0, before = 0;
    for (const Sum& sum : sums_) all += std::ssize(sum.rows.touched()) * sum.rows.cols();
    for (Sum& sum : sums_) {
        const Index rows = std::ssize(sum.rows.touched()), cols = sum.rows.cols();
        sum.cuts.clear();
        for (Index rank = 0; rank <= cluster_.size(); ++rank) {
            const Index inside = std::max<Index>(all * rank / cluster_.size() - before, 0);
            sum.cuts.push_back(cols == 0 ? 0 : std::min((inside + cols / 2) / cols, rows));
        }
        before += rows * cols;
    }
}

// Sends numbers to each other rank and fills in_.
void GradientExchange::exchange_numbers(std::span<const std::span<const Real>> numbers) {
    std::vector<Outgoing> out;
    std::vector<Incoming> in;
    for (Index rank = 0; rank < cluster_.size(); ++rank) {
        if (rank == cluster_.rank()) continue;
        out.push_back({rank, std::as_bytes(numbers[rank])});
        in.push_back({rank, [&to = in_[rank]](std::size_t bytes) {
                          to.resize(bytes / sizeof(Real));
                          return std::as_writable_bytes(std::span(to));
                      }});
    }
    cluster_.exchange(out, in);
}

// Sends each rank the touched rows of its slice, in this rank's order.
void GradientExchange::exchange_parts(std::span<const Gradient> gradients) {
    struct Row {
        const Real* from;
        Index rank, at, cols;
    };
    std::vector<Row> rows;
    std::vector<Index> sizes(cluster_.size(), 0);
    for (std::size_t p = 0; p < sums_.size(); ++p) {
        const Sum& sum = sums_[p];
        const Touched& own = sum.touched[cluster_.rank()];
        const Index cols = sum.rows.cols();
        for (Index i = 0; i < own.count; ++i) {
            const Index place = sum.rows.places()[own[i]];
            const Index rank = std::ranges::upper_bound(sum.cuts, place) - sum.cuts.begin() - 1;
            if (rank == cluster_.rank()) continue;
            rows.push_back({gradients[p].rows->values() + i * cols, rank, sizes[rank], cols});
            sizes[rank] += cols;
        }
    }
    for (Index rank = 0; rank < cluster_.size(); ++rank) out_[rank].resize(static_cast<std::size_t>(sizes[rank]));
    parallel_for(std::ssize(rows), 256, [&](Index first, Index last) {
        for (const Row& row : std::span(rows).subspan(first, last - first))
            std::copy_n(row.from, row.cols, out_[row.rank].data() + row.at);
    });
    exchange_numbers(std::vector<std::span<const Real>>(out_.begin(), out_.end()));
}

// Finishes the tree in this rank's slice.
void GradientExchange::sum_slice(std::span<const Gradient> gradients) {
    const Index ranks = cluster_.size(), own = cluster_.rank();
    std::vector<const Real*> next;  // of each rank, its next row of the slice
    for (const std::vector<Real>& numbers : in_) next.push_back(numbers.data());
    for (std::size_t p = 0; p < sums_.size(); ++p) {
        Sum& sum = sums_[p];
        const Index first = sum.cuts[own], cols = sum.rows.cols();
        std::vector<const Real*> parts((sum.cuts[own + 1] - first) * ranks, nullptr);  // [row, rank]
        for (Index rank = 0; rank < ranks; ++rank)
            for (Index i = 0; i < sum.touched[rank].count; ++i) {
                const Index place = sum.rows.places()[sum.touched[rank][i]];
                if (!sum.in_slice(place, own)) continue;
                const Real* const row = rank == own ? gradients[p].rows->values() + i * cols : next[rank];
                parts[(place - first) * ranks + rank] = row;
                if (rank != own) next[rank] += cols;
            }
        parallel_for(sum.cuts[own + 1] - first, row_grain(cols), [&](Index begin, Index end) {
            static thread_local Arena arena;
            const ArenaScope scope(arena);
            TreeSum tree(cols, arena.take<Real>(TreeSum::levels(runs_.back().end) * cols).data());
            for (Index i = begin; i < end; ++i) {
                tree.begin(sum.rows.values() + (first + i) * cols);
                for (Index rank = 0; rank < ranks; ++rank)
                    if (const Real* row = parts[i * ranks + rank]) tree.add(runs_[rank].begin, row);
                tree.finish();
            }
        });
    }
}

// Sends this rank's slice to all, and takes theirs.
void GradientExchange::exchange_sums() {
    std::vector<Real>& own = out_[cluster_.rank()];
    own.clear();
    for (const Sum& sum : sums_) {
        const Real* const values = sum.rows.values();
        const Index cols = sum.rows.cols(), rank = cluster_.rank();
        own.insert(own.end(), values + sum.cuts[rank] * cols, values + sum.cuts[rank + 1] * cols);
    }
    exchange_numbers(std::vector<std::span<const Real>>(cluster_.size(), own));
    for (Index rank = 0; rank < cluster_.size(); ++rank) {
        const Real* next = in_[rank].data();
        for (Sum& sum : sums_) {
            if (rank == cluster_.rank()) continue;
            const Index count = (sum.cuts[rank + 1] - sum.cuts[rank]) * sum.rows.cols();
            std::copy_n(next, count, sum.rows.values() + sum.cuts[rank] * sum.rows.cols());
            next += count;
        }
    }
}

std::vector<std::string> GradientExchange::add_up(std::span<Gradient> gradients, std::string_view note) {
    if (sums_.empty())
        for (const Gradient& gradient : gradients)
            sums_.push_back({SparseRows(gradient.parameter->value.rows(), gradient.parameter->value.cols()),
                             std::vector<Touched>(cluster_.size()),
                             {}});
    out_.resize(static_cast<std::size_t>(cluster_.size()));
    in_.resize(static_cast<std::size_t>(cluster_.size()));
    std::vector<std::string> notes = gather_touched(gradients, note);
    place_rows();
    cut_slices();
    exchange_parts(gradients);
    sum_slice(gradients);
    exchange_sums();
    for (std::size_t p = 0; p < sums_.size(); ++p)
        gradients[p].rows = sums_[p].rows.touched().empty() ? nullptr : &sums_[p].rows;
    return notes;
}

}  // namespace kvmem
