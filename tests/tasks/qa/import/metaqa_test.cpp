#include "kvmem/tasks/qa/documents/postings.hpp"
#include "support/import_helpers.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace kvmem;
using namespace kvmem::test;

using Texts = std::vector<std::string>;

static const std::string kismet_facts =
    "Kismet|directed_by|William Dieterle\n"
    "Kismet|release_year|1944\n"
    "Syncopation|directed_by|William Dieterle\n";

static QaDataset import_texts(const std::string& kb, const std::string& train = {}) {
    MetaqaSources questions;
    if (!train.empty()) questions.train = {{Source{"train.txt", train}, {}}};
    QaDataset dataset = metaqa_from({"kb.txt", kb}, questions, {}, {});
    dataset.validate("test");
    return dataset;
}

TEST_CASE("a fact becomes two slots, one for each direction", "[import][metaqa]") {
    const QaDataset dataset = import_texts(kismet_facts);
    CHECK(slots(dataset, dataset.memory) ==
          Texts{"<Kismet> directed_by -> <William Dieterle>", "<William Dieterle> ~directed_by -> <Kismet>",
                "<Kismet> release_year -> <1944>", "<1944> ~release_year -> <Kismet>",
                "<Syncopation> directed_by -> <William Dieterle>", "<William Dieterle> ~directed_by -> <Syncopation>"});
    CHECK(dataset.splits.empty());
    CHECK(texts(dataset.vocabulary, dataset.candidates) == Texts{"Kismet", "William Dieterle", "1944", "Syncopation"});
}

TEST_CASE("a fact that is there twice is one fact", "[import][metaqa]") {
    CHECK(import_texts(kismet_facts + kismet_facts).memory == import_texts(kismet_facts).memory);
}

TEST_CASE("questions are words with entities in place of names", "[import][metaqa]") {
    const QaDataset dataset = import_texts(kismet_facts,
                                           "Who directed [Kismet]?\tWilliam Dieterle\n"
                                           "what did [William Dieterle] direct\tSyncopation|Kismet|Kismet\n"
                                           "who directed [Casablanca]\tMichael Curtiz\n"
                                           "who directed [Syncopation]\t\n");
    CHECK(questions(dataset, "train") == Texts{"who directed <Kismet> = <William Dieterle>",
                                               "what did <William Dieterle> direct = <Kismet> <Syncopation>",
                                               "who directed casablanca = <Michael Curtiz>",
                                               "who directed <Syncopation> = "});
    const Vocabulary& vocabulary = dataset.vocabulary;
    CHECK(vocabulary.count(*vocabulary.find(TokenKind::word, "who")) == 3);
    CHECK(contains(texts(vocabulary, dataset.candidates), "Michael Curtiz"));
    CHECK_FALSE(dataset.splits.at("train").has_local_memory());
}

TEST_CASE("words of other splits enter the vocabulary without a count", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {{Source{"train.txt", "who directed [Kismet]\tWilliam Dieterle\n"}, {}}};
    sources.test = {{Source{"test.txt", "who helmed [Kismet]\tWilliam Dieterle\n"}, {}}};
    const QaDataset dataset = metaqa_from({"kb.txt", kismet_facts}, sources, {}, {});
    CHECK(questions(dataset, "test") == Texts{"who helmed <Kismet> = <William Dieterle>"});
    CHECK(dataset.vocabulary.count(*dataset.vocabulary.find(TokenKind::word, "helmed")) == 0);
}

TEST_CASE("marks count only where brackets pair and hold a name as it is written", "[import][metaqa]") {
    const std::string known = "who directed [Kismet]\t1944\n";
    CHECK(questions(import_texts(kismet_facts, known + "who directed [kismet] or [Syncopation]\t1944\n"), "train")[1] ==
          "who directed <Kismet> or <Syncopation> = <1944>");
    CHECK(questions(import_texts(kismet_facts, known + "who directed [Kismet 1944]\t\n"), "train")[1] ==
          "who directed <Kismet> <1944> = ");
    for (const std::string text : {"who directed [Kismet", "who directed [", "who directed ]Kismet[", "[[Kismet]]"})
        CHECK_THAT(error_of([&] { import_texts(kismet_facts, known + text + "\t1944\n"); }),
                   Catch::Contains("brackets do not pair") && Catch::Contains("train.txt:2"));
}

TEST_CASE("without training questions the others tell words from names", "[import][metaqa]") {
    MetaqaSources sources;
    sources.test = {{Source{"test.txt", "who directed [Kismet]\tPaul Who\n"}, {}}};
    const QaDataset dataset =
        metaqa_from({"kb.txt", "Who|directed_by|Paul Who\nKismet|directed_by|Paul Who\n"}, sources, {}, {});
    CHECK(questions(dataset, "test") == Texts{"who directed <Kismet> = <Paul Who>"});
    CHECK(dataset.vocabulary.count(*dataset.vocabulary.find(TokenKind::word, "who")) == 0);
}

