// A small data set of questions with candidate sentences.
#pragma once

#include "kvmem/tasks/selection/dataset.hpp"

namespace kvmem::test {

// Two questions to train on, one to test with; titles, and a question without a right sentence.
inline SentencesDataset small_sentences() {
    SentencesDataset dataset;
    dataset.info = {"Small sentences", "tests", "CC0-1.0", "kvmem tests"};
    dataset.splits["train"] = {{.id = "q1",
                                .text = "Who built the tower?",
                                .title = "The tower",
                                .heading = "History",
                                .sentences = {"The tower is tall.", "Ann Né built the tower in 1901."},
                                .right = {0, 1}},
                               {.id = "q2",
                                .text = "How many steps has it?",
                                .title = "The tower",
                                .sentences = {"It has 300 steps.", "Steps are steep.", "There are 300 of them."},
                                .right = {1, 0, 1}}};
    dataset.splits["test"] = {{.id = "q3", .text = "Where is it?", .sentences = {"It is tall."}, .right = {0}}};
    return dataset;
}

}  // namespace kvmem::test
