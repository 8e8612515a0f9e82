// The program on events: train, resume, evaluate beside the floors, recommend with reasons.
#include "support/program_fixture.hpp"
#include "support/ring_events.hpp"

#include "kvmem/core/file.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <sstream>

using namespace kvmem;
using test::kvmem_program;
using test::Output;

namespace {
struct RingRun {
    test::TemporaryDirectory directory;
    std::string data = path("ring.h5"), run = path("run");

    RingRun() { save_events(test::ring_events(24, 14, 20), data); }
    std::string path(const std::string& name) const { return (directory.path() / name).string(); }
    Output train(const std::string& to, std::vector<std::string> more) const {
        std::vector<std::string> arguments{"train", data, "--run", to};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return kvmem_program(arguments);
    }
};
}  // namespace

TEST_CASE("the program trains on events, measures beside the floors, and recommends", "[program][recommend]") {
    NEED_PROGRAM();
    const RingRun ring;
    const Output trained =
        ring.train(ring.run, {"--model", "sasrec", "--width", "16", "--layers", "1", "--dropout", "0", "--loss",
                              "softmax", "--rate", "0.02", "--epochs", "20", "--batch", "8"});
    INFO(trained.err);
    REQUIRE(trained.code == 0);
    const Output table = kvmem_program({"evaluate", ring.run, "--k", "1"});
    INFO(table.out << table.err);
    REQUIRE(table.code == 0);
    for (const char* name : {"popularity", "recent popularity", "own items", "item-knn", "95 %", "hits at 1"})
        CHECK(table.out.find(name) != std::string::npos);
    const Output json = kvmem_program({"evaluate", ring.run, "--json", "--targets", "item", "--seen", "out"});
    CHECK(json.out.find("\"ndcg_less_that_of\"") != std::string::npos);
    const Output named = kvmem_program({"recommend", ring.run, "item 2", "i3", "--k", "1"});
    INFO(named.out << named.err);
    CHECK(named.out.find("Item 4") != std::string::npos);
    const Output reasons = kvmem_program({"recommend", ring.run, "--user", "u1", "--explain", "--json", "--k", "2"});
    CHECK(reasons.out.find("\"by\":\"head 1\"") != std::string::npos);
    // Of one event all heads say the same, which is shown once.
    CHECK(kvmem_program({"recommend", ring.run, "i3", "--explain", "--k", "1"}).out.find("  head 1, head 2 1.00  ") !=
          std::string::npos);
    const Output only = kvmem_program({"recommend", ring.run, "i3", "--only", "parity=odd", "--k", "9"});
    CHECK(only.out.find("Item 4") == std::string::npos);
    CHECK(only.out.find("Item 5") != std::string::npos);
    CHECK(kvmem_program({"plot", ring.run}).code == 0);
    CHECK(kvmem_program({"inspect", ring.run + "/model-best.h5"}).out.find("items") != std::string::npos);
}

TEST_CASE("users of a file, or all, get what each gets alone", "[program][recommend]") {
    NEED_PROGRAM();
    const RingRun ring;
    REQUIRE(ring.train(ring.run, {"--model", "item-knn"}).code == 0);
    replace_file(ring.path("users"), "u3\nu1\n\nu3\n");
    const Output lines = kvmem_program({"recommend", ring.run, "--users", ring.path("users"), "--k", "2"});
    std::string expected;
    for (const std::string user : {"u3", "u1", "u3"}) {
        std::istringstream alone(kvmem_program({"recommend", ring.run, "--user", user, "--k", "2"}).out);
        for (std::string line; std::getline(alone, line);) expected += user + "\t" + line + "\n";
    }
    CHECK(lines.out == expected);
    const Output json = kvmem_program({"recommend", ring.run, "--users", "all", "--json", "--explain"});
    CHECK(std::ranges::count(json.out, '\n') == 24);
    CHECK(json.out.find("{\"user\":\"u0\",\"events\":") == 0);
    replace_file(ring.path("users"), "u3\nnobody\n");
    check_refused(kvmem_program({"recommend", ring.run, "--users", ring.path("users")}));
    check_refused(kvmem_program({"recommend", ring.run, "--users", "all", "--user", "u1"}));
    check_refused(kvmem_program({"recommend", ring.run, "--users", "all", "--explain"}));
}

