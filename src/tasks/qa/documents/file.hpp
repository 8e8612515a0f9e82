// Documents in a kvmem-qa file: the groups /documents, /passages, /sentences, /tokens and /postings.
#pragma once

#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"

namespace kvmem::documents {

// The documents of a file, checked, or none. Throws Error.
std::shared_ptr<const Corpus> read_corpus(const hdf5::Reader& file);
void write_corpus(hdf5::Writer& file, const Corpus& corpus);

}  // namespace kvmem::documents
