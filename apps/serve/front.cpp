#include "front.hpp"

#include "body_vectors.hpp"
#include "endpoints.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/core/text.hpp"
#include "kvmem/store/memory_store.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

namespace kvmem::apps {

namespace json = boost::json;

static constexpr const char* bytes_type = "application/octet-stream";

std::string front_name_of(const std::string& text) {
    const std::size_t equals = text.find('=');
    require_option(equals != std::string::npos && equals > 0 && text.find('/') > equals, "shards",
                   "NAME=URL,URL... with a URL for each shard");
    return text.substr(0, equals);
}

static std::vector<std::string> parts_of(const std::string& text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(separator, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

Front::Front(const std::string& text, const FrontOptions& options) : options_(options) {
    for (const std::string& urls : parts_of(text.substr(front_name_of(text).size() + 1), ',')) {
        shards_.push_back(std::make_unique<Shard>());
        for (const std::string& url : parts_of(urls, '|')) shards_.back()->replicas.push_back(replica_of(url));
    }
}

// What shards replied, and those that did not.
struct Front::Answers {
    std::vector<HttpReply> replies;
    std::vector<std::string> urls, missing;  // urls: of the replies

    // Calls read(reply) for each; one that cannot be read counts as missing.
    template <class Read>
    void read_each(Read read) {
        for (std::size_t i = 0; i < replies.size(); ++i) try {
                read(replies[i]);
            } catch (const std::exception&) {
                missing.push_back(urls[i] + ": a reply that cannot be read");
            }
    }
    // A reply whose JSON is `text`, which is an open object, and which says what is missing.
    Reply close(std::string text) const {
        Reply reply{.body = std::move(text)};
        if (!missing.empty()) {
            reply.body += ",\"partial\":true,\"missing\":";
            reply.body += json::serialize(json::array(missing.begin(), missing.end()));
        }
        reply.body += "}\n";
        add_missing(reply);
        return reply;
    }
    void add_missing(Reply& reply) const {
        if (!missing.empty()) reply.fields.emplace_back("X-Kvmem-Missing", printable(joined(missing)));
    }
};

// What a shard refuses, the front refuses: all of them have the same widths and limits.
static void require_taken(const HttpReply& reply, const std::string& url) {
    constexpr int ok = 200;
    if (reply.status == ok) return;
    Problem problem{
        .what = "a shard refuses the request", .got = "status " + std::to_string(reply.status), .where = url};
    boost::system::error_code error;
    const json::value body = json::parse(reply.body, error);
    if (const json::object* object = error ? nullptr : body.if_object()) {
        const auto text = [&](const char* name) { return text_of(*object, name); };
        const auto is_text = [&](const char* name) { return !object->contains(name) || object->at(name).is_string(); };
        if (is_text("title") && is_text("expected") && is_text("got"))
            problem = {.what = text("title"), .expected = text("expected"), .got = text("got"), .where = url};
    }
    throw HttpError({reply.status, std::move(problem), {}});
}

static void require_enough(const std::vector<std::string>& missing, std::size_t shards, bool whole) {
    if (missing.empty() || (missing.size() < shards && !whole)) return;
    throw HttpError({503,
                     {.what = "shards do not answer",
                      .expected = whole ? "a reply of each" : "a reply of one at least",
                      .got = joined(missing)},
                     {{"Retry-After", "1"}}});
}

Front::Answers Front::ask(const ShardRequest& request) const {
    std::unique_ptr<ShardLines> lines;
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) lines = std::move(idle_.back()), idle_.pop_back();
    }
    if (!lines) lines = std::make_unique<ShardLines>(shards_);
    std::vector<ShardAnswer> replies = lines->call(request, options_.timeout);
    {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(lines));
    }
    Answers answers;
    for (ShardAnswer& answer : replies) {
        if (answer.reply) {
            require_taken(*answer.reply, answer.url);
            answers.replies.push_back(std::move(*answer.reply));
            answers.urls.push_back(answer.url);
        } else {
            answers.missing.push_back(answer.url + ": " + answer.failure);
        }
    }
    return answers;
}

// Unreserved characters (RFC 3986) and commas stay as they are: a long filter that fits a front's target fits a shard's.
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
    ShardRequest request{operation, {}, has_bytes ? bytes_type : "application/json", "application/json", {}, body};
    for (const auto& [name, value] : call.request.query)
        request.query += (request.query.empty() ? "?" : "&") + percent_encoded(name) + "=" + percent_encoded(value);
    if (!options_.token.empty()) request.authorization = "Authorization: Bearer " + options_.token + "\r\n";
    return request;
}

// --- Searches and reads ----------------------------------------------------------------------------------

