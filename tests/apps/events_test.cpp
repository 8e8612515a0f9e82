// kvmem import of events, kvmem synth shop.
#include "kvmem/tasks/recommendation/dataset.hpp"
#include "support/program_fixture.hpp"

using namespace kvmem;
using namespace kvmem::test;
using Catch::Contains;

namespace {

struct EventsFixture {
    TemporaryDirectory directory;
    std::string events = write("events.csv",
                               "who,what,when,did\nann,cup,2020-01-01,buy\nann,pot,2020-01-02,view\n"
                               "bob,cup,2020-01-03,buy\nann,cup,2020-01-05,buy\nbob,pot,2020-01-06,buy\n");
    std::string data = path("data.h5");

    std::string path(const std::string& name) const { return (directory.path() / name).string(); }
    std::string write(const std::string& name, std::string_view text) const {
        return directory.write(name, text).string();
    }
    Output import(std::vector<std::string> more) const {
        std::vector<std::string> arguments{"import", "events", "-o", data};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return kvmem_program(arguments);
    }
    std::vector<std::string> columns() const { return {events, "--user", "who", "--object", "what", "--time", "when"}; }
    Output import_with(std::initializer_list<std::string> more) const {
        std::vector<std::string> all = columns();
        all.insert(all.end(), more);
        return import(all);
    }
};

}  // namespace

TEST_CASE("a table of events is imported by its columns and split at moments", "[program]") {
    NEED_PROGRAM();
    const EventsFixture f;
    const std::string items = f.write("items.csv", "what,title,kind\ncup,A Cup,red|small\n");
    const Output done = f.import_with({"--action", "did", "--items", items, "--item-text", "title", "--item-features",
                                       "kind", "--valid-from", "2020-01-05", "--test-from", "2020-01-06", "--targets",
                                       "buy", "--title", "A shop"});
    INFO(done.err);
    REQUIRE(done.code == 0);
    CHECK(done.out.empty());
    CHECK_THAT(done.err, Contains("5 events, 2 users, 2 objects of item") && Contains("2 events to train on"));
    const EventsDataset dataset = load_events(f.data);
    CHECK(dataset.info.title == "A shop");
    CHECK(dataset.events.marked(EventMark::none) == std::vector<Index>{1});
    CHECK(dataset.events.marked(EventMark::valid) == std::vector<Index>{2});
    CHECK(dataset.events.marked(EventMark::test) == std::vector<Index>{4});
    CHECK(dataset.groups[0].shown(0) == "A Cup");
    CHECK(dataset.features[0].values.size() == 2);
}

TEST_CASE("an import tells what a split leaks, and of bad lines", "[program]") {
    NEED_PROGRAM();
    const EventsFixture f;
    const Output leaks = f.import_with({"--action", "=buy", "--split", "leave-last"});
    REQUIRE(leaks.code == 0);
    CHECK_THAT(leaks.err, Contains("leaks: "));
    const std::string bad = f.write("bad.csv", "u,i,t\nann,a,1\nann,b\nbob,c,3\nann,d,4\n");
    const std::vector<std::string> arguments = {bad, "--user", "u", "--object", "i", "--time", "t"};
    CHECK_THAT(f.import(arguments).err, Contains("bad.csv:3"));
    std::vector<std::string> skipping = arguments;
    skipping.insert(skipping.end(), {"--skip-bad", "--valid-share", "0", "--test-share", "0.4"});
    const Output done = f.import(skipping);
    CHECK(done.code == 0);
    CHECK_THAT(done.err, Contains("left out 1 bad line") && Contains("2 events to train on"));
}

TEST_CASE("wrong usage of an import of events is refused before anything is read", "[program]") {
    NEED_PROGRAM();
    const EventsFixture f;
    CHECK(f.import({f.events}).code == 2);
    CHECK_THAT(f.import_with({"--split", "random"}).err, Contains("time, last-basket, leave-last or own"));
    CHECK_THAT(f.import_with({"--split", "own", "--valid-share", "0.2"}).err, Contains("option of --split time"));
    CHECK_THAT(f.import_with({"--test", f.events}).err, Contains("--split own"));
    CHECK_THAT(f.import_with({"--time-form", "iso"}).err, Contains("year-first"));
    CHECK_THAT(f.import_with({"--user", "nobody"}).err, Contains("user"));
    CHECK(kvmem_program({"import", "movielens", f.path("none"), "-o", f.data}).code == 1);
    CHECK(kvmem_program({"import", "events", "--help"}).code == 0);
}

TEST_CASE("a shop is made up, and what can be reached on it is told", "[program]") {
    NEED_PROGRAM();
    const EventsFixture f;
    const Output done = kvmem_program({"synth", "shop", "-o", f.data, "--users", "30", "--items", "40", "--days", "60",
                                       "--off", "coupons,late-items"});
    INFO(done.err);
    REQUIRE(done.code == 0);
    CHECK_THAT(done.err, Contains("best reachable on test") && Contains("hit@10"));
    const EventsDataset dataset = load_events(f.data);
    CHECK_FALSE(dataset.events.true_rank.empty());
    CHECK_THAT(dataset.info.generator, Contains("--off coupons,late-items"));
    CHECK_THAT(kvmem_program({"synth", "shop", "-o", f.data, "--off", "rain"}).err, Contains("late-items"));
}
