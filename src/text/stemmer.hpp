// Stems by Snowball's rules. Not installed.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct sb_stemmer;

namespace kvmem {

// For one thread at a time.
class Stemmer {
  public:
    // Throws UsageError for a language that Snowball does not know; "none" leaves words as they are.
    explicit Stemmer(const std::string& language);

    // The stem of a word in lower case, without its possessive "'s" and without accents: people leave them out.
    std::string operator()(std::string_view word) const;
    // The same with accents, as files of before have it.
    std::string accented(std::string_view word) const;

  private:
    struct Delete {
        void operator()(sb_stemmer* stemmer) const;
    };
    std::unique_ptr<sb_stemmer, Delete> stemmer_;
};

}  // namespace kvmem
