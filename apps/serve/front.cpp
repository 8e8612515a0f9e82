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

    // The results of read(reply), each with a shape(). A reply that cannot be read counts as missing, and so does one
    // whose shape is not that of most; of shapes that are as frequent the first counts.
    template <class Read>
    auto read_alike(Read read) {
        std::vector<decltype(read(replies[0]))> parts;
        std::vector<std::string> from;
        for (std::size_t i = 0; i < replies.size(); ++i) try {
                parts.push_back(read(replies[i]));
                from.push_back(urls[i]);
            } catch (const std::exception&) {
                missing.push_back(urls[i] + ": a reply that cannot be read");
            }
        if (parts.empty()) return parts;
        const auto votes = [&](const auto& part) {
            return std::ranges::count_if(parts, [&](const auto& other) { return other.shape() == part.shape(); });
        };
        const auto shape = std::ranges::max_element(parts, {}, votes)->shape();
        for (std::size_t i = parts.size(); i-- > 0;)
            if (parts[i].shape() != shape) {
                missing.push_back(from[i] + ": a reply of another shape");
                parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
            }
        return parts;
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

// What one shard found.
struct ListedPart {
    std::vector<std::vector<FoundSlot>> rows;  // of each query
    Index read_width = 0;                      // 0: no reads

    std::pair<Index, Index> shape() const { return {std::ssize(rows), read_width}; }
};

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

static float float_of(const json::value& number) {
    const auto value = static_cast<float>(number.to_number<double>());
    if (!std::isfinite(value))
        throw Error({.what = "a shard's reply has a number that is no float",
                     .expected = "a finite number of 32 bits",
                     .got = json::serialize(number)});
    return value;
}

// Parsed numbers may be an ulp of a double off. All numbers of a slot but its id are floats, and exact as such.
static void make_exact(json::object& slot) {
    for (const char* name : {"score", "weight", "key", "value"}) {
        json::value* value = slot.if_contains(name);
        if (!value) continue;
        if (value->is_number()) *value = float_of(*value);
        if (!value->is_array()) continue;
        for (json::value& number : value->get_array()) number = float_of(number);
    }
}

static FoundSlot slot_of(const json::value& value) {
    FoundSlot found{float_of(value.at("score")), value.at("id").to_number<store::Id>(), value.as_object()};
    make_exact(found.slot);
    return found;
}

// Whether a reply may have this number of rows. Bytes do not tell how many queries they are, but it divides them.
static bool fits_queries(const Call& call, Index rows) {
    const json::value* queries = call.body.if_contains("queries");
    if (queries && queries->is_array()) return rows == std::ssize(queries->get_array());
    std::size_t bytes = call.request.body.size();
    if (queries) {
        const json::string& base64 = queries->get_string();
        bytes = base64.size() / 4 * 3 - static_cast<std::size_t>(std::ranges::count(base64, '='));
    }
    return rows > 0 && static_cast<Index>(bytes / sizeof(float)) % rows == 0;
}

static void require_rows(const Call& call, Index rows) {
    if (!fits_queries(call, rows))
        throw Error({.what = "a shard's reply has another number of rows",
                     .expected = "a row for each query",
                     .got = std::to_string(rows)});
}

static Error unlike(const char* what, Index expected, Index got) {
    return Error({.what = what, .expected = std::to_string(expected), .got = std::to_string(got)});
}

// What one shard found: k slots a query at most, each with its value if there are reads.
static ListedPart part_of(const Call& call, const HttpReply& reply, Index k, bool has_reads) {
    ListedPart part;
    const json::value value = json::parse(reply.body);
    const json::array& results = value.at("results").as_array();
    require_rows(call, std::ssize(results));
    for (const json::value& result : results) {
        std::vector<FoundSlot>& row = part.rows.emplace_back();
        for (const json::value& slot : result.at("slots").as_array()) row.push_back(slot_of(slot));
        if (std::ssize(row) > k) throw unlike("a shard's reply has more slots than k", k, std::ssize(row));
        const json::value* read = has_reads ? result.as_object().if_contains("read") : nullptr;
        const Index width = read ? std::ssize(read->as_array()) : 0;
        if (part.rows.size() == 1) part.read_width = width;
        if (width != part.read_width) throw unlike("a shard's reads have several widths", part.read_width, width);
        if (width > 0)
            for (const FoundSlot& found : row) (void)row_of(found.slot.at("value"), width);
    }
    return part;
}

Reply Front::listed(const Call& call, Answers answers, const Listing& how) const {
    std::vector<ListedPart> parts =
        answers.read_alike([&](const HttpReply& reply) { return part_of(call, reply, how.k, how.has_reads); });
    require_enough(answers.missing, shards_.size(), options_.whole);
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

namespace {

// Ids [rows, k], then scores [rows, k], as a shard replies them. Throws Error for more than `max_k` a row.
class PackedHits {
  public:
    PackedHits(const HttpReply& reply, Index max_k) : body_(&reply.body) {
        const auto number = [&](const char* name) { return kvmem::number_of<Index>(reply.field(name)).value_or(-1); };
        rows = number("x-kvmem-rows");
        k = number("x-kvmem-k");
        constexpr Index bytes = sizeof(store::Id) + sizeof(float);
        const Index hits = std::ssize(*body_) / bytes;
        const bool fits =
            rows > 0 && k >= 0 && k <= max_k && std::ssize(*body_) % bytes == 0 && hits % rows == 0 && hits / rows == k;
        if (!fits)
            throw Error({.what = "a shard's reply has bytes that are no hits",
                         .expected = "rows of at most " + std::to_string(max_k) + " hits, of 12 bytes each",
                         .got = std::to_string(body_->size()) + " bytes for " + std::to_string(rows) + " rows of " +
                                std::to_string(k)});
    }
    Index shape() const { return rows; }
    store::Hit at(Index place) const {
        store::Hit hit{};
        std::memcpy(&hit.id, body_->data() + place * sizeof hit.id, sizeof hit.id);
        std::memcpy(&hit.score, body_->data() + rows * k * sizeof hit.id + place * sizeof hit.score, sizeof hit.score);
        return hit;
    }

    Index rows = 0, k = 0;

  private:
    const std::string* body_;
};

bool is_better(const store::Hit& a, const store::Hit& b) {
    return a.score > b.score || (a.score == b.score && a.id < b.id);
}

}  // namespace

Reply Front::search_packed(const Call& call, ShardRequest request) const {
    request.accept = bytes_type;
    const Index max_k = k_of(call);
    Answers answers = ask(request);
    const std::vector<PackedHits> parts = answers.read_alike([&](const HttpReply& reply) {
        const PackedHits part(reply, max_k);
        require_rows(call, part.rows);
        return part;
    });
    require_enough(answers.missing, shards_.size(), options_.whole);
    Index k = 0;
    for (const PackedHits& part : parts) k += part.k;
    k = std::min(k, max_k);
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

// The slots that a shard has of these ids, and null for others.
struct GotPart {
    json::array slots;

    Index shape() const { return std::ssize(slots); }
};

static GotPart got_of(const HttpReply& reply, std::span<const store::Id> ids) {
    json::value value = json::parse(reply.body);
    GotPart part{std::move(value.at("slots").as_array())};
    if (part.slots.size() != ids.size())
        throw unlike("a shard's reply has another number of slots", std::ssize(ids), std::ssize(part.slots));
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const json::value& id = part.slots[i].at("id");
        const bool is_same =
            id.is_string() ? id.get_string() == std::to_string(ids[i]) : id.to_number<store::Id>() == ids[i];
        if (!is_same)
            throw Error({.what = "a shard's reply has slots of other ids",
                         .expected = std::to_string(ids[i]),
                         .got = json::serialize(id)});
        if (part.slots[i].at("found").as_bool())
            make_exact(part.slots[i].as_object());
        else
            part.slots[i] = nullptr;
    }
    return part;
}

Reply Front::get(const Call& call) const {
    Answers answers = ask(request_of(call, "get", call.request.body));
    const std::vector<store::Id> ids = ids_of(call.body, "ids");
    std::vector<GotPart> parts = answers.read_alike([&](const HttpReply& reply) { return got_of(reply, ids); });
    require_enough(answers.missing, shards_.size(), options_.whole);
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
