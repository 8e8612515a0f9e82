// Memory transformer: the sentences of a story attend to each other before a question reads them, hop by hop.
//
// Letters: B questions, S sentences, d width, C candidates. A sentence is the sum of its words' vectors E x_j, each
// times fixed random factors f_j of its place, so that sentences which share words are alike, and more so in the same
// places:
//
//     m_i = norm(sum_j f_j * E x_ij)        u = norm(sum_j g_j * E q_j)
//
// Every hop makes one key and one value of each sentence. With them each sentence reads the sentences up to itself, and
// the question reads the whole story. Both are blocks of a Transformer (Vaswani et al. 2017; pre-norm, as Xiong et al.
// 2020) with query maps, output maps and feed-forwards of their own:
//
//     k_i = K norm(m_i),  v_i = V norm(m_i)
//     u   = u   + O sum over i of b_i v_i            u   = u   + F(norm(u))
//     m_i = m_i + P sum over j <= i of a_ij v_j      m_i = m_i + G(norm(m_i))
//
// where a and b are softmax weights of several heads. Half of the heads prefer near sentences (Press et al. 2022,
// "ALiBi"), so that nothing depends on the length of a story. The answer is the candidate y with the largest norm(u) .
// E y.
//
// Query maps begin equal to K, and O and P as the transpose of V. So the first reads find sentences that share words
// with the reader and add their words to it, as memory networks do. From this start a few epochs suffice where random
// maps need many.
//
// Sentences do not depend on the question, so the questions of a story share the work (Batch::story_offsets).
#pragma once

#include "kvmem/nn/layers.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <string>
#include <vector>

namespace kvmem {
struct MemoryTransformerConfig {
    static constexpr const char* kind = "memory-transformer";

    Index width = 64;  // d
    Index heads = 4;
    Index hops = 4;
    bool share_hops = false;
    Index ffn_factor = 4;
    Index max_words = 32;
    double dropout = 0;
    std::uint64_t seed = 1;
    WordSettings words{};  // how the rows of words begin
    // Throws UsageError unless the heads divide the width.
    void check() const;

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 1024}, "of the embeddings");
        field("heads", c.heads, Range::from(1), "lookups side by side; they divide the width");
        field("hops", c.hops, Range{1, 16}, "reads of the memory");
        field("share_hops", c.share_hops, "one set of maps for all hops: less to learn from little data");
        field("ffn_factor", c.ffn_factor, Range{1, 8}, "width inside feed-forwards, as a multiple of the width",
              "inner");
        field("max_words", c.max_words, Range{1, 1024}, "words of a sentence that are read, the first ones", "longest");
        field("dropout", c.dropout, Range::below(0, 1),
              "share of the numbers of sentences, reads and the last state that training leaves out");
        field("seed", c.seed, "of every random choice");
        WordSettings::fields(c.words, field);
    }
};

class MemoryTransformer : public Model {
  public:
    // Throws Error when a loaded shape does not fit.
    MemoryTransformer(const MemoryTransformerConfig& config, ModelWords words, std::vector<Token> candidates,
                      const LoadParameter& load = {});

    // The settings that the model was made with.
    const MemoryTransformerConfig& config() const { return config_; }
    Settings settings() const override { return config_; }
    std::string name() const override { return "memory transformer"; }
    std::string summary() const override;
    bool reads_stories() const override { return true; }

    // The cross-entropy of a random right answer among all candidates but the other right ones.
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const override;
    void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const override;

  private:
    // A Transformer block without its key and value maps.
    struct Block {
        Block(Parameters& parameters, const std::string& name, const MemoryTransformerConfig& config);
        // Reads `values` by the attention of a query made of x with `keys`, and gives x after the block.
        struct BlockOutput {
            // The output and the projected queries.
            Var x, query;
        };
        BlockOutput operator()(Var x, Var keys, Var values, const Segments& segments, const AttendOptions& how,
                               double dropout) const;

        Linear query, out;
        FeedForward feed_forward;
        LayerNorm norm1, norm2;
    };
    struct Layer {
        Layer(Parameters& parameters, const std::string& name, const MemoryTransformerConfig& config);

        LayerNorm norm;
        Linear key, value;
        Block question, slots;
    };
    // A batch with each distinct sentence and each story once.
    struct Stories {
        Ragged<Token> words;              // of each distinct sentence or question
        std::vector<Index> first_factor;  // the row of places_ at which each of these begins
        std::vector<Index> slots;         // the row of `words` of each slot of each story
        std::vector<Index> offsets{0};    // story i is slots [offsets[i], offsets[i + 1])
        std::vector<Index> questions;     // the row of `words` of each question
        std::vector<Index> read;          // the slots of the first question, then of the second ...
    };
    struct Forward {
        Var state;  // [B, d]
        std::vector<QueryKey> hops;
    };
    Stories stories_of(const Batch& batch) const;
    Var encode(Tape& tape, const Stories& stories) const;
    Forward run(Tape& tape, const Batch& batch) const;
    AttendOptions lookup() const;
    void similarity_init();
    void grow() override;

    MemoryTransformerConfig config_;
    Parameter* words_;  // E
    Matrix places_;     // f, and after them g
    LayerNorm encoded_, answered_;
    std::vector<Layer> hops_;  // one, if they are shared
    std::vector<Real> slopes_;
};

}  // namespace kvmem