namespace {

struct FoundSlot {
    float score;
    store::Id id;
    json::object slot;
};

bool ranks_before(const FoundSlot& a, const FoundSlot& b) {
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

}  // namespace

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

// Parsed numbers may be an ulp of a double off. All numbers of a slot but its id are floats, and exact as such.
static void make_exact(json::object& slot) {
    for (const char* name : {"score", "weight", "key", "value"}) {
        json::value* value = slot.if_contains(name);
        if (!value) continue;
        if (value->is_number()) *value = static_cast<float>(value->to_number<double>());
        if (!value->is_array()) continue;
        for (json::value& number : value->get_array()) number = static_cast<float>(number.to_number<double>());
    }
}

static FoundSlot slot_of(const json::value& value) {
    FoundSlot found{static_cast<float>(value.at("score").to_number<double>()), value.at("id").to_number<store::Id>(),
                    value.as_object()};
    make_exact(found.slot);
    return found;
}

static std::vector<FoundRow> rows_of(const HttpReply& reply) {
    std::vector<FoundRow> rows;
    const json::value value = json::parse(reply.body);
    for (const json::value& result : value.at("results").as_array()) {
        FoundRow& row = rows.emplace_back();
        for (const json::value& slot : result.at("slots").as_array()) row.slots.push_back(slot_of(slot));
        if (const json::value* read = result.as_object().if_contains("read")) {
            row.read_width = read->as_array().size();
            for (const FoundSlot& found : row.slots)
                (void)row_of(found.slot.at("value"), static_cast<Index>(row.read_width));
        }
    }
    return rows;
}

static void require_alike(bool are_alike) {
    if (!are_alike) throw Error({.what = "shards reply for different queries"});
}

Reply Front::listed(Answers answers, const Listing& how) const {
    std::vector<FoundRow> all;
    bool is_first = true;
    answers.read_each([&](const HttpReply& reply) {
        std::vector<FoundRow> rows = rows_of(reply);
        if (std::exchange(is_first, false)) all.resize(rows.size());
        require_alike(rows.size() == all.size());
        for (std::size_t q = 0; q < rows.size(); ++q) {
            if (all[q].read_width == 0) all[q].read_width = rows[q].read_width;
            require_alike(rows[q].read_width == all[q].read_width);
        }
        for (std::size_t q = 0; q < rows.size(); ++q)
            std::ranges::move(rows[q].slots, std::back_inserter(all[q].slots));
    });
    require_enough(answers.missing, shards_.size(), options_.whole);
    std::string body = "{\"results\":[";
    for (std::size_t q = 0; q < all.size(); ++q)
        body += (q > 0 ? "," : "") + printable(json::serialize(line_of(static_cast<Index>(q), std::move(all[q]), how)));
    return answers.close(body + "]");
}

static Index k_of(const Call& call) { return setting(call, endpoint_named("search").parameters[0], 10); }

Reply Front::search(const Call& call) const {
    const ShardRequest request = request_of(call, "search", call.request.body);
    if (call.request.accepts(bytes_type)) return search_packed(call, request);
    return listed(ask(request), {k_of(call)});
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
    const Listing how{k_of(call), temperature, flag_of(call.body, "values")};
    const std::string body = with_values(call);
    return listed(ask(request_of(call, "read", body)), how);
}

// --- Results as bytes ------------------------------------------------------------------------------------

namespace {

// Ids [rows, k], then scores [rows, k], as a shard replies them.
class PackedHits {
  public:
    explicit PackedHits(const HttpReply& reply) : body_(reply.body) {
        const auto number = [&](const char* name) { return kvmem::number_of<Index>(reply.field(name)).value_or(-1); };
        rows = number("x-kvmem-rows");
        k = number("x-kvmem-k");
        constexpr Index max = Index{1} << 30, bytes = sizeof(store::Id) + sizeof(float);
        const bool fits = rows >= 0 && k >= 0 && rows <= max && k <= max && rows * k * bytes == std::ssize(body_);
        if (!fits) throw Error({.what = "bytes that are no hits"});
    }
    store::Hit at(Index place) const {
        store::Hit hit{};
        std::memcpy(&hit.id, body_.data() + place * sizeof hit.id, sizeof hit.id);
        std::memcpy(&hit.score, body_.data() + rows * k * sizeof hit.id + place * sizeof hit.score, sizeof hit.score);
        return hit;
    }

    Index rows = 0, k = 0;

  private:
    const std::string& body_;
};

bool is_better(const store::Hit& a, const store::Hit& b) {
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

}  // namespace

Reply Front::search_packed(const Call& call, ShardRequest request) const {
    request.accept = bytes_type;
    Answers answers = ask(request);
    std::vector<PackedHits> parts;
    answers.read_each([&](const HttpReply& reply) {
        const PackedHits part(reply);
        require_alike(parts.empty() || part.rows == parts[0].rows);
        parts.push_back(part);
    });
    require_enough(answers.missing, shards_.size(), options_.whole);
    Index k = 0;
    for (const PackedHits& part : parts) k += part.k;
    k = std::min(k, k_of(call));
    const Index rows = parts.empty() ? 0 : parts[0].rows;
    std::vector<store::Id> ids(rows * k);
    std::vector<float> scores(rows * k, -std::numeric_limits<float>::infinity());
    std::vector<store::Hit> all;
    for (Index q = 0; q < rows; ++q) {
        all.clear();
        for (const PackedHits& part : parts)
            for (Index i = 0; i < part.k; ++i)
                if (const store::Hit hit = part.at(q * part.k + i); std::isfinite(hit.score)) all.push_back(hit);
        const auto count = std::min<Index>(k, std::ssize(all));
        std::partial_sort(all.begin(), all.begin() + count, all.end(), is_better);
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
    Answers answers = ask(request_of(call, "get", call.request.body));
    json::array slots;
    answers.read_each([&](const HttpReply& reply) {
        const json::value value = json::parse(reply.body);
        const json::array& found = value.at("slots").as_array();
        require_alike(slots.empty() || found.size() == slots.size());
        if (slots.empty()) slots = found;
        for (std::size_t i = 0; i < found.size(); ++i)
            if (found[i].at("found").as_bool()) slots[i] = found[i];
    });
    for (json::value& slot : slots) make_exact(slot.as_object());
    require_enough(answers.missing, shards_.size(), options_.whole);
    return answers.close("{\"slots\":" + json::serialize(slots));
}

}  // namespace kvmem::apps
