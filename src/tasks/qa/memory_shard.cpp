#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/memory_shards.hpp"
#include "kvmem/tasks/qa/retriever.hpp"
#include "tasks/qa/memory_messages.hpp"
#include "tasks/qa/retrieval.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace kvmem {

struct MemoryShard::Impl {
    const Model& model;
    ShardOf shard;
    Slots slots;  // in the model's tokens
    std::optional<Retriever> retriever;
    Index relations;
    SlotSources sources{};

    // Each reads the arguments of its step and writes its result.
    void about(ByteWriter& out) const {
        out(AboutMemory{shard, slots.size(), model.vocabulary().size(), relations, sources.has_any()});
    }
    void sizes(ByteReader& in, ByteWriter& out) const;
    void found(ByteReader& in, ByteWriter& out) const;
    void contents(ByteReader& in, ByteWriter& out) const;
    void facts(ByteReader& in, ByteWriter& out) const;
    void quotes(ByteReader& in, ByteWriter& out) const;
    void stated(ByteReader& in, ByteWriter& out) const;

    // The numbers of those of the wanted slots that are this shard's, in their order.
    std::vector<Index> own_slots(ByteReader& in) const;
};

static ShardOf shard_of(const QaDataset& dataset) {
    if (!dataset.shard)
        throw Error({.what = "this is no shard of a memory",
                     .expected = "a file that 'kvmem shard' made",
                     .got = "a whole data set",
                     .where = dataset.info.title});
    return *dataset.shard;
}

static Slots translated(Slots slots, std::span<const Token> to) {
    translate(slots, to);
    return slots;
}

// The retriever of Retrieval::hops needs slots that stay where they are.
MemoryShard::MemoryShard(const Model& model, const QaDataset& shard, std::span<const Token> to)
    : impl_(new Impl{
          model, shard_of(shard), translated(shard.memory, to), {}, std::ssize(relations_of(model.vocabulary()))}) {
    impl_->retriever.emplace(impl_->slots, model.vocabulary(), model.retrieval());
    impl_->sources = SlotSources(impl_->slots, shard.origin, shard.documents, model.vocabulary(),
                                 model.retrieval().strategy == Retrieval::whole);
}
MemoryShard::~MemoryShard() = default;
MemoryShard::MemoryShard(MemoryShard&&) noexcept = default;
MemoryShard& MemoryShard::operator=(MemoryShard&&) noexcept = default;

void MemoryShard::Impl::sizes(ByteReader& in, ByteWriter& out) const {
    std::vector<Token> tokens;
    in(tokens);
    in.require_end();
    out(OwnBuckets{*retriever, &slots}.sizes(tokens));
}

void MemoryShard::Impl::found(ByteReader& in, ByteWriter& out) const {
    std::vector<Token> tokens;
    in(tokens);
    in.require_end();
    std::vector<Index> all;
    OwnBuckets{*retriever, &slots}.append(tokens, all);
    std::ranges::sort(all);
    all.erase(std::unique(all.begin(), all.end()), all.end());
    out(all);
}

std::vector<Index> MemoryShard::Impl::own_slots(ByteReader& in) const {
    std::vector<ShardSlot> wanted;
    in(wanted);
    in.require_end();
    std::vector<Index> own;
    for (const ShardSlot& one : wanted) {
        if (one.shard != shard.number) continue;
        if (one.slot < 0 || one.slot >= slots.size())
            in.fail("a slot below " + std::to_string(slots.size()), std::to_string(one.slot));
        own.push_back(one.slot);
    }
    return own;
}

void MemoryShard::Impl::contents(ByteReader& in, ByteWriter& out) const {
    Slots own;
    for (const Index slot : own_slots(in)) own.push(slots.key[slot], slots.value[slot]);
    out(own);
}

void MemoryShard::Impl::quotes(ByteReader& in, ByteWriter& out) const {
    std::vector<Quote> own;
    for (const Index slot : own_slots(in)) own.push_back(sources.quote(slot));
    out(own);
}

void MemoryShard::Impl::stated(ByteReader& in, ByteWriter& out) const {
    std::vector<StatedFact> facts;
    in(facts);
    in.require_end();
    for (const StatedFact& fact : facts)
        require_tokens(in, std::array{fact.subject, fact.relation, fact.object}, model.vocabulary().size());
    const std::vector<std::optional<Quote>> quotes = sources.quotes(facts);
    std::vector<std::pair<Index, Quote>> found;
    for (std::size_t i = 0; i < quotes.size(); ++i)
        if (quotes[i]) found.emplace_back(static_cast<Index>(i), *quotes[i]);
    out(found);
}

// The products of weights are those of PathFinder, so that no fact above the threshold is missed.
void MemoryShard::Impl::facts(ByteReader& in, ByteWriter& out) const {
    std::vector<Token> entities;
    std::vector<Real> weights, followed;
    Real threshold = 0;
    in(entities, weights, followed, threshold);
    in.require_end();
    require_tokens(in, entities, model.vocabulary().size());
    const Facts* all = retriever->facts();
    if (!all || weights.size() != entities.size() || std::ssize(followed) != relations + 1)
        in.fail("a weight for each entity and relation of a model that follows facts", "others");
    std::vector<Fact> found;
    for (std::size_t i = 0; i < entities.size(); ++i) {
        const auto [first, last] = all->keys_of(entities[i]);
        for (Index key = first; key < last; ++key) {
            const Facts::Row row = all->row(key);
            if (weights[i] * followed[static_cast<std::size_t>(row.relation)] <= threshold) continue;
            for (const Token object : row.objects) found.push_back({entities[i], row.relation, object});
        }
    }
    out(found);
}

std::string MemoryShard::answer(std::string_view request) const {
    ByteReader in(request, "a request to a shard of a memory");
    ByteWriter out;
    MemoryStep step{};
    in(step);
    switch (step) {
        case MemoryStep::about:
            impl_->about(out);
            break;
        case MemoryStep::sizes:
            impl_->sizes(in, out);
            break;
        case MemoryStep::slots:
            impl_->found(in, out);
            break;
        case MemoryStep::contents:
            impl_->contents(in, out);
            break;
        case MemoryStep::facts:
            impl_->facts(in, out);
            break;
        case MemoryStep::quotes:
            impl_->quotes(in, out);
            break;
        case MemoryStep::stated:
            impl_->stated(in, out);
            break;
        default:
            in.fail("a known step", std::to_string(static_cast<int>(step)));
    }
    return std::move(out.bytes);
}

}  // namespace kvmem
