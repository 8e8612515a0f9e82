#include "kvmem/tasks/qa/documents/next_sentence.hpp"

#include "kernels/vector.hpp"
#include "kvmem/autograd/ops.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/kernels/embed.hpp"
#include "kvmem/text/tokenizer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace kvmem::documents {

NextSentence::NextSentence(const NextSentenceConfig& config, std::vector<std::string> words, Start start)
    : config_(validated(config)), words_(std::move(words)), parameters_(start) {
    table_ = &parameters_.add_normal("vectors", std::ssize(words_), config_.width, config_.deviation, config_.seed);
    if (words_.empty())
        throw Error({.what = "no word has a vector", .expected = "words that documents have --min-count times"});
    for (std::size_t i = 0; i < words_.size(); ++i) {
        const bool is_new = numbers_.try_emplace(words_[i], static_cast<Token>(i)).second;
        if (!is_new || words_[i].empty() || invalid_utf8_at(words_[i]) != std::string::npos)
            throw Error({.what = "these are no words of a model",
                         .expected = "different ones in UTF-8",
                         .got = printable(words_[i]) + " at " + std::to_string(i)});
    }
}

std::string NextSentence::summary() const {
    return "Vectors of width " + std::to_string(config_.width) + " for " + std::to_string(words_.size()) +
           " words, by which sentences find the next one";
}

std::vector<OnnxModel> NextSentence::onnx() const {
    throw Error({.what = "this model has no ONNX graph",
                 .expected = "a model of questions or sequences",
                 .got = NextSentenceConfig::kind,
                 .hint = "safetensors hold the vectors"});
}

std::vector<Token> NextSentence::read(std::string_view text) const {
    std::vector<Token> tokens;
    for (const Word& word : split_words(text))
        if (const std::optional<Token> token = number(word.text)) tokens.push_back(*token);
    return tokens;
}

std::optional<Token> NextSentence::number(const std::string& word) const {
    const auto at = numbers_.find(word);
    return at == numbers_.end() ? std::nullopt : std::optional(at->second);
}

// The words of a sentence without those that are left out, but at least one.
static void push_dropped(Ragged<Token>& bags, std::span<const Token> words, double rate, Rng& rng) {
    const std::size_t before = bags.values.size();
    for (const Token word : words)
        if (rng.uniform() >= rate) bags.values.push_back(word);
    if (bags.values.size() == before)
        bags.values.push_back(words[static_cast<std::size_t>(rng.below(std::ssize(words)))]);
    bags.end_row();
}

Var NextSentence::loss(Tape& tape, const SentencePairs& data, std::span<const Index> pairs, Rng& rng) const {
    std::vector<Index> candidates;
    candidates.reserve(pairs.size() + static_cast<std::size_t>(config_.negatives));
    for (const Index pair : pairs) candidates.push_back(data.next[static_cast<std::size_t>(pair)]);
    for (Index i = 0; i < config_.negatives; ++i)
        candidates.push_back(data.next[static_cast<std::size_t>(rng.below(data.size()))]);
    Ragged<Token> asked, others;
    for (const Index pair : pairs)
        push_dropped(asked, data.sentences[data.first[static_cast<std::size_t>(pair)]], config_.word_dropout, rng);
    for (const Index sentence : candidates) push_dropped(others, data.sentences[sentence], config_.word_dropout, rng);
    std::vector<Index> targets(pairs.size());
    std::iota(targets.begin(), targets.end(), Index{0});
    Ragged<Index> excluded;  // the same sentence once more
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        for (std::size_t c = 0; c < candidates.size(); ++c)
            if (c != i && candidates[c] == candidates[i]) excluded.values.push_back(static_cast<Index>(c));
        excluded.end_row();
    }
    return cross_entropy(dot_scores(embed_sum(tape, *table_, asked, BagScale::inverse_sqrt),
                                    embed_sum(tape, *table_, others, BagScale::inverse_sqrt)),
                         targets, excluded);
}

Matrix NextSentence::encode(RaggedView<Token> texts) const {
    Matrix out(texts.size(), config_.width);
    embed_sum(table_->value, texts, BagScale::inverse_sqrt, out);
    return out;
}

WordVectors NextSentence::vectors() const {
    Matrix copy(table_->value.rows(), table_->value.cols());
    std::ranges::copy(table_->value.view().span(), copy.data());
    return WordVectors(words_, std::move(copy));
}

