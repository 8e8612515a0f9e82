#include "kvmem/kernels/facts.hpp"

#include "kvmem/core/arena.hpp"
#include "kvmem/core/error.hpp"

#include <algorithm>
#include <cmath>

namespace kvmem {

Facts::Facts(std::vector<Fact> facts, Index entities, Index relations) : relations_(relations) {
    require_shape(entities >= 0 && relations >= 0, "Facts", "numbers of entities and relations that are not negative");
    keys_.assign(static_cast<std::size_t>(entities) + 1, 0);
    const auto fits = [&](const Fact& f) {
        return f.subject >= 0 && f.subject < entities && f.object >= 0 && f.object < entities && f.relation >= 0 &&
               f.relation < relations;
    };
    require_shape(std::ranges::all_of(facts, fits), "Facts", "facts of the memory's entities and relations");
    std::ranges::sort(facts);
    facts.erase(std::unique(facts.begin(), facts.end()), facts.end());
    rows_.clear();
    objects_.reserve(facts.size());
    for (std::size_t i = 0; i < facts.size(); ++i) {
        const Fact& f = facts[i];
        if (i == 0 || f.subject != facts[i - 1].subject || f.relation != facts[i - 1].relation) {
            rows_.push_back(static_cast<Index>(i));
            relation_.push_back(f.relation);
            ++keys_[static_cast<std::size_t>(f.subject) + 1];
        }
        objects_.push_back(f.object);
    }
    rows_.push_back(static_cast<Index>(facts.size()));
    for (std::size_t s = 1; s < keys_.size(); ++s) keys_[s] += keys_[s - 1];
}

static void check(const Facts& facts, const StateView& state, const FactHop& hop) {
    const Index questions = state.entities.size();
    const auto are_entities = [&](std::span<const Token> tokens) {
        return std::ranges::all_of(tokens, [&](Token t) { return t >= 0 && t < facts.entities(); });
    };
    require_shape(state.entities.valid() && state.weight.size() == state.entities.values.size(), "read_facts",
                  "a weight for each entity of the state");
    require_shape(hop.relations.rows == questions && hop.relations.cols == facts.relations() + 1, "read_facts",
                  "relations [B, R + 1]");
    require_shape(hop.starts.valid() && hop.starts.size() == questions, "read_facts", "starts of each question");
    require_shape(are_entities(state.entities.values) && are_entities(hop.starts.values), "read_facts",
                  "entities of the memory");
}

namespace {

// A number for each entity, all zero except while one question is looked at.
class ByEntity {
  public:
    ByEntity(const Facts& facts, Arena& scratch) : numbers_(scratch.take<Real>(facts.entities())) {
        std::ranges::fill(numbers_, Real{0});
    }
    Real& operator[](Token entity) { return numbers_[static_cast<std::size_t>(entity)]; }
    void clear(std::span<const Token> entities) {
        for (const Token e : entities) (*this)[e] = 0;
    }

  private:
    std::span<Real> numbers_;
};

// What one question reads with.
struct Question {
    std::span<const Token> entities, starts;
    std::span<const Real> weight;
    const Real* relations;

    Question(const StateView& state, const FactHop& hop, Index b)
        : entities(state.entities[b]),
          starts(hop.starts[b]),
          weight(state.weight.subspan(static_cast<std::size_t>(state.entities.offsets[static_cast<std::size_t>(b)]),
                                      entities.size())),
          relations(hop.relations.row(b)) {}

