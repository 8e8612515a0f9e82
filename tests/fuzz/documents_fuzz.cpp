// Readers of documents. The first byte picks the layout; the rest is the file. What is read must be consistent, and be
// found by its own words.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/documents/read.hpp"
#include "kvmem/tasks/qa/documents/search.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace kvmem;
using namespace kvmem::documents;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    try {
        auto corpus = std::make_shared<Corpus>();
        corpus->collection = read_bytes("fuzz", bytes, static_cast<Layout>(data[0] % 7));
        corpus->collection.validate("what a reader made");
        corpus->postings = make_postings(corpus->collection);
        corpus->postings.validate(corpus->collection, "what an index holds");
        if (corpus->collection.sentences.empty()) return 0;
        const std::string question(corpus->collection.text_of(corpus->collection.sentences.front()));
        if (merge(std::vector<Piece>{{&corpus->collection, 0}}) != corpus->collection) std::abort();
        Search(corpus).ask(question);
    } catch (const Error&) {
    }
    return 0;
}
