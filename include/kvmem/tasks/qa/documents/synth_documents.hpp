// Facts told as prose (Miller et al. 2016, section 5.1.2): a document for each subject, a statement for each of its
// relations. How the statements are told decides how hard they are to read.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem::documents {

// Statements by relation. Each has {subject} and {object} once and no full stop, and the first of a relation is its
// plainest one: "{subject} was directed by {object}".
using Statements = std::map<std::string, std::vector<std::string>, std::less<>>;

// Reads lines "relation<TAB>statement"; lines that begin with "#" are comments. Throws Error with file and line.
Statements read_statements(const std::filesystem::path& path);

// How facts are told.
struct SynthDocumentsOptions {
    bool all_templates = true;  // off: the first statement of each relation alone
    double conjunction = 0;     // probability that a statement is joined with the next by "and"
    double coreference = 0;     // probability that a mention of the subject behind the first is a pronoun
    std::uint64_t seed = 1;     // of every random choice
};

// A sentence with the facts that it states, as (relation, object).
struct ToldSentence {
    // UTF-8 in one line, and the facts about its subject.
    std::string text;
    std::vector<std::pair<Token, Token>> support;
};

// The sentences about one subject, in a random order.
struct ToldDocument {
    // An entity, and what is said of it.
    Token subject;
    std::vector<ToldSentence> sentences;
};

// Tells the facts of a memory, as import_kb() gives it. Relations without statements are left out. Throws UsageError
// for probabilities beyond 0 to 1, and Error if no fact can be told.
std::vector<ToldDocument> tell_facts(const QaDataset& facts, const Statements& statements,
                                     const SynthDocumentsOptions& options = {});

}  // namespace kvmem::documents
