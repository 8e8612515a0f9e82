// Memories beside models of sequences (tasks/sequences/memory_model.hpp): how they are made of files, and told of.
#pragma once

#include "kvmem/store/memory_store.hpp"
#include "sequence_source.hpp"

#include <string>
#include <vector>

namespace kvmem::apps {

// Adds the pairs of a data set's "train", of a file of lines source<TAB>target, or the texts of a data set or of a
// text file, as the model reads them. Shows progress. Throws Error.
void remember_file(store::MemoryStore& memory, const SequenceSource& source, const std::string& path);

// The memory of files: a store that `kvmem index` made, alone, or files for remember_file().
store::MemoryStore memory_of_files(const std::vector<std::string>& paths, const SequenceSource& source);

// kvmem index --run RUN of a run on sequences: fills the store `output` with the states on the file of the option
// "memory", or on the data of the run. An old store is opened and added to. `encoding` is that of a new store.
store::MemoryStore index_states(const po::variables_map& values, const std::string& output,
                                store::KeyEncoding encoding);

// Options of the memory from a grid, tried on lines, the best first: by exact matches, then by perplexity. The one with
// a mix of 0 is the model alone. Shows progress.
struct TestLines;
std::vector<MemoryTrial> tried_memory(const SequenceSource& source, const TestLines& lines);

// The cross-entropy of a symbol of these texts and of their ends, by a model of the source, with its memory or without.
// Each piece of 256 symbols is read behind up to 128 before it.
double nats_of_pieces(const SequenceSource& source, const SequenceModel& model, const Ragged<Token>& documents);

// A symbol of an output, or its end, with the slots of the memory that it rests on, the nearest first.
struct ExplainedSymbol {
    struct Slot {
        store::Id id;
        double weight;
        std::string symbol, text;  // the one that came next, and what the slot is of
    };
    std::string symbol;
    std::vector<Slot> slots;
};
// Of each symbol of an output for `tokens`, with a memory.
std::vector<ExplainedSymbol> explained(const SequenceSource& source, std::span<const Token> tokens,
                                       const Generated& result);

}  // namespace kvmem::apps
