// The contents of a data set in numbers, which show before training what a model can learn from it.
#pragma once

#include "kvmem/core/types.hpp"
#include "kvmem/tasks/qa/dataset.hpp"

#include <array>
#include <map>
#include <string>

namespace kvmem {

// The lengths of a ragged array's rows.
struct LengthReport {
    // The shortest and the longest row; 0 when there are no rows.
    Index min = 0;
    Index max = 0;
    double mean = 0;  // 0 when there are no rows
};

// The sizes of a split, and what may be wrong with it.
struct SplitReport {
    // The number of examples.
    Index examples = 0;
    LengthReport question;  // tokens
    LengthReport answers;   // answers per question
    // The tokens of all questions.
    Index question_tokens = 0;
    // Of those: unknown_token and, with a training split, words whose count is 0. Without one, only a model can say
    // which words are unknown.
    Index unknown_tokens = 0;
    Index without_answer = 0;  // questions
    Index without_entity = 0;  // questions without an entity
    // Questions with answers, none of which is in the value of a slot that the question can read.
    Index unreachable = 0;
    Index outside_candidates = 0;  // answers that are no candidates
    Index leaked = 0;              // examples with the question, answers and local slots of one in "train"
    Index local_slots = 0;
};

// The sizes of a shared memory.
struct MemoryReport {
    // The numbers of slots and of different keys.
    Index slots = 0;
    Index distinct_keys = 0;
    LengthReport key;    // tokens
    LengthReport value;  // tokens
};

// The sizes of a data set and its parts.
struct DatasetReport {
    std::array<Index, 6> tokens_by_kind{};  // indexed by TokenKind
    // The tokens that may be answers, the shared memory, and each split by its name.
    Index candidates = 0;
    MemoryReport memory;
    std::map<std::string, SplitReport> splits;
};

// The data set must pass validate().
DatasetReport inspect_dataset(const QaDataset& dataset);

}  // namespace kvmem
