#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/documents/evaluate.hpp"
#include "kvmem/tasks/qa/documents/read.hpp"
#include "support/python.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <tuple>

using namespace kvmem;
using namespace kvmem::documents;

namespace {

std::shared_ptr<const Corpus> corpus_of(Collection collection) {
    auto corpus = std::make_shared<Corpus>();
    corpus->postings = make_postings(collection);
    corpus->collection = std::move(collection);
    return corpus;
}

std::shared_ptr<const Corpus> notes() {
    return corpus_of(collect(std::vector<TitledText>{
        {"Engines", "The steam engine was built by Savery in 1698. It pumped water.\n\nEngines are loud."},
        {"Cats", "Cats sleep a lot. A cat has four legs, and it hunts mice at night.\n\nMice fear cats."},
        {"Tea", "Tea is a drink.\n\nGreen tea comes from China."}}));
}

// Of which some disagree, or have letters that are hard to type.
std::shared_ptr<const Corpus> towers() {
    return corpus_of(collect(std::vector<TitledText>{
        {"Tower",
         "The tower was built in 1889. It cost $8 million, and 35% of that was steel. Its architect was Stephen "
         "Sauvestre."},
        {"Guide", "The tower was built in 1887."},
        {"Places", "Łódź lies in Poland. Søren Kierkegaard lived in Copenhagen. Foxes eat mice."}}));
}

std::string first(const Search& search, const Findings& found) {
    const Collection& all = search.corpus().collection;
    return found.answers.empty() ? "" : std::string(all.text_of(all.sentences[found.answers[0].sentence]));
}

}  // namespace

TEST_CASE("postings hold each stem of text, headings and titles by passage", "[documents]") {
    const Collection all = read_bytes("m.md", "# Cats\n\nA cat sleeps. Cats!\n\nMice.\n\n## Alone\n", Layout::markdown);
    const Postings postings = make_postings(all);
    postings.validate(all, "test");
    const Token cat = postings.find("cat");
    REQUIRE(cat >= 0);
    const Index first = postings.offsets[cat];
    CHECK(postings.offsets[cat + 1] - first == 3);  // but the heading itself
    CHECK(postings.passage[first] == 1);
    CHECK(postings.count[first] == 2);
    CHECK(postings.fields[first] == (in_heading | in_title));
    CHECK(postings.count[first + 1] == 0);
    CHECK(postings.find("cats") == -1);
    CHECK(stem("running", "english") == "run");
    CHECK(stem("film's", "none") == "film");
    CHECK(stem("huascarán", "english") == "huascaran");
    CHECK_THROWS_AS(make_postings(all, "klingon"), UsageError);
}

TEST_CASE("a passage's score is that of BM25", "[documents]") {
    const Search search(notes());
    const std::vector<Scored> found = search.passages("mice");
    const Corpus& corpus = search.corpus();
    const auto passages = static_cast<double>(corpus.collection.passages.size());
    const double idf = std::log(1 + (passages - 2 + 0.5) / 2.5);
    const double mean = static_cast<double>(corpus.collection.tokens.size()) / passages;
    const auto score = [&](double count, double length) {
        return idf * 2 * count / (count + 0.5 + 0.5 * length / mean);
    };
    REQUIRE(found.size() == 2);
    CHECK(found[0].number == 3);
    CHECK(found[0].score == Approx(score(1, 3)));
    CHECK(found[1].score == Approx(score(1, 15)));
}

TEST_CASE("a question is answered by a sentence with its bytes, and by nothing where nothing fits", "[documents]") {
    const Search search(notes());
    const Findings found = search.ask("Who built the steam engine?");
    CHECK(found.answered);
    CHECK(first(search, found) == "The steam engine was built by Savery in 1698.");
    double sum = 0;
    for (const double weight : found.answers[0].weights) sum += weight;
    CHECK(sum == Approx(1));
    CHECK(found.answers[0].weights.size() == found.words.size());
    CHECK_FALSE(search.ask("What is the capital of Peru?").answered);
    CHECK_FALSE(search.ask("?").answered);
    CHECK_THROWS_WITH(search.ask(" "), Catch::Contains("empty"));
    CHECK_FALSE(search.ask("xyzzy").answered);
    CHECK(search.ask("xyzzy").answers.empty());
    CHECK_THROWS_AS(search.ask("\xff"), Error);
    CHECK_THROWS_AS(search.ask("cats", {.answers = -1}), UsageError);
}

