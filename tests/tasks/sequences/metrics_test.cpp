#include "kvmem/tasks/sequences/metrics.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/rng.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>

using namespace kvmem;

namespace {

using Texts = std::vector<std::string>;

// The example of sacreBLEU's README, Apache 2.0.
const Texts outputs{"The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."};
const std::vector<Texts> two_references{{"The dog bit the man.", "The dog had bit the man."},
                                        {"It was not unexpected.", "No one was surprised."},
                                        {"The man bit him first.", "The man had bitten the dog."}};

Index naive_distance(const Symbols& a, const Symbols& b, std::size_t i = 0, std::size_t j = 0) {
    if (i == a.size()) return static_cast<Index>(b.size() - j);
    if (j == b.size()) return static_cast<Index>(a.size() - i);
    if (a[i] == b[j]) return naive_distance(a, b, i + 1, j + 1);
    return 1 + std::min({naive_distance(a, b, i + 1, j), naive_distance(a, b, i, j + 1),
                         naive_distance(a, b, i + 1, j + 1)});
}

}  // namespace

TEST_CASE("BLEU and chrF are those of sacreBLEU", "[metrics]") {
    const Bleu whole = bleu(outputs, two_references);
    CHECK(whole.score == Approx(48.530827).epsilon(1e-8));
    CHECK(whole.text() == "48.53 82.4/50.0/45.5/37.5 (BP = 0.943 ratio = 0.944 hyp_len = 17 ref_len = 18)");
    CHECK(whole.signature.starts_with("nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:kvmem-"));
    CHECK(bleu(outputs, two_references, BleuTokens::none).score == Approx(49.1919566).epsilon(1e-8));
    auto fewer = two_references;
    fewer[0].erase(fewer[0].begin());
    CHECK(bleu(outputs, fewer).text() ==
          "29.44 82.4/42.9/27.3/12.5 (BP = 0.889 ratio = 0.895 hyp_len = 17 ref_len = 19)");
    CHECK(bleu(outputs, fewer).signature.starts_with("nrefs:var|"));
    CHECK(bleu(Texts{"", "", ""}, two_references).score == 0);
    CHECK(chrf(outputs, two_references).score == Approx(59.73).epsilon(1e-4));
    CHECK(chrf(outputs, two_references).signature.starts_with("nrefs:2|case:mixed|eff:yes|nc:6|nw:0|space:no|"));
    const auto one = [](const Texts& ours, const Texts& theirs) {
        std::vector<Texts> references;
        for (const std::string& text : theirs) references.push_back({text});
        return chrf(ours, references).score;
    };
    CHECK(one({"a"}, {"a"}) == Approx(100));
    CHECK(one({""}, {"reference"}) == 0);
    CHECK(one({"a b c"}, {"abc"}) == Approx(100));
    CHECK(one({"a", "b"}, {"a", "c"}) == Approx(50));
    CHECK(one({"aa"}, {"ab"}) == Approx(25));
}

TEST_CASE("BLEU is smoothed where no run of words matches", "[metrics]") {
    // 3 of 4 words, 1 of 3 pairs; then 1 / 2 of 2 and 1 / 4 of 1.
    CHECK(bleu(Texts{"a b x d"}, std::vector<Texts>{{"a b c d"}}).score ==
          Approx(100 * std::pow(0.75 / 3 * 0.25 * 0.25, 0.25)));
    CHECK(bleu(Texts{"a b c"}, std::vector<Texts>{{"a b c"}}).score == 0);  // sacreBLEU's, too
    CHECK(bleu({}, {}).score == 0);
    CHECK_THROWS_AS(bleu(Texts{"a"}, {}), Error);
    CHECK_THROWS_AS(bleu(Texts{"a"}, std::vector<Texts>(1)), Error);
}

TEST_CASE("words of BLEU are those of mteval-v13a", "[metrics]") {
    const auto tokens = [](const char* text) { return bleu_tokens(text, BleuTokens::v13a); };
    CHECK(tokens("Hello, \"world\"! It's 3.5 %.") ==
          Texts{"Hello", ",", "\"", "world", "\"", "!", "It's", "3.5", "%", "."});
    CHECK(tokens("1,000 and 2, or 5-6 well-known (x/y)") ==
          Texts{"1,000", "and", "2", ",", "or", "5", "-", "6", "well-known", "(", "x", "/", "y", ")"});
    CHECK(tokens("a &amp;lt; b&quot;") == Texts{"a", "<", "b", "\""});
    CHECK(tokens("...") == Texts{".", ".", "."});
    CHECK(tokens("größer.") == Texts{"größer", "."});
    CHECK(bleu_tokens(" a  b. ", BleuTokens::none) == Texts{"a", "b."});
}

TEST_CASE("an output matches the nearest of its references", "[metrics]") {
    const auto match_words = [](const char* output, const Texts& references) {
        std::vector<Symbols> all;
        for (const std::string& text : references) all.push_back(words_of(text));
        return match(words_of(output), all);
    };
    const Match right = match_words("N AY T", {"K N AY T", "N AY T"});
    CHECK(right.edits == 0);
    CHECK(right.reference == 1);
    const Match wrong = match_words("N EH T S", {"N AY T", "K N IH K T"});
    CHECK(wrong.edits == 2);
    CHECK(wrong.length == 3);
    CHECK(match_words("", {"N AY"}).edits == 2);
    CHECK(match_words("", {""}).edits == 0);
    CHECK(match(characters_of("straße"), std::vector<Symbols>{characters_of("strasse")}).edits == 2);
    CHECK_THROWS_AS(match({}, {}), Error);
    CHECK_THROWS_WITH(characters_of("a\xff"), Catch::Contains("UTF-8"));
    Rng rng(1);
    for (int i = 0; i < 50; ++i) {
        Symbols a(static_cast<std::size_t>(rng.below(6))), b(static_cast<std::size_t>(rng.below(6)));
        for (Symbols* all : {&a, &b})
            for (std::string& symbol : *all) symbol = std::string(1, static_cast<char>('a' + rng.below(3)));
        CHECK(match(a, std::vector<Symbols>{b}).edits == naive_distance(a, b));
    }
}

TEST_CASE("matches are counted by length, and the worst come first", "[metrics]") {
    const std::vector<Match> matches{{0, 4, 0}, {2, 4, 0}, {3, 3, 0}, {0, 9, 0}, {1, 0, 0}};
    const std::vector<Index> lengths{3, 4, 3, 25, 0};
    MatchReport all;
    for (const Match& match : matches) all.add(match);
    CHECK(all.exact() == Approx(0.4));
    CHECK(all.symbol_error() == Approx(6.0 / 20));
    const auto buckets = by_length(matches, lengths);  // of three lengths each
    REQUIRE(buckets.size() == 3);
    CHECK(buckets[0].min == 0);
    CHECK(buckets[0].report.lines == 1);
    CHECK(buckets[1].min == 3);
    CHECK(buckets[1].max == 5);
    CHECK(buckets[1].report.edits == 5);
    CHECK(buckets[2].report.right == 1);
    CHECK(worst(matches, 2) == std::vector<Index>{2, 4});
    CHECK(worst(matches, 9) == std::vector<Index>{2, 4, 1});
    CHECK(by_length({}, {}).empty());
    CHECK(MatchReport().exact() == 0);
    CHECK(perplexity(std::vector{std::log(0.5), std::log(0.125)}) == Approx(4));
    CHECK(perplexity({}) == 1);
}