TEST_CASE("models that count make runs, too, and can stand against others", "[program][recommend]") {
    NEED_PROGRAM();
    const RingRun ring;
    REQUIRE(ring.train(ring.run, {"--model", "item-knn"}).code == 0);
    REQUIRE(ring.train(ring.path("other"), {"--model", "popularity", "--half-life", "3"}).code == 0);
    const Output table = kvmem_program({"evaluate", ring.run, "--against", ring.path("other"), "--live"});
    INFO(table.out << table.err);
    REQUIRE(table.code == 0);
    CHECK(table.out.find("other") != std::string::npos);
    const Output drawn =
        kvmem_program({"evaluate", ring.run, "--against", ring.path("other"), "--live", "--drawn", "--json"});
    INFO(drawn.out << drawn.err);
    REQUIRE(drawn.code == 0);
    const boost::json::value counts = boost::json::parse(drawn.out);
    CHECK(counts.at("queries").as_int64() == 24);
    REQUIRE(counts.at("models").as_array().size() == 6);
    const auto auc_of = [&](std::size_t i) { return counts.at("models").at(i).at("auc").as_double(); };
    CHECK(auc_of(5) == auc_of(3));  // the same neighbours
    CHECK(auc_of(5) > 0.5);         // the next item of the ring
    CHECK(auc_of(4) < auc_of(5));
    CHECK(kvmem_program({"recommend", ring.run, "i3", "--seen", "out", "--at", "1970-01-09"}).code == 0);
}

TEST_CASE("events of a file count as those of the data set", "[program][recommend]") {
    NEED_PROGRAM();
    const RingRun ring;
    REQUIRE(ring.train(ring.run, {"--model", "item-knn"}).code == 0);
    replace_file(ring.path("new.tsv"), "new\ti2\t1971-01-01\nnew\ti3\t1971-01-02\n");
    const Output added =
        kvmem_program({"recommend", ring.run, "--user", "new", "--add", ring.path("new.tsv"), "--k", "1", "--json"});
    const Output typed = kvmem_program({"recommend", ring.run, "i2", "i3", "--k", "1", "--json"});
    INFO(added.out << added.err);
    CHECK(added.code == 0);
    CHECK(added.out.find("\"events\":2") != std::string::npos);
    CHECK(added.out.find("Item 4") != std::string::npos);
    CHECK(typed.out.find("Item 4") != std::string::npos);
    for (const char* wrong : {"new\ti2\n", "new\ti2\tnever\n", "new\tnothing\t1971-01-01\n"}) {
        replace_file(ring.path("wrong.tsv"), wrong);
        check_refused(kvmem_program({"recommend", ring.run, "i2", "--add", ring.path("wrong.tsv")}));
    }
}

TEST_CASE("items of a table are recommended by their features", "[program][recommend]") {
    NEED_PROGRAM();
    const RingRun ring;
    REQUIRE(ring.train(ring.run, {"--model", "sasrec", "--width", "8", "--epochs", "1"}).code == 0);
    replace_file(ring.path("new.csv"), "id,parity,title\nn1,odd,The new one\nn2,unheard,Another\n");
    replace_file(ring.path("new.tsv"), "new\tn2\t1971-01-01\n");
    const std::vector<std::string> recommend{"recommend", ring.run, "--items", ring.path("new.csv"), "--k", "22"};
    const auto more = [&](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), recommend.begin(), recommend.end());
        return kvmem_program(arguments);
    };
    const Output named = more({"i3", "n1", "--item-text", "title"});
    INFO(named.out << named.err);
    CHECK(named.code == 0);
    CHECK(named.out.find("The new one") != std::string::npos);
    CHECK(named.err.find("does not know: 1") != std::string::npos);
    CHECK(named.err.find("no feature is known of 1 new item, scored as average: n2") != std::string::npos);
    CHECK(more({"i3", "n1"}).out == named.out);  // the one column of words
    replace_file(ring.path("semicolons.csv"), "id;parity;title\nn1;odd;The new one\n");
    check_fails(kvmem_program({"recommend", ring.run, "i3", "--items", ring.path("semicolons.csv")}), 1,
                "a comma between columns, got a semicolon");
    CHECK(more({"--user", "new", "--add", ring.path("new.tsv")}).out.find("The new one") != std::string::npos);
    for (const std::vector<std::string>& wrong :
         std::vector<std::vector<std::string>>{{"i3", "--item-features", "title"}, {"i3", "--item-id", "none"}}) {
        check_refused(more(wrong));
    }
}