TEST_CASE("a name, a date, a number or a place is the answer where the question expects one", "[documents]") {
    for (const auto& [corpus, question, answer] :
         {std::tuple(notes(), "Who built the steam engine?", "Savery"),
          {notes(), "When was the steam engine built?", "1698"},
          {notes(), "How many legs has a cat?", "four"},
          {notes(), "Where does green tea come from?", "China"},
          {towers(), "What percentage was steel?", "35%"},
          {towers(), "Who was the architect of the tower?", "Stephen Sauvestre"},
          {towers(), "What do foxes eat?", "mice"}}) {
        CAPTURE(question);
        const Search search(corpus);
        const Findings found = search.ask(question);
        CHECK(short_answers(search.corpus().collection, found) == std::vector<std::string>{answer});
        REQUIRE(!found.answers.empty());
        REQUIRE(found.answers[0].span);
        CHECK(found.answers[0].span->bytes.size() == std::ssize(std::string(answer)));
        CHECK(found.answers[0].span->confidence <= 1);
    }
    const Search search(notes());
    CHECK(short_answers(search.corpus().collection, search.ask("xyzzy")).empty());
    CHECK_FALSE(search.ask("Who built the steam engine?", {.span_confidence = 2}).answers[0].span);
    CHECK_FALSE(search.ask("How did they build the steam engine?", {.span_confidence = 0}).answers[0].span);
}

TEST_CASE("an answer's span has its bytes in a file with markup", "[documents]") {
    const std::string html = "<p>The <b>tower</b> cost <i>&#36;8</i> million, about <b>1</b>&nbsp;200&euro; a day.";
    const Search search(corpus_of(read_bytes("t.html", html, Layout::html)));
    const Findings found = search.ask("How much did the tower cost?", {.span_confidence = 0});
    REQUIRE(!found.answers.empty());
    REQUIRE(found.answers[0].span);
    const Range bytes = found.answers[0].span->bytes, text = found.answers[0].span->text;
    CHECK(search.corpus().collection.text.substr(text.first, text.size()) == "8 million");
    CHECK(html.substr(bytes.first, bytes.size()) == "8</i> million");
}

TEST_CASE("a number with commas, points or colons is one answer", "[documents]") {
    const std::string text =
        "Hallmar has 18,450 inhabitants. The lamp costs 1,299.50 euros in the shop. The parcel arrived at 10:45 sharp.";
    const Search search(corpus_of(read_bytes("t.txt", text, Layout::text)));
    const auto answer = [&](const char* question) {
        const Findings found = search.ask(question, {.span_confidence = 0});
        REQUIRE(!found.answers.empty());
        REQUIRE(found.answers[0].span);
        const Range span = found.answers[0].span->text;
        return search.corpus().collection.text.substr(span.first, span.size());
    };
    CHECK(answer("How many inhabitants does Hallmar have?") == "18,450");
    CHECK(answer("How much does the lamp cost?").starts_with("1,299.50"));
    CHECK(answer("When did the parcel arrive?").starts_with("10:45"));
}

TEST_CASE("documents that disagree give several answers", "[documents]") {
    const Search search(towers());
    CHECK(short_answers(search.corpus().collection, search.ask("When was the tower built?")) ==
          std::vector<std::string>{"1887", "1889"});
    CHECK(short_answers(search.corpus().collection, search.ask("How much did the tower cost?")).size() == 1);
}

TEST_CASE("misspelt words and letters of other languages are found", "[documents]") {
    const Search search(towers());
    const auto answers = [&](const char* question) {
        return short_answers(search.corpus().collection, search.ask(question));
    };
    CHECK(answers("Where does Lodz lie?") == std::vector<std::string>{"Poland"});
    CHECK(answers("Where did Soren Kierkegaard live?") == std::vector<std::string>{"Copenhagen"});
    CHECK(answers("Where did Kirkegaard live?") == std::vector<std::string>{"Copenhagen"});
    const Findings found = search.ask("Where did Kirkegaard live?");
    CHECK(found.respelled == std::vector<std::pair<std::string, std::string>>{{"kirkegaard", "kierkegaard"}});
    CHECK(search.ask("Where did Kant live?").respelled.empty());
}

