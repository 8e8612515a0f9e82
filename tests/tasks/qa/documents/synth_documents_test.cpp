#include "kvmem/tasks/qa/documents/synth_documents.hpp"

#include "kvmem/core/error.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace kvmem;
using namespace kvmem::documents;
using test::TemporaryDirectory;

namespace {

using Lines = std::vector<std::string>;

const Statements statements{{"capital", {"{subject} has the capital {object}", "{object} governs {subject}"}},
                            {"speaks", {"{subject} speaks {object}", "one hears {object} in {subject}'s streets"}}};

QaDataset facts() {
    return kb_from({{"facts.tsv",
                     "Peru\tcapital\tLima\nPeru\tspeaks\tSpanish\nPeru\tspeaks\tQuechua\n"
                     "Peru\tborders\tChile\nChile\tcapital\tSantiago\n"}},
                   {}, {}, {}, {});
}

Lines sentences_of(const ToldDocument& document) {
    Lines lines;
    for (const ToldSentence& sentence : document.sentences) lines.push_back(sentence.text);
    return lines;
}

}  // namespace

TEST_CASE("each relation of a subject is one statement, with all of its objects", "[synth_documents]") {
    const auto told = tell_facts(facts(), statements, {.all_templates = false});
    REQUIRE(told.size() == 2);
    Lines peru = sentences_of(told[0]);
    std::ranges::sort(peru);
    CHECK(peru == Lines{"Peru has the capital Lima.", "Peru speaks Spanish and Quechua."});
    CHECK(sentences_of(told[1]) == Lines{"Chile has the capital Santiago."});
}

TEST_CASE("a sentence records the facts that it states", "[synth_documents]") {
    const QaDataset dataset = facts();
    const auto told = tell_facts(dataset, statements, {.conjunction = 1});
    Index count = 0;
    for (const ToldDocument& document : told)
        for (const ToldSentence& sentence : document.sentences)
            for (const auto& [relation, object] : sentence.support) {
                CHECK(sentence.text.find(dataset.vocabulary.text(object)) != std::string::npos);
                ++count;
            }
    CHECK(count == 4);
}

TEST_CASE("statements are joined by and, and later mentions of the subject are pronouns", "[synth_documents]") {
    std::set<std::string> joined, pronouns;
    for (std::uint64_t seed = 1; seed < 40; ++seed) {
        joined.merge([&] {
            const Lines lines = sentences_of(tell_facts(facts(), statements, {.conjunction = 1, .seed = seed})[0]);
            return std::set(lines.begin(), lines.end());
        }());
        pronouns.insert(sentences_of(tell_facts(facts(), statements, {.coreference = 1, .seed = seed})[0])[1]);
    }
    CHECK(joined.contains("Peru has the capital Lima and speaks Spanish and Quechua."));
    CHECK_FALSE(joined.contains("Lima governs Peru and speaks Spanish and Quechua."));
    CHECK(pronouns == std::set<std::string>{"It has the capital Lima.", "Lima governs it.",
                                            "It speaks Spanish and Quechua.",
                                            "One hears Spanish and Quechua in its streets."});
}

TEST_CASE("the same seed tells the same documents", "[synth_documents]") {
    const SynthDocumentsOptions options{.conjunction = 0.5, .coreference = 0.8};
    CHECK(sentences_of(tell_facts(facts(), statements, options)[0]) ==
          sentences_of(tell_facts(facts(), statements, options)[0]));
}

TEST_CASE("statements need a subject and an object, and probabilities are probabilities", "[synth_documents]") {
    const TemporaryDirectory folder;
    CHECK_THROWS_AS(read_statements(folder.write("s.tsv", "capital\t{subject} has one\n")), Error);
    CHECK(read_statements(folder.write("s.tsv", "# x\ncapital\t{subject} has {object}\n")).at("capital") ==
          Lines{"{subject} has {object}"});
    CHECK_THROWS_AS(tell_facts(facts(), statements, {.conjunction = 1.5}), UsageError);
    CHECK_THROWS_AS(tell_facts(facts(), {}, {}), Error);
}
