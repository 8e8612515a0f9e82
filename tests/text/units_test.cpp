#include "kvmem/text/units.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/rng.hpp"
#include "kvmem/core/text.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <string>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

Units learn(UnitKind kind, const std::string& text, Index size = 0) {
    const std::string_view texts[] = {text};
    return Units::learn(kind, texts, size);
}

std::vector<std::string> texts_of(const Units& units, const std::string& text) {
    std::vector<std::string> texts;
    for (const Token token : units.encode(text)) texts.push_back(units.text(token));
    return texts;
}

// What editors, keyboards and attackers put into text.
const std::string hostile[] = {
    "",
    " ",
    "\n\n\t  \r\n",
    std::string("a\0b", 3),
    "e\u0301\u0301 is not \u00e9",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 and \U0001f1e8\U0001f1ed",
    "\u202egnp.exe\u202c",
    "\ufeff\ufffd\uffff\U0010ffff",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f",
    "<unknown> <begin> <end>",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u4e2d\u6587\u3000\u65e5\u672c\u8a9e",
    " two  blanks   three ",
};

std::string random_text(Rng& rng, Index length) {
    static const std::string parts[] = {"a", "b", "ab", " ", "\n", "\u00e9", "\u4e2d", "\U0001f600", "the ", "\u0301"};
    std::string text;
    for (Index i = 0; i < length; ++i) text += parts[rng.below(std::size(parts))];
    return text;
}

}  // namespace

TEST_CASE("characters are code points as they are", "[units]") {
    const Units units = learn(UnitKind::chars, "e\u0301\u00e9E\U0001f600e");
    CHECK(texts_of(units, "Ee\u00e9\u0301") == std::vector<std::string>{"E", "e", "\u00e9", "\u0301"});
    CHECK(units.size() == Units::specials + 5);
    CHECK(units.text(Units::specials) == "e");  // the most frequent one
    CHECK(units.encode("?") == std::vector<Token>{unknown_token});
    CHECK(units.decode(units.encode("e?e")) == "e<unknown>e");
}

TEST_CASE("words stand between ASCII blanks", "[units]") {
    const Units units = learn(UnitKind::words, "AA B \t AA\r\n d\u0361z \u00a0x");
    CHECK(texts_of(units, "  d\u0361z AA") == std::vector<std::string>{"d\u0361z", "AA"});
    CHECK(texts_of(units, "\u00a0x") == std::vector<std::string>{"\u00a0x"});
    CHECK(units.decode(units.encode(" AA\n\nB ")) == "AA B");
    CHECK(units.decode(units.encode("aa B")) == "<unknown> B");
    CHECK(units.encode(" \n").empty());
}

TEST_CASE("specials have no text but the unknown one", "[units]") {
    for (const UnitKind kind : {UnitKind::chars, UnitKind::words, UnitKind::bpe}) {
        const Units units(kind);
        CHECK(units.text(unknown_token) == "<unknown>");
        CHECK(units.decode(std::vector<Token>{begin_token, unknown_token, end_token}) == "<unknown>");
    }
}

TEST_CASE("words that are called like specials are no specials", "[units]") {
    const Units units = learn(UnitKind::words, "<unknown> <end>");
    for (const Token token : units.encode("<unknown> <end>")) CHECK(token >= Units::specials);
}

TEST_CASE("a maximum of units leaves the most frequent ones, ties in the order of bytes", "[units]") {
    const Units units = learn(UnitKind::words, "c b a c b d", 6);
    CHECK(units.size() == 6);
    CHECK(texts_of(units, "a b c d") == std::vector<std::string>{"a", "b", "c", "<unknown>"});
}

TEST_CASE("sizes below the specials are refused", "[units]") {
    CHECK_THROWS_AS(learn(UnitKind::chars, "a", 2), UsageError);
    CHECK_THROWS_AS(learn(UnitKind::words, "a", -1), UsageError);
    CHECK_THROWS_AS(learn(UnitKind::bpe, "a", 258), UsageError);
    CHECK_THROWS_AS(learn(UnitKind::bpe, "a", 0), UsageError);
    CHECK(learn(UnitKind::bpe, "a", 259).size() == 259);
}

