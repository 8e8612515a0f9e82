#include "kvmem/tasks/qa/edit_memory.hpp"

#include "io/text_source.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/text/tokenizer.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace kvmem {

namespace {

// A slot [entity, relation] -> [value].
struct FactSlot {
    Token entity, relation, value;

    bool is(const Slots& memory, Index slot) const {
        return std::ranges::equal(memory.key[slot], std::array{entity, relation}) &&
               std::ranges::equal(memory.value[slot], std::array{value});
    }
};

}  // namespace

static std::string shown(const NamedFact& fact) { return fact.subject + "|" + fact.relation + "|" + fact.object; }

static bool holds(const Slots& memory, const FactSlot& fact) {
    for (Index slot = 0; slot < memory.size(); ++slot)
        if (fact.is(memory, slot)) return true;
    return false;
}

NamedFact parse_fact(const std::string& text) {
    const std::vector<std::string_view> fields = split_fields(text, '|');
    if (fields.size() != 3) throw usage_error("not a fact", "subject|relation|object", "'" + text + "'");
    return {std::string(fields[0]), std::string(fields[1]), std::string(fields[2])};
}

// The token of a relation. Throws Error with all relations when the data set lacks it.
static Token known_relation(const Vocabulary& vocabulary, const std::string& name) {
    if (const auto token = vocabulary.find(TokenKind::relation, name)) return *token;
    std::string all;
    for (Token t = 0; t < vocabulary.size(); ++t)
        if (vocabulary.kind(t) == TokenKind::relation && !vocabulary.text(t).starts_with('~'))
            all += (all.empty() ? "" : ", ") + vocabulary.text(t);
    throw error_in({}, "the memory has no such relation", all, name);
}

static void require_names(const NamedFact& fact) {
    const Source nowhere;
    try {
        require_name(fact.subject, "a subject", {&nowhere, 0});
        require_name(fact.object, "an object", {&nowhere, 0});
        for (const std::string& name : {fact.subject, fact.object}) split_words(name);  // throws unless it is UTF-8
    } catch (const Error& e) {
        throw Error(e.problem_at(shown(fact)));
    }
}

void add_fact(QaDataset& dataset, const NamedFact& fact) {
    require_names(fact);
    Vocabulary& vocabulary = dataset.vocabulary;
    const Token there = known_relation(vocabulary, fact.relation);
    const Token back = vocabulary.add(TokenKind::relation, reversed_relation(fact.relation));
    std::array<Token, 2> ends{};
    for (std::size_t i = 0; i < 2; ++i) {
        ends[i] = vocabulary.add(TokenKind::entity, i == 0 ? fact.subject : fact.object);
        const auto at = std::ranges::lower_bound(dataset.candidates, ends[i]);
        if (at == dataset.candidates.end() || *at != ends[i]) dataset.candidates.insert(at, ends[i]);
    }
    for (const FactSlot& slot : {FactSlot{ends[0], there, ends[1]}, FactSlot{ends[1], back, ends[0]}}) {
        if (holds(dataset.memory, slot)) continue;
        dataset.memory.push(std::array{slot.entity, slot.relation}, std::array{slot.value});
        if (!dataset.origin.empty()) dataset.origin.push_back({-1, 0, 0});
    }
}

void remove_fact(QaDataset& dataset, const NamedFact& fact) {
    const Vocabulary& vocabulary = dataset.vocabulary;
    const Token there = known_relation(vocabulary, fact.relation);
    const auto back = vocabulary.find(TokenKind::relation, reversed_relation(fact.relation));
    const auto subject = vocabulary.find(TokenKind::entity, fact.subject);
    const auto object = vocabulary.find(TokenKind::entity, fact.object);
    if (!subject || !object || !holds(dataset.memory, {*subject, there, *object}))
        throw error_in({}, "the memory has no such fact", {}, shown(fact));
    Slots rest;
    std::vector<SlotOrigin> origin;
    for (Index slot = 0; slot < dataset.memory.size(); ++slot) {
        if (FactSlot{*subject, there, *object}.is(dataset.memory, slot)) continue;
        if (back && FactSlot{*object, *back, *subject}.is(dataset.memory, slot)) continue;
        if (!dataset.origin.empty()) origin.push_back(dataset.origin[slot]);
        rest.push(dataset.memory.key[slot], dataset.memory.value[slot]);
    }
    dataset.origin = std::move(origin);
    dataset.memory = std::move(rest);
}

}  // namespace kvmem