TEST_CASE("names without brackets are found once the facts are known", "[import][metaqa]") {
    const std::string kb = kismet_facts + "Who|directed_by|Geoff Murphy\n";
    const QaDataset dataset = import_texts(kb,
                                           "who directed Kismet\tWilliam Dieterle\n"
                                           "who directed Syncopation\tWilliam Dieterle\n");
    CHECK(questions(dataset, "train") ==
          Texts{"who directed <Kismet> = <William Dieterle>", "who directed <Syncopation> = <William Dieterle>"});
}

TEST_CASE("Windows line ends, a byte-order mark and blank lines are accepted", "[import][metaqa]") {
    const QaDataset dataset = import_texts("\ufeffA|r|B\r\n\r\n \nC|r|D");
    CHECK(slots(dataset, dataset.memory) == Texts{"<A> r -> <B>", "<B> ~r -> <A>", "<C> r -> <D>", "<D> ~r -> <C>"});
}

TEST_CASE("bad facts are errors that name the line", "[import][metaqa]") {
    const auto error = [](const std::string& kb) { return error_of([&] { import_texts(kb); }); };
    CHECK(error("A|r|B\nA|r\n") == "kb.txt:2: not a fact: expected subject|relation|object, got 2 fields");
    CHECK(error("A|r|B|C\n") == "kb.txt:1: not a fact: expected subject|relation|object, got 4 fields");
    CHECK(error("A|r|B\n\nA||B\n") == "kb.txt:3: a name is empty: expected a relation, got nothing");
    CHECK(error("A|r| \n") == "kb.txt:1: a name is empty: expected an object, got nothing");
    CHECK(error("|r|B\n") == "kb.txt:1: a name is empty: expected a subject, got nothing");
    CHECK_THAT(error("A|~r|B\n"), Catch::Contains("kb.txt:1") && Catch::Contains("'~'"));
    CHECK_THAT(error("A|r|B\nA|r|\xff\n"), Catch::Contains("kb.txt:2") && Catch::Contains("UTF-8"));
    CHECK_THAT(error(std::string("A|r|B\0\n", 7)), Catch::Contains("kb.txt:1") && Catch::Contains("NUL"));
    CHECK_THAT(error("A|r|B\x07\n"), Catch::Contains("kb.txt:1") && Catch::Contains("control"));
    CHECK_THAT(error("A|r|" + std::string(std::size_t{1} << 20, 'b')), Catch::Contains("1 MiB"));
    CHECK_THAT(error(""), Catch::Contains("kb.txt: the file is empty"));
    CHECK_THAT(error("\ufeff\r\n \n"), Catch::Contains("kb.txt: the file is empty"));
}

TEST_CASE("bad questions are errors that name the line", "[import][metaqa]") {
    const auto error = [](const std::string& train) { return error_of([&] { import_texts(kismet_facts, train); }); };
    const std::string good = "who [Kismet]\tX\n";
    CHECK(error(good + "who\n") == "train.txt:2: not a question: expected question<TAB>answer|answer, got 1 field");
    CHECK_THAT(error("who\tA\tB\n"), Catch::Contains("train.txt:1") && Catch::Contains("3 fields"));
    CHECK_THAT(error("who\tA||B\n"), Catch::Contains("train.txt:1") && Catch::Contains("an answer"));
    CHECK_THAT(error(good + "who [A\tB\n"), Catch::Contains("train.txt:2") && Catch::Contains("brackets"));
    CHECK_THAT(error(good + "who [[A]]\tB\n"), Catch::Contains("train.txt:2") && Catch::Contains("brackets"));
    CHECK_THAT(error("?!\tB\n"), Catch::Contains("train.txt:1") && Catch::Contains("no words"));
    CHECK_THAT(error("\tB\n"), Catch::Contains("train.txt:1") && Catch::Contains("no words"));
}

TEST_CASE("validation questions are drawn from the training questions by seed", "[import][metaqa]") {
    std::string train;
    for (int i = 0; i < 20; ++i) train += "question " + std::to_string(i) + " of [Kismet]\t1944\n";
    const auto drawn = [&](std::uint64_t seed, double fraction) {
        MetaqaSources sources;
        sources.train = {{Source{"train.txt", train}, {}}};
        ImportOptions options;
        options.valid_fraction = fraction;
        options.seed = seed;
        return metaqa_from({"kb.txt", kismet_facts}, sources, options, {});
    };
    const QaDataset dataset = drawn(1, 0.25);
    CHECK(dataset.splits.at("valid").size() == 5);
    CHECK(dataset.splits.at("train").size() == 15);
    for (const std::string& question : questions(dataset, "valid"))
        CHECK_FALSE(contains(questions(dataset, "train"), question));
    CHECK(questions(drawn(1, 0.25), "valid") == questions(dataset, "valid"));
    CHECK(questions(drawn(2, 0.25), "valid") != questions(dataset, "valid"));
    CHECK(drawn(1, 0.001).splits.at("valid").size() == 1);
    CHECK(drawn(1, 0.999).splits.at("train").size() == 1);
}

