// A memory beside a model: the states of its decoder on known targets, each with the token that came next (kNN-MT,
// Khandelwal et al. 2021; of texts kNN-LM, Khandelwal et al. 2020). Adding pairs adapts a model, and nothing is
// trained.
//
//     p(y) = (1 - mix) p_model(y) + mix sum_i w_i [y = y_i],    w_i = softmax_i(-|h - h_i|^2 / memory_temperature)
//
// over the slots i nearest to the decoder's state h (Decoding::states()): with the key h_i, and the token y_i as their
// value. The memory is a MemoryStore of the Euclidean metric, on which any other call of it works, too.
#pragma once

#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/sequences/decoder.hpp"
#include "kvmem/train/settings.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// How a memory is read.
struct MemoryOptions {
    Index neighbours = 16;          // slots that each step reads, at most
    double mix = 0.5;               // the share of the memory in the probabilities
    double memory_temperature = 1;  // divides squared distances
    Index probes = 0;               // SearchOptions::probes

    // Lists the fields (train/settings.hpp).
    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("neighbours", c.neighbours, Range{1, 65536},
              "slots of --memory that each step reads: the nearest states");
        field("mix", c.mix, Range{0, 1}, "share of --memory in the probabilities");
        field("memory_temperature", c.memory_temperature, Range{.min = 0, .max = 1e9, .min_is_open = true},
              "divides the squared distances of --memory: a small one follows the nearest");
        field("probes", c.probes, Range{0, 1e9}, "lists of the index of --memory that are searched; 0: all slots");
    }
};

// A slot that a step read.
struct Recalled {
    // The slot, its value, and its weight.
    store::Id id;
    Token token;    // its value
    double weight;  // of all that the step read, which sum to 1
};

// A model with a memory. Both must outlive the object. Slots may be added and removed meanwhile: each step reads the
// memory as it is then. With `probes` 0 the search is exact, and a line has the same
// bits in any batch.
class MemoryModel : public SequenceModel {
  public:
    // Throws UsageError for options out of their range, and Error unless the memory has the form of
    // memory_options_of(model).
    MemoryModel(const SequenceModel& model, const store::MemoryStore& memory, const MemoryOptions& options);

    // The heads and the states are those of the model. A step throws Error for a slot whose value is no token.
    std::unique_ptr<Decoding> begin(RaggedView<Token> sources) const override;

    // What the steps of a target read, the best first: a row for each of its tokens and for its end. The bits are those
    // of the steps that generated it.
    std::vector<std::vector<Recalled>> explain(std::span<const Token> source, std::span<const Token> target) const;

  private:
    const SequenceModel& model_;
    const store::MemoryStore& memory_;
    MemoryOptions options_;
};

// The options of a store for the states of a model. Throws Error for a model that shows none.
store::StoreOptions memory_options_of(const SequenceModel& model);

// Adds a slot for each token of the targets and for their ends, as the model reads them with teacher forcing. text(i,
// t) gives the text of the slot before token t of target i, or nothing for no slot. progress(n), if not empty, is
// called after the first n targets are there. Runs on all threads. Throws Error as score() and MemoryStore::add() do;
// then the targets that progress() counted stay.
void remember(store::MemoryStore& memory, const SequenceModel& model, RaggedView<Token> sources,
              RaggedView<Token> targets, const std::function<std::optional<std::string>(Index i, Index t)>& text,
              const std::function<void(Index)>& progress = {});

// How good a model is with these options.
struct MemoryTrial {
    // The options, and two measures.
    MemoryOptions options;
    double exact = 0;       // share of sources for which greedy search writes one of their targets
    double perplexity = 0;  // of the tokens and ends of all targets
};
// Tries each of the options on targets of which those of source i are rows [offsets[i], offsets[i + 1]). The model runs
// over them once, with teacher forcing: greedy search writes a target if each of its tokens is the most probable one.
// Throws as MemoryModel and score() do.
std::vector<MemoryTrial> try_memory(const SequenceModel& model, const store::MemoryStore& memory,
                                    RaggedView<Token> sources, RaggedView<Token> targets,
                                    std::span<const Index> offsets, std::vector<MemoryOptions> choices);

}  // namespace kvmem
