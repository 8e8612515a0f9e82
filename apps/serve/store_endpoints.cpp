// The endpoints of stores of vectors.
#include "body_vectors.hpp"
#include "endpoints.hpp"
#include "found_slots.hpp"
#include "kvmem/core/text.hpp"
#include "store_text.hpp"

namespace kvmem::apps {

namespace json = boost::json;
using store::MemoryStore;

static store::SearchOptions search_options(const Call& call, std::span<const Member> settings) {
    store::SearchOptions options;
    options.probes = setting(call, settings[1], 0);
    const auto in_query = call.request.query.find("filter");
    const std::string filter = in_query == call.request.query.end() ? text_of(call.body, "filter") : in_query->second;
    if (!filter.empty()) options.where = filter_of(filter);
    return options;
}

// A reply of one version of the store, with the number of its changes, by which a front compares shards. A reply that
// the store changed under is made again; where changes never pause, it has no number.
template <class Make>
static Reply of_one_version(const MemoryStore& store, Make make) {
    constexpr int max_tries = 8;
    Reply reply;
    for (int tries = 0; tries < max_tries; ++tries) {
        const std::uint64_t before = store.version();
        reply = make();
        if (store.version() != before) continue;
        reply.fields.insert(reply.fields.begin(), {"X-Kvmem-Changes", std::to_string(before)});
        if (const auto& shard = store.report().shard)
            reply.fields.insert(reply.fields.begin(),
                                {"X-Kvmem-Shard", std::to_string(shard->number) + "-of-" +
                                                      std::to_string(shard->count) + " " + std::to_string(shard->set)});
        break;
    }
    return reply;
}

// For programs: ids [B, k] as 64-bit numbers, then scores [B, k] as float32. An empty place has -inf.
static Reply packed(const store::Hits& hits) {
    Reply reply{.type = bytes_type};
    reply.body.assign(reinterpret_cast<const char*>(hits.ids.data()), hits.ids.size() * sizeof(store::Id));
    reply.body += bytes_of(hits.scores);
    reply.fields = {{"X-Kvmem-Rows", std::to_string(hits.count.size())}, {"X-Kvmem-K", std::to_string(hits.k)}};
    return reply;
}

static Reply listed(const MemoryStore& store, const store::ReadResult& read) {
    std::string body = "{\"results\":[";
    for (Index q = 0; q < std::ssize(read.hits.count); ++q)
        body += (q > 0 ? "," : "") + printable(json_line(store, found_by(read, q)));
    return {.body = body + "]}\n"};
}

// A reply is made in memory, beside those of other workers.
static void require_few(Index rows, Index each) {
    constexpr Index max = Index{1} << 22;
    if (each > 0 && rows > max / each)
        throw HttpError({413, {.what = "the reply would be too large", .expected = "at most 4,194,304 numbers"}, {}});
}

Reply search_store(const Call& call) {
    if (const Front* front = call.served->front(call.store)) return front->search(call);
    const MemoryStore& store = call.served->store(call.store);
    const std::span<const Member> settings = endpoint_named("search").parameters;
    const Matrix queries = vectors_of(call, "queries", store.options().key_width);
    const Index k = setting(call, settings[0], 10);
    require_few(queries.rows(), std::min(k, store.size()));
    const store::SearchOptions options = search_options(call, settings);
    return of_one_version(store, [&] {
        store::ReadResult read;
        read.hits = store.search(queries, k, options);
        return call.request.accepts(bytes_type) ? packed(read.hits) : listed(store, read);
    });
}

Reply read_store(const Call& call) {
    if (const Front* front = call.served->front(call.store)) return front->read(call);
    const MemoryStore& store = call.served->store(call.store);
    const std::span<const Member> settings = endpoint_named("search").parameters;
    store::ReadOptions options;
    options.top_k = setting(call, settings[0], 10);
    options.temperature = static_cast<Real>(number_of(call.body, "temperature").value_or(1));
    options.search = search_options(call, settings);
    const Matrix queries = vectors_of(call, "queries", store.options().key_width);
    const Index k = std::min(options.top_k, store.size()), width = store.options().value_width;
    options.copy_slots = flag_of(call.body, "values");
    require_few(queries.rows(), options.copy_slots ? k * (1 + width) : k + width);
    return of_one_version(store, [&] { return listed(store, store.read(queries, options)); });
}

static Reply got(const Call& call, const MemoryStore& store, const std::vector<store::Id>& ids, bool as_base64) {
    const store::StoredSlots slots = store.get(ids);
    const auto row = [&](const Matrix& matrix, std::size_t i) {
        return json_of({matrix.row(static_cast<Index>(i)), static_cast<std::size_t>(matrix.cols())}, as_base64);
    };
    json::array all;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        json::object slot;
        // A text where the caller's numbers are doubles.
        slot["id"] = flag_of(call.body, "ids_as_texts") ? json::value(std::to_string(ids[i])) : json::value(ids[i]);
        slot["found"] = static_cast<bool>(slots.found[i]);
        if (slots.found[i]) {
            slot["key"] = row(slots.keys, i);
            if (slots.values.cols() > 0) slot["value"] = row(slots.values, i);
            if (store.has_texts()) slot["text"] = as_utf8(slots.texts[i]);
        }
        all.push_back(std::move(slot));
    }
    return {.body = json::serialize(json::object{{"slots", std::move(all)}}) + "\n"};
}

