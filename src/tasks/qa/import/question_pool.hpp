// Assigns the questions of several files, which may have types, to the splits of a data set.
#pragma once

#include "tasks/qa/import/builder.hpp"

#include <deque>
#include <string_view>
#include <vector>

namespace kvmem {

class QuestionPool {
  public:
    static constexpr double valid_share = 0.1, test_share = 0.1;  // of a file that is divided

    // The builder must outlive the pool. Every random choice is drawn from the seed.
    QuestionPool(DatasetBuilder& builder, std::uint64_t seed) : builder_(builder), seed_(seed) {}

    // Adds a file's questions, all to one split.
    void add(std::string_view split, std::deque<RawQuestion> file);

    // Adds a file's questions, divided at random: the shares above to "valid" and "test", at least one question each,
    // and the rest to "train". Throws Error with the file's name for fewer than three.
    void add_divided(std::deque<RawQuestion> file);

    // Moves a fraction of the training questions of undivided files to "valid". Throws Error for fewer than two.
    void take_validation(double fraction);

    // Draws `count` phrasings of each type, but never all, and removes them from "train" and "valid"; "test" becomes
    // the questions with one of them. Throws Error for a question without [name], or when no phrasing can be held out.
    void hold_out_phrasings(Index count);

    // Keeps at most `count` training questions of each file.
    void limit_training(Index count);

    // Removes the brackets from the questions of one split, or of all for an empty name. Throws Error for brackets that
    // do not pair.
    void take_marks_off(std::string_view split);

    // Moves all questions to the builder, in the order of add().
    void give_all();

  private:
    struct Entry {
        std::string_view split;  // empty: left out
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
