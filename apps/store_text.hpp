// Options and texts that the verbs index, query and inspect share.
#pragma once

#include "kvmem/io/vectors.hpp"
#include "kvmem/store/memory_store.hpp"

#include <filesystem>
#include <functional>
#include <string>

namespace kvmem::apps {

// "dot", "cosine", "euclidean"; throws UsageError.
Similarity metric_named(const std::string& name);
std::string name_of(Similarity metric);
// "float32", "bfloat16", "int8"; throws UsageError.
store::KeyEncoding encoding_named(const std::string& name);
std::string name_of(store::KeyEncoding encoding);

// The ids of "3,7,10-20", of at most `max` numbers. Throws UsageError.
std::vector<store::Id> ids_of(const std::string& text, Index max);

// The filter of "3,7,10-20": true of these ids. Throws UsageError.
std::function<bool(store::Id)> filter_of(const std::string& text);

// Reads the vectors of a file, or with "-" of standard input as text.
VectorFile vectors_from(const std::string& source, const std::string& dataset);

// Opens a store, and says on stderr what open() found missing (store::OpenReport).
store::MemoryStore open_store(const std::filesystem::path& path, store::Access access);
void warn_of_losses(const store::MemoryStore& store, const std::filesystem::path& path);

// Prints what `kvmem inspect` says of a store.
void inspect_store(const std::filesystem::path& path, bool as_json);

}  // namespace kvmem::apps
