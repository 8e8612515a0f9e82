#include "kvmem/tasks/sequences/tasks.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>

namespace kvmem {

static std::string name_of(Token mark, const Units& units) {
    const std::string& text = units.text(mark);
    return text.substr(1, text.size() - 2);
}

std::string task_of(std::span<const Token> source, const Units& units) {
    return source.empty() || !units.is_mark(source[0]) ? "" : name_of(source[0], units);
}

std::vector<std::string> task_names(const PairsDataset& dataset, std::span<const std::string> names) {
    std::vector<std::string> all, chosen;
    for (Token token = dataset.source.size() - dataset.source.marks(); token < dataset.source.size(); ++token)
        all.push_back(name_of(token, dataset.source));
    std::string known;
    for (const std::string& name : all) {
        known += (known.empty() ? "of " : ", ") + name;
        if (names.empty() || std::ranges::find(names, name) != names.end()) chosen.push_back(name);
    }
    for (const std::string& name : names)
        if (std::ranges::find(all, name) == all.end())
            throw UsageError({.what = "no such task",
                              .expected = known.empty() ? "none: the data set has no tasks" : known,
                              .got = name,
                              .where = dataset.info.title});
    return chosen;
}

static PairSplit part_of(const PairSplit& split, const std::vector<bool>& wanted) {
    PairSplit part;
    if (!split.reference_offsets.empty()) part.reference_offsets.push_back(0);
    for (Index i = 0; i < split.size(); ++i) {
        if (!wanted[i]) continue;
        part.source.push_row(split.source[i]);
        const auto [first, end] = split.references_of(i);
        for (Index row = first; row < end; ++row) {
            part.target.push_row(split.target[row]);
            for (Index t = 0; !split.alignment.empty() && t < std::ssize(split.target[row]); ++t)
                part.alignment.push_row(split.origins(row, t));
        }
        if (!split.reference_offsets.empty()) part.reference_offsets.push_back(part.target.size());
    }
    return part;
}

void keep_tasks(PairsDataset& dataset, std::span<const std::string> names) {
    if (names.empty()) return;
    const std::vector<std::string> tasks = task_names(dataset, names);
    for (auto& [name, split] : dataset.splits) {
        std::vector<bool> wanted;
        for (Index i = 0; i < split.size(); ++i)
            wanted.push_back(std::ranges::find(tasks, task_of(split.source[i], dataset.source)) != tasks.end());
        split = part_of(split, wanted);
    }
}

}  // namespace kvmem
