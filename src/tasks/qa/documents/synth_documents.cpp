#include "kvmem/tasks/qa/documents/synth_documents.hpp"

#include "io/text_source.hpp"
#include "kvmem/core/rng.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kvmem::documents {

static constexpr std::string_view subject_hole = "{subject}", object_hole = "{object}";

static bool has_once(std::string_view text, std::string_view part) {
    const std::size_t at = text.find(part);
    return at != text.npos && text.find(part, at + 1) == text.npos;
}

Statements read_statements(const std::filesystem::path& path) {
    const Source source = read_needed_source(path, "a file of statements");
    Statements statements;
    for_each_line(source, {}, [&](std::string_view line, const Location& loc) {
        if (line.starts_with('#')) return;
        const auto fields = split_fields(line, '\t', 2, loc, "not a statement", "relation<TAB>statement");
        if (!has_once(fields[1], subject_hole) || !has_once(fields[1], object_hole))
            throw loc.error("not a statement", "{subject} and {object}, each once", "'" + std::string(fields[1]) + "'");
        statements[std::string(fields[0])].emplace_back(fields[1]);
    });
    return statements;
}

namespace {

// The facts of one subject by relation, in the order of the memory.
using FactsOfSubject = std::vector<std::pair<Token, std::vector<Token>>>;

class Teller {
  public:
    Teller(const Vocabulary& vocabulary, const Statements& statements, const SynthDocumentsOptions& options)
        : vocabulary_(vocabulary), statements_(statements), options_(options) {}

    ToldDocument tell(Token subject, FactsOfSubject facts, Rng rng) const {
        ToldDocument document{subject, {}};
        rng.shuffle(std::span(facts));
        std::string open;  // a statement that waits for a full stop
        std::vector<std::pair<Token, Token>> support;
        bool named = false, open_begins = false;  // whether `open` begins with the subject
        for (std::size_t i = 0; i < facts.size(); ++i) {
            const auto& [relation, objects] = facts[i];
            std::string statement = with_objects(choose(relation, rng), objects);
            const bool begins = statement.starts_with(std::string(subject_hole) + ' ');
            const bool joins = !open.empty() && open_begins && begins;
            if (joins)
                open += " and" + statement.substr(subject_hole.size());
            else if (!open.empty())
                close(document, open, support);
            open_begins = begins;
            if (!joins) open = with_subject(statement, subject, named && rng.uniform() < options_.coreference);
            named = true;
            for (const Token object : objects) support.emplace_back(relation, object);
            if (joins || rng.uniform() >= options_.conjunction) close(document, open, support);
        }
        if (!open.empty()) close(document, open, support);
        return document;
    }

  private:
    const std::string& choose(Token relation, Rng& rng) const {
        const auto& known = statements_.find(vocabulary_.text(relation))->second;
        return known[options_.all_templates ? rng.below(std::ssize(known)) : 0];
    }

    static std::string replaced(std::string text, std::string_view part, const std::string& by) {
        return text.replace(text.find(part), part.size(), by);
    }

    // "A, B and C".
    std::string with_objects(const std::string& statement, const std::vector<Token>& objects) const {
        std::string list;
        for (std::size_t i = 0; i < objects.size(); ++i)
            list += (i == 0 ? "" : i + 1 == objects.size() ? " and " : ", ") + vocabulary_.text(objects[i]);
        return replaced(statement, object_hole, list);
    }

    std::string with_subject(const std::string& statement, Token subject, bool pronoun) const {
        if (!pronoun) return replaced(statement, subject_hole, vocabulary_.text(subject));
        const bool first = statement.starts_with(subject_hole);
        const std::string possessive = std::string(subject_hole) + "'s";
        if (statement.find(possessive) != statement.npos) return replaced(statement, possessive, first ? "Its" : "its");
        return replaced(statement, subject_hole, first ? "It" : "it");
    }

    // Ends the sentence `open`, which begins with a capital.
    static void close(ToldDocument& document, std::string& open, std::vector<std::pair<Token, Token>>& support) {
        if ('a' <= open[0] && open[0] <= 'z') open[0] = static_cast<char>(open[0] - 'a' + 'A');
        if (!open.ends_with('.')) open += '.';
        document.sentences.push_back({std::exchange(open, {}), std::exchange(support, {})});
    }

    const Vocabulary& vocabulary_;
    const Statements& statements_;
    const SynthDocumentsOptions& options_;
};

}  // namespace

// The facts that have statements, by subject in the order of the memory.
static std::vector<std::pair<Token, FactsOfSubject>> facts_by_subject(const QaDataset& dataset,
                                                                      const Statements& statements) {
    std::vector<std::pair<Token, FactsOfSubject>> all;
    std::map<Token, std::size_t> place;
    for (Index slot = 0; slot < dataset.memory.size(); ++slot) {
        const auto key = dataset.memory.key[slot];
        if (key.size() != 2 || !statements.contains(dataset.vocabulary.text(key[1]))) continue;
        const auto [at, added] = place.try_emplace(key[0], all.size());
        if (added) all.push_back({key[0], {}});
        FactsOfSubject& facts = all[at->second].second;
        const auto known = std::ranges::find(facts, key[1], [](const auto& fact) { return fact.first; });
        if (known == facts.end())
            facts.push_back({key[1], {dataset.memory.value[slot][0]}});
        else
            known->second.push_back(dataset.memory.value[slot][0]);
    }
    return all;
}

std::vector<ToldDocument> tell_facts(const QaDataset& facts, const Statements& statements,
                                     const SynthDocumentsOptions& options) {
    for (const double probability : {options.conjunction, options.coreference})
        if (!(probability >= 0 && probability <= 1))
            throw usage_error("no such probability", "0 to 1", std::to_string(probability));
    const Teller teller(facts.vocabulary, statements, options);
    std::vector<ToldDocument> documents;
    for (auto& [subject, own] : facts_by_subject(facts, statements))
        documents.push_back(
            teller.tell(subject, std::move(own), Rng(options.seed, {static_cast<std::uint64_t>(subject)})));
    if (documents.empty()) throw error_in({}, "no fact has a relation with statements");
    return documents;
}

}  // namespace kvmem::documents
