#include "kvmem/tasks/qa/documents/representation.hpp"

#include "io/text_source.hpp"
#include "tasks/qa/documents/edges.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kvmem::documents {

namespace {

// The tokens of a place in one of the dictionaries.
using PlaceTokens = std::vector<Token>;

// Adds the slots of documents to a memory, one after the other.
class SlotWriter {
  public:
    SlotWriter(Vocabulary& vocabulary, const RepresentationOptions& options)
        : vocabulary_(vocabulary),
          options_(options),
          centre_(vocabulary.add(TokenKind::special, "<centre>")),
          title_marker_(vocabulary.add(TokenKind::special, "<title>")) {}

    void add_sentence(const std::vector<Place>& places, const SlotOrigin& origin) {
        PlaceTokens tokens;
        for (const Place& place : places) append(tokens, tokens_of(place, false));
        if (!tokens.empty()) push(tokens, tokens, origin);
    }

    // The windows of a document's stream. `title` may be unknown_token.
    void add_windows(Token title, const std::vector<Place>& places, Index number) {
        const bool second_dictionary = options_.representation == Representation::window_centre ||
                                       options_.representation == Representation::window_centre_title;
        std::vector<PlaceTokens> around;
        around.reserve(places.size());
        for (const Place& place : places) around.push_back(tokens_of(place, second_dictionary));
        for (Index i = 0; i < std::ssize(places); ++i)
            for (const Token name : places[i].entities) {
                const PlaceTokens window = window_of(around, i, name);
                const SlotOrigin origin{number, static_cast<Index>(places[i].begin), static_cast<Index>(places[i].end)};
                add_window(title, second_dictionary, window, name, origin);
            }
    }

    DocumentMemory memory;

  private:
    static void append(PlaceTokens& to, const PlaceTokens& tokens) {
        to.insert(to.end(), tokens.begin(), tokens.end());
    }

    bool has_titles() const {
        return options_.representation == Representation::window_title ||
               options_.representation == Representation::window_centre_title;
    }

    void add_window(Token title, bool second_dictionary, const PlaceTokens& window, Token name,
                    const SlotOrigin& origin) {
        PlaceTokens key;
        if (has_titles() && title != unknown_token) key.push_back(centre_);
        if (title != unknown_token) key.push_back(second_dictionary ? second(title) : title);
        append(key, window);
        if (name != title) push(key, {name}, origin);
        if (!has_titles() || title == unknown_token) return;
        key = {title_marker_};
        append(key, window);
        push(key, {title}, origin);
    }

    void push(const PlaceTokens& key, const PlaceTokens& value, const SlotOrigin& origin) {
        memory.slots.push(key, value);
        memory.origin.push_back(origin);
    }

    Token second(Token token) {
        const std::string text = vocabulary_.text(token);
        return vocabulary_.add(second_kind(vocabulary_.kind(token)), text);
    }

    PlaceTokens tokens_of(const Place& place, bool second_dictionary) {
        PlaceTokens tokens = place.entities;
        if (tokens.empty()) tokens.push_back(vocabulary_.add(TokenKind::word, place.word));
        if (second_dictionary)
            for (Token& token : tokens) token = second(token);
        return tokens;
    }

    // The tokens around place i and, in their middle, one of its names.
    PlaceTokens window_of(const std::vector<PlaceTokens>& around, Index i, Token centre) const {
        const Index reach = options_.window / 2;
        PlaceTokens window;
        for (Index at = std::max<Index>(i - reach, 0); at <= std::min(i + reach, std::ssize(around) - 1); ++at)
            append(window, at == i ? PlaceTokens{centre} : around[at]);
        return window;
    }

    Vocabulary& vocabulary_;
    const RepresentationOptions& options_;
    Token centre_, title_marker_;
};

}  // namespace

// The places of a sentence, with bytes in its file.
static std::vector<Place> places_of(const Collection& collection, const Sentence& sentence,
                                    const MentionFinder& finder) {
    const std::string_view text = collection.text_of(sentence);
    std::vector<Place> places = finder.stream(text);
    const std::vector<Word> words = split_words(text);  // one for each token, but where a long sentence was cut
    const auto tokens = std::span(collection.tokens).subspan(sentence.tokens.first, sentence.tokens.size());
    const Index end = std::ssize(tokens) - 1;
    if (end < 0) return {};
    for (Place& place : places) {
        const auto first = std::ranges::upper_bound(words, place.begin, {}, &Word::end) - words.begin();
        const auto last = std::ranges::lower_bound(words, place.end, {}, &Word::end) - words.begin();
        place.begin = tokens[std::min(first, end)].begin;
        place.end = tokens[std::min(last, end)].end();
    }
    return places;
}

DocumentMemory represent(const Collection& collection, Vocabulary& vocabulary, const RepresentationOptions& options) {
    if (options.window < 1 || options.window % 2 == 0)
        throw usage_error("no such window", "an odd number from 1", std::to_string(options.window));
    std::vector<Token> titles;
    for (const Document& document : collection.documents)
        titles.push_back(document.title.empty() ? unknown_token : vocabulary.add(TokenKind::entity, document.title));
    const MentionFinder finder(vocabulary, options.mentions);
    SlotWriter writer(vocabulary, options);
    EdgeWriter edges;
    for (Index number = 0; number < std::ssize(collection.documents); ++number) {
        const Range sentences = collection.sentences_of(collection.documents[number]);
        std::vector<Place> stream;
        for (Index s = sentences.first; s < sentences.last; ++s) {
            const Sentence& sentence = collection.sentences[s];
            std::vector<Place> places = places_of(collection, sentence, finder);
            if (options.representation == Representation::edges && titles[number] != unknown_token)
                edges.add_sentence(titles[number], places, number, vocabulary);
            else if (options.representation == Representation::sentence)
                writer.add_sentence(places, {number, sentence.bytes.first, sentence.bytes.last});
            else
                std::ranges::move(places, std::back_inserter(stream));
        }
        if (options.representation != Representation::edges) writer.add_windows(titles[number], stream, number);
    }
    if (options.representation == Representation::edges) return edges.finish(vocabulary);
    return std::move(writer.memory);
}

}  // namespace kvmem::documents
