// Options and texts that the verbs of stores share.
#pragma once

#include "kvmem/io/vectors.hpp"
#include "kvmem/store/memory_store.hpp"

#include <functional>
#include <string>

namespace kvmem::apps {

// "dot", "cosine", "euclidean"; throws UsageError.
Similarity metric_named(const std::string& name);
std::string name_of(Similarity metric);
// "float32", "bfloat16", "int8"; throws UsageError.
store::KeyEncoding encoding_named(const std::string& name);
std::string name_of(store::KeyEncoding encoding);

// Of "3,7,10-20": whether an id is one of them. Throws UsageError.
std::function<bool(store::Id)> filter_of(const std::string& text);

// A file's vectors, or with "-" those of standard input as text.
VectorFile vectors_from(const std::string& source, const std::string& dataset);

// What `kvmem inspect` says of a store.
void inspect_store(const std::filesystem::path& path, bool as_json);

}  // namespace kvmem::apps
