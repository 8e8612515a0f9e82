// SentenceSelector: the candidates of a question are a memory that the question reads with one softmax.
//
// Words have frozen vectors, which are mapped to width d: h = sigmoid(W x) tanh(V x) (Wang and Jiang 2017, eq. 1). Each
// word c of a candidate attends over the words of the question and a slot of zeros, for a word that is like none:
// r = sum_j softmax_j(s c . q_j) q_j. The two are compared, t = relu(M [c r; (c - r)^2; matches]), where the matches
// say whether the question has the word or its stem, and how rare the word is (Wang and Jiang 2017, eq. 8, "SubMult").
// Max and mean of t over the candidate's words are its representation p. The score is
//
//   score = u . p + v . f + a . tanh(B f) + k' T [class; focus]
//
// with the features f of the candidate (reading.hpp), less their means and over their deviations in training, and the
// kinds of things k in it; the class of the question, such as "how many", and the mean vector of the words behind the
// question word say which kinds are wanted. The loss is the divergence of softmax(score) over the candidates from the
// right ones, each alike (Cao et al. 2007, "ListNet"; Bian et al. 2017). Several such networks are trained side by
// side, and the score is their mean.
#pragma once

#include "kvmem/tasks/selection/model.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kvmem {

// The settings of a sentence selector.
struct SentenceSelectorConfig {
    static constexpr const char* kind = "sentence-selector";
    Index width = 16, features = 64;  // d, and the rows of B
    Index members = 4;                // networks whose mean counts
    double dropout = 0.2;
    bool compare = true;  // whether words are compared, or features alone count
    std::uint64_t seed = 1;
    SentenceVectors words{};  // vectors of words to begin with

    template <class Self, class Field>
    static void fields(Self& c, Field field) {
        SentenceVectors::fields(c.words, field);
        field("width", c.width, Range{1, 4096}, "of compared words");
        field("features", c.features, Range{0, 4096}, "hidden units over features; 0: none");
        field("members", c.members, Range{1, 100}, "networks that are trained side by side, whose mean counts");
        field("dropout", c.dropout, Range::below(0, 1), "of words, representations and features");
        field("compare", c.compare, "compare words by their vectors; without, features alone count");
        field("seed", c.seed, "of every random choice");
    }
};

// The network of the formulas above.
class SentenceSelector final : public SelectionModel {
  public:
    // Throws UsageError for settings out of their ranges.
    SentenceSelector(const SentenceSelectorConfig& config, SentenceLexicon lexicon, Start start = Start::drawn);
    ~SentenceSelector() override;

    Settings settings() const override { return config_; }
    std::string name() const override { return "Sentence selector"; }
    std::string summary() const override;

    void prepare(std::span<const ReadQuestion> training) override;
    Var scores(Tape& tape, std::span<const ReadQuestion* const> questions) const override;
    Var loss(Tape& tape, std::span<const ReadQuestion* const> questions) const override;

  private:
    struct Member;
    struct Inputs;
    Inputs inputs(Tape& tape, std::span<const ReadQuestion* const> questions) const;
    Var compared(const Member& member, const Inputs& in) const;
    Var member_scores(const Member& member, const Inputs& in) const;

    SentenceSelectorConfig config_;
    Parameter* mean_;   // of features
    Parameter* scale_;  // 1 / deviation
    std::vector<Member> members_;
};

}  // namespace kvmem
