// Parts of collections: runs of documents for shards, and single passages. Not installed.
#pragma once

#include "kvmem/tasks/qa/documents/postings.hpp"

#include <memory>
#include <span>
#include <vector>

namespace kvmem::documents {

// Consecutive documents of a file of a collection, which must outlive the object.
struct FilePart {
    const Collection* collection = nullptr;
    Index file = 0;
    Range documents{};
};

// The collection of these parts in their order, which has no word that no token has.
Collection merge(std::span<const FilePart> parts);

// Documents that follow others.
struct CorpusPart {
    std::shared_ptr<const Corpus> corpus;
    bool continues = false;  // whether its first file goes on where that of the part before ends
};

// Deals documents in their order to parts with about as many tokens each; they may be empty. A file is cut between
// documents.
std::vector<CorpusPart> deal(const Corpus& corpus, Index parts);
// The documents of all parts: those that were dealt. Throws Error for stems of different languages.
std::shared_ptr<const Corpus> join(std::span<const CorpusPart> parts);

// Passages with all headings above them, rising.
std::vector<Index> with_headings(const Collection& all, std::span<const Index> passages);

// These passages, which must rise and have the headings above them, with their documents and files, without questions.
// Lines of files that they do not need are left out (File::skipped_lines).
Collection excerpt(const Collection& from, std::span<const Index> passages);

}  // namespace kvmem::documents
