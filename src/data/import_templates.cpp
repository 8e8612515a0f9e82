#include "data/import_templates.hpp"

#include "kvmem/core/rng.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>
#include <utility>

namespace kvmem {

namespace {

// What the random numbers are for, so that each choice has its own.
enum Stream : std::uint64_t { choice_of_entities = 1, choice_of_phrasings = 2 };

struct Phrasing {
    std::string text;
    Place place;
};

// The phrasings of a relation.
struct Phrasings {
    std::vector<Phrasing> train, test;
};

// All answers to one question: the values of an entity's relation.
struct Key {
    Token entity, relation;
    std::vector<Token> values;
};

using Templates = std::unordered_map<Token, Phrasings>;

void require_one_hole(std::string_view phrasing, const Place& place) {
    const std::size_t hole = phrasing.find("{}");
    if (hole != std::string_view::npos && phrasing.find("{}", hole + 2) == std::string_view::npos) return;
    throw place.error("not a phrasing", "'{}' once, where the entity goes", "'" + std::string(phrasing) + "'");
}

Templates read_templates(const DatasetBuilder& builder, const Source& source, const ImportOptions& options) {
    Templates templates;
    std::set<std::pair<Token, std::string>> seen;
    LineReader lines(source, options);
    for (std::string_view line; lines.next(line);) {
        if (line.starts_with('#')) continue;
        const Place place = lines.place();
        const std::vector<std::string_view> fields = split_fields(line, '\t');
        if (fields.size() != 3)
            throw place.error("not a template", "relation<TAB>phrasing<TAB>train or test",
                              counted_fields(fields.size()));
        const std::optional<Token> relation = builder.vocabulary().find(TokenKind::relation, fields[0]);
        if (!relation)
            throw place.error("no such relation", "one of the facts, or '~' and one",
                              "'" + std::string(fields[0]) + "'");
        require_one_hole(fields[1], place);
        if (fields[2] != "train" && fields[2] != "test")
            throw place.error("no such set", "'train' or 'test'", "'" + std::string(fields[2]) + "'");
        if (!seen.emplace(*relation, fields[1]).second)
            throw place.error("the phrasing is there twice", {}, "'" + std::string(fields[1]) + "'");
        Phrasings& phrasings = templates[*relation];
        (fields[2] == "train" ? phrasings.train : phrasings.test).push_back({std::string(fields[1]), place});
    }
    return templates;
}

// In the order of the facts, which no hash decides.
std::vector<Key> keys_with_templates(const Slots& memory, const Templates& templates) {
    std::vector<Key> keys;
    std::unordered_map<std::uint64_t, std::size_t> places;
    for (Index slot = 0; slot < memory.size(); ++slot) {
        const Token entity = memory.key[slot][0], relation = memory.key[slot][1];
        if (!templates.contains(relation)) continue;
        const std::uint64_t id = static_cast<std::uint64_t>(entity) << 32 | static_cast<std::uint32_t>(relation);
        const auto [at, is_new] = places.try_emplace(id, keys.size());
        if (is_new) keys.push_back({entity, relation, {}});
        keys[at->second].values.push_back(memory.value[slot][0]);
    }
    return keys;
}

std::set<Token> held_out_entities(const std::vector<Key>& keys, double fraction, std::uint64_t seed) {
    std::set<Token> all;
    for (const Key& key : keys) all.insert(key.entity);
    std::vector<Token> order(all.begin(), all.end());
    Rng(seed, {choice_of_entities}).shuffle(std::span(order));
    order.resize(static_cast<std::size_t>(std::round(fraction * static_cast<double>(order.size()))));
    return {order.begin(), order.end()};
}

}  // namespace

void require_template_options(const TemplateOptions& templates) {
    if (!(templates.test_entity_fraction >= 0 && templates.test_entity_fraction < 1))
        throw UsageError({.what = "no such fraction of entities for the test",
                          .expected = "a number from 0 to below 1",
                          .got = std::to_string(templates.test_entity_fraction),
                          .where = {},
                          .hint = {}});
    if (templates.questions_per_key < 1)
        throw UsageError({.what = "too few questions for each key",
                          .expected = "1 or more",
                          .got = std::to_string(templates.questions_per_key),
                          .where = {},
                          .hint = {}});
}

void add_template_questions(DatasetBuilder& builder, const Source& source, const TemplateOptions& options_of_templates,
                            const ImportOptions& options) {
    const Templates templates = read_templates(builder, source, options);
    const std::vector<Key> keys = keys_with_templates(builder.memory(), templates);
    const std::set<Token> held_out = held_out_entities(keys, options_of_templates.test_entity_fraction, options.seed);
    const bool any_test =
        std::any_of(templates.begin(), templates.end(), [](const auto& t) { return !t.second.test.empty(); });
    if (!held_out.empty() && !any_test)
        throw Error({.what = "no phrasing is held out for the test",
                     .expected = "some lines whose set is 'test'",
                     .got = "none",
                     .where = source.name,
                     .hint = "or hold no entities out"});
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const Key& key = keys[i];
        const bool test = held_out.contains(key.entity);
        const Phrasings& phrasings = templates.at(key.relation);
        std::vector<Phrasing> drawn = test ? phrasings.test : phrasings.train;
        Rng(options.seed, {choice_of_phrasings, i}).shuffle(std::span(drawn));
        drawn.resize(std::min(drawn.size(), static_cast<std::size_t>(options_of_templates.questions_per_key)));
        for (Phrasing& phrasing : drawn)
            builder.add_question(test ? "test" : "train", {phrasing.place, phrasing.text, key.values, key.entity});
    }
}

}  // namespace kvmem
