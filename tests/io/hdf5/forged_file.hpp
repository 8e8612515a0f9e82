// HDF5 files whose metadata were changed and whose checksums are right nevertheless.
#pragma once

#include "io/hdf5/cursor.hpp"
#include "kvmem/core/rng.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace kvmem::test {

class ForgedFile {
  public:
    // Finds what has a checksum in a right file: a signature, and an end before which all hashes to the bytes there.
    explicit ForgedFile(std::string whole) : whole_(std::move(whole)) {
        constexpr std::array<std::string_view, 11> signatures{"OHDR", "OCHK", "FAHD", "FADB", "FRHP", "FHDB",
                                                              "FHIB", "BTHD", "BTLF", "BTIN", "EAHD"};
        structures_.push_back({0, superblock_bytes});
        for (std::size_t at = 0; at + 4 < whole_.size(); ++at)
            if (std::ranges::find(signatures, std::string_view(whole_).substr(at, 4)) != signatures.end()) find(at);
    }

    std::size_t structures() const { return structures_.size(); }

    // Another file for each seed: one to three fields of one to three structures are changed.
    std::string forge(std::uint64_t seed) const {
        Numbers rng{Rng(seed)};
        std::string forged = whole_;
        for (std::uint64_t i = 1 + rng.below(3); i > 0; --i) {
            const Structure& s = structures_[rng.below(structures_.size())];
            for (std::uint64_t j = 1 + rng.below(3); j > 0; --j) change(forged, s, rng);
            put(forged, s.end, hdf5::lookup3(bytes_of(forged, s)), 4);
        }
        return forged;
    }

  private:
    static constexpr std::size_t superblock_bytes = 44, max_bytes = 3000;
    struct Numbers {
        Rng rng;
        std::uint64_t below(std::uint64_t n) { return static_cast<std::uint64_t>(rng.below(static_cast<Index>(n))); }
    };
    struct Structure {
        std::size_t begin, end;  // of what is hashed; the checksum follows
    };

    static std::span<const std::byte> bytes_of(const std::string& file, Structure s) {
        return std::as_bytes(std::span(file)).subspan(s.begin, s.end - s.begin);
    }
    static void put(std::string& file, std::size_t at, std::uint64_t value, std::size_t width) {
        std::memcpy(file.data() + at, &value, std::min(width, file.size() - at));
    }

    void find(std::size_t begin) {
        for (std::size_t end = begin + 8; end + 4 <= std::min(whole_.size(), begin + max_bytes); ++end) {
            std::uint32_t stored = 0;
            std::memcpy(&stored, whole_.data() + end, 4);
            if (hdf5::lookup3(bytes_of(whole_, {begin, end})) == stored) return structures_.push_back({begin, end});
        }
    }

    void change(std::string& file, Structure s, Numbers& rng) const {
        const std::size_t at = s.begin + 4 + rng.below(s.end - s.begin - 4), width = std::size_t{1} << rng.below(4);
        if (at + width > s.end) return;
        const std::array<std::uint64_t, 8> values{0,
                                                  1,
                                                  std::numeric_limits<std::uint64_t>::max() - rng.below(2),
                                                  std::uint64_t{1} << rng.below(64),
                                                  file.size() - rng.below(64),
                                                  structures_[rng.below(structures_.size())].begin,
                                                  s.begin,
                                                  rng.below(file.size())};
        if (const std::uint64_t kind = rng.below(values.size() + 2); kind < values.size())
            put(file, at, values[kind], width);
        else if (kind == values.size())
            file[at] = static_cast<char>(file[at] ^ (1 << rng.below(8)));
        else
            file[at] = static_cast<char>(file[at] + (rng.below(2) == 0 ? 1 : -1));
    }

    std::string whole_;
    std::vector<Structure> structures_;
};

}  // namespace kvmem::test