TEST_CASE("files are read by path, and what is wrong with them names them", "[import][metaqa]") {
    const TemporaryDirectory directory;
    const auto kb = directory.write("kb.txt", kismet_facts);
    ImportOptions options;
    options.title = "Films";
    options.source = "by hand";
    options.license = "CC0";
    options.train = {directory.write("train.txt", "who directed [Kismet]\tWilliam Dieterle\nwho is it\tKismet\n")};
    Index reported = 0;
    options.progress = [&](const std::string& what, Index lines) {
        CHECK_FALSE(what.empty());
        reported += lines;
    };
    const QaDataset dataset = import_metaqa(kb, options);
    CHECK(dataset.info.title == "Films");
    CHECK(dataset.info.source == "by hand");
    CHECK(dataset.info.license == "CC0");
    CHECK(questions(dataset, "train").size() == 2);
    CHECK(reported == 5);

    CHECK_THAT(error_of([&] { import_metaqa(directory.path() / "none.txt", options); }), Catch::Contains("none.txt"));
    CHECK_THROWS_AS(import_metaqa("", options), UsageError);
    CHECK_THAT(error_of([&] { import_metaqa(directory.path(), options); }), Catch::Contains("directory"));
    options.test = {directory.path() / "missing.txt"};
    CHECK_THAT(error_of([&] { import_metaqa(kb, options); }), Catch::Contains("missing.txt"));
}

TEST_CASE("a fraction for validation outside of (0, 1), or beside a file of them, is refused", "[import][metaqa]") {
    const TemporaryDirectory directory;
    const auto kb = directory.write("kb.txt", kismet_facts);
    ImportOptions options;
    options.train = {directory.write("train.txt", "who directed [Kismet]\tWilliam Dieterle\n")};
    for (const double fraction : {-0.1, 1.0, 7.0, std::numeric_limits<double>::quiet_NaN()}) {
        options.valid_fraction = fraction;
        CHECK_THROWS_AS(import_metaqa(kb, options), UsageError);
    }
    options.valid_fraction = 0.5;
    CHECK_THAT(error_of([&] { import_metaqa(kb, options); }), Catch::Contains("too few training questions"));
    options.valid = options.train;
    CHECK_THROWS_AS(import_metaqa(kb, options), UsageError);
}

TEST_CASE("facts are asked in the phrasings of training, without the keys of any question", "[import][metaqa]") {
    MetaqaSources sources;
    sources.train = {{Source{"train.txt",
                             "who directed [Kismet]\tWilliam Dieterle\n"
                             "which films did [Orson Welles] direct\tThe Stranger\n"},
                      {}}};
    sources.test = {{Source{"test.txt", "who made [Holiday]\tGeorge Cukor\n"}, {}}};
    sources.asked_facts = {"facts.tsv",
                           "Kismet\tdirected_by\tWilliam Dieterle\n"
                           "Holiday\tdirected_by\tGeorge Cukor\n"
                           "Holiday\trelease_year\t1938\n"
                           "The Stranger\tdirected_by\tOrson Welles\n"};
    const QaDataset dataset = metaqa_from({"kb.txt", kismet_facts}, sources, {}, {});
    Texts train = questions(dataset, "train");
    std::ranges::sort(train);
    CHECK(train == Texts{"which films did <George Cukor> direct = <Holiday>",
                         "which films did <Orson Welles> direct = <The Stranger>",
                         "which films did <William Dieterle> direct = <Kismet>",
                         "who directed <Kismet> = <William Dieterle>", "who directed <The Stranger> = <Orson Welles>"});
}

TEST_CASE("documents are the memory, and facts only name entities", "[import][metaqa]") {
    const TemporaryDirectory folder;
    ImportOptions options;
    options.documents = {folder.write("films.tsv", "Kismet\tWilliam Dieterle made it.\n")};
    MetaqaSources sources;
    sources.train = {{Source{"train.txt", "who directed [Kismet]\tWilliam Dieterle\n"}, {}}};
    const QaDataset dataset = metaqa_from({"kb.txt", kismet_facts}, sources, options, {});
    dataset.validate("test");
    REQUIRE(dataset.memory.size() == 2);
    CHECK(dataset.origin[0] == SlotOrigin{0, 7, 23});
    CHECK(dataset.documents->collection.documents[0].title == "Kismet");
    CHECK(dataset.candidates.size() == 4);
    save_dataset(dataset, folder / "x.h5");
    CHECK(load_dataset(folder / "x.h5").origin == dataset.origin);
}
