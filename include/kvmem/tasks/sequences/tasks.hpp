// The tasks that pairs belong to, such as languages: a source whose first token is the mark <fra> is of the task "fra".
#pragma once

#include "kvmem/tasks/sequences/dataset.hpp"

#include <span>
#include <string>
#include <vector>

namespace kvmem {

// The task of a source, or "" without a mark.
std::string task_of(std::span<const Token> source, const Units& units);

// The names of all tasks, or of those that `names` are, in the order of the marks. Throws UsageError, which lists all,
// for a name of none.
std::vector<std::string> task_names(const PairsDataset& dataset, std::span<const std::string> names);

// Removes the pairs of other tasks from all splits. Units stay as they are. Does nothing without names.
void keep_tasks(PairsDataset& dataset, std::span<const std::string> names);

}  // namespace kvmem