TEST_CASE("a misspelt word is read by characters, and says less than one that is spelled as the documents have it",
          "[documents]") {
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    const auto respelled = [](const char* text, const std::string& question) {
        return Search(corpus_of(collect(std::vector<TitledText>{{"", text}}))).ask(question).respelled;
    };
    CHECK(respelled("Столица России Москва.", "Где Масква?") == Pairs{{"масква", "москва"}});
    CHECK(respelled("Столица России Москва.", "Где Косква?").empty());
    CHECK(respelled("Łódź lies there, Zürich here.", "Zurch?") == Pairs{{"zurch", "zürich"}});
    // Function words say nothing of a subject.
    CHECK(respelled("Dogs were here, the whole day.", "Where, whose?").empty());
    // The first eight unknown words.
    std::string question;
    for (char c = 'a'; c < 'j'; ++c) question += std::string("unknown") + c + ' ';
    CHECK(respelled("The unknown.", question).size() == 8);

    const Search search(
        corpus_of(collect(std::vector<TitledText>{{"", "The parts lie in a box."}, {"", "Kierkegaard lived here."}})));
    const auto confidence = [&](const char* text) { return search.ask(text).answers.at(0).confidence; };
    CHECK(search.ask("Paris").respelled == Pairs{{"paris", "parts"}});
    CHECK(confidence("Paris") < 0.6 * confidence("parts"));
    CHECK(confidence("Kirkegaard") < confidence("Kierkegaard"));
    CHECK(confidence("Kirkegaard") > confidence("Paris"));
}

TEST_CASE("a question that is answered by none of no answers has no short answer", "[documents]") {
    const Search search(notes());
    const auto rank = [](std::string_view, const Collection&, std::span<const FoundAnswer> found) {
        return std::vector<double>(found.size());
    };
    const Findings found = search.ask("Who built the steam engine?", {.answers = 0, .rank = rank});
    CHECK(found.answered);
    CHECK(found.answers.empty());
    CHECK(short_answers(search.corpus().collection, found).empty());
}

TEST_CASE("a text of two lines answers what it says", "[documents]") {
    const Search search(corpus_of(collect(std::vector<TitledText>{{"", "Bob is my uncle.\nAlice lives in Rome."}})));
    CHECK(first(search, search.ask("Where does Alice live?")) == "Alice lives in Rome.");
    CHECK(search.ask("Where does Alice live?").answered);
    CHECK(first(search, search.ask("Who is Bob?")) == "Bob is my uncle.");
    CHECK_FALSE(search.ask("How tall is the tower?").answered);
}

TEST_CASE("documents that are left out answer nothing, and the others answer as before", "[documents]") {
    const Search search(notes());
    const Findings found =
        search.ask("Where does tea come from?", {.where = [](Index document) { return document != 2; }});
    for (const FoundAnswer& answer : found.answers) CHECK(answer.document != 2);
    CHECK(first(search, search.ask("Where does tea come from?")) == "Green tea comes from China.");
}

TEST_CASE("several threads may ask one search at once", "[documents]") {
    const Search search(notes());
    const double alone = search.ask("Which animal hunts mice?").answers.at(0).confidence;
    std::vector<double> all(200);
    parallel_for(200, 1, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) all[i] = search.ask("Which animal hunts mice?").answers.at(0).confidence;
    });
    for (const double confidence : all) CHECK(confidence == alone);
}

TEST_CASE("documents come back from a data set as they were", "[documents]") {
    const test::TemporaryDirectory folder;
    QaDataset dataset;
    const std::string squad =
        R"({"data": [{"title": "T", "paragraphs": [{"context": "Zoë ran.", "qas": [{"question": "Who ran?",
        "answers": [{"text": "Zoë", "answer_start": 0}]}]}]}]})";
    Collection squads = read_bytes("s.json", squad, Layout::squad);
    const Collection html = read_bytes("h.html", "<h1>A</h1><p>one <b>two</b></p><pre>x\ny</pre>", Layout::html);
    dataset.documents = corpus_of(merge(std::vector<Piece>{{&squads, 0}, {&html, 0}}));
    save_dataset(dataset, folder / "d.h5");
    CHECK(*load_dataset(folder / "d.h5").documents == *dataset.documents);
    CHECK(*load_documents(folder / "d.h5") == *dataset.documents);
    save_dataset({}, folder / "none.h5");
    CHECK(load_dataset(folder / "none.h5").documents == nullptr);
    CHECK_THROWS_AS(load_documents(folder / "none.h5"), Error);
}

