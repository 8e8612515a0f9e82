// The tokenizer and the linker: the text's first line holds the names of entities, tab-separated.
#include "kvmem/core/error.hpp"
#include "kvmem/text/entity_linker.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace kvmem;

// Fuzzers stop at abort(): what must always hold.
static void require(bool holds) {
    if (!holds) std::abort();
}

static void check_words(std::string_view text) {
    std::size_t end = 0;
    for (const Word& word : split_words(text)) {
        require(!word.text.empty() && end <= word.begin && word.begin < word.end && word.end <= text.size());
        require(split_words(word.text).size() == 1);
        end = word.end;
    }
    require(invalid_utf8_at(to_lower(text)) == std::string_view::npos);
    const std::vector<Word> words = split_words(text), composed = split_words(to_nfc(text));
    require(std::ranges::equal(words, composed, {}, &Word::text, &Word::text));
}

static void check_links(std::string_view names, std::string_view text) {
    Vocabulary vocabulary;
    for (std::size_t begin = 0; begin <= names.size();) {
        const std::size_t end = std::min(names.find('\t', begin), names.size());
        const std::string_view name = names.substr(begin, end - begin);
        vocabulary.add(TokenKind::entity, name);
        if (name.size() % 2 == 0) vocabulary.set_count(vocabulary.add(TokenKind::word, to_lower(name)), 1);
        begin = end + 1;
    }
    const EntityLinker linker(vocabulary);
    for (const bool avoid : {true, false}) {
        const LinkedText linked = linker.link(text, {.avoid_common_words = avoid});
        require(linked.entities.size() + linked.unknown_words.size() <= linked.tokens.size());
        std::size_t end = 0;
        for (const TextPart& part : linker.parts(text, {.avoid_common_words = avoid})) {
            require(end <= part.begin && part.begin <= part.end && part.end <= text.size());
            require(part.word.empty() != part.entities.empty());
            end = part.end;
        }
    }
    require(linker.nearest(text, 3).size() <= 3);
    linker.find(text);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t line = std::min(input.find('\n'), input.size());
    const std::string_view text = input.substr(std::min(line + 1, input.size()));
    to_lower(input);
    try {
        check_words(text);
        check_links(input.substr(0, line), text);
    } catch (const Error&) {
    }
    return 0;
}
