#include "tasks/qa/import/templates.hpp"

#include "kvmem/core/rng.hpp"
#include "tasks/qa/fact_index.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace kvmem {

namespace {

// Names the random stream of each choice, so that choices are independent.
enum Stream : std::uint64_t { choice_of_entities = 1, choice_of_phrasings = 2, choice_of_keys = 3 };

struct TemplateLine {
    std::string text;
    Location loc;
};

// The phrasings of one path, by the set that their questions go to.
struct Phrasings {
    std::vector<TemplateLine> train, test;
};

using RelationPath = std::vector<Token>;  // relations
using Templates = std::map<RelationPath, Phrasings>;

// An entity, a path from it, and the entities that the path leads to: the answers of one question.
struct EntityPath {
    Token entity;
    const Templates::value_type* asked;
    std::vector<Token> answers;

    std::size_t hops() const { return asked->first.size(); }
};

void require_one_hole(std::string_view phrasing, const Location& loc) {
    const std::size_t hole = phrasing.find("{}");
    if (hole != std::string_view::npos && phrasing.find("{}", hole + 2) == std::string_view::npos) return;
    throw loc.error("not a phrasing", "'{}' once, where the entity goes", "'" + std::string(phrasing) + "'");
}

Token read_relation(const DatasetBuilder& builder, std::string_view name, const Location& loc) {
    const std::optional<Token> relation = builder.vocabulary().find(TokenKind::relation, name);
    if (!relation)
        throw loc.error("no such relation", "one of the facts, or '~' and one", "'" + std::string(name) + "'");
    return *relation;
}

// The path that a field names. A relation whose name is the whole field wins; otherwise ">" separates relations.
RelationPath read_path(const DatasetBuilder& builder, std::string_view field, const Location& loc) {
    constexpr std::size_t max_steps = 8;
    if (const auto relation = builder.vocabulary().find(TokenKind::relation, field)) return {*relation};
    const std::vector<std::string_view> steps = split_fields(field, '>');
    if (steps.size() > max_steps)
        throw loc.error("the path is too long", "at most " + std::to_string(max_steps) + " relations",
                        std::to_string(steps.size()));
    RelationPath path;
    for (const std::string_view step : steps) {
        if (step.empty() && steps.size() > 1)
            throw loc.error("a step of the path is empty", "relation > relation", "'" + std::string(field) + "'");
        path.push_back(read_relation(builder, step, loc));
    }
    return path;
}

Templates read_templates(const DatasetBuilder& builder, const Source& source, const ImportOptions& options) {
    Templates templates;
    std::set<std::pair<RelationPath, std::string>> seen;
    for_each_line(source, options, [&](std::string_view line, const Location& loc) {
        if (line.starts_with('#')) return;
        const auto fields =
            split_fields(line, '\t', 3, loc, "not a template", "relation<TAB>phrasing<TAB>train or test");
        const RelationPath path = read_path(builder, fields[0], loc);
        require_one_hole(fields[1], loc);
        if (fields[2] != "train" && fields[2] != "test")
            throw loc.error("no such set", "'train' or 'test'", "'" + std::string(fields[2]) + "'");
        if (!seen.emplace(path, fields[1]).second)
            throw loc.error("the phrasing is there twice", {}, "'" + std::string(fields[1]) + "'");
        Phrasings& phrasings = templates[path];
        (fields[2] == "train" ? phrasings.train : phrasings.test).push_back({std::string(fields[1]), loc});
    });
    return templates;
}

// The entities of all paths of one relation, in the order of the facts.
std::vector<EntityPath> keys_of_relations(const Templates& templates, const FactIndex& facts) {
    std::vector<EntityPath> keys;
    for (const auto& [entity, relation] : facts.keys()) {
        const auto asked = templates.find({relation});
        if (asked == templates.end()) continue;
        const std::span<const Token> values = facts.values(entity, relation);
        keys.push_back({entity, &*asked, {values.begin(), values.end()}});
    }
    return keys;
}

// Up to `count` random entities of a path of several relations. Entities from which a step reaches too many are left
// out.
std::vector<EntityPath> keys_of_path(const Templates::value_type& asked, const FactIndex& facts, Index count, Rng rng) {
    std::vector<EntityPath> keys;
    for (const auto& [entity, relation] : facts.keys()) {
        if (relation != asked.first.front()) continue;
        EntityPath key{entity, &asked, facts.follow(entity, asked.first, TemplateOptions::max_reached)};
        if (!key.answers.empty()) keys.push_back(std::move(key));
    }
    rng.shuffle(std::span(keys));
    keys.resize(std::min(keys.size(), static_cast<std::size_t>(count)));
    return keys;
}

std::vector<EntityPath> keys_of(const Templates& templates, const FactIndex& facts, Index keys_per_path,
                                std::uint64_t seed) {
    std::vector<EntityPath> keys = keys_of_relations(templates, facts);
    std::uint64_t path = 0;
    for (const auto& asked : templates) {
        if (asked.first.size() == 1) continue;
        std::vector<EntityPath> more = keys_of_path(asked, facts, keys_per_path, Rng(seed, {choice_of_keys, path++}));
        std::move(more.begin(), more.end(), std::back_inserter(keys));
    }
    return keys;
}

std::set<Token> held_out_entities(const std::vector<EntityPath>& keys, double fraction, std::uint64_t seed) {
    std::set<Token> all;
    for (const EntityPath& key : keys) all.insert(key.entity);
    std::vector<Token> order(all.begin(), all.end());
    Rng(seed, {choice_of_entities}).shuffle(std::span(order));
    order.resize(static_cast<std::size_t>(std::round(fraction * static_cast<double>(order.size()))));
    return {order.begin(), order.end()};
}

void require_positive(const std::string& what, Index count) {
    if (count < 1) throw usage_error("too few " + what, "1 or more", std::to_string(count));
}

void add_questions(DatasetBuilder& builder, const EntityPath& key, bool test, std::size_t count, Rng rng, Index task) {
    const Phrasings& phrasings = key.asked->second;
    std::vector<TemplateLine> drawn = test ? phrasings.test : phrasings.train;
    rng.shuffle(std::span(drawn));
    drawn.resize(std::min(drawn.size(), count));
    const std::span<const Token> answers = drawn.empty() ? std::span<const Token>() : builder.answers(key.answers);
    for (TemplateLine& phrasing : drawn) {
        RawQuestion question{phrasing.loc, builder.keep(phrasing.text), answers, key.entity};
        question.task = task;
        builder.add_question(test ? "test" : "train", std::move(question));
    }
}

// The task of each number of hops, or -1. Questions have tasks only if some path has several hops.
std::vector<Index> tasks_by_hops(DatasetBuilder& builder, const Templates& templates) {
    std::set<std::size_t> there;
    for (const auto& [path, phrasings] : templates) there.insert(path.size());
    const std::size_t max_hops = there.empty() ? 0 : *there.rbegin();
    std::vector<Index> tasks(max_hops + 1, -1);
    if (max_hops > 1)
        for (const std::size_t hops : there)
            tasks[hops] = builder.task(std::to_string(hops) + (hops == 1 ? " hop" : " hops"));
    return tasks;
}

}  // namespace

