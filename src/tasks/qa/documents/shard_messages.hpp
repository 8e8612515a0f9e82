// What a search in shards and a shard send each other (kvmem/tasks/qa/documents/shards.hpp). Not installed.
//
// A request is a Step and the arguments of the function of Searched that it stands for; a reply is its result. Passages
// have the numbers of their shard.
#pragma once

#include "io/byte_stream.hpp"
#include "tasks/qa/documents/searched.hpp"
#include "tasks/qa/shard_of.hpp"

#include <concepts>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::documents {

enum class Step : std::uint8_t { about, frequencies, near_words, passages, sentences, found };

// What a shard says about itself.
struct AboutShard {
    ShardOf shard;
    std::string language;
    Totals totals;
};

// A passage of a shard, with its score.
struct ShardPassage {
    Index shard = 0, passage = 0;
    double score = 0;
};

template <class Stream>
void transfer(Stream& s, OneOf<Totals> auto& value) {
    s(value.passages, value.sentences, value.tokens);
}
template <class Stream>
void transfer(Stream& s, OneOf<AboutShard> auto& value) {
    s(value.shard, value.language, value.totals);
}
template <class Stream>
void transfer(Stream& s, OneOf<NearWords> auto& value) {
    s(value.letters, value.other, value.words);
}
template <class Stream>
void transfer(Stream& s, OneOf<Scored> auto& value) {
    s(value.number, value.score);
}
template <class Stream>
void transfer(Stream& s, OneOf<ShardPassage> auto& value) {
    s(value.shard, value.passage, value.score);
}
template <class Stream>
void transfer(Stream& s, OneOf<PlacedSentence> auto& value) {
    s(value.passage, value.place, value.score, value.passage_score);
}
template <class Stream>
void transfer(Stream& s, OneOf<Range> auto& value) {
    s(value.first, value.last);
}
template <class Stream>
void transfer(Stream& s, OneOf<File> auto& value) {
    s(value.path, value.layout, value.encoding, value.bytes, value.hash, value.lines, value.documents,
      value.skipped_lines);
}
template <class Stream>
void transfer(Stream& s, OneOf<Document> auto& value) {
    s(value.title, value.passages);
}
template <class Stream>
void transfer(Stream& s, OneOf<Passage> auto& value) {
    s(value.kind, value.level, value.heading, value.sentences);
}
template <class Stream>
void transfer(Stream& s, OneOf<Sentence> auto& value) {
    s(value.bytes, value.text, value.tokens);
}
template <class Stream>
void transfer(Stream& s, OneOf<TokenSpan> auto& value) {
    s(value.word, value.size, value.begin);
}
template <class Stream>
void transfer(Stream& s, OneOf<Collection> auto& value) {
    s(value.reader, value.words, value.files, value.documents, value.passages, value.sentences, value.tokens,
      value.text);
}
// What a shard needs of a question: what it is asked for stays with the search.
template <class Stream>
void transfer(Stream& s, OneOf<Query> auto& value) {
    s(value.terms, value.sum, value.expected);
}
template <class Stream>
void transfer(Stream& s, OneOf<Query::Term> auto& value) {
    bool is_known = value.stem.has_value();
    std::string stem = value.stem.value_or("");
    s(value.word, is_known, stem, value.weight);
    if constexpr (std::same_as<Stream, ByteReader>)
        if (is_known) value.stem = std::move(stem);
}

}  // namespace kvmem::documents
