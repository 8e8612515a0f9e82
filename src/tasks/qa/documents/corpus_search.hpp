// The search of one corpus, which may be a shard: lengths are then compared with those of all documents. Not installed.
#pragma once

#include "tasks/qa/documents/searched.hpp"

#include <mutex>

namespace kvmem::documents {

// Several threads may call it.
class CorpusSearch final : public Searched {
  public:
    explicit CorpusSearch(std::shared_ptr<const Corpus> corpus);

    [[nodiscard]] const Corpus& corpus() const { return *corpus_; }

    [[nodiscard]] std::string language() const override { return corpus_->postings.language; }
    [[nodiscard]] std::vector<Index> frequencies(std::span<const std::string> stems) const override;
    [[nodiscard]] std::vector<NearWords> near_words(std::span<const std::string> words) const override;
    [[nodiscard]] Totals totals() const override { return totals_; }
    [[nodiscard]] std::vector<Scored> best_passages(const Query& query, Index count,
                                                    const std::function<bool(Index)>& where) const override {
        return best_passages(query, totals_, count, where);
    }
    [[nodiscard]] std::vector<PlacedSentence> best_sentences(const Query& query, std::span<const Scored> passages,
                                                             Index count) const override {
        return best_sentences(query, totals_, passages, count);
    }
    [[nodiscard]] FoundPassages found(std::span<const Index> passages) const override;

    // The same where `all` are the totals of all shards.
    [[nodiscard]] std::vector<Scored> best_passages(const Query& query, const Totals& all, Index count,
                                                    const std::function<bool(Index)>& where = {}) const;
    [[nodiscard]] std::vector<PlacedSentence> best_sentences(const Query& query, const Totals& all,
                                                             std::span<const Scored> passages, Index count) const;

  private:
    // k (1 - b + b L / mean L) of each passage, for one mean.
    struct Norms {
        Totals totals;
        std::vector<float> of;
    };
    [[nodiscard]] std::shared_ptr<const Norms> norms(const Totals& all) const;

    std::shared_ptr<const Corpus> corpus_;
    Totals totals_;
    Spellings spellings_{*corpus_};
    std::shared_ptr<const std::vector<Token>> stems_;  // of each token, so that sentences are read without their words
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const Norms> norms_;  // the last ones that were made
};

// The stem of each token.
std::shared_ptr<const std::vector<Token>> stems_of_tokens(const Corpus& corpus);

}  // namespace kvmem::documents
