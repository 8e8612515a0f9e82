// The different words of a question with its candidates. Not installed.
#pragma once

#include "kvmem/tasks/selection/lexicon.hpp"
#include "text/stemmer.hpp"

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace kvmem {

struct ListedWord {
    std::string text;  // in lower case
    Token stem;        // a number in WordList::stems
    bool is_function;  // says little by itself
};

struct ListedStem {
    double idf;
};

// A text as numbers of words, and for each word how its text is written.
struct ListedText {
    // How a word stands in its text.
    struct Place {
        std::size_t begin, end;  // bytes
    };
    std::string_view text{};
    std::vector<Token> words{};
    std::vector<Place> places{};
};

class WordList {
  public:
    // The lexicon must outlive the list.
    explicit WordList(const SentenceLexicon& lexicon) : lexicon_(lexicon), stemmer_(lexicon.language) {}

    // Adds the words of a text, which must outlive the result. Throws Error for text that is not UTF-8.
    ListedText read(std::string_view text);

    std::vector<ListedWord> words;
    std::vector<ListedStem> stems;

  private:
    Token add(const std::string& word);

    const SentenceLexicon& lexicon_;
    Stemmer stemmer_;
    std::unordered_map<std::string, Token> words_, stems_;
};

}  // namespace kvmem
