#include "front.hpp"

#include "body_vectors.hpp"
#include "endpoints.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/store/memory_store.hpp"
#include "shard_answers.hpp"
#include "shard_results.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmem::apps {

namespace json = boost::json;

std::string front_name_of(const std::string& text) {
    const std::size_t equals = text.find('=');
    require_option(equals != std::string::npos && equals > 0 && text.find('/') > equals, "shards",
                   "NAME=URL,URL... with a URL for each shard");
    return text.substr(0, equals);
}

Front::Front(const std::string& text, const FrontOptions& options)
    : pool_(text.substr(front_name_of(text).size() + 1), ServedKind::store, options) {}

ShardAnswers Front::ask(const ShardRequest& request, std::chrono::milliseconds max_timeout) const {
    ShardAnswers answers;
    for (ShardAnswer& answer : pool_.call(request, max_timeout)) {
        if (answer.reply) {
            answers.replies.push_back(std::move(*answer.reply));
            answers.urls.push_back(answer.url);
        } else {
            answers.missing.push_back(answer.missing());
        }
    }
    answers.require_together(pool_.shards().size());
    answers.leave_out_stale();
    return answers;
}

std::vector<std::string> Front::missing_shards() const {
    return ask({"get", {}, "application/json", "application/json", pool_.authorization(), "{\"ids\":[]}"},
               std::chrono::seconds(1))
        .missing;
}

// Unreserved characters (RFC 3986) and commas stay as they are: a long filter that fits a front's target fits a
// shard's.
static std::string percent_encoded(const std::string& text) {
    static constexpr std::string_view digits = "0123456789ABCDEF",
                                      plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,";
    std::string all;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (plain.find(c) != std::string_view::npos)
            all += c;
        else
            all += {'%', digits[byte >> 4], digits[byte & 15]};
    }
    return all;
}

ShardRequest Front::request_of(const Call& call, const char* operation, const std::string& body) const {
    const bool has_bytes = call.body.empty();
    ShardRequest request{
        operation, {}, has_bytes ? bytes_type : "application/json", "application/json", pool_.authorization(), body};
    for (const auto& [name, value] : call.request.query)
        request.query += (request.query.empty() ? "?" : "&") + percent_encoded(name) + "=" + percent_encoded(value);
    return request;
}

// --- Searches and reads ----------------------------------------------------------------------------------

static constexpr auto ranks_before = [](const auto& a, const auto& b) {
    return a.score > b.score || (a.score == b.score && a.id < b.id);
};

// What was found for one query.
struct FoundRow {
    std::vector<FoundSlot> slots;
    std::size_t read_width = 0;
};

// The k best of all shards, with the weights and the read of one store: the same sums in the same order.
json::object Front::line_of(Index query, FoundRow row, const Listing& how) {
    std::ranges::sort(row.slots, ranks_before);
    row.slots.resize(std::min(row.slots.size(), static_cast<std::size_t>(how.k)));
    std::vector<float> scores, weights(row.slots.size()), read(row.read_width);
    for (const FoundSlot& found : row.slots) scores.push_back(found.score);
    if (row.read_width > 0) store::weigh_hits(scores, how.temperature, weights);
    json::array slots;
    for (std::size_t i = 0; i < row.slots.size(); ++i) {
        json::object& slot = row.slots[i].slot;
        if (row.read_width > 0) {
            const std::vector<float> value = row_of(slot.at("value"), static_cast<Index>(row.read_width));
            for (std::size_t e = 0; e < value.size(); ++e) read[e] += weights[i] * value[e];
            if (!how.keeps_values) slot.erase("value");  // the last member
            slot["weight"] = weights[i];
        }
        slots.push_back(std::move(slot));
    }
    json::object line{{"query", query}, {"slots", std::move(slots)}};
    if (row.read_width > 0) line["read"] = json::array(read.begin(), read.end());
    return line;
}

