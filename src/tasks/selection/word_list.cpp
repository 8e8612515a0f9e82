#include "tasks/selection/word_list.hpp"

#include "kvmem/text/tokenizer.hpp"
#include "text/function_words.hpp"

namespace kvmem {

Token WordList::add(const std::string& word) {
    const auto [at, is_new] = words_.try_emplace(word, static_cast<Token>(words.size()));
    if (!is_new) return at->second;
    const auto [stem, is_new_stem] = stems_.try_emplace(stemmer_(word), static_cast<Token>(stems.size()));
    if (is_new_stem) stems.push_back({lexicon_.idf(stem->first)});
    words.push_back({word, stem->second, is_function_word(word)});
    return at->second;
}

ListedText WordList::read(std::string_view text) {
    ListedText listed{.text = text};
    for (const Word& word : split_words(text)) {
        listed.words.push_back(add(word.text));
        listed.places.push_back({word.begin, word.end});
    }
    return listed;
}

}  // namespace kvmem
