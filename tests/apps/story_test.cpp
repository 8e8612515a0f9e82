// The program on stories: measured by task, asked about stories that are told.
#include "support/story_fixture.hpp"

#include <algorithm>
#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

static std::vector<json::value> lines_of(const std::string& text) {
    std::vector<json::value> lines;
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
        lines.push_back(json::parse(text.substr(at, text.find('\n', at) - at)));
    return lines;
}

TEST_CASE("stories are measured by task, and by what was read for the answers", "[program][stories]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    // The linear start is a phase of its own, and stories share no memory.
    CHECK_THAT(f.train_stories().err, Catch::Contains("phase 1 of 2  epoch 1 ") && !Catch::Contains("memory slot"));
    const Output table = kvmem_program({"evaluate", f.run, "--split", "valid"});
    CHECK(table.code == 0);
    CHECK_THAT(table.out, Catch::Contains("qa6") && Catch::Contains("mean over tasks") && Catch::Contains("hop 3") &&
                              Catch::Contains("of 2 tasks") && Catch::Contains("picked at random"));
    const json::value report = json::parse(kvmem_program({"evaluate", f.run, "--split", "valid", "--json"}).out);
    const json::array& tasks = report.at("tasks").as_array();
    REQUIRE(tasks.size() == 2);
    double error = 0;
    for (const json::value& task : tasks) {
        error += task.at("error").to_number<double>() / 2;
        CHECK(task.at("questions") == 40);
        CHECK(task.at("failed") == (task.at("error").to_number<double>() > 0.05));
        CHECK(task.at("support").at("most_read_by_mean_of_heads").as_array().size() == 3);
    }
    CHECK(report.at("mean_error").to_number<double>() == Approx(error));
    CHECK(report.at("hits_at_1").to_number<double>() == Approx(1 - error));  // tasks are equally large
    CHECK(report.at("support").at("questions") == 80);
    CHECK(report.at("support").at("chance").to_number<double>() > 0);
}

TEST_CASE("a model for each task, and one of several seeds, are measured as one", "[program][stories]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    f.train_stories({"--per-task", "--runs", "2"});
    const auto measure = [](const std::string& run) {
        const Output measured = kvmem_program({"evaluate", run, "--split", "valid", "--json"});
        INFO(measured.err);
        REQUIRE(measured.code == 0);
        return json::parse(measured.out);
    };
    const json::value all = measure(f.run);
    REQUIRE(all.at("tasks").as_array().size() == 2);
    for (const json::value& task : all.at("tasks").as_array()) {
        std::string name(task.at("name").as_string());
        std::ranges::replace(name, ' ', '_');
        const json::value alone = measure(f.run + "/" + name);
        REQUIRE(alone.at("tasks").as_array().size() == 1);
        CHECK(alone.at("tasks").at(0).at("error") == task.at("error"));
    }
    CHECK(all.at("questions") == 80);
    for (const auto& entry : std::filesystem::directory_iterator(f.run))
        if (entry.is_directory()) std::filesystem::remove_all(entry.path());
    check_fails(kvmem_program({"evaluate", f.run, "--split", "valid"}), 1, "no model here");
}

TEST_CASE("questions about a story are answered from its sentences so far", "[program][stories]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    f.train_stories();
    const std::string told =
        "Mary went to the park.\r\nJohn's zyzzyva barked.\n\nJohn went to the park.\nMary ran.\nWhere is Mary?\n"
        "Mary is <here>.\nWhere is John ?\n\n";
    const Output asked = f.ask(told);
    INFO(asked.err);
    CHECK(asked.code == 0);
    CHECK_THAT(asked.out, Catch::StartsWith("? Where is Mary?\n") &&
                              Catch::Contains("hop 3 of 3, reading 2 sentences") &&
                              Catch::Contains("  1  John went to the park.\n") &&
                              Catch::Contains("? Where is John ?\n") && Catch::Contains("reading 3 sentences") &&
                              Catch::Contains("  3  Mary is <here>.\n") && !Catch::Contains("barked"));
    // The same from stdin, and in bAbI's own lines.
    CHECK(kvmem_program({"ask", f.run, "--story", "-"}, told).out == asked.out);
    const std::vector<json::value> typed = lines_of(kvmem_program({"ask", f.run, "--json"}, told).out);
    REQUIRE(typed.size() == 2);
    CHECK(typed[1].at("slots") == 3);
    CHECK(typed[1].at("hops").as_array().size() == 3);
    const Output babi = f.ask(
        "1 Mary is a bee.\n2 Where is Mary? \tpark\t1\n1 John went to the park.\n2 Mary ran.\n"
        "3 Where is Mary?\tpark\t1 2\n4 Mary is <here>.\n5 Where is John ?\tpark\t1\n",
        {"--json"});
    REQUIRE(lines_of(babi.out).size() == 3);
    CHECK(lines_of(babi.out)[1] == typed[0]);
    CHECK(lines_of(babi.out)[2] == typed[1]);
    // A question on the command line is about the last story.
    const Output last = f.ask("Mary ran.\n\nJohn went to the park.\n\n", {"Where is John?"});
    CHECK(last.code == 0);
    CHECK_THAT(last.out, Catch::Contains("reading 1 sentence\n") && Catch::Contains("John went to the park."));
    CHECK_THAT(f.ask("Kofi zapped the quux.\nWhere can Kofi be found?\n").out,
               Catch::StartsWith("? Where can Kofi be found?\nunknown words: "
                                 "zapped, quux\n"));
}