    bool is_start(Token entity) const { return std::ranges::find(starts, entity) != starts.end(); }
};

// Calls use(entry, relation, objects) for all keys of some weight.
template <class Use>
void each_key(const Facts& facts, const FactHop& hop, const Question& q, Use use) {
    for (std::size_t i = 0; i < q.entities.size(); ++i) {
        const auto [first, last] = facts.keys_of(q.entities[i]);
        for (Index key = first; key < last; ++key)
            if (const Facts::Row row = facts.row(key); q.relations[row.relation] >= hop.least) use(i, row);
    }
}

}  // namespace

void read_facts(const Facts& facts, const StateView& state, const FactHop& hop, Ragged<Token>& entities,
                std::vector<Real>& weight, Arena& scratch) {
    check(facts, state, hop);
    const ArenaScope scope(scratch);
    ByEntity sum(facts, scratch);
    for (Index b = 0; b < state.entities.size(); ++b) {
        const Question q(state, hop, b);
        std::vector<Token>& reached = entities.values;
        const std::size_t begin = reached.size();
        const auto reach = [&](Token entity, Real by) {
            if (by == 0) return;
            Real& at = sum[entity];
            if (at == 0) reached.push_back(entity);
            at += by;
        };
        each_key(facts, hop, q, [&](std::size_t i, const Facts::Row& row) {
            const Real by = q.weight[i] * q.relations[row.relation];
            for (const Token object : row.objects) reach(object, by);
        });
        for (const Token start : q.starts) {  // few: their share is taken once, after all was added up
            if (sum[start] == 0) continue;
            sum[start] *= hop.gate;
            if (sum[start] == 0)
                reached.erase(std::find(reached.begin() + static_cast<Index>(begin), reached.end(), start));
        }
        const Real stay = q.relations[facts.relations()];
        for (std::size_t i = 0; i < q.entities.size(); ++i) reach(q.entities[i], stay * q.weight[i]);
        entities.end_row();
        for (std::size_t k = begin; k < reached.size(); ++k) weight.push_back(sum[reached[k]]);
        sum.clear(std::span(reached).subspan(begin));
    }
}

void read_facts_backward(const Facts& facts, const StateView& state, const FactHop& hop, RaggedView<Token> reached,
                         std::span<const Real> gradient, const FactGradients& gradients, Arena& scratch) {
    check(facts, state, hop);
    const auto is_entity = [&](Token t) { return t >= 0 && t < facts.entities(); };
    require_shape(reached.valid() && reached.size() == state.entities.size() &&
                      gradient.size() == reached.values.size() && std::ranges::all_of(reached.values, is_entity),
                  "read_facts_backward", "what was reached, and a gradient for each entry of it");
    require_shape((gradients.state.empty() || gradients.state.size() == state.weight.size()) &&
                      (!gradients.relations.data || (gradients.relations.rows == hop.relations.rows &&
                                                     gradients.relations.cols == hop.relations.cols)),
                  "read_facts_backward", "gradients of the shapes of what they belong to, or empty");
    const ArenaScope scope(scratch);
    ByEntity of(facts, scratch);
    const auto relations = static_cast<std::size_t>(facts.relations());
    std::size_t entry = 0, at = 0;
    for (Index b = 0; b < state.entities.size(); ++b) {
        const Question q(state, hop, b);
        for (const Token entity : reached[b]) of[entity] = gradient[at++];
        Real* const to_relations = gradients.relations.data ? gradients.relations.row(b) : nullptr;
        Real stayed = 0;
        for (std::size_t i = 0; i < q.entities.size(); ++i) {
            const Real g = of[q.entities[i]];
            stayed += g * q.weight[i];
            if (!gradients.state.empty()) gradients.state[entry + i] += g * q.relations[relations];
        }
        if (to_relations) to_relations[relations] += stayed;
        each_key(facts, hop, q, [&](std::size_t i, const Facts::Row& row) {
            Real sum = 0;
            for (const Token object : row.objects) sum += of[object];
            for (const Token start : q.starts)
                if (std::ranges::binary_search(row.objects, start)) {
                    sum -= (1 - hop.gate) * of[start];
                    if (gradients.gate) *gradients.gate += of[start] * q.weight[i] * q.relations[row.relation];
                }
            if (!gradients.state.empty()) gradients.state[entry + i] += sum * q.relations[row.relation];
            if (to_relations) to_relations[row.relation] += sum * q.weight[i];
        });
        entry += q.entities.size();
        of.clear(reached[b]);
    }
}

void read_facts_naive(const Facts& facts, const StateView& state, const FactHop& hop, Ragged<Token>& entities,
                      std::vector<Real>& weight, Arena&) {
    check(facts, state, hop);
    for (Index b = 0; b < state.entities.size(); ++b) {
        const Question q(state, hop, b);
        std::vector<Real> before(static_cast<std::size_t>(facts.entities())), after(before);
        for (std::size_t i = 0; i < q.entities.size(); ++i)
            before[static_cast<std::size_t>(q.entities[i])] = q.weight[i];
        for (Token subject = 0; subject < facts.entities(); ++subject)
            for (Index key = facts.keys_of(subject).first; key < facts.keys_of(subject).second; ++key)
                for (const Token object : facts.row(key).objects) {
                    const Real followed = q.relations[facts.row(key).relation];
                    const Real gate = q.is_start(object) ? hop.gate : Real{1};
                    if (followed >= hop.least)
                        after[static_cast<std::size_t>(object)] +=
                            before[static_cast<std::size_t>(subject)] * followed * gate;
                }
        for (Token e = 0; e < facts.entities(); ++e) {
            const auto i = static_cast<std::size_t>(e);
            after[i] += before[i] * q.relations[facts.relations()];
            if (after[i] == 0) continue;
            entities.values.push_back(e);
            weight.push_back(after[i]);
        }
        entities.end_row();
    }
}

void answer_loss(const StateView& state, RaggedView<Token> answers, const AnswerPrior& prior, std::span<Real> losses,
                 std::span<Real> gradient) {
    require_shape(state.entities.valid() && state.weight.size() == state.entities.values.size() &&
                      gradient.size() == state.weight.size(),
                  "answer_loss", "a weight and a gradient for each entity of the state");
    require_shape(
        answers.valid() && answers.size() == state.entities.size() && std::ssize(losses) == state.entities.size(),
        "answer_loss", "answers and a loss for each question");
    std::size_t entry = 0;
    for (Index b = 0; b < state.entities.size(); ++b) {
        const std::span<const Token> entities = state.entities[b], right = answers[b];
        const auto is_right = [&](Token e) {
            return !right.empty() && e >= right.front() && e <= right.back() && std::ranges::binary_search(right, e);
        };
        double all = prior.weight, gold = prior.weight * static_cast<double>(right.size()) / prior.candidates;
        for (std::size_t i = 0; i < entities.size(); ++i) {
            const double weight = state.weight[entry + i];
            all += weight;
            if (is_right(entities[i])) gold += weight;
        }
        losses[static_cast<std::size_t>(b)] = right.empty() ? 0 : static_cast<Real>(std::log(all / gold));
        for (std::size_t i = 0; i < entities.size(); ++i)
            gradient[entry + i] =
                right.empty() ? 0 : static_cast<Real>(1 / all - (is_right(entities[i]) ? 1 / gold : 0.0));
        entry += entities.size();
    }
}

}  // namespace kvmem
