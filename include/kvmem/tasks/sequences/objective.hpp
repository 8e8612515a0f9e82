// What training knows of networks that write sequences (train/objective.hpp).
#pragma once

#include "kvmem/tasks/sequences/dataset.hpp"
#include "kvmem/tasks/sequences/model.hpp"
#include "kvmem/train/objective.hpp"

namespace kvmem {

// Items are pairs of the training split, and their examples are target symbols, each target's end among them. A
// validation writes all targets greedily: its score is the share of sources whose output is one of their references.
// Network and data must outlive it.
class PairsObjective : public Objective {
  public:
    // Throws Error without a training split.
    PairsObjective(SequenceNetwork& network, const PairsDataset& dataset);

    Parameters& parameters() override { return network_.parameters(); }
    Index items() const override { return pairs_; }
    Index examples(Index item) const override { return std::ssize(train_.target[item]) + 1; }
    // Symbols of the source and of the target.
    Index size(Index item) const override { return std::ssize(train_.source[source_of_[item]]) + examples(item); }
    std::string noun() const override { return "target symbol"; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override;
    bool can_validate() const override { return valid_ != nullptr; }
    Validation validate() override;
    void save(hdf5::Writer& file) const override;
    void load(const hdf5::Reader& file) override;
    std::string fingerprint(std::string_view like) const override;
    Description describe(const std::string& run_directory) const override;

  private:
    SequenceNetwork& network_;
    const PairsDataset& dataset_;
    const PairSplit& train_;
    const PairSplit* valid_ = nullptr;
    Index pairs_;
    std::vector<Index> source_of_;  // the source of each pair
};

// Items are pieces of the training text, of at most TextNetwork::piece_length() symbols. Each epoch cuts it at other
// places. A validation reads the validation text with at least 512 symbols before each symbol as its context.
class TextObjective : public Objective {
  public:
    // Throws Error without a training split, or a split without symbols.
    TextObjective(TextNetwork& network, const TextDataset& dataset);

    Parameters& parameters() override { return network_.parameters(); }
    Index items() const override;
    Index examples(Index item) const override;
    Index size(Index item) const override { return examples(item); }
    std::string noun() const override { return "symbol"; }
    Var loss(Tape& tape, std::span<const Index> items, Rng& rng) override;
    bool can_validate() const override;
    Validation validate() override;
    void begin_epoch(Index epoch, std::span<const Index> errors, Rng rng) override;
    void save(hdf5::Writer& file) const override;
    void load(const hdf5::Reader& file) override;
    std::string fingerprint(std::string_view like) const override;
    Description describe(const std::string& run_directory) const override;

  private:
    TextNetwork& network_;
    const TextDataset& dataset_;
    Index piece_;
    std::vector<Token> train_;  // all documents, each between begin_token and end_token
    Index first_ = 0;           // where this epoch's first piece begins
};

// The sum of the cross-entropies of the targets' symbols and ends in nats. Runs on all threads.
[[nodiscard]] double cross_entropy_of(const SequenceNetwork& network, RaggedView<Token> source,
                                      RaggedView<Token> target);
// The mean cross-entropy of the symbols of documents and of their ends in nats. A symbol is given the symbols before it
// in its document: at least `context` of them, or all where there are fewer. Runs on all threads.
[[nodiscard]] double cross_entropy_of(const TextNetwork& network, RaggedView<Token> documents, Index context = 512);

}  // namespace kvmem
