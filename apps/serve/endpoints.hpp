// What the endpoints do. Each gets a body that the table has checked, and throws Error.
#pragma once

#include "service.hpp"

namespace kvmem::apps {

// About the server.
Reply show_info(const Call& call);
Reply show_openapi(const Call& call);
Reply show_health(const Call& call);
Reply show_page(const Call& call);  // the page, its script or its style, by the path

// Questions.
Reply ask(const Call& call);
std::vector<Reply> ask_all(std::span<const Call> calls);
Reply predict(const Call& call);
Reply embed(const Call& call);
Reply search_documents(const Call& call);
documents::SearchOptions document_options_of(const Call& call);  // of a question to documents
Reply answer_for_document_shard(const Call& call);               // to a front
Reply answer_for_memory_shard(const Call& call);                 // likewise

// Stores.
Reply search_store(const Call& call);
Reply read_store(const Call& call);
Reply get_slots(const Call& call);
Reply put_slots(const Call& call);
Reply remove_slots(const Call& call);
Reply compact_store(const Call& call);

// Sequences, events and sentences.
Reply translate(const Call& call);
Reply recommend(const Call& call);
Reply rank(const Call& call);

}  // namespace kvmem::apps
