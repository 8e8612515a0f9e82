// Names and their numbers: users, objects, values of a feature.
#pragma once

#include "kvmem/core/number_table.hpp"
#include "kvmem/core/types.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// Different names, numbered from 0 in the order in which they were added. Several threads may read at once.
class Names {
  public:
    // The number of this name, which is added if it is new. Throws Error beyond 2^31 - 1 names.
    Token add(std::string_view name);
    // The number of this name, if it is one of them.
    std::optional<Token> find(std::string_view name) const;

    // The number of names.
    Token size() const { return static_cast<Token>(all_.size()); }
    // The name of a number from 0 to below the size. The reference is valid until a name is added.
    const std::string& operator[](Token number) const { return all_[static_cast<std::size_t>(number)]; }
    const std::vector<std::string>& all() const { return all_; }

    // Whether both have the same names in the same order.
    bool operator==(const Names& other) const { return all_ == other.all_; }

  private:
    Token find(std::uint64_t hash, std::string_view name) const;  // or -1

    std::vector<std::string> all_;
    NumberTable numbers_;
};

}  // namespace kvmem
