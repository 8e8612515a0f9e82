// Question answering, and what is learned from its documents, as types of tasks for training runs.
#pragma once

#include "kvmem/train/task_type.hpp"

#include <string_view>
#include <vector>

namespace kvmem {

// The task of question answering, which lives as long as the program.
const TaskType& question_answering();

// Vectors of words, by which a sentence of documents tells the next one (documents/next_sentence.hpp). The data are a
// kvmem-qa file with documents, and the score is the share of validation sentences whose next one is found among up to
// 100. It lives as long as the program.
const TaskType& next_sentence_prediction();

// All models of question answering. The first is the model of files that name none.
std::vector<const ModelType*> qa_models();

}  // namespace kvmem
