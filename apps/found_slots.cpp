#include "found_slots.hpp"

#include "kvmem/core/text.hpp"

#include <boost/json.hpp>

namespace kvmem::apps {

namespace json = boost::json;

FoundSlots found_by(const store::ReadResult& read, Index query, std::string name) {
    FoundSlots found{query, std::move(name), read.hits.ids_of(query), read.hits.scores_of(query), {}, {}, {}};
    if (read.values.rows() == 0) return found;
    found.weights = std::span(read.weights).subspan(query * read.hits.k, found.ids.size());
    found.read = {read.values.row(query), static_cast<std::size_t>(read.values.cols())};
    if (read.slot_values.rows() > 0)
        found.values = read.slot_values.view().middle_rows(query * read.hits.k, std::ssize(found.ids));
    return found;
}

std::string json_line(const store::MemoryStore& store, const FoundSlots& found) {
    const bool has_texts = store.has_texts();
    const store::StoredSlots slots = has_texts ? store.get(found.ids) : store::StoredSlots{};
    json::array all;
    for (std::size_t i = 0; i < found.ids.size(); ++i) {
        json::object slot{{"id", found.ids[i]}, {"score", found.scores[i] + 0.0f}};  // no -0
        if (!found.weights.empty()) slot["weight"] = found.weights[i];
        if (has_texts) slot["text"] = as_utf8(slots.texts[i]);
        if (found.values.rows > 0) {
            const float* value = found.values.row(static_cast<Index>(i));
            slot["value"] = json::array(value, value + found.values.cols);
        }
        all.push_back(std::move(slot));
    }
    json::object line{{"query", found.query}};
    if (!found.name.empty()) line["name"] = as_utf8(found.name);
    line["slots"] = std::move(all);
    if (!found.read.empty()) line["read"] = json::array(found.read.begin(), found.read.end());
    return json::serialize(line);
}

}  // namespace kvmem::apps
