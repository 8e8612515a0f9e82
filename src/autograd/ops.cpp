#include "kvmem/autograd/ops.hpp"

#include "autograd/accumulate.hpp"
#include "kernels/embed/embed.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/gemm.hpp"
#include "kvmem/kernels/normalize.hpp"
#include "kvmem/kernels/softmax.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

namespace kvmem {

static bool same_shape(Var x, Var y) { return x.rows() == y.rows() && x.cols() == y.cols(); }

// --- embed_sum

namespace {
struct EmbedSum {
    const Parameter* table;
    BagScale scale;
    TokenLists* lists;  // once they are made
};
}  // namespace

static void embed_sum_backward(Tape& tape, Var out, const void* payload) {
    const auto& [table, scale, lists] = *static_cast<const EmbedSum*>(payload);
    if (const OuterProducts* products = tape.outer_products(out))
        embed_sum_backward(*lists, scale, *products, tape.gradient(*table), tape.arena(), table->frozen);
    else
        embed_sum_backward(*lists, scale, out.grad(), tape.gradient(*table), tape.arena(), table->frozen);
}

// Room for what is listed on the way there, if there is a way back.
static TokenLists* room_for_lists(Tape& tape) {
    return tape.training() ? std::construct_at(tape.arena().take<TokenLists>(1).data()) : nullptr;
}

Var embed_sum(Tape& tape, const Parameter& table, RaggedView<Token> bags, BagScale scale) {
    check_bags(bags, table.value.rows());
    Arena& arena = tape.arena();
    TokenLists* lists = room_for_lists(tape);
    const Var out = tape.record(bags.size(), table.value.cols(), tape.training(), embed_sum_backward,
                                EmbedSum{&table, scale, lists});
    tape.take_outer_products(out);
    if (lists) {
        const RaggedView<Token> kept{arena.copy(bags.values), arena.copy(bags.offsets)};
        *lists = detail::embed_and_list(table.value, kept, scale, out.value(), arena);
    } else {
        detail::embed_checked(table.value, bags, scale, out.value());
    }
    return out;
}

namespace {
struct EmbedSentences {
    std::span<const SentenceTables> tables;
    PositionFactors positions;
    RaggedView<Token> start;  // one a row
    TokenLists* lists;        // once they are made
};
}  // namespace

static void embed_sentences_backward(Tape& tape, Var out, const void* payload) {
    const auto& [tables, positions, start, words] = *static_cast<const EmbedSentences*>(payload);
    Arena& arena = tape.arena();
    const ArenaScope scope(arena);
    const Parameter* first = tables.front().starts;
    const TokenLists starts = list_tokens(start, first ? first->value.rows() : 0, arena);
    const Index count = words->bags.size();
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const auto& [word, place] = tables[i];
        const View grad = out.grad().middle_rows(static_cast<Index>(i) * count, count);
        embed_sum_backward(*words, BagScale::sum, grad, tape.gradient(*word), arena, word->frozen, positions);
        if (place) embed_sum_backward(starts, BagScale::sum, grad, tape.gradient(*place), arena, place->frozen);
    }
}

