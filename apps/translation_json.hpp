// The results of a line of sources as JSON.
#pragma once

#include "sequence_source.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kvmem::apps {

struct TranslationJson {
    std::optional<Index> head = {};  // the only one whose weights are given, from 1
    bool explain = false;            // whether the slots of the memory are given
};

// The line that 'kvmem translate --json' prints, without its end. `tokens` are those of the line.
std::string json_line(const SequenceSource& source, const std::string& line, std::span<const Token> tokens,
                      const std::vector<Generated>& results, const TranslationJson& options);

}  // namespace kvmem::apps
