// End-to-End Memory Network (Sukhbaatar et al. 2015, "End-To-End Memory Networks", arXiv 1503.08895).
//
// Letters: B questions, S sentences, d width, C candidates, K hops. The memory of a question is its last `memory`
// slots, each as a sentence: the key's tokens, followed by the value's if they differ.
//
//     u_1 = sum_j l_j * B x_j   (of the question's words x_j, l_j their position encoding or all ones)
//     m_i = sum_j l_j * A x_ij + T_A(i),   c_i = sum_j l_j * C x_ij + T_C(i)
//     p = softmax(u_k . m_i),   o_k = sum_i p_i c_i,   u_{k+1} = u_k + o_k   (or H u_k + o_k)
//     answer = argmax over the candidates' words y of W y . u_{K+1}
//
// Adjacent tying has K + 1 tables: A^{k+1} is C^k, B is A^1 and W is C^K, each with its T. Layer-wise tying has A, C,
// B, W and H once for all hops. i counts sentences back from the question: T(0) belongs to the last one.
//
// The authors' program (facebook/MemNN) differs from the text, and its figures need the differences. l_j is the same
// for a place in sentences of all lengths (Encoding::aligned). Empty slots with zero keys and values fill the memory
// and take part in the softmax (`empty_slots`); here one slot before the sentences, whose score is the logarithm of
// their number, stands for all of them.
//
// Random noise (section 4.1, "RN"): training inserts up to ceil(0.1 n) empty sentences among n. As in the authors'
// program they are not read, but shift the places i of earlier sentences; the last place stands for all beyond. Linear
// start ("LS") is the first of two phases, in which p are the dot products themselves.
#pragma once

#include "kvmem/autograd/ops.hpp"
#include "kvmem/tasks/qa/model.hpp"

#include <string>
#include <vector>

namespace kvmem {
// How hops share tables (Sukhbaatar et al. 2015, section 2.2), and how a sentence becomes a vector (section 4.1): by
// the sum of its words, with or without position encoding.
enum class HopTying { adjacent, layerwise };
// How a sentence becomes a vector: without or with position encoding.
enum class Encoding { bag, position, aligned };  // aligned_encoding(), as in the authors' program
inline std::span<const char* const> choices(HopTying) {
    static constexpr const char* names[] = {"adjacent", "layerwise"};
    return names;
}
inline std::span<const char* const> choices(Encoding) {
    static constexpr const char* names[] = {"bag", "position", "aligned"};
    return names;
}

struct MemN2NConfig {
    static constexpr const char* kind = "mem-n2n";

    Index width = 50;   // d
    Index hops = 3;     // K
    Index memory = 50;  // sentences
    HopTying tying = HopTying::adjacent;
    Encoding encoding = Encoding::position;
    Index aligned_length = 12;  // J
    bool temporal = true;       // T_A and T_C
    bool empty_slots = false;
    double random_noise = 0.1;
    bool linear_start = true;
    bool linear_map = false;  // H with adjacent tying too; layer-wise tying always has it
    bool relu = false;
    double deviation = 0.1;
    std::uint64_t seed = 1;
    WordSettings words{};  // how the rows of words begin

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        field("width", c.width, Range{1, 8192}, "of the embeddings");
        field("hops", c.hops, Range{1, 16}, "reads of the memory");
        field("memory", c.memory, Range{1, 1e6}, "sentences that a question reads, the last ones");
        field("tying", c.tying, "of the hops' tables: adjacent or layerwise");
        field("encoding", c.encoding,
              "of a sentence: bag (of words), position, or aligned (places count alike in all)");
        field("aligned_length", c.aligned_length, Range{1, 1024}, "words that aligned encoding counts with",
              "sentence");
        field("temporal", c.temporal, "temporal encoding");
        field("empty_slots", c.empty_slots, "empty slots fill the memory and may be read");
        field("random_noise", c.random_noise, Range{0, 1}, "empty sentences in training, as a share of a story's");
        field("linear_start", c.linear_start, "no softmax until the validation loss stops falling");
        field("linear_map", c.linear_map, "a matrix between hops");
        field("relu", c.relu, "after every hop");
        field("init", c.deviation, Range::above(0), "deviation of the first parameters");
        field("seed", c.seed, "of every random choice");
        WordSettings::fields(c.words, field);
    }
};

class MemN2N : public Model {
  public:
    // Makes tables of normal numbers as KvMemNN does. Throws Error when a loaded shape does not fit.
    MemN2N(const MemN2NConfig& config, ModelWords words, std::vector<Token> candidates, const LoadParameter& load = {});

    // The settings that the model was made with.
    const MemN2NConfig& config() const { return config_; }
    Settings settings() const override { return config_; }
    std::string name() const override { return "end-to-end memory network"; }
    std::string summary() const override;

    // The cross-entropy of a random right answer among all candidates but the other right ones.
    Var loss(Tape& tape, const Batch& batch, Rng& rng) const override;
    void score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace = nullptr) const override;
    std::vector<OnnxModel> onnx() const override;

    Index max_slots() const override { return config_.memory; }
    Index phases() const override { return config_.linear_start ? 2 : 1; }
    Index phase() const override { return phase_; }
    void set_phase(Index phase) override;

    // The memory of each question, on the tape.
    struct Memory {
        // The tokens of each sentence, of one question after the other.
        RaggedView<Token> sentences;
        std::span<const Token> places;  // each sentence's distance from the question: a row of T
        // Question i reads sentences [offsets[i], offsets[i + 1]); the first stands for the empty slots, if any.
        std::span<const Index> offsets;
        View bias = {};  // [S, 1], added to each sentence's score; none without empty slots
    };
    // Gathers the memory of each question. With a generator, random noise shifts the places.
    Memory memory_of(Tape& tape, const Batch& batch, Rng* noise) const;

    // The shared tables: of a hop, from 0, and of questions and answers.
    const Parameter& key_table(Index hop) const { return *tables_[key_of(hop)].words; }
    const Parameter& value_table(Index hop) const { return *tables_[value_of(hop)].words; }
    const Parameter& question_table() const { return *question_table_; }
    const Parameter& answer_table() const { return *answer_table_; }

  private:
    struct Forward {
        Var state;  // [B, d]
        std::vector<QueryKey> hops;
        Memory memory;
    };
    SentenceTables add_tables(const std::string& name);
    // The numbers of a hop's tables. Adjacent: A, C1, C2 ..., where the values of a hop are the keys of the next one;
    // layer-wise: A and C.
    std::size_t key_of(Index hop) const {
        return config_.tying == HopTying::adjacent ? static_cast<std::size_t>(hop) : 0;
    }
    std::size_t value_of(Index hop) const { return key_of(hop) + 1; }
    Forward run(Tape& tape, const Batch& batch, Rng* noise) const;
    std::span<const Index> offsets_of(Tape& tape, const Batch& batch) const;
    PositionFactors encode(Tape& tape, RaggedView<Token> bags) const;
    AttendOptions lookup() const;
    void grow() override;

    MemN2NConfig config_;
    std::vector<SentenceTables> tables_;  // of words and, with temporal encoding, of places
    const Parameter* question_table_;     // B
    const Parameter* answer_table_;       // W
    Parameter* map_ = nullptr;            // H, or none
    Index phase_;
};

}  // namespace kvmem