std::vector<Var> embed_sentences(Tape& tape, std::span<const SentenceTables> tables, RaggedView<Token> bags,
                                 const PositionFactors& positions, std::span<const Token> start) {
    require_shape(!tables.empty(), "embed_sentences", "at least one table");
    const auto same_shape = [](const Parameter* p, const Parameter* q) {
        return p && q ? p->value.rows() == q->value.rows() && p->value.cols() == q->value.cols() : p == q;
    };
    for (const SentenceTables& t : tables)
        require_shape(same_shape(t.words, tables[0].words) && same_shape(t.starts, tables[0].starts), "embed_sentences",
                      "tables of one shape");
    const auto rows_of = [&](const Parameter* starts) {
        return starts ? StartRows{starts->value, start} : StartRows{};
    };
    require_shape(!tables[0].starts || std::ssize(start) == bags.size(), "embed_sentences", "a start row for each bag");
    // What fits one table fits them all; nothing is recorded of what does not.
    detail::check_embed(tables[0].words->value, bags, positions, rows_of(tables[0].starts));
    Arena& arena = tape.arena();
    TokenLists* lists = room_for_lists(tape);
    EmbedSentences kept{arena.copy(tables), positions, {}, lists};
    if (tables[0].starts) {
        const auto each = arena.take<Index>(std::ssize(start) + 1);
        std::iota(each.begin(), each.end(), Index{0});
        kept.start = {start, each};
    }
    const Index count = std::ssize(tables);
    const Var all = tape.record(count * bags.size(), tables[0].words->value.cols(), tape.training(),
                                embed_sentences_backward, kept);
    std::vector<Var> parts;
    for (const auto& [words, starts] : tables) {
        const Var part = tape.middle_rows(all, std::ssize(parts) * bags.size(), bags.size());
        if (lists && parts.empty())
            *lists = detail::embed_and_list(words->value, bags, BagScale::sum, part.value(), arena, positions,
                                            rows_of(starts));
        else
            detail::embed_checked(words->value, bags, BagScale::sum, part.value(), positions, rows_of(starts));
        parts.push_back(part);
    }
    return parts;
}

Var embed_sentences(Tape& tape, const Parameter& table, RaggedView<Token> bags, const PositionFactors& positions) {
    const SentenceTables one{&table, nullptr};
    return embed_sentences(tape, std::span(&one, 1), bags, positions)[0];
}

// --- linear, dot_scores

namespace {
struct Linear {
    Var x, weight;
    std::optional<Var> bias;
};
}  // namespace

// to += the sum of the rows: of many in halves, as a large sum would lose what is added to it.
static void add_rows(ConstView rows, View to, Arena& scratch) {
    constexpr Index most = 4096;
    if (rows.rows <= most) {
        for (Index i = 0; i < rows.rows; ++i) accumulate(to, 1, rows.middle_rows(i, 1));
        return;
    }
    const ArenaScope scope(scratch);
    const View other = scratch.matrix(1, rows.cols);
    std::fill_n(other.data, other.size(), Real{0});
    add_rows(rows.middle_rows(0, rows.rows / 2), to, scratch);
    add_rows(rows.middle_rows(rows.rows / 2, rows.rows - rows.rows / 2), other, scratch);
    accumulate(to, 1, other);
}

static void linear_backward(Tape& tape, Var out, const void* payload) {
    const auto& [x, weight, bias] = *static_cast<const Linear*>(payload);
    const View grad = out.grad();
    if (x.needs_grad()) gemm(1, grad, Transpose::no, weight.value(), Transpose::no, 1, x.grad());
    if (weight.needs_grad()) gemm(1, grad, Transpose::yes, x.value(), Transpose::no, 1, weight.grad());
    if (bias && bias->needs_grad()) add_rows(grad, bias->grad(), tape.arena());
}

Var linear(Var x, Var weight, std::optional<Var> bias) {
    Tape& tape = Tape::of("linear", {x, weight, bias});
    require_shape(x.cols() == weight.cols(), "linear", "x [B, n] and weight [m, n]");
    require_shape(!bias || bias->value().size() == weight.rows(), "linear", "a bias [1, m]");
    const bool needs_grad = x.needs_grad() || weight.needs_grad() || (bias && bias->needs_grad());
    const Var out = tape.record(x.rows(), weight.rows(), needs_grad, linear_backward, Linear{x, weight, bias});
    const View y = out.value();
    if (bias)
        for (Index i = 0; i < y.rows; ++i) std::copy_n(bias->value().data, y.cols, y.row(i));
    gemm(1, x.value(), Transpose::no, weight.value(), Transpose::yes, bias ? Real{1} : Real{0}, y);
    return out;
}

