// How a path reader reads words: their spellings, and the directions of their vectors.
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "tasks/qa/near_words.hpp"
#include "text/spelling.hpp"

#include <algorithm>
#include <array>

namespace kvmem {

void PathReader::grow() {
    std::vector<Token> rows;
    for (Token token = static_cast<Token>(spelling_.size()); token < vocabulary().size(); ++token) {
        rows.assign(1, is_entity(token) ? entity_mark : unknown_mark);
        if (vocabulary().kind(token) == TokenKind::word) {
            rows.clear();
            add_spelling(vocabulary().text(token), first_spelling, config_.ngram_buckets, rows);
        }
        spelling_.push_row(rows);
        const bool is_word = lexicon_.near() && vocabulary().kind(token) == TokenKind::word;
        vector_row_.push_back(is_word ? lexicon_.near()->vectors().row(vocabulary().text(token)).value_or(-1) : -1);
    }
}

// Only training reads synonyms: a model from a file has none, nor have words of a later data set.
void PathReader::find_synonyms() {
    if (!lexicon_.near() || config_.synonyms == 0) return;
    std::vector<std::vector<Index>> found(vector_row_.size());
    parallel_for(std::ssize(found), 1, [&](Index first, Index last) {
        for (auto t = static_cast<std::size_t>(first); t < static_cast<std::size_t>(last); ++t)
            if (vector_row_[t] >= 0) found[t] = lexicon_.near()->neighbours(vector_row_[t]);
    });
    for (const std::vector<Index>& rows : found) synonyms_.push_row(rows);
}

// Appends the direction of a word's vector, or of a synonym's; zeros for none.
void PathReader::append_direction(Words& words, Token token, const std::string* unseen, bool synonym, Rng* rng) const {
    const NearWords& near = *lexicon_.near();
    const std::size_t begin = words.directions.size();
    words.directions.resize(begin + static_cast<std::size_t>(near.vectors().width()));
    const std::span<Real> out = std::span(words.directions).subspan(begin);
    Index row = vector_row_[token];
    if (synonym && token < synonyms_.size() && !synonyms_[token].empty())
        row = synonyms_[token][rng->below(std::ssize(synonyms_[token]))];
    if (row >= 0)
        near.direction(row, out);
    else if (unseen || (vocabulary().kind(token) == TokenKind::word && vocabulary().count(token) == 0))
        near.direction(unseen ? *unseen : vocabulary().text(token), out);
}

// A word of the question; `unseen` is its text if it is unknown. A generator changes some.
void PathReader::append_word(Words& words, Token token, const std::string* unseen, Rng* rng) const {
    const bool may_change = rng && !is_entity(token);
    const bool unknown = may_change && rng->uniform() < config_.word_dropout;
    const double part = may_change && vector_row_[token] >= 0 && !unknown ? rng->uniform() : 1;
    if (unknown)
        words.bags.push_row(std::array{unknown_mark});
    else if (part < 2 * config_.synonyms)
        words.bags.end_row();
    else if (unseen)
        add_spelling(*unseen, first_spelling, config_.ngram_buckets, words.bags.values), words.bags.end_row();
    else
        words.bags.push_row(spelling_[token]);
    if (!lexicon_.near()) return;
    if (unknown)
        words.directions.resize(words.directions.size() + static_cast<std::size_t>(lexicon_.near()->vectors().width()));
    else
        append_direction(words, token, unseen, part < config_.synonyms, rng);
}

PathReader::Words PathReader::words_of(const Batch& batch, Rng* rng) const {
    Words words;
    auto unseen = batch.unseen.begin();
    for (Index b = 0; b < batch.size(); ++b) {
        const std::size_t begin = static_cast<std::size_t>(batch.question.offsets[static_cast<std::size_t>(b)]);
        for (std::size_t i = 0; i < batch.question[b].size(); ++i) {
            const Token token = batch.question[b][i];
            const auto place = static_cast<Index>(begin + i);
            while (unseen != batch.unseen.end() && unseen->first < place) ++unseen;
            // The linker writes all entities of one name side by side; they count as one word.
            if (i > 0 && is_entity(token) && is_entity(batch.question[b][i - 1])) continue;
            if (rng && !is_entity(token) && rng->uniform() < config_.word_deletion) continue;
            const bool is_unseen = unseen != batch.unseen.end() && unseen->first == place;
            append_word(words, token, is_unseen ? &unseen->second : nullptr, rng);
            words.token.push_back(place);
        }
        words.offsets.push_back(words.bags.size());
    }
    return words;
}

}  // namespace kvmem
