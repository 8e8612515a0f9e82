#include "kvmem/tasks/qa/documents/shards.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/qa/documents/corpus_search.hpp"
#include "tasks/qa/documents/parts.hpp"
#include "tasks/qa/documents/shard_messages.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kvmem::documents {

struct DocumentShard::Impl {
    Impl(ShardOf of, std::shared_ptr<const Corpus> documents) : shard(std::move(of)), search(std::move(documents)) {}

    ShardOf shard;
    CorpusSearch search;

    // Each reads the arguments of its step and writes its result.
    void about(ByteWriter& out) const;
    void frequencies(ByteReader& in, ByteWriter& out) const;
    void near_words(ByteReader& in, ByteWriter& out) const;
    void passages(ByteReader& in, ByteWriter& out) const;
    void sentences(ByteReader& in, ByteWriter& out) const;
    void found(ByteReader& in, ByteWriter& out) const;
    [[nodiscard]] std::vector<Scored> own(const std::vector<ShardPassage>& passages, const ByteReader& in) const;
};

DocumentShard::DocumentShard(const QaDataset& dataset) {
    if (!dataset.documents || !dataset.shard)
        throw Error({.what = "this is no shard of documents",
                     .expected = "a file that 'kvmem shard' made of documents",
                     .got = dataset.shard ? "a shard of facts" : "a whole data set",
                     .where = dataset.info.title});
    impl_ = std::make_unique<Impl>(*dataset.shard, dataset.documents);
}
DocumentShard::~DocumentShard() = default;
DocumentShard::DocumentShard(DocumentShard&&) noexcept = default;
DocumentShard& DocumentShard::operator=(DocumentShard&&) noexcept = default;

const ShardOf& DocumentShard::shard() const { return impl_->shard; }

void DocumentShard::Impl::about(ByteWriter& out) const { out(AboutShard{shard, search.language(), search.totals()}); }

void DocumentShard::Impl::frequencies(ByteReader& in, ByteWriter& out) const {
    std::vector<std::string> stems;
    in(stems);
    in.require_end();
    out(search.frequencies(stems));
}

void DocumentShard::Impl::near_words(ByteReader& in, ByteWriter& out) const {
    constexpr std::size_t max_words = 64;
    std::vector<std::string> words;
    in(words);
    in.require_end();
    if (words.size() > max_words) in.fail("at most 64 words", std::to_string(words.size()));
    out(search.near_words(words));
}

static void read_query(ByteReader& in, Query& query, Totals& totals, Index& count) {
    in(query, totals, count);
    const auto is_finite = [](const Query::Term& term) { return std::isfinite(term.weight); };
    if (query.terms.size() > max_question_words || !std::ranges::all_of(query.terms, is_finite) ||
        !std::isfinite(query.sum) || query.expected > Expected::manner || count < 0 || totals.passages < 0 ||
        totals.sentences < 0 || totals.tokens < 0)
        in.fail("a question of at most 256 words with finite weights", "another one");
}

void DocumentShard::Impl::passages(ByteReader& in, ByteWriter& out) const {
    Query query;
    Totals totals;
    Index count = 0;
    read_query(in, query, totals, count);
    in.require_end();
    out(search.best_passages(query, totals, count));
}

std::vector<Scored> DocumentShard::Impl::own(const std::vector<ShardPassage>& passages, const ByteReader& in) const {
    std::vector<Scored> mine;
    for (const ShardPassage& one : passages) {
        if (one.shard != shard.number) continue;
        if (one.passage < 0 || one.passage >= search.totals().passages || !std::isfinite(one.score))
            in.fail("a passage below " + std::to_string(search.totals().passages), std::to_string(one.passage));
        mine.push_back({one.passage, one.score});
    }
    return mine;
}

void DocumentShard::Impl::sentences(ByteReader& in, ByteWriter& out) const {
    Query query;
    Totals totals;
    Index count = 0;
    std::vector<ShardPassage> passages;
    read_query(in, query, totals, count);
    in(passages);
    in.require_end();
    out(search.best_sentences(query, totals, own(passages, in), count));
}

// The numbers of passages as an excerpt has them: with the headings above them.
void DocumentShard::Impl::found(ByteReader& in, ByteWriter& out) const {
    std::vector<ShardPassage> passages;
    in(passages);
    in.require_end();
    std::vector<Index> numbers;
    for (const Scored& one : own(passages, in)) numbers.push_back(one.number);
    numbers = with_headings(search.corpus().collection, numbers);
    out(numbers, excerpt(search.corpus().collection, numbers));
}

std::string DocumentShard::answer(std::string_view request) const {
    ByteReader in(request, "a request to a shard of documents");
    ByteWriter out;
    Step step{};
    in(step);
    switch (step) {
        case Step::about:
            impl_->about(out);
            break;
        case Step::frequencies:
            impl_->frequencies(in, out);
            break;
        case Step::near_words:
            impl_->near_words(in, out);
            break;
        case Step::passages:
            impl_->passages(in, out);
            break;
        case Step::sentences:
            impl_->sentences(in, out);
            break;
        case Step::found:
            impl_->found(in, out);
            break;
        default:
            in.fail("a known step", std::to_string(static_cast<int>(step)));
    }
    return std::move(out.bytes);
}

}  // namespace kvmem::documents
