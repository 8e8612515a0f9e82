#include "io/vocabulary_file.hpp"

#include "kvmem/core/error.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

namespace kvmem {

static std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

Vocabulary read_vocabulary(const hdf5::Reader& file) {
    const auto refuse = [&file](const std::string& what, const std::string& expected, const std::string& got) {
        throw Error({.what = what, .expected = expected, .got = got, .where = file.name() + ": /vocab"});
    };
    const hdf5::Texts texts = file.texts("/vocab");
    const auto kinds = file.bytes("/vocab/kinds");
    const auto counts = file.int64s("/vocab/counts");
    if (std::ssize(kinds) != texts.size() || std::ssize(counts) != texts.size())
        refuse("the vocabulary's parts differ in length", std::to_string(texts.size()) + " kinds and counts",
               std::to_string(kinds.size()) + " and " + std::to_string(counts.size()));
    Vocabulary vocabulary;
    const std::string& unknown = vocabulary.text(unknown_token);
    if (texts.size() == 0 || texts[0] != unknown || kinds[0] != static_cast<int>(TokenKind::special))
        refuse("the vocabulary has no unknown token", "entry 0 to be the special '" + unknown + "'",
               texts.size() == 0 ? "no entries" : quoted(texts[0]));
    vocabulary.reserve(static_cast<Token>(std::min<Index>(texts.size(), std::numeric_limits<Token>::max())));
    for (Index i = 0; i < texts.size(); ++i) {
        if (kinds[i] > static_cast<int>(TokenKind::second_entity))
            refuse("a token's kind is wrong", "0 to 5", std::to_string(kinds[i]) + " at " + std::to_string(i));
        const Token token = vocabulary.add(static_cast<TokenKind>(kinds[i]), texts[i]);
        if (token != i)
            refuse("the vocabulary has an entry twice", "other text or kind than entry " + std::to_string(token),
                   quoted(texts[i]) + " at " + std::to_string(i));
        vocabulary.set_count(token, counts[i]);
    }
    vocabulary.find_words_by_lower_case();
    return vocabulary;
}

void write_vocabulary(hdf5::Writer& file, const Vocabulary& vocabulary) {
    std::vector<std::string> texts;
    std::vector<std::uint8_t> kinds;
    std::vector<std::int64_t> counts;
    for (Token token = 0; token < vocabulary.size(); ++token) {
        texts.push_back(vocabulary.text(token));
        kinds.push_back(static_cast<std::uint8_t>(vocabulary.kind(token)));
        counts.push_back(vocabulary.count(token));
    }
    file.write("/vocab", std::span<const std::string>(texts));
    file.write("/vocab/kinds", std::span<const std::uint8_t>(kinds));
    file.write("/vocab/counts", std::span<const std::int64_t>(counts));
}

std::string vocabulary_json(const Vocabulary& vocabulary) {
    boost::json::array texts, kinds;
    for (Token token = 0; token < vocabulary.size(); ++token) {
        texts.emplace_back(vocabulary.text(token));
        kinds.emplace_back(static_cast<int>(vocabulary.kind(token)));
    }
    return boost::json::serialize(boost::json::object{{"texts", std::move(texts)}, {"kinds", std::move(kinds)}});
}

}  // namespace kvmem
