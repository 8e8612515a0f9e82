// The tasks that a data set's examples belong to, such as the twenty of bAbI.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The numbers of the tasks that texts name, rising. A text is a name, or the number in "qa4_...". Throws UsageError
// with the names of all tasks.
std::vector<Index> find_tasks(const QaDataset& dataset, std::span<const std::string> texts);

// The names of these tasks, or of all tasks without texts.
std::vector<std::string> task_names(const QaDataset& dataset, std::span<const std::string> texts);

// Removes the examples of other tasks, counts the tokens again, and removes candidates that training does not meet as
// an answer, in a question or in a slot. Does nothing without texts.
void keep_tasks(QaDataset& dataset, std::span<const std::string> texts);

}  // namespace kvmem
