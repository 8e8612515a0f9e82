#include "text/name_index.hpp"

#include "text/words.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

namespace kvmem {

std::uint64_t NameIndex::hash(std::string_view word) { return std::hash<std::string_view>{}(word); }

std::uint64_t NameIndex::extend(std::uint64_t sequence, std::uint64_t word_hash) {
    return (sequence ^ word_hash) * 0x9e3779b97f4a7c15u + 1;
}

NameIndex::NameIndex(const Vocabulary& vocabulary, std::vector<bool> in_use)
    : vocabulary_(&vocabulary), in_use_(std::move(in_use)), max_words_(std::size_t{1} << 16) {
    std::string word;
    for (Token token = 0; token < vocabulary.size(); ++token) {
        if (vocabulary.kind(token) != TokenKind::entity || !is_in_use(token)) continue;
        const std::string& name = vocabulary.text(token);
        std::uint64_t first = 0, all = 0;
        std::size_t count = 0;
        words::for_each(name, [&](std::size_t begin, std::size_t end) {
            word.clear();
            words::append_normal(word, std::string_view(name).substr(begin, end - begin));
            const std::uint64_t h = hash(word);
            if (count++ == 0) first = h;
            all = extend(all, h);
        });
        if (count == 0 || count > max_words) continue;
        names_.push_back({all, token});
        max_words_slot(first) = std::max(max_words_slot(first), static_cast<std::uint8_t>(count));
    }
    std::sort(names_.begin(), names_.end(),
              [](const Name& a, const Name& b) { return a.hash != b.hash ? a.hash < b.hash : a.token < b.token; });
}

std::size_t NameIndex::max_words_from(std::uint64_t word_hash) const { return max_words_[word_hash >> 48]; }

bool NameIndex::has_words(Token token, std::span<const Word> words) const {
    const std::string& name = vocabulary_->text(token);
    std::string word;
    std::size_t at = 0;
    bool same = true;
    words::for_each(name, [&](std::size_t begin, std::size_t end) {
        word.clear();
        words::append_normal(word, std::string_view(name).substr(begin, end - begin));
        same = same && at < words.size() && words[at].text == word;
        ++at;
    });
    return same && at == words.size();
}

std::vector<Token> NameIndex::find(std::span<const Word> words, std::uint64_t hash) const {
    auto name = std::lower_bound(names_.begin(), names_.end(), hash,
                                 [](const Name& a, std::uint64_t wanted) { return a.hash < wanted; });
    std::vector<Token> found;
    for (; name != names_.end() && name->hash == hash && found.size() < max_namesakes; ++name)
        if (has_words(name->token, words)) found.push_back(name->token);
    return found;
}

}  // namespace kvmem
