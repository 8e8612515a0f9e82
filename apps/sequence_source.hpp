// Opens trained models of sequences, and reads how they are to search, from the options of a command line.
#pragma once

#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/memory_model.hpp"
#include "kvmem/tasks/sequences/model.hpp"
#include "program.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kvmem::apps {

// One network, or several with the same symbols that work together, with a memory or without.
class SequenceSource {
  public:
    explicit SequenceSource(std::vector<std::unique_ptr<SequenceNetwork>> networks);
    const SequenceNetwork& first() const { return *networks_.front(); }
    // What searches use, and the same without the memory.
    const SequenceModel& model() const { return memory_model_ ? *memory_model_ : base_model(); }
    const SequenceModel& base_model() const {
        return ensemble_ ? static_cast<const SequenceModel&>(*ensemble_) : first();
    }
    Index size() const { return std::ssize(networks_); }
    std::vector<std::string> head_names() const;  // of the attention to the source

    // Reads a memory from now on, or reads it in another way. Null without one.
    void set_memory(store::MemoryStore memory, const MemoryOptions& options);
    void set_memory(const MemoryOptions& options);
    const store::MemoryStore* memory() const { return memory_.get(); }
    const MemoryModel* memory_model() const { return memory_model_.get(); }

    // The tokens of a line of input. Throws Error with `where` when it is empty, too long or not UTF-8.
    std::vector<Token> tokens_of(const std::string& line, const std::string& where) const;
    std::string text_of(const Generated& result) const { return first().target_units().decode(result.tokens); }

  private:
    std::vector<std::unique_ptr<SequenceNetwork>> networks_;
    std::unique_ptr<Ensemble> ensemble_;  // of several
    std::unique_ptr<store::MemoryStore> memory_;
    std::unique_ptr<MemoryModel> memory_model_;
};

// The options "with", "weights" and those of GenerateOptions, of which `defaults` is shown; and "memory" with those of
// MemoryOptions.
void add_search_options(po::options_description& options, GenerateOptions defaults = {});
void add_memory_options(po::options_description& options);
GenerateOptions search_options(const po::variables_map& values, GenerateOptions defaults = {});

// Opens the models of "run" and of "with", and the memory of "memory". Throws Error for models that have other symbols
// than the first, or for text models unless `text`, of which all must be then.
SequenceSource open_sequence_models(const po::variables_map& values, bool text = false);
// The same without a memory, whatever "memory" is.
SequenceSource open_without_memory(const po::variables_map& values, bool text = false);
// The models of a run on pairs with a model for each task, each with the run's tasks that it is for; otherwise one for
// all of them. Throws Error, too, when there are none.
struct TaskSource {
    SequenceSource source;
    std::vector<std::string> tasks;  // empty: all
};
std::vector<TaskSource> open_task_models(const po::variables_map& values);

// The largest weights of a head: for each token of the target the position of a source token. Empty without weights.
std::vector<Index> alignment_of(const Generated& result, Index head);

// A token as a picture shows it: a blank is "␣".
std::string symbol_text(const Units& units, Token token);

// Prints a text symbol by symbol. Bytes wait until they are whole characters.
class SymbolPrinter {
  public:
    explicit SymbolPrinter(const Units& units) : units_(units) {}
    bool add(Token token);  // returns true
    void finish();          // prints bytes that still wait

  private:
    const Units& units_;
    std::vector<Token> waiting_;
    bool first_ = true;
};

}  // namespace kvmem::apps
