#include "kvmem/text/tokenizer.hpp"

#include "kvmem/core/error.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace kvmem;

static std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    for (const Word& word : split_words(text)) words.push_back(word.text);
    return words;
}

using Words = std::vector<std::string>;

TEST_CASE("words are lower-case runs of letters and digits", "[tokenizer]") {
    CHECK(words_of("Who directed Kismet (1955)?") == Words{"who", "directed", "kismet", "1955"});
    CHECK(words_of("a,b;c/d_e|f") == Words{"a", "b", "c", "d", "e", "f"});
    CHECK(words_of("") == Words{});
    CHECK(words_of(" ?! \t\n...'-- ") == Words{});
}

TEST_CASE("apostrophes, periods and hyphens belong to words only between letters", "[tokenizer]") {
    CHECK(words_of("don't U.S. bd-r 'quoted' -5 end.") == Words{"don't", "u.s", "bd-r", "quoted", "5", "end"});
    CHECK(words_of("wait...what a--b it's-me") == Words{"wait", "what", "a", "b", "it's-me"});
}

TEST_CASE("words of any script are words and typographic marks are not", "[tokenizer]") {
    CHECK(words_of("Amélie ÉTÉ Ярость 東京") == Words{"amélie", "été", "ярость", "東京"});
    CHECK(words_of("“Kismet”—what’s «it»\u00a0\u2026") == Words{"kismet", "what's", "it"});
    CHECK(words_of("8½") == Words{"8½"});
}

TEST_CASE("words of scripts without spaces are those of dictionaries, and wide signs separate them", "[tokenizer]") {
    CHECK(words_of("中国的首都是哪里？") == Words{"中国", "的", "首都", "是", "哪里"});
    CHECK(words_of("「東京」、ＡＢ！第3集") == Words{"東京", "ａｂ", "第", "3", "集"});
    CHECK(words_of("ロバート・デ・ニーロ") == Words{"ロバート", "デ", "ニーロ"});
    CHECK(words_of("ของไทย") == Words{"ของ", "ไทย"});
    CHECK(words_of("서울은 어디에 있나요?") == Words{"서울은", "어디에", "있나요"});
    CHECK(words_of("か\u3099くせい") == words_of("がくせい"));
    CHECK(split_words("x 中国的")[2].begin == 8);
}

TEST_CASE("a word knows the bytes that it was read from", "[tokenizer]") {
    const std::string text = "  Élan’s vital!";
    const std::vector<Word> words = split_words(text);
    REQUIRE(words.size() == 2);
    CHECK(words[0].text == "élan's");
    CHECK(text.substr(words[0].begin, words[0].end - words[0].begin) == "Élan’s");
    CHECK(text.substr(words[1].begin, words[1].end - words[1].begin) == "vital");
}

TEST_CASE("lower case is Unicode's, a character for a character", "[tokenizer]") {
    CHECK(to_lower("AZaz09 ÀÖØÞß×") == "azaz09 àöøþß×");
    CHECK(to_lower("ĀĐĶĹŁŊŸŹŽ İ ıĸ") == "āđķĺłŋÿźž i ıĸ");
    CHECK(to_lower("ΆΈΌΎΏΑΣΩ") == "άέόύώασω");
    CHECK(to_lower("ЀЁАЯѠҊӀӁӐ") == "ѐёаяѡҋӏӂӑ");
    CHECK(to_lower("東京 😀") == "東京 😀");
    CHECK(to_lower("ẠẾỸ ẞ") == "ạếỹ ß");    // Latin Extended Additional
    CHECK(to_lower("ǍȘȺ") == "ǎșⱥ");        // Latin Extended-B
    CHECK(to_lower("ԱՖ ᾺῼἈ") == "աֆ ὰῳἀ");  // Armenian, polytonic Greek
    CHECK(to_lower("Ⴀ 𐐀 Ａ Ⅷ") == "ⴀ 𐐨 ａ ⅷ");
    CHECK(to_lower("\u212a\u212b\u2126") == "kåω");  // Kelvin, ångström and ohm
    CHECK(to_lower("\xc3") == "\xc3");
    CHECK(to_lower("A\xff\xc3Z") == "a\xff\xc3z");
}

TEST_CASE("canonically equivalent texts have the same words", "[tokenizer]") {
    CHECK(words_of("Tu\u0308rkiye Le\u0301on") == Words{"türkiye", "léon"});
    CHECK(words_of("I\u0307zmir İzmir") == Words{"izmir", "izmir"});
    CHECK(words_of("H\u0331 \u1e96") == Words{"\u1e96", "\u1e96"});  // composed in lower case alone
    CHECK(words_of("a\u0301\u0323 a\u0323\u0301") == Words{"ạ\u0301", "ạ\u0301"});
    CHECK(words_of("\u1112\u1161\u11ab 한") == Words{"한", "한"});
    CHECK(words_of("a\u037eb a;b a\u1fefb a`b a\u2260b a=\u0338b") ==
          Words{"a", "b", "a", "b", "a", "b", "a", "b", "a", "b", "a", "b"});
    CHECK(to_nfc("Le\u0301on") == "Léon");
    CHECK(to_nfc("e\u0301\xff") == "e\u0301\xff");
}

TEST_CASE("accents of Latin, Greek and Cyrillic letters can be left out, and no other marks", "[text]") {
    CHECK(without_accents("Huascarán Zürich ёлка Ώρα") == "Huascaran Zurich елка Ωρα");
    CHECK(without_accents("e\u0301") == "e");
    CHECK(without_accents("plain") == "plain");
    CHECK(without_accents("Łódź Søren Ǿ Straße Ægir œuvre Þór đ ð ħ ı ŧ") ==
          "Lodz Soren O Strasse AEgir oeuvre THor d d h i t");
    for (const char* same : {"が", "हिन्दी", "\u0301\xff", ""}) CHECK(without_accents(same) == same);
}

TEST_CASE("splitting text that is not UTF-8 is an error with the position", "[tokenizer]") {
    CHECK_THROWS_WITH(split_words("who \xff"), Catch::Contains("UTF-8") && Catch::Contains("position 4"));
}

TEST_CASE("marks of any script belong to the letter before them, and to no word without one", "[tokenizer]") {
    const std::string text = "- \u0300\u05c1a \u05d0\u05c1\u0300";  // a Hebrew point and an accent, in either order
    const std::vector<Word> words = split_words(text), composed = split_words(to_nfc(text));
    REQUIRE(words.size() == 2);
    CHECK(words[0].text == "a");
    CHECK(std::ranges::equal(words, composed, {}, &Word::text, &Word::text));
}

TEST_CASE("a megabyte of text is split in linear time", "[tokenizer]") {
    std::string text;
    while (text.size() < (std::size_t{1} << 20)) text += "a-'.-Ö don't ";
    CHECK(split_words(text).size() > 100'000);
    CHECK(split_words(std::string(std::size_t{1} << 20, '-')).empty());
    CHECK(split_words(std::string(std::size_t{1} << 20, 'a')).size() == 1);
    std::string marks = "a";
    while (marks.size() < (std::size_t{1} << 20)) marks += "\u0301\u0323";
    CHECK(split_words(marks).size() == 1);
}