Var dot_scores(Var x, Var y) { return linear(x, y); }

// --- number by number

namespace {
struct Pair {
    Var x, y;
};
struct Scaled {
    Var x;
    Real factor;
};
struct Activated {
    Var x;
    Activation f;
};
struct Dropped {
    Var x;
    double rate;
    std::uint64_t seed;
};
}  // namespace

Var add(Var x, Var y) {
    Tape& tape = Tape::of("add", {x, y});
    require_shape(same_shape(x, y), "add", "two matrices of one shape");
    const Var out = tape.record(
        x.rows(), x.cols(), x.needs_grad() || y.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const Pair*>(payload);
            if (p.x.needs_grad()) accumulate(p.x.grad(), 1, o.grad());
            if (p.y.needs_grad()) accumulate(p.y.grad(), 1, o.grad());
        },
        Pair{x, y});
    for (Index i = 0; i < out.value().size(); ++i) out.value().data[i] = x.value().data[i] + y.value().data[i];
    return out;
}

Var multiply(Var x, Var y) {
    Tape& tape = Tape::of("multiply", {x, y});
    require_shape(same_shape(x, y), "multiply", "two matrices of one shape");
    const Var out = tape.record(
        x.rows(), x.cols(), x.needs_grad() || y.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const Pair*>(payload);
            const auto half = [&](Var to, Var other) {
                if (!to.needs_grad()) return;
                const View grad = to.grad(), given = o.grad(), factor = other.value();
                for (Index i = 0; i < grad.size(); ++i) grad.data[i] += given.data[i] * factor.data[i];
            };
            half(p.x, p.y);
            half(p.y, p.x);
        },
        Pair{x, y});
    for (Index i = 0; i < out.value().size(); ++i) out.value().data[i] = x.value().data[i] * y.value().data[i];
    return out;
}

Var scale(Var x, Real factor) {
    Tape& tape = Tape::of("scale", {x});
    const Var out = tape.record(
        x.rows(), x.cols(), x.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const Scaled*>(payload);
            accumulate(p.x.grad(), p.factor, o.grad());
        },
        Scaled{x, factor});
    for (Index i = 0; i < out.value().size(); ++i) out.value().data[i] = factor * x.value().data[i];
    return out;
}

Var sum(Var x) {
    Tape& tape = Tape::of("sum", {x});
    const Var out = tape.record(
        1, 1, x.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const View grad = static_cast<const Scaled*>(payload)->x.grad();
            const Real given = o.grad().data[0];
            for (Real& g : grad.span()) g += given;
        },
        Scaled{x, 1});
    double total = 0;
    for (const Real v : x.value().span()) total += v;
    out.value().data[0] = static_cast<Real>(total);
    return out;
}

Var activate(Var x, Activation f) {
    Tape& tape = Tape::of("activate", {x});
    const Var out = tape.record(
        x.rows(), x.cols(), x.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const Activated*>(payload);
            activate_backward(p.f, p.x.value().span(), o.value().span(), o.grad().span(), p.x.grad().span());
        },
        Activated{x, f});
    activate(f, x.value().span(), out.value().span());
    return out;
}

Var dropout(Var x, double rate) {
    Tape& tape = Tape::of("dropout", {x});
    require_shape(rate >= 0 && rate < 1, "dropout", "a rate from 0 to below 1");
    if (rate == 0 || !tape.training()) return x;
    const Dropped kept{x, rate, tape.next_seed()};
    const Var out = tape.record(
        x.rows(), x.cols(), x.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const Dropped*>(payload);
            dropout_backward(p.rate, p.seed, o.grad().span(), p.x.grad().span());
        },
        kept);
    dropout(rate, kept.seed, x.value().span(), out.value().span());
    return out;
}

// --- rows to a standard scale

namespace {
struct Normed {
    Var x, gain, bias;
    std::span<Real> mean, inverse_deviation;
};
struct UnitRows {
    Var x;
    std::span<Real> length;
};
}  // namespace

