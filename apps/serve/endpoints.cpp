#include "endpoints.hpp"

#include <algorithm>

namespace kvmem::apps {

using enum MemberType;

static constexpr double max_top = 10'000, max_slots = 100'000, max_k = 10'000;

static const Member ask_members[] = {
    {"question", text, "names may stand in [brackets]", true},
    {"top", integer, "candidates to give [5]", false, 1, max_top},
    {"all", flag, "give all answers of at least half of the first one's weight"},
    {"slots", integer, "memories to give for each hop [5]", false, 0, max_slots},
    {"min_certainty", number, "refuse answers of less certainty [as calibrated]", false, 0, 1},
    {"memory", slots, "slots that come with the question, such as the sentences of a story"},
    {"add", texts, "facts, subject|relation|object, that the memory holds too for this question"},
    {"without", texts, "facts that it does not hold for this question"},
};
static const Member predict_parameters[] = {
    {"top", integer, "candidates to give [5]", false, 1, max_top},
    {"slots", integer, "memories to give for each hop [3]", false, 0, max_slots},
};
static const Member embed_members[] = {
    {"input", text_or_texts, "what to encode as the model reads questions", true},
    {"model", text, "any name: the server has one model"},
    {"encoding_format", text, "float or base64"},
    {"dimensions", integer, "ignored", false, 1, 65536},
    {"user", text, "ignored"},
};
static const Member document_members[] = {
    {"question", text, "what the documents may answer", true},
    {"answers", integer, "sentences to give [3]", false, 1, 100},
    {"threshold", number, "confidence of an answer, at least [0.71]", false, 0, 100},
};
static const Member search_members[] = {
    {"queries", vectors, "a row for each query", true},
    {"k", integer, "how many slots [10]", false, 1, max_k},
    {"probes", integer, "lists to look at; 0: everything, exactly", false, 0, 1e9},
    {"filter", text, "these ids alone: 3,7,10-20"},
};
static const Member search_parameters[] = {
    {"k", integer, "how many slots [10]", false, 1, max_k},
    {"probes", integer, "lists to look at; 0: everything, exactly", false, 0, 1e9},
    {"filter", text, "these ids alone: 3,7,10-20"},
};
static const Member read_members[] = {
    {"queries", vectors, "a row for each query", true},
    {"k", integer, "the slots that attention reads [10]", false, 1, max_k},
    {"probes", integer, "lists to look at; 0: everything, exactly", false, 0, 1e9},
    {"filter", text, "these ids alone: 3,7,10-20"},
    {"temperature", number, "of the softmax [1]", false, 1e-6, 1e6},
    {"values", flag, "give the value of each slot"},
};
static const Member get_members[] = {
    {"ids", ids, "of the slots", true},
    {"encoding", text, "of vectors: float or base64"},
    {"ids_as_texts", flag, "give ids as texts, for programs whose numbers are doubles"},
};
static const Member put_members[] = {{"slots", puts, "to add, or to replace those of these ids", true}};
static const Member remove_members[] = {{"ids", ids, "of the slots; ids that are not there are ignored", true}};
static const Member translate_members[] = {
    {"lines", text_or_texts, "the sources", true},
    {"align", flag, "give the weights of all heads"},
    {"symbols", flag, "give the symbols of sources and targets, and the names of heads"},
    {"prefix", text, "what every target begins with"},
    {"beam", integer, "hypotheses of beam search [1]", false, 1, 64},
    {"n_best", integer, "results of a line [1]", false, 1, 64},
    {"max_length", integer, "tokens at most [256]", false, 0, 4096},
    {"length_penalty", number, "of beam search [1]", false, -10, 10},
    {"sample", flag, "draw tokens by their probabilities"},
    {"temperature", number, "of sampling [1]", false, 0, 1000},
    {"top_k", integer, "sample among this many tokens; 0: all", false, 0, 1e9},
    {"top_p", number, "sample among tokens of this probability [1]", false, 1e-9, 1},
    {"seed", integer, "of sampling [1]", false, 0, 9e15},
};
static const Member recommend_members[] = {
    {"user", text, "of the data set"},
    {"events", events, "of another user, the oldest first: ids or names of items"},
    {"k", integer, "items to recommend [10]", false, 1, max_k},
    {"at", text, "time of the recommendation [one second after the last event]"},
    {"seen", flag, "whether items of the history are candidates [true]"},
    {"explain", flag, "give the past events that an item rests on"},
};

static const Member rank_members[] = {
    {"question", text, "what a sentence may answer", true},
    {"candidates", texts, "the sentences, in the order of their document", true},
    {"title", text, "of the sentences' document"},
    {"heading", text, "of their section"},
};

static constexpr std::string_view any_object = R"({"type":"object"})";
static constexpr std::string_view ask_reply =
    R"({"type":"object","required":["question","answer","answers","candidates","hops","slots","entities","unknown_words","suggestions"],"properties":{"question":{"type":"string"},"answer":{"type":["string","null"]},"answers":{"type":"array","items":{"type":"string"}},"candidates":{"type":"array","items":{"type":"object","required":["text","score","weight"],"properties":{"text":{"type":"string"},"score":{"type":"number"},"weight":{"type":"number"}}}},"hops":{"type":"array","items":{"type":"array"}},"paths":{"type":"array"},"words":{"type":"array"},"as_good":{"type":"integer"},"certainty":{"type":"number"},"refused":{"type":"boolean"},"slots":{"type":"integer"},"entities":{"type":"array","items":{"type":"string"}}}})";
static constexpr std::string_view documents_reply =
    R"({"type":"object","required":["question","answered","words","respelled","short_answers","answers"],"properties":{"question":{"type":"string"},"answered":{"type":"boolean"},"words":{"type":"array","items":{"type":"string"}},"respelled":{"type":"object","additionalProperties":{"type":"string"}},"partial":{"type":"boolean"},"missing":{"type":"array","items":{"type":"string"}},"short_answers":{"type":"array","items":{"type":"string"}},"answers":{"type":"array","items":{"type":"object","required":["text","file","begin","end","line","column","title","headings","passage","confidence","weights"],"properties":{"text":{"type":"string"},"file":{"type":"string"},"begin":{"type":"integer"},"end":{"type":"integer"},"line":{"type":"integer"},"column":{"type":"integer"},"title":{"type":"string"},"headings":{"type":"array","items":{"type":"string"}},"passage":{"type":"string"},"confidence":{"type":"number"},"weights":{"type":"array","items":{"type":"number"}},"span":{"type":"object","required":["text","begin","end","line","column","confidence"],"properties":{"text":{"type":"string"},"begin":{"type":"integer"},"end":{"type":"integer"},"line":{"type":"integer"},"column":{"type":"integer"},"confidence":{"type":"number"}}}}}}}})";
static constexpr std::string_view found_reply =
    R"({"type":"object","required":["results"],"properties":{"results":{"type":"array","items":{"type":"object","required":["query","slots"],"properties":{"query":{"type":"integer"},"slots":{"type":"array","items":{"type":"object","required":["id","score"],"properties":{"id":{"type":"integer"},"score":{"type":"number"},"weight":{"type":"number"},"text":{"type":"string"},"value":{"type":"array","items":{"type":"number"}}}}},"read":{"type":"array","items":{"type":"number"}}}}},"partial":{"type":"boolean"},"missing":{"type":"array","items":{"type":"string"}}}})";
static constexpr std::string_view changed_reply =
    R"({"type":"object","required":["slots"],"properties":{"slots":{"type":"integer"},"put":{"type":"integer"},"removed":{"type":"integer"}}})";
static constexpr std::string_view results_reply =
    R"({"type":"object","required":["results"],"properties":{"results":{"type":"array","items":{"type":"object","required":["source","results"]}}}})";
static constexpr std::string_view rank_reply =
    R"({"type":"object","required":["question","sentences"],"properties":{"question":{"type":"string"},"sentences":{"type":"array","items":{"type":"object","required":["number","sentence","score"],"properties":{"number":{"type":"integer"},"sentence":{"type":"string"},"score":{"type":"number"}}}}}})";
static constexpr std::string_view embed_reply =
    R"({"type":"object","required":["object","data","model","usage"],"properties":{"object":{"const":"list"},"data":{"type":"array","items":{"type":"object","required":["object","index","embedding"]}}}})";

std::span<const Endpoint> endpoints() {
    static const char* const json_type = "application/json";
    static const Endpoint table[] = {
        {.name = "healthz",
         .method = "GET",
         .path = "/healthz",
         .summary = "Whether the process lives",
         .gives = json_type,
         .run = show_health,
         .reply_schema = any_object,
         .is_public = true},
        {.name = "readyz",
         .method = "GET",
         .path = "/readyz",
         .summary = "Whether requests are taken, and each shard of a front had a server that answered a second ago",
         .gives = json_type,
         .run = show_health,
         .reply_schema = any_object,
         .is_public = true},
        {.name = "metrics",
         .method = "GET",
         .path = "/metrics",
         .summary = "Counts for Prometheus",
         .gives = "text/plain",
         .run = show_health},
        {.name = "info",
         .method = "GET",
         .path = "/v1/info",
         .summary = "What is served",
         .gives = json_type,
         .run = show_info,
         .reply_schema = any_object,
         .computes = true},
        {.name = "openapi",
         .method = "GET",
         .path = "/openapi.json",
         .summary = "This description",
         .gives = json_type,
         .run = show_openapi,
         .reply_schema = any_object},
        {.name = "ask",
         .method = "POST",
         .path = "/v1/ask",
         .summary = "Answer a question, as 'kvmem ask --json' does",
         .gives = json_type,
         .run = ask,
         .members = ask_members,
         .reply_schema = ask_reply,
         .computes = true,
         .run_all = ask_all},
        {.name = "predict",
         .method = "POST",
         .path = "/v1/predict",
         .summary = "Answer lines, plain or JSON, as 'kvmem predict' does: a line each, as they are computed",
         .gives = "application/x-ndjson",
         .run = predict,
         .also_takes = "application/x-ndjson",
         .parameters = predict_parameters,
         .computes = true},
        {.name = "documents",
         .method = "POST",
         .path = "/v1/documents",
         .summary = "Answer a question from documents, as 'kvmem ask --json' of them does",
         .gives = json_type,
         .run = search_documents,
         .members = document_members,
         .reply_schema = documents_reply,
         .computes = true},
        {.name = "document-shard",
         .method = "POST",
         .path = "/v1/documents/shard",
         .summary = "What a front of shards sends to each of them: messages between servers of one version",
         .gives = bytes_type,
         .run = answer_for_document_shard,
         .also_takes = bytes_type,
         .computes = true},
        {.name = "memory-shard",
         .method = "POST",
         .path = "/v1/memory/shard",
         .summary = "The same of the facts that a run of questions reads",
         .gives = bytes_type,
         .run = answer_for_memory_shard,
         .also_takes = bytes_type,
         .computes = true},
        {.name = "embeddings",
         .method = "POST",
         .path = "/v1/embeddings",
         .summary = "Encode texts as the model reads questions, in OpenAI's form",
         .gives = json_type,
         .run = embed,
         .members = embed_members,
         .reply_schema = embed_reply,
         .computes = true},
        {.name = "search",
         .method = "POST",
         .path = "/v1/stores/{store}/search",
         .summary = "The nearest slots of each query, as 'kvmem query --json' finds them. Bodies of bytes are rows of "
                    "float32. Accept: application/octet-stream gives ids [B, k] as 64-bit numbers, then scores as "
                    "float32",
         .gives = json_type,
         .run = search_store,
         .members = search_members,
         .reply_schema = found_reply,
         .also_takes = bytes_type,
         .parameters = search_parameters,
         .computes = true},
        {.name = "read",
         .method = "POST",
         .path = "/v1/stores/{store}/read",
         .summary = "What attention over the k nearest slots reads, as 'kvmem query --read --json' does",
         .gives = json_type,
         .run = read_store,
         .members = read_members,
         .reply_schema = found_reply,
         .parameters = search_parameters,
         .computes = true},
        {.name = "get",
         .method = "POST",
         .path = "/v1/stores/{store}/get",
         .summary = "Slots of these ids",
         .gives = json_type,
         .run = get_slots,
         .members = get_members,
         .reply_schema = any_object,
         .computes = true},
        {.name = "put",
         .method = "PUT",
         .path = "/v1/stores/{store}/slots",
         .summary = "Add or replace slots. A success means that the disk has them",
         .gives = json_type,
         .run = put_slots,
         .members = put_members,
         .reply_schema = changed_reply,
         .computes = true,
         .changes = true},
        {.name = "remove",
         .method = "POST",
         .path = "/v1/stores/{store}/remove",
         .summary = "Remove slots. A success means that the disk has it",
         .gives = json_type,
         .run = remove_slots,
         .members = remove_members,
         .reply_schema = changed_reply,
         .computes = true,
         .changes = true},
        {.name = "compact",
         .method = "POST",
         .path = "/v1/stores/{store}/compact",
         .summary = "Free what was removed",
         .gives = json_type,
         .run = compact_store,
         .reply_schema = changed_reply,
         .computes = true,
         .changes = true},
        {.name = "translate",
         .method = "POST",
         .path = "/v1/translate",
         .summary = "Write targets for sources, as 'kvmem translate --json' does",
         .gives = json_type,
         .run = translate,
         .members = translate_members,
         .reply_schema = results_reply,
         .computes = true},
        {.name = "recommend",
         .method = "POST",
         .path = "/v1/recommend",
         .summary = "What a user will take next, as 'kvmem recommend --json' tells it",
         .gives = json_type,
         .run = recommend,
         .members = recommend_members,
         .reply_schema = any_object,
         .computes = true},
        {.name = "rank",
         .method = "POST",
         .path = "/v1/rank",
         .summary = "Order sentences by how well they answer a question, as 'kvmem predict' of a selector does",
         .gives = json_type,
         .run = rank,
         .members = rank_members,
         .reply_schema = rank_reply,
         .computes = true},
        {.name = "page",
         .method = "GET",
         .path = "/",
         .summary = "The page",
         .gives = "text/html",
         .run = show_page,
         .is_public = true},
        {.name = "script",
         .method = "GET",
         .path = "/app.js",
         .summary = "Its script",
         .gives = "text/javascript",
         .run = show_page,
         .is_public = true},
        {.name = "style",
         .method = "GET",
         .path = "/style.css",
         .summary = "Its style",
         .gives = "text/css",
         .run = show_page,
         .is_public = true},
    };
    return table;
}

const Endpoint& endpoint_named(std::string_view name) {
    return *std::ranges::find_if(endpoints(), [&](const Endpoint& endpoint) { return name == endpoint.name; });
}

}  // namespace kvmem::apps
