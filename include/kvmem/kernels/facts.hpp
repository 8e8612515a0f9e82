// Facts as a key-value memory that is read exactly: the keys are (subject, relation), the values objects.
//
// Where other lookups compare a query with every key, this one is told the keys: a state, which is some entities with
// weights, times a weight for each relation. Only the facts under keys of some weight are touched (the sparse-matrix
// knowledge base of Cohen et al. 2020, arXiv 2002.06115, eq. 1; "follow").
//
// Letters: B questions, N entities, R relations, n entries of a state.
#pragma once

#include "kvmem/core/matrix.hpp"
#include "kvmem/core/ragged.hpp"

#include <compare>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace kvmem {

struct Fact {
    Token subject;
    Token relation;  // from 0
    Token object;
    auto operator<=>(const Fact&) const = default;
};

// The facts of a memory, found by their subject: two levels of compressed sparse rows. Reading is safe from several
// threads.
class Facts {
  public:
    Facts() = default;
    // A fact that is there twice counts once. Throws Error for a subject or object outside [0, entities) or a relation
    // outside [0, relations), or for 2^32 facts.
    Facts(std::vector<Fact> facts, Index entities, Index relations);

    Index entities() const { return static_cast<Index>(keys_.size()) - 1; }
    Index relations() const { return relations_; }
    Index size() const { return static_cast<Index>(objects_.size()); }

    // The objects under one key.
    struct Row {
        Token relation;
        std::span<const Token> objects;
    };
    // What keys an entity is the subject of: numbers for row().
    std::pair<Index, Index> keys_of(Token subject) const {
        const auto s = static_cast<std::size_t>(subject);
        return {keys_[s], keys_[s + 1]};
    }
    Row row(Index key) const {
        const auto k = static_cast<std::size_t>(key);
        const std::size_t first = rows_[k].first, last = rows_[k + 1].first;
        return {rows_[k].relation, std::span(objects_).subspan(first, last - first)};
    }
    // Prefetches the facts of the subjects that come soon after subjects[at]: they lie anywhere in memory.
    void prefetch(std::span<const Token> subjects, std::size_t at) const {
        const auto soon = [&](std::size_t ahead) { return static_cast<std::size_t>(subjects[at + ahead]); };
        if (at + 12 < subjects.size()) __builtin_prefetch(&keys_[soon(12)]);
        if (at + 8 < subjects.size()) __builtin_prefetch(&rows_[keys_[soon(8)]]);
        if (at + 4 < subjects.size()) __builtin_prefetch(objects_.data() + rows_[keys_[soon(4)]].first);
    }

  private:
    struct KeyRow {
        Token relation;
        std::uint32_t first;  // of its objects; they end where the next key's begin
    };
    std::vector<std::uint32_t> keys_{0};  // of each subject, into rows_
    std::vector<KeyRow> rows_{{0, 0}};    // of each key, and an end
    std::vector<Token> objects_;
    Index relations_ = 0;
};

// Some entities of each question, no entity twice in a row, with a weight of at least 0 for each entry.
struct StateView {
    RaggedView<Token> entities;    // [B] rows of n entries in all
    std::span<const Real> weight;  // [n]
};

// How a hop reads.
struct FactHop {
    // [B, R + 1]: how much each question follows each relation, and, last, stays where it is.
    ConstView relations;
    // [B] rows of entities to which a question returns with the share `gate` of the weight only: those it began at.
    // What stays is not returned.
    RaggedView<Token> starts;
    Real gate = 1;
    // Relations with less than this weight are not followed.
    Real least = 0;
};

// State after a hop: entity o has the weight
//
//     sum over facts (s, r, o) of state[s] * relations[r] * (gate if o is a start, else 1)  +  state[o] * relations[R]
//
// for all o of some weight, in the order in which they were first reached. Appends the rows to `entities` and `weight`.
// `zeros` [N] are lent: zeros before and after, so that a hop costs what it touches and not what the memory holds.
// Bound by the scattered additions: the facts that are touched, each once. Throws Error when shapes do not fit or an
// entity is not of the memory.
void read_facts(const Facts& facts, const StateView& state, const FactHop& hop, Ragged<Token>& entities,
                std::vector<Real>& weight, std::span<Real> zeros);
// The same by a dense sum over all facts, in their order: the oracle of the tests.
void read_facts_naive(const Facts& facts, const StateView& state, const FactHop& hop, Ragged<Token>& entities,
                      std::vector<Real>& weight, std::span<Real> zeros);

struct FactGradients {
    std::span<Real> state;  // [n], added to; empty: not wanted
    View relations;         // [B, R + 1], added to; empty: not wanted
    Real* gate = nullptr;   // added to; null: not wanted
};
// `reached` is what read_facts() made of it, `gradient` [its entries] that of its weights. Throws Error when shapes do
// not fit.
void read_facts_backward(const Facts& facts, const StateView& state, const FactHop& hop, RaggedView<Token> reached,
                         std::span<const Real> gradient, const FactGradients& gradients, std::span<Real> zeros);

// What every answer has before anything is read: `weight`, shared out evenly among the candidates. So a state without
// any right answer costs about log(candidates), and weight that is lost on the way costs too.
struct AnswerPrior {
    double weight = 0.01;
    double candidates = 1;
};
// losses [B]: -log of the share of all weight, and of the prior's, that lies on right answers; 0 for a question without
// one. `gradient` [n] becomes that of their sum. The answers of a row rise.
void answer_loss(const StateView& state, RaggedView<Token> answers, const AnswerPrior& prior, std::span<Real> losses,
                 std::span<Real> gradient);

}  // namespace kvmem