TEST_CASE("text that is not UTF-8 is refused by its position", "[units]") {
    for (const UnitKind kind : {UnitKind::chars, UnitKind::words, UnitKind::bpe}) {
        CHECK_THROWS_WITH(learn(kind, "ab\xff", 300), Contains("position 2"));
        CHECK_THROWS_WITH(Units(kind).encode("\xc3"), Contains("position 0"));
    }
}

TEST_CASE("characters and byte pairs give back every text", "[units]") {
    std::string all;
    for (const std::string& text : hostile) all += text + text;
    const Units chars = learn(UnitKind::chars, all), bpe = learn(UnitKind::bpe, all, 400), plain(UnitKind::bpe);
    for (const std::string& text : hostile) {
        CAPTURE(text);
        CHECK(chars.decode(chars.encode(text)) == text);
        CHECK(bpe.decode(bpe.encode(text)) == text);
        CHECK(plain.decode(plain.encode(text)) == text);
    }
    Rng rng(1);
    for (int i = 0; i < 200; ++i) {
        const std::string text = random_text(rng, rng.below(100));
        CHECK(bpe.decode(bpe.encode(text)) == text);
    }
}

TEST_CASE("byte pairs are merged by frequency, ties in the order of tokens", "[units]") {
    // Sennrich et al. 2016, figure 1, without their sign for a word's end.
    const std::string text =
        "low low low low low lower lower newest newest newest newest newest newest widest widest widest";
    const Units units = learn(UnitKind::bpe, text, 259 + 4);
    std::vector<std::string> merged;
    for (Token token = 259; token < units.size(); ++token) merged.push_back(units.text(token));
    CHECK(merged == std::vector<std::string>{"es", "est", "lo", "low"});
}

TEST_CASE("no byte pair crosses the beginning of a word", "[units]") {
    const Units units = learn(UnitKind::bpe, "a b a b a b a b", 1000);
    CHECK(texts_of(units, "a b") == std::vector<std::string>{"a", " b"});
    CHECK(units.size() == 261);  // and no pair that occurs once is merged
}

TEST_CASE("merges are the same as those of counting anew each time", "[units]") {
    Rng rng(5);
    const std::string text = random_text(rng, 3000);
    const Units units = learn(UnitKind::bpe, text, 330);
    REQUIRE(units.size() == 330);
    std::vector<std::vector<Token>> words;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find_first_of(" \n", at + 1), text.size());
        words.emplace_back();
        for (; at < end; ++at) words.back().push_back(Units::specials + static_cast<unsigned char>(text[at]));
    }
    for (std::size_t i = 0; i < units.merges().size(); ++i) {
        std::map<Units::Merge, Index> counts;
        for (const auto& word : words)
            for (std::size_t at = 1; at < word.size(); ++at) ++counts[{word[at - 1], word[at]}];
        Index most = 0;
        for (const auto& [pair, count] : counts) most = std::max(most, count);
        const auto first = std::ranges::find(counts, most, [](const auto& entry) { return entry.second; });
        REQUIRE(units.merges()[i] == first->first);
        for (auto& word : words)
            for (std::size_t at = 1; at < word.size(); ++at)
                if (Units::Merge(word[at - 1], word[at]) == first->first) {
                    word[at - 1] = static_cast<Token>(259 + i);
                    word.erase(word.begin() + static_cast<std::ptrdiff_t>(at));
                }
    }
    std::vector<Token> tokens;
    for (const auto& word : words) tokens.insert(tokens.end(), word.begin(), word.end());
    CHECK(units.encode(text) == tokens);  // encoding is what learning did
}

TEST_CASE("a token of byte pairs stays short, and a long word is encoded quickly", "[units][slow]") {
    const std::string word(1'000'000, 'a');
    const Units units = learn(UnitKind::bpe, word, 300);
    CHECK(units.text(units.size() - 1).size() <= Units::max_merged);
    CHECK(units.decode(units.encode(word)) == word);
}

