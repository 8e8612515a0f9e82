#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/retriever.hpp"

#include <algorithm>
#include <iterator>

namespace kvmem {

namespace {

// What one question reads, hop after hop, and which of its answers that holds.
class RetrievalProbe {
  public:
    RetrievalProbe(const QaDataset& dataset, const Split& split, const Retriever& retriever)
        : dataset_(dataset), split_(split), retriever_(retriever), kind_(dataset.vocabulary) {}

    // Calls tell(hop, slots found by now, right answers found by now) for each hop; slots are not counted, and -1,
    // where facts are followed from some entity.
    template <class Tell>
    void look_at(Index example, Tell tell) {
        gold_.assign(split_.answer[example].begin(), split_.answer[example].end());
        std::ranges::sort(gold_);
        gold_.erase(std::unique(gold_.begin(), gold_.end()), gold_.end());
        std::erase(gold_, unknown_token);  // which stands for many
        hit_.assign(gold_.size(), false);
        if (retriever_.facts()) {
            follow_facts(example, tell);
            return;
        }
        Index slots = 0;
        if (split_.has_local_memory()) {
            const auto i = static_cast<std::size_t>(example);
            for (Index s = split_.local_offsets[i]; s < split_.local_offsets[i + 1]; ++s, ++slots)
                see(split_.local_slots.value[s]);
        }
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
            if (at != gold_.end() && *at == token) hit_[static_cast<std::size_t>(at - gold_.begin())] = true;
        }
    }
    Index hits() const { return std::ranges::count(hit_, true); }

    template <class Tell>
    void follow_facts(Index example, Tell tell) {
        const Facts& facts = *retriever_.facts();
        seen_.assign(static_cast<std::size_t>(facts.entities()), false);
        std::vector<Token> reached, next;
        for (const Token token : split_.question[example])
            if (token < facts.entities() && kind_.kind(token) == TokenKind::entity) reached.push_back(token);
        const Index slots = reached.empty() ? 0 : -1;
        for (Index hop = 0; hop < retriever_.hops(); ++hop) {
            next.clear();
            if (hits() == gold()) reached.clear();  // further hops cannot find more
            for (const Token entity : reached) {
                const auto [first, last] = facts.keys_of(entity);
                for (Index key = first; key < last; ++key)
                    for (const Token object : facts.row(key).objects) {
                        if (seen_[static_cast<std::size_t>(object)]) continue;
                        seen_[static_cast<std::size_t>(object)] = true;
                        next.push_back(object);
                    }
            }
            see(next);
            tell(hop, slots, hits());
            reached.swap(next);
        }
    }

    const QaDataset& dataset_;
    const Split& split_;
    const Retriever& retriever_;
    const Vocabulary& kind_;
    std::vector<Token> gold_;
    std::vector<bool> hit_, seen_;
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
    const auto hops = static_cast<std::size_t>(retriever.hops());
    std::vector<RetrievalReport> each(static_cast<std::size_t>(split.size()) * hops);
    parallel_for(split.size(), 256, [&](Index first, Index last) {
        RetrievalProbe reach(dataset, split, retriever);
        for (Index i = first; i < last; ++i) {
            reach.look_at(i, [&](Index hop, Index slots, Index hits) {
                RetrievalReport& r = each[static_cast<std::size_t>(i) * hops + static_cast<std::size_t>(hop)];
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
    for (std::size_t i = 0; i < static_cast<std::size_t>(split.size()); ++i)
        for (std::size_t hop = 0; hop < hops; ++hop)
            add(reports[split.task.empty() ? 0 : static_cast<std::size_t>(split.task[i])][hop], each[i * hops + hop]);
    return reports;
}

RetrievalReport report_retrieval(const QaDataset& dataset, const Split& split, const Retriever& retriever) {
    RetrievalReport report;
    for (const auto& task : report_retrieval_by_hop(dataset, split, retriever)) add(report, task.back());
    return report;
}

}  // namespace kvmem
