// The interface of models that choose sentences. Training, files and evaluation use it alone.
//
// A model gives each candidate of a question a score: the higher, the likelier it answers. Several threads may read a
// model while no thread trains it.
#pragma once

#include "kvmem/autograd/tape.hpp"
#include "kvmem/core/ragged.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/io/metadata.hpp"
#include "kvmem/io/onnx.hpp"
#include "kvmem/tasks/selection/reading.hpp"
#include "kvmem/train/settings.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace kvmem {

// Scores the candidates of questions. Several threads may score at once, while none trains the model.
class SelectionModel {
  public:
    virtual ~SelectionModel() = default;

    // The settings that the model was made with.
    virtual Settings settings() const = 0;
    virtual std::string name() const = 0;     // "Sentence selector"
    virtual std::string summary() const = 0;  // "A sentence selector of width 64"

    // What it knows of words, and its parameters. The references are valid for the life of the model.
    const SentenceLexicon& lexicon() const { return lexicon_; }
    Parameters& parameters() { return parameters_; }
    const Parameters& parameters() const { return parameters_; }

    // Takes what does not need training, such as means of features, from the training questions, before the first step.
    virtual void prepare(std::span<const ReadQuestion> /*training*/) {}

    // The scores of all candidates, question after question: [candidates, 1], on any tape. Throws Error for no
    // questions.
    virtual Var scores(Tape& tape, std::span<const ReadQuestion* const> questions) const = 0;
    // The sum of the losses of the questions, [1, 1], on a tape that trains: listwise_loss() of the scores. Several
    // threads may call it. Throws Error for no questions.
    virtual Var loss(Tape& tape, std::span<const ReadQuestion* const> questions) const;

    // The scores of the candidates of each question, on all threads. Their bits do not depend on the other questions.
    [[nodiscard]] Ragged<Real> score(std::span<const ReadQuestion> questions) const;
    // The same of texts. Throws Error as read_question() does.
    [[nodiscard]] Ragged<Real> score(std::span<const SelectionQuestion> questions) const;

    // The graphs that other programs compute its scores with. Throws Error, because no model has any.
    std::vector<OnnxModel> onnx() const;

  protected:
    // The derived class adds the parameters, which begin as `start` says.
    SelectionModel(SentenceLexicon lexicon, Start start) : parameters_(start), lexicon_(std::move(lexicon)) {}

    // The divergence of softmax(scores) over the candidates of each question from its right ones, each alike (Cao et
    // al. 2007, "ListNet"; Bian et al. 2017), summed over the questions. The scores are as scores() gives them.
    static Var listwise_loss(Var scores, std::span<const ReadQuestion* const> questions);

    // The parameters, which the constructor of a derived class fills.
    Parameters parameters_;

  private:
    SentenceLexicon lexicon_;
};

// Makes a model with its first parameters, drawn from the settings' seed unless they are to be read from a file. Throws
// UsageError for settings of no model.
std::unique_ptr<SelectionModel> make_selection_model(const Settings& settings, SentenceLexicon lexicon,
                                                     Start start = Start::drawn);

}  // namespace kvmem
