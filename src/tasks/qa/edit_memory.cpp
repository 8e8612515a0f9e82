#include "kvmem/tasks/qa/edit_memory.hpp"

#include "io/text_source.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "tasks/qa/fact_slots.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace kvmem {

static std::string shown(const NamedFact& fact) { return fact.subject + "|" + fact.relation + "|" + fact.object; }

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
    add_fact_slots(dataset.memory, dataset.origin, {ends[0], there, ends[1], back});
}

void remove_fact(QaDataset& dataset, const NamedFact& fact) {
    const Vocabulary& vocabulary = dataset.vocabulary;
    const Token there = known_relation(vocabulary, fact.relation);
    const auto back = vocabulary.find(TokenKind::relation, reversed_relation(fact.relation));
    const auto subject = vocabulary.find(TokenKind::entity, fact.subject);
    const auto object = vocabulary.find(TokenKind::entity, fact.object);
    if (!subject || !object ||
        !remove_fact_slots(dataset.memory, dataset.origin, {*subject, there, *object, back.value_or(unknown_token)}))
        throw error_in({}, "the memory has no such fact", {}, shown(fact));
}

}  // namespace kvmem