TEST_CASE("a store of items finds for a user what the model recommends", "[program][recommend]") {
    NEED_PROGRAM();
    const RingRun ring;
    REQUIRE(ring.train(ring.run, {"--model", "sasrec", "--width", "8", "--epochs", "2"}).code == 0);
    const std::string items = ring.path("items.store"), users = ring.path("users.store");
    REQUIRE(kvmem_program({"index", "--run", ring.run, "-o", items, "--form", "float32"}).code == 0);
    REQUIRE(kvmem_program({"index", "--run", ring.run, "--histories", "-o", users}).code == 0);
    const Output best = kvmem_program({"recommend", ring.run, "--user", "u1", "--k", "1"});
    const std::string name = best.out.substr(2, best.out.find('\t', 2) - 2);
    const Output by_run = kvmem_program({"query", items, "--run", ring.run, "--user", "u1", "--k", "1"});
    const Output by_store = kvmem_program({"query", items, "--name", "u1", "--of", users, "--k", "1"});
    INFO(best.out << by_run.out << by_run.err << by_store.out << by_store.err);
    CHECK(by_run.out.find(name) != std::string::npos);
    CHECK(by_store.out.find(name) != std::string::npos);
    REQUIRE(ring.train(ring.path("counts"), {"--model", "item-knn"}).code == 0);
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
             {"index", "--run", ring.path("counts"), "-o", ring.path("none")},
             {"index", "--run", ring.run, "-o", ring.path("none"), "--metric", "cosine"},
             {"query", items, "--user", "u1"},
             {"query", items, "--run", ring.run, "--user", "nobody"},
             {"query", items, "--run", ring.run, "--user", "u1", "--text", "i1"},
             {"query", items, "--name", "u1", "--of", ring.run},
             {"query", items, "--run", ring.run, "--of", users}}) {
        check_refused(kvmem_program(wrong));
    }
}

TEST_CASE("recommending without sense is refused in a line", "[program][recommend]") {
    NEED_PROGRAM();
    const RingRun ring;
    REQUIRE(ring.train(ring.run, {"--model", "popularity"}).code == 0);
    for (const std::vector<std::string>& wrong :
         std::vector<std::vector<std::string>>{{"nothing"},
                                               {"item"},
                                               {"--user", "nobody"},
                                               {"--only", "parity=none"},
                                               {"i1", "--at", "never"},
                                               {"--user", "u1", "i2"},
                                               {"i1", "--item-text", "title"},
                                               {"i1", "--item-features", "parity"},
                                               {"--k", "0"},
                                               {"--history", ring.path("none")}}) {
        std::vector<std::string> arguments{"recommend", ring.run};
        arguments.insert(arguments.end(), wrong.begin(), wrong.end());
        INFO(wrong[0]);
        check_refused(kvmem_program(arguments));
    }
    CHECK(kvmem_program({"evaluate", ring.run, "--seen", "maybe"}).code == 2);
}

TEST_CASE("a run whose configuration is damaged or names an unknown model is of no task", "[program][recommend]") {
    NEED_PROGRAM();
    const test::ProgramFixture f;
    std::filesystem::create_directories(f.path("broken"));
    for (const char* config : {"{\"model\":", R"({"model":{"model":"no-such"}})"}) {
        f.write("broken/config.json", config);
        const Output output = kvmem_program({"recommend", f.path("broken"), "--user", "ann"});
        CHECK(output.code == 1);
        CHECK_THAT(output.err, Catch::Contains("broken/config.json") && !Catch::Contains("recommends nothing"));
    }
}