void require_template_options(const TemplateOptions& templates) {
    if (!(templates.test_entity_fraction >= 0 && templates.test_entity_fraction < 1))
        throw usage_error("no such fraction of entities for the test", "a number from 0 to below 1",
                          std::to_string(templates.test_entity_fraction));
    require_positive("questions for each key", templates.questions_per_key);
    require_positive("entities for each path", templates.keys_per_path);
}

void add_template_questions(DatasetBuilder& builder, const Source& source, const TemplateOptions& options_of_templates,
                            const ImportOptions& options) {
    const Templates templates = read_templates(builder, source, options);
    const FactIndex facts(builder.memory());
    const std::vector<EntityPath> keys = keys_of(templates, facts, options_of_templates.keys_per_path, options.seed);
    const std::set<Token> held_out = held_out_entities(keys, options_of_templates.test_entity_fraction, options.seed);
    const bool any_test =
        std::any_of(templates.begin(), templates.end(), [](const auto& t) { return !t.second.test.empty(); });
    if (!held_out.empty() && !any_test)
        throw error_in(source.name, "no phrasing is held out for the test", "some lines whose set is 'test'", "none",
                       "or hold no entities out, --test-entities 0");
    std::set<const Templates::value_type*> asked;
    for (const EntityPath& key : keys) asked.insert(key.asked);
    for (const auto& entry : templates)
        for (const auto* phrasings : {&entry.second.train, &entry.second.test})
            for (const TemplateLine& phrasing : *phrasings)
                if (!asked.contains(&entry)) builder.doubt("no fact makes a question of the phrasing", phrasing.loc);
    const std::vector<Index> tasks = tasks_by_hops(builder, templates);
    const auto per_key = static_cast<std::size_t>(options_of_templates.questions_per_key);
    for (std::size_t i = 0; i < keys.size(); ++i)
        add_questions(builder, keys[i], held_out.contains(keys[i].entity), per_key,
                      Rng(options.seed, {choice_of_phrasings, i}), tasks[keys[i].hops()]);
}

}  // namespace kvmem