TEST_CASE("tokens of bytes that are no character are shown as U+FFFD", "[units]") {
    const Units units(UnitKind::bpe);
    const std::vector<Token> tokens = units.encode("\u4e2d");
    REQUIRE(tokens.size() == 3);
    CHECK(units.decode(std::span(tokens).first(3)) == "\u4e2d");
    CHECK(units.decode(std::span(tokens).first(2)) == "\ufffd\ufffd");
}

TEST_CASE("the order of texts does not change the units", "[units]") {
    const std::string_view forward[] = {"one two", "two three", "three three"},
                           backward[] = {"three three", "two three", "one two"};
    for (const UnitKind kind : {UnitKind::chars, UnitKind::words, UnitKind::bpe})
        CHECK(Units::learn(kind, forward, 300) == Units::learn(kind, backward, 300));
}

TEST_CASE("units from a file are what they can be", "[units]") {
    using Texts = std::vector<std::string>;
    CHECK(Units(UnitKind::words, Texts{"a", "bc"}).encode("bc a") == std::vector<Token>{4, 3});
    CHECK_THROWS_WITH(Units(UnitKind::chars, Texts{"ab"}), Contains("one character"));
    CHECK_THROWS_WITH(Units(UnitKind::chars, Texts{""}), Contains("one character"));
    CHECK_THROWS_WITH(Units(UnitKind::words, Texts{"a b"}), Contains("a word"));
    CHECK_THROWS_WITH(Units(UnitKind::words, Texts{" a"}), Contains("a word"));
    CHECK_THROWS_WITH(Units(UnitKind::words, Texts{""}), Contains("a word"));
    CHECK_THROWS_WITH(Units(UnitKind::words, Texts{"a", "a"}), Contains("comes twice"));
    CHECK_THROWS_WITH(Units(UnitKind::words, Texts{"\xff"}), Contains("not UTF-8"));
    CHECK_THROWS_AS(Units(UnitKind::bpe, Texts{"a"}), Error);

    using Merges = std::vector<Units::Merge>;
    CHECK(Units(Merges{{100, 101}, {259, 100}}).text(260) == "aba");
    CHECK_THROWS_WITH(Units(Merges{{100, 259}}), Contains("wrong token"));
    CHECK_THROWS_WITH(Units(Merges{{2, 100}}), Contains("wrong token"));
    CHECK_THROWS_WITH(Units(Merges{{100, -1}}), Contains("wrong token"));
    CHECK_THROWS_WITH(Units(Merges{{100, 100}, {100, 100}}), Contains("comes twice"));
    Merges doubling{{100, 100}};
    for (Token token = 259; token < 270; ++token) doubling.emplace_back(token, token);
    CHECK_THROWS_WITH(Units(doubling), Contains("too long"));
}

TEST_CASE("a text may begin with a mark, which is one token of any units", "[units]") {
    for (const UnitKind kind : {UnitKind::chars, UnitKind::words, UnitKind::bpe}) {
        const Units plain = learn(kind, "ab ab <x>", kind == UnitKind::bpe ? 262 : 0);
        const Units units = plain.with_marks(std::vector<std::string>{"fra", "x"});
        CHECK(units.marks() == 2);
        CHECK(units.size() == plain.size() + 2);
        CHECK_FALSE(units == plain);
        for (const std::string text : {"ab", "ab ab", "<x>", "a"}) {
            std::vector<Token> expected = plain.encode(text);
            CHECK(plain.with_marks({}).encode(text) == expected);
            expected.insert(expected.begin(), plain.size());
            CHECK(units.encode("<fra>" + text) == expected);
        }
        CHECK(units.encode("<x>") == std::vector<Token>{plain.size() + 1});
        CHECK(units.is_mark(plain.size()));
        CHECK_FALSE(units.is_mark(plain.size() - 1));
        const std::string marked = kind == UnitKind::words ? "<fra> ab" : "<fra>ab";
        CHECK(units.decode(units.encode(marked)) == marked);
        CHECK(units.encode("a<fra>") == plain.encode("a<fra>"));
        for (const std::string bad : {"", "begin", "a b", "a>", "fra", "\xff"})
            CHECK_THROWS_WITH(units.with_marks(std::vector{bad}), Contains("cannot have this name"));
    }
}
