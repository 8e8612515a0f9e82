#include "shard_results.hpp"

#include "body_vectors.hpp"
#include "kvmem/core/number.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kvmem::apps {

namespace json = boost::json;

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

ListedPart::ListedPart(const Call& call, const HttpReply& reply, Index k, bool has_reads) {
    const json::value value = json::parse(reply.body);
    const json::array& results = value.at("results").as_array();
    require_rows(call, std::ssize(results));
    for (const json::value& result : results) {
        std::vector<FoundSlot>& row = rows.emplace_back();
        for (const json::value& slot : result.at("slots").as_array()) row.push_back(slot_of(slot));
        if (std::ssize(row) > k) throw unlike("a shard's reply has more slots than k", k, std::ssize(row));
        const json::value* read = has_reads ? result.as_object().if_contains("read") : nullptr;
        const Index width = read ? std::ssize(read->as_array()) : 0;
        if (rows.size() == 1) read_width = width;
        if (width != read_width) throw unlike("a shard's reads have several widths", read_width, width);
        if (width > 0)
            for (const FoundSlot& found : row) (void)row_of(found.slot.at("value"), width);
    }
}

PackedPart::PackedPart(const Call& call, const HttpReply& reply, Index max_k) : body_(&reply.body) {
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
    require_rows(call, rows);
}

store::Hit PackedPart::at(Index place) const {
    store::Hit hit{};
    std::memcpy(&hit.id, body_->data() + place * sizeof hit.id, sizeof hit.id);
    std::memcpy(&hit.score, body_->data() + rows * k * sizeof hit.id + place * sizeof hit.score, sizeof hit.score);
    return hit;
}

GotPart::GotPart(const HttpReply& reply, std::span<const store::Id> ids) {
    json::value value = json::parse(reply.body);
    slots = std::move(value.at("slots").as_array());
    if (slots.size() != ids.size())
        throw unlike("a shard's reply has another number of slots", std::ssize(ids), std::ssize(slots));
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const json::value& id = slots[i].at("id");
        const bool is_same =
            id.is_string() ? id.get_string() == std::to_string(ids[i]) : id.to_number<store::Id>() == ids[i];
        if (!is_same)
            throw Error({.what = "a shard's reply has slots of other ids",
                         .expected = std::to_string(ids[i]),
                         .got = json::serialize(id)});
        if (slots[i].at("found").as_bool())
            make_exact(slots[i].as_object());
        else
            slots[i] = nullptr;
    }
}

}  // namespace kvmem::apps
