// What each kind of model can be told, and the one type for any of them.
//
// A new model is a struct here, a line in ModelConfig, its list of fields (src/train/fields.hpp) and a line in
// make_model() (src/models/model.cpp).
#pragma once

#include "kvmem/kernels/embed.hpp"
#include "kvmem/tasks/qa/retriever.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kvmem {

// Which of a key-value memory network's tables are one (kv_mem_nn.hpp). shared: one table for everything, as in
// the authors' program. answers: B of its own, as the paper allows. sides: what asks and is asked (questions, keys) has
// one table, what is answered (values, candidates) another. Then a value that was never seen in training can be handed
// on to the candidates as it is, and the words of the question do not get in its way: the best for answers that
// training does not show.
enum class Tying { shared, answers, sides };

struct KvMemNNConfig {
    static constexpr const char* kind = "kv-mem-nn";

    Index width = 64;  // d
    Index hops = 2;    // H
    Tying tying = Tying::sides;
    BagScale bag_scale = BagScale::inverse_sqrt;
    double deviation = 0.2;       // of the normal numbers that tables begin with
    Index negatives = 300;        // candidates that a right answer is compared with; 0: all
    double word_dropout = 0.1;    // share of a question's words that training reads as unknown
    double match = 1e5;           // m; 0: the paper's score alone
    bool train_entities = false;  // off: rows of entities stay as random as they began
    RetrieverOptions retriever;
    std::uint64_t seed = 1;

    void validate() const;  // throws UsageError
};

// How the tables of an end-to-end memory network's hops are tied (mem_n2n.hpp; Sukhbaatar et al. 2015, section 2.2),
// and how a sentence becomes a vector (section 4.1): the sum of its words, or with the position encoding.
enum class HopTying { adjacent, layerwise };
enum class Encoding { bag, position, aligned };  // aligned_encoding(), as in the authors' program

struct MemN2NConfig {
    static constexpr const char* kind = "mem-n2n";

    Index width = 50;   // d
    Index hops = 3;     // K
    Index memory = 50;  // sentences, the last ones
    HopTying tying = HopTying::adjacent;
    Encoding encoding = Encoding::position;
    Index sentence = 12;        // words that aligned encoding counts with, J
    bool temporal = true;       // T_A and T_C
    bool empty_slots = false;   // what sentences leave of the memory is slots that say nothing, and may be read too
    double random_noise = 0.1;  // empty sentences in training, as a share of the story's; 0: none
    bool linear_start = true;   // no softmax over the memory until the validation loss stops falling
    bool linear_map = false;    // H with adjacent tying too (layer-wise tying always has it)
    bool relu = false;          // after every hop
    double deviation = 0.1;     // of the normal numbers that parameters begin with
    std::uint64_t seed = 1;

    void validate() const;  // throws UsageError
};

// memory_transformer.hpp
struct MemoryTransformerConfig {
    static constexpr const char* kind = "memory-transformer";

    Index width = 64;  // d
    Index heads = 4;
    Index hops = 4;
    bool share_hops = false;  // one set of maps for all hops: fewer to learn from little data
    Index inner = 4;          // width inside the feed-forwards, as a multiple of d
    Index longest = 32;       // words of a sentence that are read, the first ones
    double dropout = 0;       // of sentences, of what reads and feed-forwards add, and of the last state, in training
    std::uint64_t seed = 1;

    void validate() const;  // throws UsageError
};

// path_reader.hpp
struct PathReaderConfig {
    static constexpr const char* kind = "path-reader";

    Index width = 64;        // d
    Index hops = 3;          // H, at most
    Index spellings = 8192;  // rows of a table that parts of words share
    // In training, shares of a question's words that are read as unknown, and that are left out; and of the numbers by
    // which hops choose relations that are.
    double word_dropout = 0.25;
    double word_deletion = 0.15;
    double dropout = 0.2;
    double least = 1e-4;  // relations of less weight are not followed in training
    std::uint64_t seed = 1;

    void validate() const;  // throws UsageError
};

// query_reduction.hpp
struct QueryReductionConfig {
    static constexpr const char* kind = "query-reduction";

    Index width = 128;       // d
    Index hops = 5;          // layers of the paper
    bool share_hops = true;  // one set of maps for all hops
    Index chain = 3;         // hops of the memory network beside the gates, K; 0: there is none
    Index longest = 32;      // words of a sentence that are read, the first ones
    double places = 0.5;     // deviation of the factors of places
    double dropout = 0.1;    // of sentences, queries and the last state, in training
    std::uint64_t seed = 1;

    void validate() const;  // throws UsageError
};

using ModelConfig =
    std::variant<KvMemNNConfig, MemN2NConfig, MemoryTransformerConfig, PathReaderConfig, QueryReductionConfig>;

std::string kind_of(const ModelConfig& config);
std::vector<std::string> model_kinds();  // that there are
// The defaults of a kind. Throws UsageError that lists the kinds there are.
ModelConfig default_config(std::string_view kind);
void validate(const ModelConfig& config);  // throws UsageError
void set_seed(ModelConfig& config, std::uint64_t seed);

}  // namespace kvmem
