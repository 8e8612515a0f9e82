// kvmem import: options that only some layouts have.
#include "support/program_fixture.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

namespace {

// MetaQA's layout, small: files of questions of one and two hops, types beside them.
struct HopsFixture : ProgramFixture {
    std::string kb = write("kb.txt", "Kismet|directed_by|William Dieterle\nKismet|release_year|1944\n");
    std::string train = questions("train.txt", "one", 20), dev = questions("dev.txt", "one", 10);
    std::string more = questions("more.txt", "two", 10);

    std::string questions(const std::string& name, const std::string& word, int count) const {
        std::string text, types;
        for (int i = 0; i < count; ++i) {
            text += word + " phrasing " + std::to_string(i % 5) + " of [Kismet]\t1944\n";
            types += word + "\n";
        }
        write("qa_" + name.substr(0, name.find('.')) + "_qtype.txt", types);
        return write(name, text);
    }
    Output import_metaqa(std::vector<std::string> options) const {
        std::vector<std::string> arguments{"import", "metaqa", "--kb", kb, "--output", data};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return kvmem_program(arguments);
    }
    // The questions of the splits that were written.
    std::string sizes() const {
        const json::value report = json::parse(kvmem_program({"inspect", data, "--json"}).out);
        std::string text;
        for (const char* split : {"train", "valid", "test"})
            if (const auto* of = report.at("splits").as_object().if_contains(split))
                text += std::string(text.empty() ? "" : " ") + split + " " + json::serialize(of->at("examples"));
        return text;
    }
};

}  // namespace

TEST_CASE("MetaQA's files of several hops make one data set", "[program]") {
    NEED_PROGRAM();
    const HopsFixture f;
    const std::vector<std::string> files{"--train", f.train, "--test", f.dev, "--split", f.more, f.more};
    const auto imported = [&](std::vector<std::string> more) {
        more.insert(more.begin(), files.begin(), files.end());
        const Output done = f.import_metaqa(more);
        INFO(done.err);
        REQUIRE(done.code == 0);
        return f.sizes();
    };
    CHECK(imported({}) == "train 36 valid 2 test 12");
    CHECK(imported({"--valid-fraction", "0.1"}) == "train 34 valid 4 test 12");
    CHECK(imported({"--limit", "5"}) == "train 15 valid 2 test 12");
    CHECK(imported({"--without-marks", "test"}) == "train 36 valid 2 test 12");
    CHECK_THAT(imported({"--hold-out-phrasings", "2"}),
               Catch::Contains("test 20"));  // 2 of 5 phrasings of 50 questions
    REQUIRE(f.import_metaqa({"--train", f.train, f.dev, f.more}).code == 0);
    CHECK(f.sizes() == "train 40");
}

TEST_CASE("tasks of bAbI are whole numbers between commas", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string folder = f.path("stories");
    REQUIRE(kvmem_program({"synth", "stories", "--tasks", "1,6", "--questions", "10", "-o", folder}).code == 0);
    const auto import = [&](const std::string& tasks) {
        return kvmem_program({"import", "babi", folder, "--tasks=" + tasks, "-o", f.data});
    };
    for (const char* tasks : {"1,-6", "+1", "1, 6", "1,,6", "one", "1-6", "99999999999999999999"})
        check_fails(import(tasks), 2, "no such tasks");
    CHECK(import("1,6").code == 0);
}

TEST_CASE("what MetaQA's options cannot mean is refused", "[program]") {
    NEED_PROGRAM();
    const HopsFixture f;
    f.write("data.h5", "precious");
    check_fails(f.import_metaqa({"--train", f.train, "--without-marks", "valid"}), 2, "none, test or all");
    check_fails(f.import_metaqa({"--train", f.train, "--limit", "-1"}), 2, "training questions of each file");
    check_fails(f.import_metaqa({"--train", f.train, "--hold-out-phrasings=-1"}), 2, "phrasings to hold out");
    check_fails(f.import_metaqa({"--train", f.train, f.path("missing.txt")}), 1, "missing.txt");
    check_fails(f.import_metaqa({"--train", f.train, "--keys-per-path", "3"}), 2, "--keys-per-path");
    check_fails(kvmem_program({"import", "kb", "--facts", f.facts, "--split", f.more, "--output", f.data}), 2,
                "--split is not an option of kb");
    check_fails(kvmem_program({"import", "kb", "--facts", f.facts, "--keys-per-path", "0", "--output", f.data}), 2,
                "entities for each path");
    f.write("qa_more_qtype.txt", "two\n");
    check_fails(f.import_metaqa({"--split", f.more}), 1, "qa_more_qtype.txt: not as many types as questions");
    CHECK(read_file(f.data) == "precious");
}

TEST_CASE("templates of several hops have tasks that evaluate reports", "[program]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.write("templates.tsv", templates_text + "~capital > speaks\tthe language where {} governs\ttrain\n" +
                                 "~capital > speaks\twhere {} governs people speak what\ttest\n");
    f.import_and_train();
    const Output evaluated = kvmem_program({"evaluate", f.run});
    CHECK(evaluated.code == 0);
    CHECK_THAT(evaluated.out, Catch::Contains("1 hop ") && Catch::Contains("2 hops "));
}
