#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/retriever.hpp"

#include <algorithm>
#include <iterator>

namespace kvmem {

namespace {

// Counts the right answers that a question can reach, hop by hop. One thread uses it at a time.
class RetrievalProbe {
  public:
    RetrievalProbe(const QaDataset& dataset, const Split& split, const Retriever& retriever)
        : dataset_(dataset), split_(split), retriever_(retriever) {
        if (retriever.facts()) seen_.resize(retriever.facts()->entities());
    }

    // Calls tell(hop, slots, hits) after each hop with the numbers of retrieved slots and of right answers found so
    // far. A model that follows facts retrieves no slots: `slots` is then -1, or 0 for a question without an entity.
    template <class Tell>
    void probe(Index example, Tell tell) {
        gold_.assign(split_.answer[example].begin(), split_.answer[example].end());
        std::ranges::sort(gold_);
        gold_.erase(std::unique(gold_.begin(), gold_.end()), gold_.end());
        std::erase(gold_, unknown_token);  // which stands for many words
        hit_.assign(gold_.size(), false);
        if (retriever_.facts()) {
            follow_facts(example, tell);
            return;
        }
        Index slots = 0;
        const auto [first, last] = split_.local_slots_of(example);
        for (Index s = first; s < last; ++s, ++slots) see(split_.local_slots.value[s]);
        Index hop = 0;
        for (const std::vector<Index>& found : retriever_.retrieve_by_hop(split_.question[example])) {
            for (const Index slot : found) see(dataset_.memory.value[slot]);
            slots += std::ssize(found);
            tell(hop++, slots, hits());
        }
    }

    Index gold() const { return std::ssize(gold_); }  // right answers, each once

  private:
    void see(std::span<const Token> tokens) {
        for (const Token token : tokens) {
            const auto at = std::ranges::lower_bound(gold_, token);
            if (at != gold_.end() && *at == token) hit_[at - gold_.begin()] = true;
        }
    }
    Index hits() const { return std::ranges::count(hit_, true); }

    template <class Tell>
    void follow_facts(Index example, Tell tell) {
        const Facts& facts = *retriever_.facts();
        std::vector<Token> reached, next, touched;
        for (const Token token : split_.question[example])
            if (token < facts.entities() && dataset_.vocabulary.kind(token) == TokenKind::entity)
                reached.push_back(token);
        const Index slots = reached.empty() ? 0 : -1;
        for (Index hop = 0; hop < retriever_.hops(); ++hop) {
            next.clear();
            if (hits() == gold()) reached.clear();  // further hops cannot find more
            for (const Token entity : reached) {
                const auto [first, last] = facts.keys_of(entity);
                for (Index key = first; key < last; ++key)
                    for (const Token object : facts.row(key).objects) {
                        if (seen_[object]) continue;
                        seen_[object] = true;
                        next.push_back(object);
                    }
            }
            see(next);
            tell(hop, slots, hits());
            touched.insert(touched.end(), next.begin(), next.end());
            reached.swap(next);
        }
        for (const Token entity : touched) seen_[entity] = false;
    }

    const QaDataset& dataset_;
    const Split& split_;
    const Retriever& retriever_;
    std::vector<Token> gold_;
    std::vector<bool> hit_, seen_;  // by right answer; by entity, false between questions
};

void add(RetrievalReport& sum, const RetrievalReport& part) {
    sum.questions += part.questions;
    sum.answerable += part.answerable;
    sum.found += part.found;
    sum.without_slots += part.without_slots;
    sum.slots += part.slots;
    sum.gold += part.gold;
    sum.gold_found += part.gold_found;
}

}  // namespace

std::vector<std::vector<RetrievalReport>> report_retrieval_by_hop(const QaDataset& dataset, const Split& split,
                                                                  const Retriever& retriever) {
    const Index hops = retriever.hops();
    std::vector<RetrievalReport> each(split.size() * hops);
    parallel_for(split.size(), 256, [&](Index first, Index last) {
        RetrievalProbe reach(dataset, split, retriever);
        for (Index i = first; i < last; ++i) {
            reach.probe(i, [&](Index hop, Index slots, Index hits) {
                RetrievalReport& r = each[i * hops + hop];
                r.questions = 1;
                r.answerable = reach.gold() > 0;
                r.found = hits > 0;
                r.without_slots = slots == 0;
                r.slots = std::max<Index>(slots, 0);
                r.gold = reach.gold();
                r.gold_found = hits;
            });
        }
    });
    const std::size_t tasks = split.task.empty() ? 1 : dataset.tasks.size();
    std::vector<std::vector<RetrievalReport>> reports(tasks, std::vector<RetrievalReport>(hops));
    for (Index i = 0; i < split.size(); ++i)
        for (Index hop = 0; hop < hops; ++hop)
            add(reports[split.task.empty() ? 0 : split.task[i]][hop], each[i * hops + hop]);
    return reports;
}

RetrievalReport report_retrieval(const QaDataset& dataset, const Split& split, const Retriever& retriever) {
    RetrievalReport report;
    for (const auto& task : report_retrieval_by_hop(dataset, split, retriever)) add(report, task.back());
    return report;
}

}  // namespace kvmem
