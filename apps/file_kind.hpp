// What a file is, for verbs that need a file of another kind.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kvmem::apps {

// Throws Error, which says what the file is and which verbs take it, unless it is of one of these formats. `needed` is
// what the verb reads: "a store". A path without a file, and a damaged file, are left to those that read it.
void require_format(const std::filesystem::path& path, const std::vector<std::string>& formats,
                    const std::string& needed);

}  // namespace kvmem::apps
