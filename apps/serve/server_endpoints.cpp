// The endpoints about the server itself.
#include "endpoints.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/version.hpp"
#include "page.hpp"
#include "store_text.hpp"

namespace kvmem::apps {

namespace json = boost::json;

// The names of relations that facts may have, for the page.
static json::array relation_names(const Vocabulary& vocabulary) {
    json::array all;
    for (Token token = 0; token < vocabulary.size(); ++token)
        if (vocabulary.kind(token) == TokenKind::relation && !vocabulary.text(token).starts_with('~'))
            all.emplace_back(vocabulary.text(token));
    return all;
}

static json::object json_of(const std::string& name, const store::MemoryStore& store) {
    const store::StoreOptions options = store.options();
    return {{"name", as_utf8(name)},
            {"slots", store.size()},
            {"key_width", options.key_width},
            {"value_width", options.value_width},
            {"metric", name_of(options.metric)},
            {"texts", store.has_texts()},
            {"lists", store.lists()},
            {"changes", store.version()}};
}

// The replicas of each shard.
static json::array urls_of(const std::vector<std::unique_ptr<Shard>>& shards) {
    json::array all;
    for (const auto& shard : shards) {
        json::array replicas;
        for (const Replica& replica : shard->replicas) replicas.emplace_back(replica.url);
        all.push_back(std::move(replicas));
    }
    return all;
}

Reply show_info(const Call& call) {
    const Served& served = *call.served;
    json::array runs, stores;
    for (const Served::Run& run : served.runs())
        runs.push_back(json::object{{"run", as_utf8(run.path)}, {"task", run.task}, {"model", run.model}});
    for (const auto& [name, store] : served.stores()) stores.push_back(json_of(name, *store));
    json::object info{{"version", KVMEM_VERSION},
                      {"writable", served.writable()},
                      {"runs", std::move(runs)},
                      {"stores", std::move(stores)}};
    json::array fronts;
    for (const auto& [name, front] : served.fronts()) {
        fronts.push_back(json::object{{"name", as_utf8(name)}, {"shards", urls_of(front->shards())}});
    }
    if (!fronts.empty()) info["fronts"] = std::move(fronts);
    if (const DocumentsFront* front = served.documents_front()) info["document_shards"] = urls_of(front->shards());
    if (served.has_documents()) info["documents"] = served.documents().corpus().collection.documents.size();
    if (served.has_questions()) {
        const Answerer& answerer = served.questions().answerer();
        if (const ShardPool* shards = served.questions().shards()) info["memory_shards"] = urls_of(shards->shards());
        info["memory_slots"] = answerer.memory_slots();
        info["relations"] = relation_names(answerer.model().vocabulary());
    }
    return {.body = json::serialize(info) + "\n"};
}

Reply show_openapi(const Call&) { return {.body = openapi()}; }

Reply show_health(const Call&) { return {.body = "{\"status\":\"ok\"}\n"}; }

Reply show_page(const Call& call) {
    Reply reply{.type = "text/html; charset=utf-8", .body = std::string(page_html)};
    if (call.request.path == "/app.js")
        reply = {.type = "text/javascript; charset=utf-8", .body = std::string(page_script)};
    if (call.request.path == "/style.css") reply = {.type = "text/css; charset=utf-8", .body = std::string(page_style)};
    reply.fields.emplace_back("Cache-Control", "no-cache");
    return reply;
}

}  // namespace kvmem::apps
