// The tasks that a data set's examples belong to, such as the twenty of bAbI.
#pragma once

#include "kvmem/tasks/qa/dataset.hpp"

#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The numbers of the tasks that texts name, rising: by their name, or by a number as "qa4_..." has it. Throws
// UsageError that lists the tasks there are.
std::vector<Index> find_tasks(const QaDataset& dataset, std::span<const std::string> texts);

// The names of these tasks; of all tasks when no text is given.
std::vector<std::string> task_names(const QaDataset& dataset, std::span<const std::string> texts);

// Leaves the examples of these tasks alone, counts the tokens again, and leaves those candidates that training meets as
// an answer, in a question or in a slot. Does nothing when no task is given.
void keep_tasks(QaDataset& dataset, std::span<const std::string> texts);

}  // namespace kvmem
