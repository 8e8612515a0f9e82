#include "kvmem/kernels/facts.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace kvmem {

namespace {

// The facts of each subject, sorted. They are counted first, so that each goes to its place at once.
class BySubject {
  public:
    BySubject(std::span<const Fact> all, Index entities)
        : offsets_(static_cast<std::size_t>(entities) + 2, 0), facts_(all.size()) {
        // Counts are shifted by two places: after the facts are placed, an entry is where its subject's facts begin.
        const auto next = std::span(offsets_).subspan(1);
        for (const Fact& f : all) ++offsets_[static_cast<std::size_t>(f.subject) + 2];
        std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
        for (const Fact& f : all) facts_[next[static_cast<std::size_t>(f.subject)]++] = {f.relation, f.object};
        parallel_for(entities, 4096, [&](Index first, Index last) {
            for (Index subject = first; subject < last; ++subject) std::ranges::sort(of(subject));
        });
    }
    // Relation and object of each.
    std::span<std::pair<Token, Token>> of(Index subject) {
        const auto s = static_cast<std::size_t>(subject);
        return std::span(facts_).subspan(offsets_[s], offsets_[s + 1] - offsets_[s]);
    }

  private:
    std::vector<std::uint32_t> offsets_;
    std::vector<std::pair<Token, Token>> facts_;
};

}  // namespace

Facts::Facts(std::vector<Fact> facts, Index entities, Index relations) : relations_(relations) {
    require_shape(entities >= 0 && relations >= 0, "Facts", "numbers of entities and relations that are not negative");
    keys_.assign(static_cast<std::size_t>(entities) + 1, 0);
    const auto fits = [&](const Fact& f) {
        return f.subject >= 0 && f.subject < entities && f.object >= 0 && f.object < entities && f.relation >= 0 &&
               f.relation < relations;
    };
    require_shape(std::ranges::all_of(facts, fits), "Facts", "facts of the memory's entities and relations");
    require_shape(facts.size() <= std::numeric_limits<std::uint32_t>::max(), "Facts", "at most 2^32 - 1 facts");
    BySubject sorted(facts, entities);
    rows_.clear();
    rows_.reserve(facts.size() + 1);  // pages that are never written take no memory
    objects_.reserve(facts.size());
    facts = std::vector<Fact>();
    for (Index subject = 0; subject < entities; ++subject) {
        const auto own = sorted.of(subject);
        for (std::size_t i = 0; i < own.size(); ++i) {
            if (i > 0 && own[i] == own[i - 1]) continue;
            if (i == 0 || own[i].first != own[i - 1].first)
                rows_.push_back({own[i].first, static_cast<std::uint32_t>(objects_.size())});
            objects_.push_back(own[i].second);
        }
        keys_[static_cast<std::size_t>(subject) + 1] = static_cast<std::uint32_t>(rows_.size());
    }
    rows_.push_back({0, static_cast<std::uint32_t>(objects_.size())});
}

static void check_zeros(const Facts& facts, std::span<const Real> zeros) {
    require_shape(std::ssize(zeros) >= facts.entities(), "read_facts", "a zero for each entity");
}

static void check(const Facts& facts, const StateView& state, const FactHop& hop, std::span<const Real> zeros) {
    check_zeros(facts, zeros);
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
    require_shape(hop.sample.max_fanout >= 0, "read_facts", "a fanout of at least 0");
}

namespace {

// Sets the scratch of one question's entities to zero again, also after an exception.
struct ZeroAtEnd {
    std::span<Real> numbers;
    const std::vector<Token>& entities;
    std::size_t first;  // of the question's

    ~ZeroAtEnd() {
        for (std::size_t i = first; i < entities.size(); ++i) numbers[static_cast<std::size_t>(entities[i])] = 0;
    }
};

// The part of a state and a hop that belongs to one question.
struct Question {
    std::span<const Token> entities, starts;
    std::span<const Real> weight;
    const Real* relations;
    std::span<const Token> to_come;  // the entities, and those of the questions after it

    Question(const StateView& state, const FactHop& hop, Index b)
        : entities(state.entities[b]),
          starts(hop.starts[b]),
          weight(state.weight.subspan(static_cast<std::size_t>(state.entities.offsets[static_cast<std::size_t>(b)]),
                                      entities.size())),
          relations(hop.relations.row(b)),
          to_come(state.entities.values.subspan(
              static_cast<std::size_t>(state.entities.offsets[static_cast<std::size_t>(b)]))) {}

    bool is_start(Token entity) const { return std::ranges::find(starts, entity) != starts.end(); }
};

// Calls use(objects, scale) for runs of the objects that are read of one key.
template <class Use>
void each_run(std::span<const Token> objects, Index key, const FactSample& sample, Use use) {
    const auto all = std::ssize(objects), read = static_cast<std::ptrdiff_t>(sample.max_fanout);
    if (read == 0 || all <= read) return use(objects, Real{1});
    const Index first = Rng(sample.seed, {static_cast<std::uint64_t>(key)}).below(all);
    const Index to_end = std::min<Index>(read, all - first);
    const Real scale = static_cast<Real>(all) / static_cast<Real>(read);
    use(objects.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(to_end)), scale);
    if (to_end < read) use(objects.first(static_cast<std::size_t>(read - to_end)), scale);
}