TEST_CASE("what does not fit in the memory is said not to be read", "[program][stories]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    f.train_stories({"--memory", "5"});
    const auto story = [](int sentences) {
        std::string told;
        for (int i = 0; i < sentences; ++i) told += "Mary went to the park.\n";
        return told + "Where is Mary?\n";
    };
    CHECK_THAT(f.ask(story(5)).out, Catch::Contains("reading 5 sentences\n"));
    CHECK_THAT(f.ask(story(7)).out, Catch::Contains("reading 5 sentences, the last of 7\n"));
    const json::value all = lines_of(f.ask(story(5), {"--json"}).out).at(0);
    CHECK(all.at("slots") == 5);
    CHECK_FALSE(all.as_object().contains("unread_slots"));
    const json::value some = lines_of(f.ask(story(7), {"--json"}).out).at(0);
    CHECK(some.at("slots") == 5);
    CHECK(some.at("unread_slots") == 2);
}

TEST_CASE("what is asked of the program about a story is what training asked", "[program][stories]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    f.train_stories();
    std::string told;
    for (const auto& file : std::filesystem::directory_iterator(f.path("stories")))
        if (file.path().string().ends_with("_valid.txt")) told += read_file(file.path());
    const std::vector<json::value> answers = lines_of(f.ask(told, {"--json", "-k", "1"}).out);
    std::size_t question = 0, wrong = 0;
    for (std::size_t at = 0; at < told.size(); at = told.find('\n', at) + 1) {
        const std::string line = told.substr(at, told.find('\n', at) - at);
        const std::size_t tab = line.find('\t');
        if (tab == std::string::npos) continue;
        REQUIRE(question < answers.size());
        wrong +=
            answers[question++].at("answer").as_string() != line.substr(tab + 1, line.find('\t', tab + 1) - tab - 1);
    }
    const json::value report = json::parse(kvmem_program({"evaluate", f.run, "--split", "valid", "--json"}).out);
    CHECK(question == 80);
    CHECK(static_cast<double>(wrong) / 80 == Approx(report.at("mean_error").to_number<double>()));
}

TEST_CASE("stories that cannot be asked about are one clear error", "[program][stories]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    f.train_stories();
    check_fails(f.ask(""), 1, "story.txt");
    check_fails(f.ask(" \n\n"), 1, "empty");
    check_fails(f.ask("Mary ran.\n"), 1, "nothing was asked");
    check_fails(f.ask("\nWhere is Mary?\nMary ran.\n"), 1, "story.txt:2");
    check_fails(f.ask("Mary ran.\n\nWhere is Mary?\n"), 1, "before any sentence");
    check_fails(f.ask("Mary ran.\nMary \xff ran.\nWhere is Mary?\n"), 1, "UTF-8");
    check_fails(f.ask("Mary [ran.\nWhere is Mary?\n"), 1, "story.txt:1");
    check_fails(f.ask("Mary ran.\n...\nWhere is Mary?\n"), 1, "without words");
    check_fails(f.ask("Mary ran.\n?\n"), 1, "without words");
    check_fails(f.ask("/old\n"), 1, "/new");
    check_fails(f.ask("Mary ran.\n", {"Where [is"}), 1, "bracket");
    check_fails(kvmem_program({"ask", f.run, "--story", f.path("missing.txt")}), 1, "missing.txt");
    check_fails(kvmem_program({"ask", f.run, "Where is Mary?"}), 2, "--story");
    // What is typed goes on after an error.
    const Output typed = kvmem_program({"ask", f.run, "--json"}, "Where is Mary?\nMary ran.\nWhere is Mary?\n");
    check_fails(typed, 1, "before any sentence");
    CHECK(lines_of(typed.out).size() == 1);
    CHECK(kvmem_program({"ask", f.run}, "").code == 0);
}