Reply get_slots(const Call& call) {
    if (const Front* front = call.served->front(call.store)) return front->get(call);
    const MemoryStore& store = call.served->store(call.store);
    const std::string encoding = text_of(call.body, "encoding", "float");
    if (encoding != "float" && encoding != "base64")
        throw Error({.what = "bad \"encoding\"", .expected = "float or base64", .got = encoding});
    const std::vector<store::Id> ids = ids_of(call.body, "ids");
    require_few(std::ssize(ids), store.options().key_width + store.options().value_width);
    return of_one_version(store, [&] { return got(call, store, ids, encoding == "base64"); });
}

// Success means that the disk has it.
static Reply synced(MemoryStore& store, json::object said) {
    try {
        store.sync();
    } catch (const Error& e) {
        throw HttpError({500, e.problem(), {}});
    }
    said["slots"] = store.size();
    return {.body = json::serialize(said) + "\n"};
}

Reply put_slots(const Call& call) {
    MemoryStore& store = call.served->store(call.store);
    const json::array& puts = call.body.at("slots").as_array();
    const store::StoreOptions options = store.options();
    Matrix keys(std::ssize(puts), options.key_width), values(std::ssize(puts), options.value_width);
    std::vector<std::string> texts;
    bool has_texts = false;
    for (std::size_t i = 0; i < puts.size(); ++i) {
        const json::object& put = puts[i].as_object();
        const auto at = static_cast<Index>(i);
        std::ranges::copy(row_of(put.at("key"), options.key_width), keys.row(at));
        const json::value* value = put.if_contains("value");
        if (options.value_width > 0)
            std::ranges::copy(row_of(value ? *value : json::array(), options.value_width), values.row(at));
        else if (value)
            throw Error(
                {.what = "a slot of this store has no vector as its value", .where = "slot " + std::to_string(i)});
        texts.push_back(text_of(put, "text"));
        has_texts |= put.contains("text");
    }
    std::vector<store::Id> ids;
    for (const json::value& put : puts) {
        json::object one{{"ids", json::array{put.at("id")}}};
        ids.push_back(ids_of(one, "ids")[0]);
    }
    store::Values stored;
    if (options.value_width > 0) stored.vectors = values;
    if (has_texts) stored.texts = texts;
    store.upsert(keys, stored, ids);
    return synced(store, {{"put", ids.size()}});
}

Reply remove_slots(const Call& call) {
    MemoryStore& store = call.served->store(call.store);
    const Index count = store.remove(ids_of(call.body, "ids"));
    return synced(store, {{"removed", count}});
}

Reply compact_store(const Call& call) {
    MemoryStore& store = call.served->store(call.store);
    store.compact();
    return synced(store, {});
}

}  // namespace kvmem::apps