// Calls use(entry, relation, objects, scale) for what is read of all keys of some weight.
template <class Use>
void each_key(const Facts& facts, const FactHop& hop, const Question& q, Use use) {
    for (std::size_t i = 0; i < q.entities.size(); ++i) {
        facts.prefetch(q.to_come, i);
        const auto [first, last] = facts.keys_of(q.entities[i]);
        for (Index key = first; key < last; ++key)
            if (const Facts::Row row = facts.row(key); q.relations[row.relation] >= hop.least)
                each_run(row.objects, key, hop.sample,
                         [&](std::span<const Token> objects, Real scale) { use(i, row.relation, objects, scale); });
    }
}

}  // namespace

void read_facts(const Facts& facts, const StateView& state, const FactHop& hop, Ragged<Token>& entities,
                std::vector<Real>& weight, std::span<Real> zeros) {
    check(facts, state, hop, zeros);
    for (Index b = 0; b < state.entities.size(); ++b) {
        const Question q(state, hop, b);
        std::vector<Token>& reached = entities.values;
        const std::size_t begin = reached.size();
        const ZeroAtEnd zero_at_end{zeros, reached, begin};
        const auto sum = [&](Token entity) -> Real& { return zeros[static_cast<std::size_t>(entity)]; };
        const auto reach = [&](Token entity, Real by) {
            if (by == 0) return;
            Real& at = sum(entity);
            if (at == 0) reached.push_back(entity);
            at += by;
        };
        each_key(facts, hop, q, [&](std::size_t i, Token relation, std::span<const Token> objects, Real scale) {
            const Real by = q.weight[i] * q.relations[relation] * scale;
            for (const Token object : objects) reach(object, by);
        });
        for (const Token start : q.starts) {  // few: their share is taken once, after all was added up
            if (sum(start) == 0) continue;
            sum(start) *= hop.gate;
            if (sum(start) == 0)
                reached.erase(std::find(reached.begin() + static_cast<Index>(begin), reached.end(), start));
        }
        const Real stay = q.relations[facts.relations()];
        for (std::size_t i = 0; i < q.entities.size(); ++i) reach(q.entities[i], stay * q.weight[i]);
        entities.end_row();
        for (std::size_t k = begin; k < reached.size(); ++k) weight.push_back(sum(reached[k]));
    }
}

void read_facts_backward(const Facts& facts, const StateView& state, const FactHop& hop, RaggedView<Token> reached,
                         std::span<const Real> gradient, const FactGradients& gradients, std::span<Real> zeros) {
    check(facts, state, hop, zeros);
    const auto is_entity = [&](Token t) { return t >= 0 && t < facts.entities(); };
    require_shape(reached.valid() && reached.size() == state.entities.size() &&
                      gradient.size() == reached.values.size() && std::ranges::all_of(reached.values, is_entity),
                  "read_facts_backward", "what was reached, and a gradient for each entry of it");
    require_shape((gradients.state.empty() || gradients.state.size() == state.weight.size()) &&
                      (!gradients.relations.data || (gradients.relations.rows == hop.relations.rows &&
                                                     gradients.relations.cols == hop.relations.cols)),
                  "read_facts_backward", "gradients of the shapes of what they belong to, or empty");
    const auto of = [&](Token entity) -> Real& { return zeros[static_cast<std::size_t>(entity)]; };
    const auto relations = static_cast<std::size_t>(facts.relations());
    std::size_t entry = 0, at = 0;
    for (Index b = 0; b < state.entities.size(); ++b) {
        const Question q(state, hop, b);
        for (const Token entity : reached[b]) of(entity) = gradient[at++];
        Real* const to_relations = gradients.relations.data ? gradients.relations.row(b) : nullptr;
        Real stayed = 0;
        for (std::size_t i = 0; i < q.entities.size(); ++i) {
            const Real g = of(q.entities[i]);
            stayed += g * q.weight[i];
            if (!gradients.state.empty()) gradients.state[entry + i] += g * q.relations[relations];
        }
        if (to_relations) to_relations[relations] += stayed;
        each_key(facts, hop, q, [&](std::size_t i, Token relation, std::span<const Token> objects, Real scale) {
            Real sum = 0;
            for (const Token object : objects) sum += of(object);
            for (const Token start : q.starts)
                if (std::ranges::binary_search(objects, start)) {
                    sum -= (1 - hop.gate) * of(start);
                    if (gradients.gate) *gradients.gate += of(start) * q.weight[i] * q.relations[relation] * scale;
                }
            if (!gradients.state.empty()) gradients.state[entry + i] += sum * q.relations[relation] * scale;
            if (to_relations) to_relations[relation] += sum * q.weight[i] * scale;
        });
        entry += q.entities.size();
        for (const Token entity : reached[b]) of(entity) = 0;
    }
}

void read_facts_naive(const Facts& facts, const StateView& state, const FactHop& hop, Ragged<Token>& entities,
                      std::vector<Real>& weight, std::span<Real> zeros) {
    check(facts, state, hop, zeros);
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
