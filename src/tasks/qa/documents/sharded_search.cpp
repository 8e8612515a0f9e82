#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/documents/shards.hpp"
#include "tasks/qa/documents/corpus_search.hpp"
#include "tasks/qa/documents/parts.hpp"
#include "tasks/qa/documents/shard_messages.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace kvmem::documents {

namespace {

// The documents of all shards as one question finds them.
class ShardedDocuments final : public Searched {
  public:
    explicit ShardedDocuments(const ShardCall& call);

    [[nodiscard]] std::string language() const override { return language_; }
    [[nodiscard]] Totals totals() const override { return totals_; }
    [[nodiscard]] std::vector<Index> frequencies(std::span<const std::string> stems) const override;
    [[nodiscard]] std::vector<NearWords> near_words(std::span<const std::string> words) const override;
    [[nodiscard]] std::vector<Scored> best_passages(const Query& query, Index count,
                                                    const std::function<bool(Index)>& where) const override;
    [[nodiscard]] std::vector<PlacedSentence> best_sentences(const Query& query, std::span<const Scored> passages,
                                                             Index count) const override;
    [[nodiscard]] FoundPassages found(std::span<const Index> passages) const override;

    [[nodiscard]] Index shards() const { return std::ssize(is_there_); }
    // Whether a shard that was there at first has not replied since: what was counted is then no set's.
    [[nodiscard]] bool has_lost() const { return has_lost_; }

  private:
    // Sends a step with its arguments, and calls use(shard, reader) for each reply.
    template <class Use, class... T>
    void call(Use use, Step step, const T&... arguments) const;
    void require_own(Index shard, Index passage, const ByteReader& in) const;
    [[nodiscard]] std::vector<ShardPassage> in_shards(std::span<const Scored> passages) const;

    const ShardCall& call_;
    ShardSet set_;
    std::string language_;
    std::vector<Index> first_;  // the number of each shard's first passage, and that of all
    std::vector<bool> is_there_;
    Totals totals_;
    mutable bool has_lost_ = false;
};

}  // namespace

template <class Use, class... T>
void ShardedDocuments::call(Use use, Step step, const T&... arguments) const {
    const std::vector<std::string> replies = call_(request_of(step, arguments...));
    for (std::size_t i = 0; i < replies.size(); ++i) {
        const bool is_left_out = i >= is_there_.size() || !is_there_[i];
        if (is_left_out) continue;
        if (replies[i].empty()) {
            has_lost_ = true;
            continue;
        }
        read_reply(replies, i, [&](ByteReader& in) { use(static_cast<Index>(i), in); });
    }
}

ShardedDocuments::ShardedDocuments(const ShardCall& call) : call_(call) {
    const std::vector<std::string> replies = call_(request_of(Step::about));
    first_.assign(1, 0);
    first_.reserve(replies.size() + 1);
    for (std::size_t i = 0; i < replies.size(); ++i) {
        is_there_.push_back(!replies[i].empty());
        if (is_there_.back())
            read_reply(replies, i, [&](ByteReader& in) {
                AboutShard about;
                in(about);
                const Totals& more = about.totals;
                for (const Index count : {more.passages, more.sentences, more.tokens}) in.require_count(count);
                set_.add(about.shard, static_cast<Index>(i), std::ssize(replies));
                if (language_.empty()) language_ = about.language;
                if (about.language != language_) in.fail("stems of " + language_, about.language);
                totals_.passages += more.passages;
                totals_.sentences += more.sentences;
                totals_.tokens += more.tokens;
            });
        first_.push_back(totals_.passages);
    }
    set_.require_some(std::ssize(replies));
}

static void require_count(std::size_t got, std::size_t expected, const ByteReader& in) {
    if (got != expected) in.fail(std::to_string(expected) + " results", std::to_string(got));
}

std::vector<Index> ShardedDocuments::frequencies(std::span<const std::string> stems) const {
    std::vector<Index> all(stems.size(), -1), own;
    call(
        [&](Index, ByteReader& in) {
            in(own);
            require_count(own.size(), all.size(), in);
            for (std::size_t i = 0; i < all.size(); ++i) {
                if (own[i] < 0) continue;
                in.require_count(own[i]);
                all[i] = std::max<Index>(all[i], 0) + own[i];
            }
        },
        Step::frequencies, std::vector<std::string>(stems.begin(), stems.end()));
    return all;
}

