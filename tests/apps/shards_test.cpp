// Stores in shards from the program.
#include "kvmem/core/file.hpp"
#include "support/two_stores.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;
namespace json = boost::json;

static void check_same_output(const TwoStores& stores, std::vector<std::string> arguments) {
    const auto place = std::ranges::find(arguments, "STORE");
    *place = stores.one;
    const Output of_one = kvmem_program(arguments);
    *place = stores.wiki;
    const Output of_shards = kvmem_program(arguments);
    CAPTURE(arguments, of_shards.err);
    CHECK(of_one.code == 0);
    CHECK(of_shards.code == 0);
    CHECK(of_one.out == of_shards.out);
}

TEST_CASE("the program does with a store in shards what it does with one file", "[program][store][shards]") {
    NEED_PROGRAM();
    const TwoStores stores;
    CHECK(fs::exists(stores.shard(2)));
    const auto check_queries = [&] {
        check_same_output(stores, {"query", "STORE", stores.queries, "--k", "12"});
        check_same_output(stores,
                          {"query", "STORE", stores.queries, "--k", "12", "--json", "--filter", "3-90,400-500"});
        check_same_output(stores, {"query", "STORE", stores.queries, "--read", "--json", "--temperature", "0.3"});
        check_same_output(stores, {"query", "STORE", stores.queries, "--probes", "3", "--json"});
        check_same_output(stores, {"query", "STORE", "--name", "name 77"});
        check_same_output(stores, {"store", "export", "STORE"});
    };
    check_queries();
    const json::value info = json::parse(kvmem_program({"inspect", stores.wiki, "--json"}).out);
    CHECK(info.at("slots").to_number<int>() == 700);
    CHECK(info.at("shards").as_array().size() == 3);
    CHECK_THAT(kvmem_program({"inspect", stores.wiki}).out, Catch::Contains("wiki.0-of-3.h5"));
    const std::string more = stores.files.write("more.txt", lines_of_numbers(3, 8, 4, true));
    for (const std::string& store : {stores.one, stores.wiki}) {
        CHECK(kvmem_program({"store", "remove", store, "--ids", "5,600-650"}).code == 0);
        // A store with value vectors takes no lines without them.
        CHECK(kvmem_program({"store", "add", store, more}).errors().size() == 1);
    }
    check_queries();
    for (const std::string& store : {stores.one, stores.wiki})
        CHECK(kvmem_program({"store", "compact", store}).code == 0);
    check_queries();
    fs::remove(stores.shard(1));
    for (const std::string verb : {"query", "inspect"}) {
        const Output failed =
            verb == "query" ? kvmem_program({verb, stores.wiki, stores.queries}) : kvmem_program({verb, stores.wiki});
        CHECK(failed.code == 1);
        REQUIRE(failed.errors().size() == 1);
        CHECK_THAT(failed.err, Catch::Contains("wiki.1-of-3.h5"));
    }
}

TEST_CASE("indexing into shards goes on where it was begun, and leaves nothing when it fails",
          "[program][store][shards]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string vectors = f.write("v.txt", lines_of_numbers(50, 4, 1, false)), store = f.path("s.json");
    const std::vector<std::string> make{"index", vectors, "-o", store, "--shards", "2"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), make.begin(), make.end());
        return kvmem_program(more);
    };
    CHECK(kvmem_program({"index", vectors, "-o", store, "--shards", "2000"}).code != 0);
    CHECK(with({"--lists", "99999999"}).code != 0);
    for (const auto& file : fs::directory_iterator(fs::path(store).parent_path()))
        CHECK_FALSE(file.path().filename().string().starts_with("s."));
    REQUIRE(with({}).code == 0);
    CHECK(with({}).code != 0);
    CHECK(with({"--resume"}).code == 0);
    CHECK(kvmem_program({"index", vectors, "-o", store, "--shards", "3", "--resume"}).code == 2);
    CHECK(kvmem_program({"index", vectors, "-o", store, "--resume"}).code == 0);
    CHECK_THAT(kvmem_program({"inspect", store}).out, Catch::StartsWith("store: 50 slots"));
    CHECK(kvmem_program({"query", store, "-", "--results", store}, "1 0 0 0\n").code != 0);
}