Var layer_norm(Var x, Var gain, Var bias) {
    Tape& tape = Tape::of("layer_norm", {x, gain, bias});
    require_shape(gain.value().size() == x.cols() && bias.value().size() == x.cols(), "layer_norm",
                  "a gain and a bias for each column");
    const Normed kept{x, gain, bias, tape.arena().take<Real>(x.rows()), tape.arena().take<Real>(x.rows())};
    const bool needs_grad = x.needs_grad() || gain.needs_grad() || bias.needs_grad();
    const Var out = tape.record(
        x.rows(), x.cols(), needs_grad,
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const Normed*>(payload);
            layer_norm_backward(p.x.value(), p.gain.value(), p.mean, p.inverse_deviation, o.grad(), p.x.grad(),
                                p.gain.grad(), p.bias.grad());
        },
        kept);
    layer_norm(x.value(), gain.value(), bias.value(), out.value(), kept.mean, kept.inverse_deviation);
    return out;
}

Var normalize_rows(Var x) {
    Tape& tape = Tape::of("normalize_rows", {x});
    const UnitRows kept{x, tape.arena().take<Real>(x.rows())};
    const Var out = tape.record(
        x.rows(), x.cols(), x.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const UnitRows*>(payload);
            normalize_rows_backward(o.value(), p.length, o.grad(), p.x.grad());
        },
        kept);
    normalize_rows(x.value(), out.value(), kept.length);
    return out;
}

// --- scatter_sum

namespace {
struct Scattered {
    Var x;
    std::span<const Index> places;
};
}  // namespace

Var scatter_sum(Var x, std::span<const Index> places, Index rows, Index cols) {
    Tape& tape = Tape::of("scatter_sum", {x});
    require_shape(static_cast<Index>(places.size()) == x.value().size(), "scatter_sum", "a place for each number");
    require_shape(rows >= 0 && cols >= 0 && (cols == 0 || rows <= std::numeric_limits<Index>::max() / cols),
                  "scatter_sum", "rows and columns whose product can be counted");
    const bool fit = std::all_of(places.begin(), places.end(), [&](Index p) { return p >= -1 && p < rows * cols; });
    require_shape(fit, "scatter_sum", "places in the matrix, or -1");
    const Var out = tape.record(
        rows, cols, x.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const Scattered*>(payload);
            const View grad = p.x.grad(), given = o.grad();
            for (std::size_t i = 0; i < p.places.size(); ++i)
                if (p.places[i] >= 0) grad.data[i] += given.data[p.places[i]];
        },
        Scattered{x, tape.arena().copy(places)});
    std::fill_n(out.value().data, out.value().size(), Real{0});
    for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i] >= 0) out.value().data[places[i]] += x.value().data[i];
    return out;
}

// --- cross_entropy

namespace {
struct CrossEntropy {
    Var scores;
    View grad_scores;  // of a loss whose own gradient is 1
};
}  // namespace

Var cross_entropy(Var scores, std::span<const Index> targets, RaggedView<Index> excluded) {
    Tape& tape = Tape::of("cross_entropy", {scores});
    const CrossEntropy kept{scores, tape.arena().matrix(scores.rows(), scores.cols())};
    const auto losses = tape.arena().take<Real>(scores.rows());
    cross_entropy(scores.value(), targets, excluded, losses, kept.grad_scores);
    const Var out = tape.record(
        1, 1, scores.needs_grad(),
        [](Tape&, Var o, const void* payload) {
            const auto& p = *static_cast<const CrossEntropy*>(payload);
            accumulate(p.scores.grad(), o.grad().data[0], p.grad_scores);
        },
        kept);
    double total = 0;
    for (const Real loss : losses) total += loss;
    out.value().data[0] = static_cast<Real>(total);
    return out;
}

}  // namespace kvmem