std::vector<NearWords> ShardedDocuments::near_words(std::span<const std::string> words) const {
    std::vector<NearWords> all(words.size()), own;
    call(
        [&](Index, ByteReader& in) {
            in(own);
            require_count(own.size(), all.size(), in);
            for (std::size_t i = 0; i < all.size(); ++i) {
                if (own[i].other < 0 || own[i].letters < own[i].other || (own[i].letters == 0 && !own[i].words.empty()))
                    in.fail("fewer other letters than letters", std::to_string(own[i].other));
                all[i].add(own[i]);
            }
        },
        Step::near_words, std::vector<std::string>(words.begin(), words.end()));
    return all;
}

// Throws Error unless the shard has a passage of this number.
void ShardedDocuments::require_own(Index shard, Index passage, const ByteReader& in) const {
    const Index passages = first_[shard + 1] - first_[shard];
    if (passage < 0 || passage >= passages)
        in.fail("passages below " + std::to_string(passages), std::to_string(passage));
}

std::vector<Scored> ShardedDocuments::best_passages(const Query& query, Index count,
                                                    const std::function<bool(Index)>& where) const {
    require_option(!where, "where", "no condition on documents in shards");
    std::vector<Scored> all, own;
    call(
        [&](Index shard, ByteReader& in) {
            in(own);
            for (const Scored& one : own) {
                require_own(shard, one.number, in);
                if (!std::isfinite(one.score)) in.fail("finite scores", std::to_string(one.score));
                all.push_back({first_[shard] + one.number, one.score});
            }
        },
        Step::passages, query, totals_, count);
    keep_best(all, count);
    return all;
}

std::vector<ShardPassage> ShardedDocuments::in_shards(std::span<const Scored> passages) const {
    std::vector<ShardPassage> all;
    all.reserve(passages.size());
    for (const Scored& one : passages) {
        const Index shard = std::ranges::upper_bound(first_, one.number) - first_.begin() - 1;
        all.push_back({shard, one.number - first_[shard], one.score});
    }
    return all;
}

std::vector<PlacedSentence> ShardedDocuments::best_sentences(const Query& query, std::span<const Scored> passages,
                                                             Index count) const {
    std::vector<PlacedSentence> all, own;
    call(
        [&](Index shard, ByteReader& in) {
            in(own);
            for (PlacedSentence& one : own) {
                require_own(shard, one.passage, in);
                if (one.place < 0 || !std::isfinite(one.score) || !std::isfinite(one.passage_score))
                    in.fail("places from 0, and finite scores", std::to_string(one.place));
                one.passage += first_[shard];
                all.push_back(one);
            }
        },
        Step::sentences, query, totals_, count, in_shards(passages));
    keep_best(all, count);
    return all;
}

// A corpus whose stems alone are read: frequencies are those of the shards.
static std::shared_ptr<const Corpus> with_stems(Collection collection, const std::string& language) {
    auto corpus = std::make_shared<Corpus>();
    corpus->postings = make_postings(collection, language);
    corpus->collection = std::move(collection);
    return corpus;
}

FoundPassages ShardedDocuments::found(std::span<const Index> passages) const {
    std::vector<Scored> wanted;
    wanted.reserve(passages.size());
    for (const Index passage : passages) wanted.push_back({passage, 0});
    std::vector<Collection> parts;
    std::vector<Index> numbers, own;
    call(
        [&](Index shard, ByteReader& in) {
            Collection& part = parts.emplace_back();
            in(own, part);
            part.validate("the reply of shard " + std::to_string(shard));
            require_count(own.size(), part.passages.size(), in);
            for (const Index number : own) {
                require_own(shard, number, in);
                numbers.push_back(first_[shard] + number);
            }
        },
        Step::found, in_shards(wanted));
    if (std::ranges::adjacent_find(numbers, std::greater_equal()) != numbers.end())
        throw Error({.what = "a shard has sent passages in another order",
                     .expected = "rising numbers",
                     .got = std::to_string(numbers.size()) + " others"});
    std::vector<FilePart> files;
    for (const Collection& part : parts)
        for (Index f = 0; f < std::ssize(part.files); ++f) files.push_back({&part, f, part.files[f].documents});
    FoundPassages all{with_stems(merge(files), language_), nullptr, {}, std::move(numbers)};
    all.stems = stems_of_tokens(*all.corpus);
    all.frequency = [counts = frequencies(all.corpus->postings.stems)](Token stem) { return counts[stem]; };
    return all;
}

void require_shards(const ShardCall& call) { const ShardedDocuments checked(call); }

Findings ShardedSearch::ask(std::string_view question, const SearchOptions& options) const {
    require_answerable(question, options);  // before shards are called
    for (Index attempt = 0;; ++attempt) {
        const ShardedDocuments all(call_);
        Findings found = documents::ask(all, question, options);
        if (!all.has_lost() || attempt == all.shards()) return found;
    }
}

}  // namespace kvmem::documents
