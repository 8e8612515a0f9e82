// Questions of several files, each with a type perhaps, on their way to the splits of a data set.
#pragma once

#include "tasks/qa/import/builder.hpp"

#include <deque>
#include <string_view>
#include <vector>

namespace kvmem {

class QuestionPool {
  public:
    static constexpr double valid_share = 0.1, test_share = 0.1;  // of a file that is divided

    // The builder must outlive it.
    QuestionPool(DatasetBuilder& builder, std::uint64_t seed) : builder_(builder), seed_(seed) {}

    // A file's questions, all for one split.
    void add(std::string_view split, std::deque<RawQuestion> file);

    // A file's questions, divided by the seed: the shares above to "valid" and "test", at least one each, the rest to
    // "train". Throws Error that names the file for fewer than three.
    void add_divided(std::deque<RawQuestion> file);

    // Moves a fraction of the training questions of undivided files to "valid". Throws Error for fewer than two.
    void take_validation(double fraction);

    // Of each type so many phrasings, drawn by the seed but never all, leave "train" and "valid", and "test" becomes
    // the questions that have one of them. Throws Error for a question without [name], or when none can be held out.
    void hold_out_phrasings(Index count);

    // Leaves so many training questions of each file, drawn by the seed.
    void limit_training(Index count);

    // Takes the brackets off the questions of one split, or of all for an empty name. Throws Error for a bracket that
    // has no partner.
    void take_marks_off(std::string_view split);

    // Hands all questions over, in the order that they came in.
    void give_all();

  private:
    struct Entry {
        std::string_view split;  // none: it is left out
        std::uint32_t file;
        bool divided;
        RawQuestion question;
    };
    std::vector<Entry*> training_of(std::uint32_t file);

    DatasetBuilder& builder_;
    std::uint64_t seed_;
    std::uint32_t files_ = 0;
    std::deque<Entry> entries_;
};

}  // namespace kvmem
