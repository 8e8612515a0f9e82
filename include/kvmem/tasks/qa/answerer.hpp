// Answers questions in plain words from a memory, and tells which slots the answer came from.
#pragma once

#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/qa/model.hpp"
#include "kvmem/text/entity_linker.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kvmem {

struct Answer {
    struct Candidate {
        std::string text;
        double score;
        double weight;  // of the softmax over all candidates; of a model that follows facts, of its path
    };
    struct ReadSlot {
        std::string key, value;
        double weight;
        Index slot;  // its place among those that the question reads, from 0; those that came with it are the first
    };
    struct Head {
        std::vector<ReadSlot> slots;  // those with most weight, most first
    };
    struct Hop {
        std::vector<Head> heads;
    };

    // What the answer was reached by, from an entity of the question to the candidate.
    struct Path {
        struct Step {
            std::string relation;
            bool reversed;  // read from object to subject
            std::string entity;
            double weight;  // of the relation, among all that the hop could follow
            Index hop;      // from 0
        };
        std::string start;
        std::vector<Step> steps;
        double weight;  // of the whole
    };
    struct ReadWord {
        std::string text;  // of the question
        double weight;
    };

    std::vector<Candidate> candidates;  // best first; empty when there is nothing to read
    Index as_good = 0;                  // candidates that have at least half of the first one's weight
    std::vector<Hop> hops;
    // Of a model that follows facts: the strongest path to each of the candidates, and the words by which each hop
    // chose its relation, most first.
    std::vector<Path> paths;
    std::vector<std::vector<ReadWord>> words;
    Index slots = 0;                         // that the question reads
    Index unread = 0;                        // slots before those, for which the model's memory has no room
    Index local_slots = 0;                   // of all these, that came with it
    std::vector<std::string> entities;       // that it names
    std::vector<std::string> unknown_words;  // of it and of the sentences that came with it: training never saw them
    // Names near to the question's words, when it names no entity and there is a memory to find slots in. A model that
    // follows facts reads the nearest in its place, if no more than one letter in five differs: `taken_for`.
    std::vector<std::string> suggestions;
    std::string taken_for;
};

struct AnswerOptions {
    Index candidates = 5;
    bool all_as_good = false;  // more candidates, if so many have at least half of the first one's weight
    Index slots = 5;           // of each hop
};

// A slot that comes with a question instead of from the memory, as text. Without a value it is a sentence, which is
// its own value: stories are slots of this kind, in the order in which they are told.
struct TextSlot {
    std::string key;
    std::optional<std::string> value = {};
};

// Reading is safe from several threads.
class Answerer {
  public:
    // Reads from this data set's memory, which may hold entities that the model never saw. The splits only
    // tell whether questions bring all their slots (Model::extend).
    // Where it has a memory, only its own names are found in texts, and not those that training alone knew.
    Answerer(std::unique_ptr<Model> model, QaDataset memory);
    ~Answerer();
    Answerer(Answerer&&) noexcept;
    Answerer& operator=(Answerer&&) noexcept;

    // From now on reads the vectors of the memory's slots from a store that compile_memory() filled from this model and
    // data set, with the same answers. Throws Error when it holds something else (CompiledMemory).
    void read_from(store::MemoryStore compiled);

    // Throws Error when the question is not UTF-8 or its brackets do not match. `own` are read beside the memory;
    // a value that is no name of the model's is read as unknown and reported among the unknown words; values count
    // as answers only if they are among the candidates.
    Answer ask(const std::string& question, const AnswerOptions& options = {},
               const std::vector<TextSlot>& own = {}) const;

    const Model& model() const;
    Index memory_slots() const;  // of the data set's memory, which all questions share

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// A path in words.
Answer::Path named(const Vocabulary& vocabulary, const FactPath& path);

// Tokens as a person reads them: "Kismet directed_by".
std::string text_of(const Vocabulary& vocabulary, std::span<const Token> tokens);

}  // namespace kvmem
