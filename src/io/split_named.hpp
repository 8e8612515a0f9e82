// A split of a data set by its name. Not installed.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/io/dataset_info.hpp"

#include <map>
#include <string>

namespace kvmem {

// Throws Error with the names of the splits that exist.
template <class Split>
const Split& split_named(const std::map<std::string, Split>& splits, const std::string& name, const DatasetInfo& info) {
    if (const auto at = splits.find(name); at != splits.end()) return at->second;
    std::string names;
    for (const auto& [other, split] : splits) names += (names.empty() ? "" : ", ") + other;
    throw Error({.what = "the data set has no such split",
                 .expected = names.empty() ? "no split: there are none" : "one of " + names,
                 .got = "'" + name + "'",
                 .where = info.title,
                 .hint = "name one that there is"});
}

}  // namespace kvmem