TEST_CASE("numbers of documents that do not fit are refused", "[documents]") {
    const Corpus good = *notes();
    const auto refuses = [&](auto change) {
        Corpus bad = good;
        change(bad);
        try {
            bad.collection.validate("test");
            bad.postings.validate(bad.collection, "test");
        } catch (const Error&) {
            return true;
        }
        return false;
    };
    CHECK_FALSE(refuses([](Corpus&) {}));
    CHECK(refuses([](Corpus& c) { c.collection.tokens[0].word = 1 << 30; }));
    CHECK(refuses([](Corpus& c) { c.collection.tokens[0].begin = -1; }));
    CHECK(refuses([](Corpus& c) { c.collection.sentences[0].tokens.last += 1; }));
    CHECK(refuses([](Corpus& c) { c.collection.sentences[0].bytes.last = 1 << 30; }));
    CHECK(refuses([](Corpus& c) { c.collection.passages[1].heading = 0; }));
    CHECK(refuses([](Corpus& c) { c.collection.files[0].documents.last = 5; }));
    CHECK(refuses([](Corpus& c) { std::swap(c.collection.words[0], c.collection.words[1]); }));
    CHECK(refuses([](Corpus& c) { c.postings.passage[0] = -1; }));
    CHECK(refuses([](Corpus& c) { c.postings.offsets[1] = 1 << 30; }));
    CHECK(refuses([](Corpus& c) { c.postings.stem_of.pop_back(); }));
}

TEST_CASE("a ranking of one's own orders what a search found", "[documents]") {
    const Search search(notes());
    const SentenceRanking backwards = [](std::string_view, const Collection&, std::span<const FoundAnswer> found) {
        std::vector<double> scores;
        for (const FoundAnswer& one : found) scores.push_back(-one.confidence);
        return scores;
    };
    const Findings usual = search.ask("What do cats sleep?", {.threshold = 0});
    const Findings ranked = search.ask("What do cats sleep?", {.threshold = 0, .rank = backwards});
    REQUIRE(usual.answers.size() > 1);
    CHECK(ranked.answered == usual.answered);
    CHECK(ranked.answers.front().confidence <= ranked.answers.back().confidence);
    CHECK(search.ask("zzz", {.rank = backwards}).answers.empty());
}

TEST_CASE("questions with their answers measure a search", "[documents]") {
    const std::string squad =
        R"({"data": [{"title": "A", "paragraphs": [{"context": "The red fox ran. It was late.", "qas": [{"question": "What did the red fox do?",)"
        R"("answers": [{"text": "ran", "answer_start": 12}]}]}]}, {"title": "B", "paragraphs": [{"context": "Green tea is a drink.",)"
        R"("qas": [{"question": "What is green tea?", "answers": [{"text": "a drink", "answer_start": 13}]}]}]}]})";
    const Search search(corpus_of(read_bytes("s.json", squad, Layout::squad)));
    const SearchMetrics metrics = evaluate(search);
    CHECK(metrics.questions == 2);
    CHECK(metrics.hits_at_1 == 1);
    CHECK(metrics.mrr_at_10 == 1);
    CHECK(metrics.spans > 0);
    CHECK(metrics.f1 > 0.4);
    CHECK(metrics.refused == 1);
    CHECK_THROWS_AS(evaluate(Search(notes())), Error);
}

TEST_CASE("an answer is exact with the words of a right one in their order", "[documents]") {
    for (const char* begin : {"29", "44"}) {
        const std::string squad = std::string(R"({"data": [{"title": "A", "paragraphs": [{"context": )") +
                                  R"("The steam engine was made by Thomas Savery. Savery Thomas was old.", "qas": [)" +
                                  R"({"question": "Who made the steam engine?", "answers": [{"text": ")" +
                                  (begin[0] == '2' ? "Thomas Savery" : "Savery Thomas") + R"(", "answer_start": )" +
                                  begin + "}]}]}]}]}";
        const SearchMetrics metrics = evaluate(Search(corpus_of(read_bytes("s.json", squad, Layout::squad))));
        CHECK(metrics.f1 == 1);
        CHECK(metrics.exact == (begin[0] == '2' ? 1 : 0));
    }
}

TEST_CASE("the documents of a data set can be read by h5py as the specification says", "[documents]") {
    if (!test::has_h5py()) return;
    const test::TemporaryDirectory folder;
    QaDataset dataset;
    dataset.documents = notes();
    save_dataset(dataset, folder / "notes.h5");
    const std::string check = test::code_in_readme("### Documents in Python", "python") +
                              "assert texts[3] == 'Cats sleep a lot.', texts\n"
                              "assert words_of(0)[:3] == [b'the', b'steam', b'engine'], words_of(0)\n"
                              "assert passages_with(b'mice') == [2, 3], passages_with(b'mice')\n";
    CHECK(test::python(check, folder.path()));
}
