// The documents that the slots of a memory were read from. Not installed.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/retriever.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The sentence that a slot was read from, and its mention's "file:line:column"; both are empty for a slot of no
// document.
struct Quote {
    std::string sentence, where;
};

// A fact by the tokens of its slot: [subject, relation] -> [object].
struct StatedFact {
    Token subject = 0, relation = 0, object = 0;
};

// Several threads may read it at once.
class SlotSources {
  public:
    // Of a memory that was not read from documents.
    SlotSources() = default;
    // The memory must outlive it. Facts are quoted with `of_facts` alone, since that needs an index.
    SlotSources(const Slots& memory, std::vector<SlotOrigin> origin, std::shared_ptr<const documents::Corpus> documents,
                const Vocabulary& vocabulary, bool of_facts);

    // Whether any slot may have a quote.
    [[nodiscard]] bool has_any() const { return documents_ && !origin_.empty(); }
    [[nodiscard]] Quote quote(Index slot) const;
    // The quote of the first slot that states each fact; none for a fact that no slot states.
    [[nodiscard]] std::vector<std::optional<Quote>> quotes(std::span<const StatedFact> facts) const;

    // What it was made of.
    [[nodiscard]] const std::vector<SlotOrigin>& origin() const { return origin_; }
    [[nodiscard]] const std::shared_ptr<const documents::Corpus>& documents() const { return documents_; }

  private:
    const Slots* memory_ = nullptr;
    std::vector<SlotOrigin> origin_;
    std::shared_ptr<const documents::Corpus> documents_;
    std::optional<Retriever> by_subject_;
};

}  // namespace kvmem