Reply Front::listed(const Call& call, ShardAnswers answers, const Listing& how) const {
    std::vector<ListedPart> parts =
        answers.read_alike([&](const HttpReply& reply) { return ListedPart(call, reply, how.k, how.has_reads); });
    pool_.require_enough(answers.missing);
    const ListedPart& like = parts.at(0);
    std::string body = "{\"results\":[";
    for (std::size_t q = 0; q < like.rows.size(); ++q) {
        FoundRow row{{}, static_cast<std::size_t>(like.read_width)};
        for (ListedPart& part : parts) std::ranges::move(part.rows[q], std::back_inserter(row.slots));
        body += (q > 0 ? "," : "") + printable(json::serialize(line_of(static_cast<Index>(q), std::move(row), how)));
    }
    return answers.close(body + "]");
}

static Index k_of(const Call& call) { return setting(call, endpoint_named("search").parameters[0], 10); }

Reply Front::search(const Call& call) const {
    const ShardRequest request = request_of(call, "search", call.request.body);
    if (call.request.accepts(bytes_type)) return search_packed(call, request);
    return listed(call, ask(request), {k_of(call)});
}

// The body of a read that also gives values. Its numbers stay as they are written.
static std::string with_values(const Call& call) {
    const std::string& body = call.request.body;
    if (!call.body.contains("values")) return "{\"values\":true," + body.substr(body.find('{') + 1);
    json::object object = call.body;
    object["values"] = true;
    return json::serialize(object);
}

Reply Front::read(const Call& call) const {
    const auto temperature = static_cast<float>(number_of(call.body, "temperature").value_or(1));
    const Listing how{k_of(call), temperature, flag_of(call.body, "values"), true};
    const std::string body = with_values(call);
    return listed(call, ask(request_of(call, "read", body)), how);
}

// --- Results as bytes ------------------------------------------------------------------------------------

Reply Front::search_packed(const Call& call, ShardRequest request) const {
    request.accept = bytes_type;
    const Index max_k = k_of(call);
    ShardAnswers answers = ask(request);
    const std::vector<PackedPart> parts =
        answers.read_alike([&](const HttpReply& reply) { return PackedPart(call, reply, max_k); });
    pool_.require_enough(answers.missing);
    Index k = 0;
    for (const PackedPart& part : parts) k += part.k;
    k = std::min(k, max_k);
    const Index rows = parts.empty() ? 0 : parts[0].rows;
    std::vector<store::Id> ids(rows * k);
    std::vector<float> scores(rows * k, -std::numeric_limits<float>::infinity());
    std::vector<store::Hit> all;
    for (Index q = 0; q < rows; ++q) {
        all.clear();
        for (const PackedPart& part : parts)
            for (Index i = 0; i < part.k; ++i)
                if (const store::Hit hit = part.at(q * part.k + i); std::isfinite(hit.score)) all.push_back(hit);
        const auto count = std::min<Index>(k, std::ssize(all));
        std::partial_sort(all.begin(), all.begin() + count, all.end(), ranks_before);
        for (Index i = 0; i < count; ++i) ids[q * k + i] = all[i].id, scores[q * k + i] = all[i].score;
    }
    Reply reply{.type = bytes_type};
    reply.body.assign(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(store::Id));
    reply.body += bytes_of(scores);
    reply.fields = {{"X-Kvmem-Rows", std::to_string(rows)}, {"X-Kvmem-K", std::to_string(k)}};
    answers.add_missing(reply);
    return reply;
}

// --- Slots -----------------------------------------------------------------------------------------------

Reply Front::get(const Call& call) const {
    ShardAnswers answers = ask(request_of(call, "get", call.request.body));
    const std::vector<store::Id> ids = ids_of(call.body, "ids");
    std::vector<GotPart> parts = answers.read_alike([&](const HttpReply& reply) { return GotPart(reply, ids); });
    pool_.require_enough(answers.missing);
    json::array slots;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        json::value& slot = slots.emplace_back(nullptr);
        for (GotPart& part : parts)
            if (!part.slots[i].is_null()) slot = std::move(part.slots[i]);
        if (!slot.is_null()) continue;
        const bool as_text = flag_of(call.body, "ids_as_texts");
        slot =
            json::object{{"id", as_text ? json::value(std::to_string(ids[i])) : json::value(ids[i])}, {"found", false}};
    }
    return answers.close("{\"slots\":" + json::serialize(slots));
}

}  // namespace kvmem::apps