std::vector<std::string> words_with_vectors(const Collection& documents, const NextSentenceConfig& config) {
    std::vector<Index> counts(documents.words.size());
    for (const TokenSpan& token : documents.tokens) ++counts[static_cast<std::size_t>(token.word)];
    std::vector<std::size_t> order;
    for (std::size_t word = 0; word < counts.size(); ++word)
        if (counts[word] >= config.min_count) order.push_back(word);
    std::ranges::stable_sort(order, std::greater(), [&](std::size_t word) { return counts[word]; });
    if (std::ssize(order) > config.max_words) order.resize(static_cast<std::size_t>(config.max_words));
    std::vector<std::string> words;
    words.reserve(order.size());
    for (const std::size_t word : order) words.push_back(documents.words[word]);
    return words;
}

// Adds the words of a sentence that the model has; returns the number of the sentence, or -1 for none.
static Index push_sentence(const Collection& documents, const Sentence& sentence, const std::vector<Token>& number_of,
                           Ragged<Token>& sentences) {
    const std::size_t before = sentences.values.size();
    for (Index t = sentence.tokens.first; t < sentence.tokens.last; ++t) {
        const Token word = number_of[static_cast<std::size_t>(documents.tokens[static_cast<std::size_t>(t)].word)];
        if (word >= 0) sentences.values.push_back(word);
    }
    if (sentences.values.size() == before) return -1;
    sentences.end_row();
    return sentences.size() - 1;
}

SentencePairs sentence_pairs(const Collection& documents, const NextSentence& model) {
    std::vector<Token> number_of;  // of each word of the documents, or -1
    number_of.reserve(documents.words.size());
    for (const std::string& word : documents.words) number_of.push_back(model.number(word).value_or(-1));
    SentencePairs pairs;
    for (const Document& document : documents.documents) {
        Index before = -1;
        for (Index p = document.passages.first; p < document.passages.last; ++p) {
            const Passage& passage = documents.passages[static_cast<std::size_t>(p)];
            if (passage.kind != PassageKind::text) continue;
            for (Index s = passage.sentences.first; s < passage.sentences.last; ++s) {
                const Index here = push_sentence(documents, documents.sentences[static_cast<std::size_t>(s)], number_of,
                                                 pairs.sentences);
                if (here < 0) continue;
                if (before >= 0) {
                    pairs.first.push_back(before);
                    pairs.next.push_back(here);
                }
                before = here;
            }
        }
    }
    return pairs;
}

static SentencePairs part_of(const SentencePairs& all, bool validates) {
    SentencePairs part{.sentences = all.sentences};
    for (std::size_t i = 0; i < all.first.size(); ++i)
        if ((i % 100 >= 90) == validates) {
            part.first.push_back(all.first[i]);
            part.next.push_back(all.next[i]);
        }
    return part;
}

SentencePairs training_pairs(const SentencePairs& all) { return part_of(all, false); }
SentencePairs validation_pairs(const SentencePairs& all) { return part_of(all, true); }

// Adds what one list of pairs has: row i of y is the next sentence of row i of x.
static void add_list(ConstView x, ConstView y, NextSentenceMetrics& metrics) {
    std::vector<double> scores(static_cast<std::size_t>(y.rows));
    for (Index i = 0; i < x.rows; ++i) {
        for (Index j = 0; j < y.rows; ++j)
            scores[static_cast<std::size_t>(j)] = detail::dot(x.row(i), y.row(j), x.cols);
        const double own = scores[static_cast<std::size_t>(i)], largest = *std::ranges::max_element(scores);
        const auto rank = std::ranges::count_if(scores, [&](double score) { return score >= own; });
        double sum = 0;
        for (const double score : scores) sum += std::exp(score - largest);
        metrics.hits_at_1 += rank == 1;
        metrics.mrr += 1 / static_cast<double>(rank);
        metrics.loss += largest + std::log(sum) - own;
    }
    metrics.chance += 1;  // of all pairs of the list together
}

NextSentenceMetrics evaluate(const NextSentence& model, const SentencePairs& pairs) {
    NextSentenceMetrics metrics{.pairs = pairs.size()};
    constexpr Index longest = 100;
    const Index lists = (pairs.size() + longest - 1) / longest;
    for (Index list = 0; list < lists; ++list) {
        Ragged<Token> asked, next;
        for (Index i = list; i < pairs.size(); i += lists) {
            asked.push_row(pairs.sentences[pairs.first[static_cast<std::size_t>(i)]]);
            next.push_row(pairs.sentences[pairs.next[static_cast<std::size_t>(i)]]);
        }
        add_list(model.encode(asked), model.encode(next), metrics);
    }
    const auto all = static_cast<double>(std::max<Index>(1, pairs.size()));
    for (double* mean : {&metrics.hits_at_1, &metrics.mrr, &metrics.loss, &metrics.chance}) *mean /= all;
    return metrics;
}

}  // namespace kvmem::documents
