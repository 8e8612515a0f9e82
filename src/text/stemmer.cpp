#include "text/stemmer.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/text/tokenizer.hpp"

#include <libstemmer.h>

#include <new>

namespace kvmem {

void Stemmer::Delete::operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }

Stemmer::Stemmer(const std::string& language) {
    if (language == "none") return;
    stemmer_.reset(sb_stemmer_new(language.c_str(), nullptr));
    if (!stemmer_)
        throw UsageError({.what = "no such language of stems",
                          .expected = "a name of Snowball's, such as english or german, or none",
                          .got = language});
}

std::string Stemmer::accented(std::string_view word) const {
    if (word.ends_with("'s")) word.remove_suffix(2);
    if (!stemmer_) return std::string(word);
    const auto* bytes = reinterpret_cast<const sb_symbol*>(word.data());
    const sb_symbol* found = sb_stemmer_stem(stemmer_.get(), bytes, static_cast<int>(word.size()));
    if (!found) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(found), static_cast<std::size_t>(sb_stemmer_length(stemmer_.get()))};
}

std::string Stemmer::operator()(std::string_view word) const { return without_accents(accented(word)); }

}  // namespace kvmem
