#include "tasks/qa/import/builder.hpp"

#include "kvmem/core/rng.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/tasks/qa/documents/read.hpp"
#include "kvmem/tasks/qa/retriever.hpp"
#include "text/brackets.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <utility>

namespace kvmem {

static std::uint64_t hash_of(const std::array<Token, 3>& fact) {
    std::uint64_t h = 0;
    for (const Token t : fact) h = (h ^ static_cast<std::uint32_t>(t)) * 0x9e3779b97f4a7c15u, h ^= h >> 32;
    return h;
}

DatasetBuilder::Directions DatasetBuilder::relation(std::string_view name, const Location& loc) {
    if (const auto known = relations_.find(name); known != relations_.end()) return known->second;
    require_name(name, "a relation", loc);
    if (name.starts_with('~'))
        throw loc.error("no such name for a relation", "one without '~', which marks relations read in reverse",
                        "'" + std::string(name) + "'");
    Vocabulary& vocabulary = dataset_.vocabulary;
    const Directions directions{vocabulary.add(TokenKind::relation, name),
                                vocabulary.add(TokenKind::relation, reversed_relation(name))};
    return relations_.emplace(name, directions).first->second;
}

void DatasetBuilder::add_fact(std::string_view subject, std::string_view relation_name, std::string_view object,
                              const Location& loc) {
    require_name(subject, "a subject", loc);
    const Directions directions = relation(relation_name, loc);
    require_name(object, "an object", loc);
    const std::array fact{entity(subject), directions.forward, entity(object)};
    const auto is_it = [&](NumberTable::Number number) {
        const auto key = memory().key[2 * Index{number}];
        return key[0] == fact[0] && key[1] == fact[1] && memory().value[2 * Index{number}][0] == fact[2];
    };
    const std::uint64_t hash = hash_of(fact);
    if (facts_.find(hash, is_it) >= 0) return;
    facts_.add(hash, static_cast<NumberTable::Number>(memory().size() / 2));
    dataset_.memory.push(std::array{fact[0], directions.forward}, std::array{fact[2]});
    dataset_.memory.push(std::array{fact[2], directions.reverse}, std::array{fact[0]});
}

std::string_view DatasetBuilder::keep(std::string_view text) {
    char* const kept = static_cast<char*>(kept_.allocate(text.size(), 1));
    std::ranges::copy(text, kept);
    return {kept, text.size()};
}

std::span<const Token> DatasetBuilder::answers(const std::vector<std::string_view>& names, const Location& loc) {
    std::vector<Token> tokens;
    for (const std::string_view name : names) {
        require_name(name, "an answer", loc);
        tokens.push_back(entity(name));
    }
    return answers(std::move(tokens));
}

std::span<const Token> DatasetBuilder::answers(std::vector<Token> entities) {
    std::ranges::sort(entities);
    entities.erase(std::unique(entities.begin(), entities.end()), entities.end());
    Token* const kept = static_cast<Token*>(kept_.allocate(entities.size() * sizeof(Token), alignof(Token)));
    std::ranges::copy(entities, kept);
    return {kept, entities.size()};
}

Index DatasetBuilder::text(std::string_view text) {
    if (const auto known = texts_.find(text); known != texts_.end()) return known->second;
    const auto added = texts_.emplace(text, static_cast<Index>(text_.size())).first;
    text_.push_back(added->first);
    return added->second;
}

Index DatasetBuilder::task(std::string_view name) {
    if (const auto known = tasks_.find(name); known != tasks_.end()) return known->second;
    dataset_.tasks.emplace_back(name);
    return tasks_.emplace(name, static_cast<Index>(tasks_.size())).first->second;
}

void DatasetBuilder::add_question(std::string_view split, RawQuestion question) {
    has_local_slots_ = has_local_slots_ || (question.local && !question.local->slots.empty());
    has_support_ = has_support_ || (question.local && !question.local->support.empty());
    auto at = questions_.find(split);
    if (at == questions_.end()) at = questions_.emplace(split, std::deque<RawQuestion>()).first;
    at->second.push_back(std::move(question));
}

std::vector<bool> drawn_for_validation(std::size_t count, double fraction, std::uint64_t seed) {
    if (count < 2)
        throw error_in({}, "too few training questions to take validation questions from", "at least 2",
                       std::to_string(count));
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    Rng(seed).shuffle(std::span(order));
    const double wanted = std::round(fraction * static_cast<double>(count));
    order.resize(std::clamp(static_cast<std::size_t>(wanted), std::size_t{1}, count - 1));
    std::vector<bool> drawn(count);
    for (const std::size_t i : order) drawn[i] = true;
    return drawn;
}

static bool in_one_story(const RawQuestion& a, const RawQuestion& b) {
    return a.local && b.local && a.local->story >= 0 && a.local->story == b.local->story;
}

// Moves whole stories to validation, since the questions of one story share most of their slots.
void DatasetBuilder::split_off_validation() {
    double fraction = options_.valid_fraction;
    std::deque<RawQuestion>& train = questions_["train"];
    if (fraction == 0 && options_.valid_by_default && train.size() >= 20 && !questions_.contains("valid"))
        fraction = 0.1;
    if (fraction == 0) {
        if (train.empty()) questions_.erase("train");
        return;
    }
    std::vector<std::size_t> begins;  // of stories, and of questions without one
    for (std::size_t i = 0; i < train.size(); ++i)
        if (i == 0 || !in_one_story(train[i], train[i - 1])) begins.push_back(i);
    const std::vector<bool> drawn = drawn_for_validation(begins.size(), fraction, options_.seed);
    std::deque<RawQuestion> rest;
    begins.push_back(train.size());
    for (std::size_t story = 0; story + 1 < begins.size(); ++story)
        for (std::size_t i = begins[story]; i < begins[story + 1]; ++i)
            (drawn[story] ? questions_["valid"] : rest).push_back(std::move(train[i]));
    train = std::move(rest);
}

void DatasetBuilder::name_missing_tasks() {
    if (tasks_.empty()) return;
    for (auto& [name, questions] : questions_)
        for (RawQuestion& question : questions)
            if (question.task < 0) question.task = task("other");
}

// Splits each distinct part into words only once, since questions have few phrasings.
void DatasetBuilder::count_marked_words(std::string_view text) {
    split_at_brackets(
        text,
        [&](std::string_view part) {
            const auto [at, added] = plain_.try_emplace(part);
            PlainText& plain = at->second;
            ++plain.uses;
            if (!added) return;
            for (const Word& word : split_words(part)) {
                plain.tokens.push_back(dataset_.vocabulary.add(TokenKind::word, word.text));
                plain.has_possessive = plain.has_possessive || words::stem(word, part);
            }
        },
        [](std::string_view) {});
}

// Sets the counts by which the EntityLinker finds weak matches, from training questions, or from all without any. Words
// beside brackets or "{}" are certainly plain. In questions without marks, a word counts as plain when more than one
// question in `rarity` has it.
void DatasetBuilder::count_plain_words() {
    constexpr std::int64_t rarity = 1000;
    Vocabulary& vocabulary = dataset_.vocabulary;
    const bool has_training = questions_.contains("train");
    std::unordered_map<std::string, std::int64_t> unmarked;
    std::int64_t unmarked_questions = 0;
    const auto learn = [&](const RawQuestion& question) {
        if (question.topic != unknown_token || question.text.find('[') != std::string_view::npos) {
            count_marked_words(question.text);
        } else {
            for (Word& word : split_words(question.text)) ++unmarked[std::move(word.text)];
            ++unmarked_questions;
        }
    };
    for (const auto& [split, questions] : questions_)
        if (split == "train" || !has_training) std::ranges::for_each(questions, learn);
    const auto use = [&](Token token, std::int64_t uses) {
        vocabulary.set_count(token, vocabulary.count(token) + uses);
    };
    for (const auto& [text, part] : plain_)
        for (const Token token : part.tokens) use(token, part.uses);
    std::map<std::string, std::int64_t> common;  // in an order that no hash decides
    for (const auto& [word, count] : unmarked)
        if (count > 1 + unmarked_questions / rarity) common.emplace(word, count);
    for (const auto& [word, count] : common) use(vocabulary.add(TokenKind::word, word), count);
}

void DatasetBuilder::append_words(std::vector<Token>& tokens, std::string_view text) {
    for (const Word& word : split_words(text)) tokens.push_back(dataset_.vocabulary.add(TokenKind::word, word.text));
}

void DatasetBuilder::append_linked(std::vector<Token>& tokens, std::string_view text, const Linking& linking) {
    if (linking.options.avoid_common_words && append_marked(tokens, text)) return;
    for (const TextPart& part : linking.linker.parts(text, linking.options)) {
        tokens.insert(tokens.end(), part.entities.begin(), part.entities.end());
        if (part.entities.empty()) tokens.push_back(dataset_.vocabulary.add(TokenKind::word, part.word));
    }
}

// Appends a text with marks whose unmarked parts all occur beside marks in training questions. Their words are plain,
// and each marked name is its entity. Returns false, and appends nothing, for other texts.
bool DatasetBuilder::append_marked(std::vector<Token>& tokens, std::string_view text) const {
    if (text.find('[') == std::string_view::npos || !brackets_match(text)) return false;
    const std::size_t before = tokens.size();
    bool all_known = true;
    split_at_brackets(
        text,
        [&](std::string_view part) {
            const auto known = plain_.find(part);
            all_known = all_known && known != plain_.end() && !known->second.has_possessive;
            if (all_known) tokens.insert(tokens.end(), known->second.tokens.begin(), known->second.tokens.end());
        },
        [&](std::string_view name) {
            const auto entity = vocabulary().find(TokenKind::entity, name);
            all_known = all_known && entity;
            if (all_known) tokens.push_back(*entity);
        });
    if (!all_known) tokens.resize(before);
    return all_known;
}

// The number of lines that warnings of one kind name.
constexpr Index max_told = 5;

void DatasetBuilder::doubt(const std::string& what, const Location& loc) {
    if (options_.warn && ++doubts_[what] <= max_told) options_.warn(loc.error(what).what());
}

void DatasetBuilder::find_held_entities() {
    if (memory().size() > 0) held_.resize(vocabulary().size());
    for (const Token token : memory().value.values) held_[token] = true;
}

void DatasetBuilder::doubt_question(const RawQuestion& question, std::span<const Token> tokens) {
    if (held_.empty() || !options_.warn) return;
    const auto is_name = [&](Token token) { return vocabulary().kind(token) == TokenKind::entity; };
    if (std::ranges::none_of(tokens, is_name)) doubt("the question names nothing that is known", question.loc);
    if (!question.answers.empty() && std::ranges::none_of(question.answers, [&](Token t) { return held_[t]; }))
        doubt("no fact holds a right answer of the question", question.loc);
}

// Ends a row. Throws Error for a row without tokens.
static void end_text_row(Ragged<Token>& rows, const std::string& what, const Location& loc) {
    if (std::cmp_equal(rows.offsets.back(), rows.values.size())) throw loc.error(what + " has no words");
    rows.end_row();
}

void DatasetBuilder::append_question(Split& split, const RawQuestion& question, const Linking& linking) {
    std::vector<Token>& tokens = split.question.values;
    if (question.topic != unknown_token) {
        const std::size_t hole = question.text.find("{}");
        append_words(tokens, question.text.substr(0, hole));
        tokens.push_back(question.topic);
        append_words(tokens, question.text.substr(hole + 2));
    } else {
        append_linked(tokens, question.text, linking);
    }
    end_text_row(split.question, "the question", question.loc);
    doubt_question(question, split.question[split.question.size() - 1]);
    split.answer.push_row(question.answers);
    if (!dataset_.tasks.empty()) split.task.push_back(question.task);
    if (has_local_slots_) append_slots(split, question, linking);
}

const std::vector<Token>& DatasetBuilder::linked_text(Index text, const RawQuestion& question, const Linking& linking) {
    linked_texts_.resize(text_.size());
    std::vector<Token>& tokens = linked_texts_[text];
    if (tokens.empty()) append_linked(tokens, text_[text], linking);
    if (tokens.empty()) throw question.loc.error("a slot's key has no words");
    return tokens;
}

void DatasetBuilder::append_slots(Split& split, const RawQuestion& question, const Linking& linking) {
    static const RawQuestion::LocalMemory none;
    const RawQuestion::LocalMemory& local = question.local ? *question.local : none;
    if (split.local_offsets.empty()) split.local_offsets.push_back(0);
    for (const RawQuestion::Slot& slot : local.slots) {
        const std::vector<Token>& key = linked_text(slot.key, question, linking);
        split.local_slots.push(key, slot.value ? std::span(&*slot.value, 1) : std::span<const Token>(key));
    }
    split.local_offsets.push_back(split.local_slots.size());
    if (has_support_) split.support.push_row(local.support);
}

// The questions of a split, and those of their answers that the slots which they read have.
static Split stated_part(const Split& split, const Slots& memory, const Retriever& retriever) {
    Split stated;
    std::vector<Token> values;
    for (Index i = 0; i < split.size(); ++i) {
        values.clear();
        for (const Index slot : retriever.retrieve(split.question[i]))
            values.insert(values.end(), memory.value[slot].begin(), memory.value[slot].end());
        std::ranges::sort(values);
        std::vector<Token> answers;
        std::ranges::copy_if(split.answer[i], std::back_inserter(answers),
                             [&](Token answer) { return std::ranges::binary_search(values, answer); });
        if (answers.empty()) continue;
        stated.question.push_row(split.question[i]);
        stated.answer.push_row(answers);
        if (!split.task.empty()) stated.task.push_back(split.task[i]);
    }
    return stated;
}

// Replaces the memory by the slots of documents.
void DatasetBuilder::read_documents() {
    documents::Corpus corpus{documents::read_documents(options_.documents, {.warn = options_.warn}), {}};
    documents::DocumentMemory read =
        documents::represent(corpus.collection, dataset_.vocabulary, options_.representation);
    dataset_.memory = std::move(read.slots);
    dataset_.origin = std::move(read.origin);
    corpus.postings = documents::make_postings(corpus.collection);
    dataset_.documents = std::make_shared<documents::Corpus>(std::move(corpus));
}

QaDataset DatasetBuilder::finish(const LinkOptions& link) {
    facts_ = {};
    if (!options_.documents.empty()) read_documents();
    split_off_validation();
    name_missing_tasks();
    count_plain_words();
    find_held_entities();
    const EntityLinker linker(dataset_.vocabulary);
    const Linking linking{linker, link};
    for (auto& [name, questions] : questions_)
        for (; !questions.empty(); questions.pop_front()) {  // frees each question at once
            const RawQuestion& question = questions.front();
            try {
                append_question(dataset_.splits[name], question, linking);
            } catch (const Error& error) {
                const Problem& problem = error.problem();
                if (!problem.where.empty()) throw;
                throw question.loc.error(problem.what, problem.expected, problem.got, problem.hint);
            }
        }
    if (options_.stated_only) {
        const Retriever retriever(dataset_.memory, dataset_.vocabulary);
        for (auto& [name, split] : dataset_.splits) split = stated_part(split, dataset_.memory, retriever);
    }
    for (const auto& [what, count] : doubts_)
        if (count > max_told) options_.warn("of " + std::to_string(count) + " lines: " + what);
    for (Token token = 0; token < dataset_.vocabulary.size(); ++token)
        if (dataset_.vocabulary.kind(token) == TokenKind::entity) dataset_.candidates.push_back(token);
    dataset_.info = {options_.title, options_.source, options_.license, {}};
    dataset_.count_tokens();
    return std::move(dataset_);
}

}  // namespace kvmem
