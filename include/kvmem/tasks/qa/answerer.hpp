// Answers questions in plain words from a memory, with the slots that the answer came from.
#pragma once

#include "kvmem/cluster/shards.hpp"
#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/qa/edit_memory.hpp"
#include "kvmem/tasks/qa/model.hpp"
#include "kvmem/text/entity_linker.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The candidates for a question, and what the model read for them.
struct Answer {
    // A possible answer.
    struct Candidate {
        // The name and the score by the model.
        std::string text;
        double score;
        double weight;  // of the softmax over all candidates; for a model that follows facts, of its path
    };
    // A slot with the weight that a head gave to it.
    struct ReadSlot {
        // The tokens as texts, and the attention weight.
        std::string key, value;
        double weight;
        Index slot;  // its number among the question's slots, where the question's own come first
        // Of a slot that was read from a document, the sentence and its mention's "file:line:column"; otherwise empty.
        std::string sentence{}, where{};
    };
    // What one head read in a hop.
    struct Head {
        std::vector<ReadSlot> slots;  // the slots of largest weight, in falling order
    };
    // What one hop read.
    struct Hop {
        // In the order of the model.
        std::vector<Head> heads;
    };

    // The path from an entity of the question to the candidate.
    struct Path {
        // A relation that was followed.
        struct Step {
            // The name of the relation.
            std::string relation;
            bool reversed;  // read from object to subject
            // The name of the entity that it led to.
            std::string entity;
            double weight;  // of the relation, among all that the hop could follow
            Index hop;      // its number among the steps that were taken, from 1
            // Of a step that documents state, the first sentence that does, and its mention's "file:line:column".
            std::string sentence{}, where{};
        };
        // The name of the first entity, and the steps from it.
        std::string start;
        std::vector<Step> steps;
        double weight;  // of the whole
    };
    // A word with the weight that a hop gave to it.
    struct ReadWord {
        std::string text;  // of the question
        // The attention weight.
        double weight;
    };

    std::vector<Candidate> candidates;  // best first; empty when there is nothing to read
    Index as_good =
        0;  // candidates with at least half of the first one's weight: of a model of facts, the answer's set
    // How certain the first candidate is (AttentionTrace::certainty; 1 for a model that does not say), and whether that
    // is too little for an answer: then nothing in the memory seems to answer the question.
    double certainty = 1;
    bool refused = false;
    // What each hop read.
    std::vector<Hop> hops;
    // For a model that follows facts: the strongest path to each candidate, and for each step of the first path the
    // words by which its relation was chosen, in falling order of weight.
    std::vector<Path> paths;
    std::vector<std::vector<ReadWord>> words;
    Index slots = 0;                    // slots that the question reads
    Index unread = 0;                   // earlier slots, for which the model's memory has no room
    Index local_slots = 0;              // of all these, the slots that came with the question
    std::vector<std::string> entities;  // that the question names
    bool is_list = false;  // whether the question was asked for each name of a list apart, as in "Peru and Chile"
    std::vector<std::string> unknown_words;  // words that training never saw
    // Names near the question's words, if it names no entity and the memory has slots. A model that follows facts also
    // reads the question with near names, of which at most one letter in five differs, unless it is certain what it
    // names. `taken_for` is the one that gave the answer, or empty.
    std::vector<std::string> suggestions;
    std::string taken_for;
};

// How much of an answer is wanted.
struct AnswerOptions {
    // The maximum of candidates.
    Index candidates = 5;
    bool all_as_good = false;                  // also the further candidates that count in Answer::as_good
    Index slots = 5;                           // of each hop
    std::optional<double> min_certainty = {};  // below which an answer is refused, instead of the model's
};

// A slot, as text, that comes with a question. Without a value it is a sentence, which is also its own value. Stories
// are sentences in the order in which they are told.
struct TextSlot {
    // The text that the slot is found by.
    std::string key;
    std::optional<std::string> value = {};
};

// A question of several (Answerer::ask_all()): the arguments of Answerer::ask().
struct AskedQuestion {
    // As it is written.
    std::string text;
    AnswerOptions options = {};
    std::vector<TextSlot> own = {};
};

// Several threads may ask at once.
class Answerer {
  public:
    // Reads this data set's memory, which may hold entities that the model never saw. The splits only tell whether
    // questions bring all their slots (Model::extend). With a shared memory, texts can name only its own entities.
    Answerer(std::unique_ptr<Model> model, QaDataset memory);
    // Reads a memory in shards, which the call reaches (MemoryShard), with the bits of one in a file. `shard` is any
    // one of them, of which the names are read and not the slots. The model must have been extended by it already, if
    // shards are of this model. Throws Error for shards that do not belong together.
    Answerer(std::unique_ptr<Model> model, const QaDataset& shard, ShardCall call);
    ~Answerer();
    Answerer(Answerer&&) noexcept;
    Answerer& operator=(Answerer&&) noexcept;

    // The answerer of the memory without some facts and, then, with others, as remove_fact() and add_fact() make it. It
    // shares the model with this one and opens nothing, so it is made in the time of an index of the memory. Nothing if
    // a fact to be removed is not there, or a fact has a name or relation that this memory has not: those need the
    // model to be extended. Nothing of a memory in shards. It has no vectors of read_from().
    std::optional<Answerer> edited(std::span<const NamedFact> removed, std::span<const NamedFact> added) const;

    // Takes the vectors of slots from a store that compile_memory() filled from this model and data set; answers stay
    // the same. Throws Error for other contents (CompiledMemory). Excludes ask() meanwhile.
    void read_from(store::MemoryStore compiled);

    // Answers a question from the memory and the slots `own` before it. Gives no candidates if no slot is found to
    // read. A value that is no name of the model is reported among the unknown words, and a value is an answer only if
    // it is a candidate. A model that follows facts answers for each name of a list ("Peru, Chile and Cuba") apart: the
    // first candidates are those that are as good as the best for their name. Throws Error for a question of blanks
    // alone, when a text is not UTF-8 or its brackets do not match, and for slots that come with a question to a model
    // that follows facts.
    Answer ask(const std::string& question, const AnswerOptions& options = {},
               const std::vector<TextSlot>& own = {}) const;

    // The answers of ask() to each question, with the same bits. A model that follows facts reads all in one pass,
    // which costs less than one for each. Throws as ask() does for any of them.
    std::vector<Answer> ask_all(std::span<const AskedQuestion> asked) const;

    // The model, extended by the memory's names. The reference is valid for the life of the answerer.
    const Model& model() const;
    Index memory_slots() const;  // of the shared memory

  private:
    struct Impl;
    explicit Answerer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// The names of a path's entities and relations.
Answer::Path named(const Vocabulary& vocabulary, const FactPath& path);

// The question for each name of a list in it, whose names have a comma or a conjunction between them; or the question
// alone. "who directed Alien and Big" gives "who directed [Alien]" and "who directed [Big]".
std::vector<std::string> split_list(const EntityLinker& linker, const std::string& question);

// The texts of tokens, with blanks between them: "Kismet directed_by".
std::string text_of(const Vocabulary& vocabulary, std::span<const Token> tokens);

}  // namespace kvmem
