// Facts as a key-value memory with exact keys: the keys are (subject, relation), the values are objects.
//
// attend() compares a query with every key. Here a state, which is some entities with weights, times a weight for each
// relation gives the weights of the keys. Only the facts under keys with a weight are touched (the sparse-matrix
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

// A relation leads from the subject to the object, each of which is an entity from 0.
struct Fact {
    // Its place among the entities.
    Token subject;
    Token relation;  // from 0
    // Its place among the entities.
    Token object;
    auto operator<=>(const Fact&) const = default;
};

// The facts of a memory by their subject, in two levels of compressed sparse rows. Reading is safe on several threads.
class Facts {
  public:
    Facts() = default;
    // Equal facts count once. Throws Error for a subject or object outside [0, entities), for a relation outside
    // [0, relations), and for 2^32 facts or more.
    Facts(std::vector<Fact> facts, Index entities, Index relations);

    // The numbers of entities, of relations and of different facts.
    [[nodiscard]] Index entities() const { return static_cast<Index>(keys_.size()) - 1; }
    [[nodiscard]] Index relations() const { return relations_; }
    [[nodiscard]] Index size() const { return static_cast<Index>(objects_.size()); }

    // The relation and the objects of one key. The objects rise.
    struct Row {
        // `relation` is that of the key.
        Token relation;
        std::span<const Token> objects;
    };
    // The range of an entity's keys, as numbers for row().
    [[nodiscard]] std::pair<Index, Index> keys_of(Token subject) const {
        const auto s = static_cast<std::size_t>(subject);
        return {keys_[s], keys_[s + 1]};
    }
    [[nodiscard]] Row row(Index key) const {
        const auto k = static_cast<std::size_t>(key);
        const std::size_t first = rows_[k].first, last = rows_[k + 1].first;
        return {rows_[k].relation, std::span(objects_).subspan(first, last - first)};
    }
    // Prefetches the facts of the subjects that follow soon after subjects[at]: they lie anywhere in memory.
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

// Which objects of large keys a hop reads. A key with more than `max_fanout` objects is read by that many of them, each
// with the weight objects / max_fanout: the state's expectation over all seeds is the state without a sample. They lie
// side by side, beginning anywhere and going on at the row's start, so that they cost few cache misses. The seed and
// the key alone choose them: hops with seeds of their own are independent. 0: all are read.
struct FactSample {
    // The maximum of objects, and what chooses them.
    Index max_fanout = 0;
    std::uint64_t seed = 0;
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
    FactSample sample = {};
};

// The state after a hop gives entity o the weight
//
//     sum over facts (s, r, o) of state[s] * relations[r] * (gate if o is a start, else 1)  +  state[o] * relations[R]
//
// for all o with a weight, in the order in which they are first reached. Appends the rows to `entities` and `weight`.
// `zeros` [N] is scratch that holds zeros before and after, so that a hop costs what it touches and not what the memory
// holds. Bound by scattered additions, one for each fact touched. Throws Error when shapes do not fit or an
// entity is not of the memory.
void read_facts(const Facts& facts, const StateView& state, const FactHop& hop, Ragged<Token>& entities,
                std::vector<Real>& weight, std::span<Real> zeros);
// The same by a dense sum over all facts, in their order and without a sample: the oracle of the tests.
void read_facts_naive(const Facts& facts, const StateView& state, const FactHop& hop, Ragged<Token>& entities,
                      std::vector<Real>& weight, std::span<Real> zeros);

// What read_facts_backward() adds to.
struct FactGradients {
    std::span<Real> state;  // [n], added to; empty: not wanted
    View relations;         // [B, R + 1], added to; empty: not wanted
    Real* gate = nullptr;   // added to; null: not wanted
};
// `reached` holds the entities that read_facts() appended, `gradient` [its entries] the gradient of their weights.
// Throws Error when shapes do not fit.
void read_facts_backward(const Facts& facts, const StateView& state, const FactHop& hop, RaggedView<Token> reached,
                         std::span<const Real> gradient, const FactGradients& gradients, std::span<Real> zeros);

// A prior: `weight`, spread evenly over all candidates. With it a state without a right answer costs about
// log(candidates), and so weight that is lost on the way costs, too.
struct AnswerPrior {
    // The share of the prior, and the number of candidates that share it.
    double weight = 0.01;
    double candidates = 1;
};
// losses [B] = -log of the share of the weights, and of the prior's, that lies on right answers; 0 for a question
// without one. `gradient` [n] becomes the gradient of their sum. The answers of each row must rise.
void answer_loss(const StateView& state, RaggedView<Token> answers, const AnswerPrior& prior, std::span<Real> losses,
                 std::span<Real> gradient);

}  // namespace kvmem
