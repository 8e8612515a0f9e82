// The parts of an Answerer. Not installed.
#pragma once

#include "autograd/tape_pool.hpp"
#include "kvmem/autograd/packed_parameters.hpp"
#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/tasks/qa/compiled_memory.hpp"
#include "tasks/qa/fact_slots.hpp"
#include "tasks/qa/sharded_memory.hpp"
#include "tasks/qa/slot_sources.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace kvmem {

// What answerers of one model and of the same names share.
struct QuestionReader {
    std::unique_ptr<const Model> model;
    std::vector<bool> names;      // the tokens that texts can name; empty: all
    std::vector<bool> relations;  // the tokens of the memory's relations
    std::optional<EntityLinker> linker{};
    TapePool tapes{};
    PackedParameters packed{WeightForm::f32};  // of models that follow facts, for which they are few

    // The entity of exactly this name, if texts can name it and it is a candidate.
    std::optional<Token> entity(const std::string& name) const {
        const auto token = model->vocabulary().find(TokenKind::entity, name);
        const bool is_named = token && (names.empty() || names[*token]) && model->lexicon().candidate(*token) >= 0;
        return is_named ? token : std::nullopt;
    }
    std::optional<Token> relation(const std::string& name) const {
        const auto token = model->vocabulary().find(TokenKind::relation, name);
        return token && relations[*token] ? token : std::nullopt;
    }
    std::optional<FactTokens> tokens_of(const NamedFact& fact) const {
        const auto subject = entity(fact.subject), object = entity(fact.object);
        const auto there = relation(fact.relation), back = relation(reversed_relation(fact.relation));
        if (!subject || !object || !there || !back) return {};
        return FactTokens{*subject, *there, *object, *back};
    }
};

// A question that is being answered.
struct Asking {
    LinkedText linked;
    const AnswerOptions* options;
    Answer answer;
};

struct Answerer::Impl {
    std::shared_ptr<QuestionReader> reader;
    const Model* model;
    Slots memory;  // in the model's tokens
    SlotSources sources;
    std::optional<Retriever> retriever;
    std::optional<CompiledMemory> compiled;
    std::optional<ShardedMemory> sharded;  // then neither memory, sources nor retriever

    // Fills the reader's linker, if it has none.
    Impl(std::shared_ptr<QuestionReader> shared, Slots slots, std::vector<SlotOrigin> origins,
         std::shared_ptr<const documents::Corpus> corpus);
    Impl(std::shared_ptr<QuestionReader> shared, ShardedMemory shards);

    Index slots() const { return sharded ? sharded->size() : memory.size(); }
    bool follows_facts() const { return model->retrieval().strategy == Retrieval::whole; }
    const EntityLinker& linker() const { return *reader->linker; }
    Token token_of(const std::string& text) const {
        const auto found = linker().find(text);
        return found.empty() ? unknown_token : found.front();
    }
    // The tokens of a text that the model reads: for an unknown word that of Lexicon::like().
    std::vector<Token> inputs_of(const LinkedText& text) const;
    // Adds a question to a batch, and the sentences' words that training never saw, and the values that are no names,
    // to `unknown`.
    void add_question(Batch& batch, const LinkedText& question, const std::vector<TextSlot>& own,
                      std::vector<std::string>& unknown) const;
    // A question that was linked, with its answer's words and names.
    Asking asking(LinkedText linked, const AnswerOptions& options) const;
    // Names near the question's words: suggestions for one that names none.
    std::vector<NearName> near_names(const std::string& question, Answer& answer) const;
    void rank(Answer& answer, std::span<const Scored> scores, const AnswerOptions& options) const;
    std::vector<Answer::ReadSlot> read_slots(const Batch& batch, std::span<const Real> weights, Index count) const;
    void quote_slots(const Batch& batch, Answer& answer) const;
    void quote_paths(std::span<const FactPath> paths, std::vector<Answer::Path>& shown) const;
    void show_paths(Answer& answer, std::span<const FactPath> paths, std::span<const Real> words,
                    const LinkedText& question) const;
    // Adds a question that was linked to a batch. A batch of several is for a model that follows facts.
    void begin(Batch& batch, Asking& asking, const std::vector<TextSlot>& own) const;
    void read(const Batch& batch, std::span<Asking* const> asked) const;
    Answer ask(const AskedQuestion& question) const;
    void read_facts(std::span<Asking> all) const;
    void weigh_names(const std::string& question, Asking& asked) const;
    std::vector<Answer> ask_facts(std::span<const std::pair<std::string, const AnswerOptions*>> questions) const;
};

}  // namespace kvmem
