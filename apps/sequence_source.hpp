// Opens trained models of sequences, and reads how they are to search, from the options of a command line.
#pragma once

#include "kvmem/tasks/sequences/generate.hpp"
#include "kvmem/tasks/sequences/model.hpp"
#include "program.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kvmem::apps {

// One network, or several with the same symbols that work together.
class SequenceSource {
  public:
    explicit SequenceSource(std::vector<std::unique_ptr<SequenceNetwork>> networks);
    const SequenceNetwork& first() const { return *networks_.front(); }
    const SequenceModel& model() const { return ensemble_ ? static_cast<const SequenceModel&>(*ensemble_) : first(); }
    Index size() const { return std::ssize(networks_); }

    // The tokens of a line of input. Throws Error with `where` when it is empty, too long or not UTF-8.
    std::vector<Token> tokens_of(const std::string& line, const std::string& where) const;
    std::string text_of(const Generated& result) const { return first().target_units().decode(result.tokens); }

  private:
    std::vector<std::unique_ptr<SequenceNetwork>> networks_;
    std::unique_ptr<Ensemble> ensemble_;  // of several
};

// The options "with", "weights" and those of GenerateOptions, of which `defaults` is shown.
void add_search_options(po::options_description& options, GenerateOptions defaults = {});
GenerateOptions search_options(const po::variables_map& values, GenerateOptions defaults = {});

// Opens the models of "run" and of "with". Throws Error for models that have other symbols than the first, or for text
// models unless `text`, of which all must be then.
SequenceSource open_sequence_models(const po::variables_map& values, bool text = false);

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
