#include "autograd/low_rank_grad.hpp"
#include "autograd/operation.hpp"
#include "kernels/embed/embed.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <numeric>

namespace kvmem {

// Room for the lists that the forward pass makes for the backward pass, while there is to be one.
static TokenLists* room_for_lists(Tape& tape, bool needs_grad) {
    return needs_grad ? std::construct_at(tape.arena().take<TokenLists>(1).data()) : nullptr;
}

namespace {
struct EmbedSum {
    const Parameter* table;
    BagScale scale;
    TokenLists* lists;

    void backward(Tape& tape, Var out) const {
        // From outer products the gradient of the bags, the largest matrix of all, is never materialised.
        if (const OuterProducts* products = LowRankGrad::find(out))
            embed_sum_backward(*lists, scale, *products, tape.gradient(*table), tape.arena(), table->frozen);
        else
            embed_sum_backward(*lists, scale, out.grad(), tape.gradient(*table), tape.arena(), table->frozen);
    }
};
}  // namespace

Var embed_sum(Tape& tape, const Parameter& table, RaggedView<Token> bags, BagScale scale) {
    check_bags(bags, table.value.rows());
    Arena& arena = tape.arena();
    const bool needs_grad = tape.training() && table.trainable;
    TokenLists* lists = room_for_lists(tape, needs_grad);
    const Var out = tape.record(bags.size(), table.value.cols(), needs_grad, EmbedSum{&table, scale, lists});
    LowRankGrad::allow(out);
    if (lists)
        *lists = detail::embed_and_list(table.value, copy(arena, bags), scale, out.mutable_value(), arena);
    else
        detail::embed_checked(table.value, bags, scale, out.mutable_value());
    return out;
}

namespace {
struct EmbedSentences {
    std::span<const SentenceTables> tables;
    PositionFactors positions;
    RaggedView<Token> start;  // one a row
    TokenLists* lists;

    void backward(Tape& tape, Var out) const {
        Arena& arena = tape.arena();
        const ArenaScope scope(arena);
        const Parameter* first = tables.front().starts;
        const TokenLists starts = list_tokens(start, first ? first->value.rows() : 0, arena);
        const Index count = lists->bags.size();
        for (Index i = 0; i < std::ssize(tables); ++i) {
            const View grad = out.grad().middle_rows(i * count, count);
            add_to(tape, tables[i].words, *lists, grad, positions);
            add_to(tape, tables[i].starts, starts, grad, {});
        }
    }

  private:
    static void add_to(Tape& tape, const Parameter* table, const TokenLists& tokens, ConstView grad,
                       const PositionFactors& factors) {
        if (table && table->trainable)
            embed_sum_backward(tokens, BagScale::sum, grad, tape.gradient(*table), tape.arena(), table->frozen,
                               factors);
    }
};
}  // namespace

static bool same_shape(const Parameter* p, const Parameter* q) {
    return p && q ? p->value.rows() == q->value.rows() && p->value.cols() == q->value.cols() : p == q;
}

// What fits one table fits them all; nothing is recorded of what does not.
static void check_sentences(std::span<const SentenceTables> tables, RaggedView<Token> bags,
                            const PositionFactors& positions, std::span<const Token> start) {
    constexpr const char* here = "embed_sentences";
    require_shape(!tables.empty(), here, "at least one table");
    const auto& [words, starts] = tables[0];
    for (const SentenceTables& t : tables)
        require_shape(t.words && same_shape(t.words, words) && same_shape(t.starts, starts), here,
                      "tables of one shape");
    require_shape(!starts || std::ssize(start) == bags.size(), here, "a start row for each bag");
    detail::check_embed(words->value, bags, positions, starts ? StartRows{starts->value, start} : StartRows{});
}

// Rows of one token each.
static RaggedView<Token> one_each(Arena& arena, std::span<const Token> tokens) {
    const auto offsets = arena.take<Index>(std::ssize(tokens) + 1);
    std::iota(offsets.begin(), offsets.end(), Index{0});
    return {arena.copy(tokens), offsets};
}

static PositionFactors copy(Arena& arena, const PositionFactors& positions) {
    if (positions.factors.data == nullptr) return positions;  // none, which a copy of no numbers would not be
    const auto [data, rows, cols] = positions.factors;
    return {{arena.copy(positions.factors.span()).data(), rows, cols}, arena.copy(positions.first)};
}

std::vector<Var> embed_sentences(Tape& tape, std::span<const SentenceTables> tables, RaggedView<Token> bags,
                                 const PositionFactors& positions, std::span<const Token> start) {
    check_sentences(tables, bags, positions, start);
    Arena& arena = tape.arena();
    const bool needs_grad = tape.training() && std::ranges::any_of(tables, [](const SentenceTables& t) {
                                return t.words->trainable || (t.starts && t.starts->trainable);
                            });
    EmbedSentences saved{{}, positions, {}, room_for_lists(tape, needs_grad)};
    if (needs_grad) {
        bags = copy(arena, bags);
        saved = {arena.copy(tables), copy(arena, positions), {}, saved.lists};
        if (tables[0].starts) saved.start = one_each(arena, start);
    }
    const Index count = bags.size(), width = tables[0].words->value.cols();
    // One matrix and one backward function for all tables: they share the sorted tokens.
    const Var all = tape.record(std::ssize(tables) * count, width, needs_grad, saved);
    std::vector<Var> parts;
    for (const auto& [words, starts] : tables) {
        const View out = all.mutable_value().middle_rows(std::ssize(parts) * count, count);
        const StartRows start_rows = starts ? StartRows{starts->value, start} : StartRows{};
        // The tokens are sorted once, beside the first table's sums.
        if (needs_grad && parts.empty())
            *saved.lists =
                detail::embed_and_list(words->value, bags, BagScale::sum, out, arena, saved.positions, start_rows);
        else
            detail::embed_checked(words->value, bags, BagScale::sum, out, saved.positions, start_rows);
        parts.push_back(slice_rows(all, std::ssize(parts) * count, count));
    }
    return parts;
}

Var embed_sentences(Tape& tape, const Parameter& table, RaggedView<Token> bags, const PositionFactors& positions) {
    const SentenceTables one{&table, nullptr};
    return embed_sentences(tape, std::span(&one, 1), bags, positions)[0];
}

}  // namespace kvmem
