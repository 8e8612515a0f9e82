// A memory in shards behind a front.
#include "support/fake_server.hpp"
#include "support/program_fixture.hpp"
#include "support/served_program.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

namespace {

// A trained run, and its facts in three shards.
struct DealtFacts : ProgramFixture {
    // `documents`: how they are read instead of the facts, or nothing.
    explicit DealtFacts(const std::vector<std::string>& model, const std::string& documents = {}) {
        if (documents.empty())
            import();
        else
            read_documents(documents);
        const Output trained = train(model);
        INFO(trained.err);
        REQUIRE(trained.code == 0);
        REQUIRE(kvmem_program({"shard", data, "-o", path("facts.json"), "--shards", "3"}).code == 0);
    }
    void read_documents(const std::string& representation) const {
        std::string notes;
        for (int i = 0; i < 40; ++i) {
            const std::string n = std::to_string(i);
            notes += "Oldland" + n + "\tOldville" + n + " is the capital of Oldland" + n +
                     ". People there speak Oldese" + std::to_string(i % 7) + ".\n";
        }
        const Output done = kvmem_program({"import", "kb", "--facts", facts, "--templates", templates, "--documents",
                                           write("notes.tsv", notes), "--representation", representation, "--output",
                                           data, "--valid-fraction", "0.2"});
        INFO(done.err);
        REQUIRE(done.code == 0);
    }
    std::string shard(int i) const { return path("facts." + std::to_string(i) + "-of-3.h5"); }
    // The options of a server of one shard, and of the front of servers.
    std::vector<std::string> server(int i) const { return {run, "--memory", shard(i)}; }
    std::vector<std::string> front(const std::string& urls) const {
        return {run, "--memory", shard(1), "--memory-shards", urls, "--shard-timeout", "0.5"};
    }
};

std::string body_of(const std::string& question) { return json::serialize(json::object{{"question", question}}); }

void stall(int) {}

}  // namespace

TEST_CASE("a front of facts in shards replies with the bytes of one file's server", "[serve][shards]") {
    NEED_PROGRAM();
    const std::vector<std::pair<std::string, std::string>> cases{
        {"path-reader", ""}, {"kv-mem-nn", ""}, {"path-reader", "edges"}, {"window-reader", "window-centre-title"}};
    for (const auto& [model, documents] : cases) {
        const DealtFacts files({"--model", model}, documents);
        const ServedProgram one({files.run}), s0(files.server(0)), s1(files.server(1)), s2(files.server(2));
        const ServedProgram front(files.front(s0.url() + "," + s1.url() + "," + s2.url()));
        for (int i = 0; i < 12; ++i) {
            const std::string question = "what is the capital of Oldland" + std::to_string(i);
            const HttpReply wanted = one.call("POST", "/v1/ask", body_of(question));
            const HttpReply got = front.call("POST", "/v1/ask", body_of(question));
            CHECK(wanted.status == 200);
            CHECK(got.status == 200);
            CHECK(got.body == wanted.body);
            if (!documents.empty()) CHECK_THAT(got.body, Catch::Contains("notes.tsv:"));
        }
        const json::value info = json::parse(front.call("GET", "/v1/info").body);
        CHECK(info.at("memory_shards").as_array().size() == 3);
        CHECK(info.at("memory_slots") == json::parse(one.call("GET", "/v1/info").body).at("memory_slots"));
        // A front changes no facts, and a shard answers no questions.
        const std::string edit = R"({"question":"what is the capital of Oldland7","add":["Oldland7|capital|Newtown"]})";
        CHECK(front.call("POST", "/v1/ask", edit).status == 403);
        const HttpReply alone = s0.call("POST", "/v1/ask", body_of("what is the capital of Oldland7"));
        CHECK(alone.status == 404);
        CHECK_THAT(alone.body, Catch::Contains("a front of all answers"));
        const std::string bytes = "Content-Type: application/octet-stream\r\n";
        CHECK(s0.call("POST", "/v1/memory/shard", "x", bytes).status == 400);
        CHECK(one.call("POST", "/v1/memory/shard", "x", bytes).status == 404);
    }
}

TEST_CASE("a front of facts names a shard that is away, and takes no others for it", "[serve][shards]") {
    NEED_PROGRAM();
    const DealtFacts files({});
    const ServedProgram s0(files.server(0)), s1(files.server(1));
    auto s2 = std::make_unique<ServedProgram>(files.server(2));
    const FakeServer stalled(stall);
    const std::string away = stalled.url().substr(0, stalled.url().rfind('/'));
    const auto fails = [&](const std::string& urls) {
        std::vector<std::string> arguments = files.front(urls);
        arguments.insert(arguments.begin(), "serve");
        const Output failed = kvmem_program(arguments);
        CHECK(failed.code != 0);
        CHECK(failed.errors().size() == 1);
        return failed.err;
    };
    CHECK_THAT(fails(s0.url() + "," + s1.url()), Catch::Contains("expected 3 of ") && Catch::Contains("got 2"));
    CHECK_THAT(fails(s1.url() + "," + s0.url() + "," + s2->url()), Catch::Contains("belong"));
    CHECK_THAT(fails(s0.url() + "," + s1.url() + "," + away), Catch::Contains(away + ": no reply within 0.5 s"));
    CHECK_THAT(fails("http://localhost:1/x"), Catch::Contains("--memory-shards"));
    CHECK_THAT(fails(""), Catch::Contains("--memory-shards"));
    CHECK_THAT(fails(s0.url() + ",,"), Catch::Contains("--memory-shards"));
    check_fails(kvmem_program({"serve", "--memory-shards", s0.url()}), 2, "a run that answers questions");
    // A replica is asked where a server is away; without one, the reply says which.
    const ServedProgram replicated(files.front(s0.url() + "," + s1.url() + "," + away + "|" + s2->url())),
        front(files.front(s0.url() + "," + s1.url() + "," + s2->url()));
    const std::string question = body_of("what is the capital of Oldland7");
    CHECK(replicated.call("POST", "/v1/ask", question).body == front.call("POST", "/v1/ask", question).body);
    const std::string gone = s2->url();
    s2.reset();
    const HttpReply reply = front.call("POST", "/v1/ask", question);
    CHECK(reply.status == 503);
    CHECK_THAT(reply.body, Catch::Contains(gone));
}
