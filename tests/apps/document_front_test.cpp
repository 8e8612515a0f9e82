// Documents in shards from the program: asked as one file, and behind a front.
#include "support/fake_server.hpp"
#include "support/many_documents.hpp"
#include "support/program_fixture.hpp"
#include "support/served_program.hpp"

#include "kvmem/tasks/qa/shards.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

namespace {

// Documents in one file and in three shards, and what is asked of them.
struct DealtDocuments {
    TemporaryDirectory directory;
    std::string one = (directory / "notes.h5").string(), manifest = (directory / "notes.json").string();
    std::vector<std::string> questions{"Who built the engine in Cornwall?", "When did Watt repair the boiler?",
                                       "Who inventd the kettel of Newcomen?", "quantum chromodynamics"};

    DealtDocuments() {
        save_dataset(dataset_of(many_documents()), one);
        const Output dealt = kvmem_program({"shard", one, "-o", manifest, "--shards", "3"});
        INFO(dealt.err);
        REQUIRE(dealt.code == 0);
        CHECK_THAT(dealt.err, Catch::Contains("3 shards of ") && Catch::Contains("document"));
    }
    std::string shard(int i) const { return (directory / ("notes." + std::to_string(i) + "-of-3.h5")).string(); }
};

std::string body_of(const std::string& question) {
    return json::serialize(json::object{{"question", question}, {"answers", 5}, {"threshold", 0.3}});
}

void stall_forever(int) {}

}  // namespace

TEST_CASE("a manifest of documents or facts is asked, inspected and trained on as one file", "[program][shards]") {
    NEED_PROGRAM();
    const DealtDocuments files;
    for (const std::string& question : files.questions)
        for (const std::string form : {"--json", "--answers=4"}) {
            const Output wanted = kvmem_program({"ask", files.one, question, form});
            CHECK(wanted.code == 0);
            CHECK(kvmem_program({"ask", files.manifest, question, form}).out == wanted.out);
        }
    CHECK(kvmem_program({"inspect", files.manifest, "--json"}).out ==
          kvmem_program({"inspect", files.one, "--json"}).out);
    const ProgramFixture facts;
    facts.import_and_train();
    CHECK(kvmem_program({"shard", facts.data, "-o", facts.path("facts.json"), "--shards", "2"}).code == 0);
    const std::string question = "what is the capital of Oldland7";
    CHECK(kvmem_program({"ask", facts.run, question, "--json", "--memory", facts.path("facts.json")}).out ==
          kvmem_program({"ask", facts.run, question, "--json"}).out);
    for (const std::vector<std::string>& model : {std::vector<std::string>{}, {"--model", "kv-mem-nn"}}) {
        std::vector<std::string> arguments{
            "train", facts.path("facts.json"), "--run", facts.path("dealt"), "--width", "8", "--epochs", "1"};
        arguments.insert(arguments.end(), model.begin(), model.end());
        const Output trained = kvmem_program(arguments);
        INFO(trained.err);
        CHECK(trained.code == 0);
        std::filesystem::remove_all(facts.path("dealt"));
    }
    // Nothing else is dealt, and no other file is replaced.
    check_fails(kvmem_program({"shard", facts.data, "-o", facts.data, "--shards", "2"}), 2, "one of the inputs");
    check_fails(kvmem_program({"shard", facts.data, "-o", facts.path("x.json"), "--shards", "0"}), 2, "shards");
    check_fails(kvmem_program({"shard", facts.data, "-o", facts.path("x.json"), "--shards", "1025"}), 2, "1 to 1024");
    check_fails(kvmem_program({"shard", facts.run, "-o", facts.path("x.json"), "--shards", "2"}), 1, "a run directory");
    check_fails(kvmem_program({"import", "kb", "--facts", facts.facts, "-o", facts.path("facts.json")}), 1, "replace");
    std::filesystem::remove(files.shard(1));
    for (const std::string verb : {"ask", "inspect"}) {
        std::vector<std::string> arguments{verb, files.manifest};
        if (verb == "ask") arguments.emplace_back("engine");
        check_fails(kvmem_program(arguments), 1, "notes.1-of-3.h5");
    }
}

TEST_CASE("a front of documents replies with the bytes of one file's server", "[serve][shards]") {
    NEED_PROGRAM();
    const DealtDocuments files;
    const ServedProgram one({files.one}), s0({files.shard(0)}), s1({files.shard(1)}), s2({files.shard(2)});
    const ServedProgram front({"--document-shards", s0.url() + "," + s1.url() + "," + s2.url()});
    for (const std::string& question : files.questions) {
        const HttpReply wanted = one.call("POST", "/v1/documents", body_of(question));
        const HttpReply got = front.call("POST", "/v1/documents", body_of(question));
        CHECK(wanted.status == 200);
        CHECK(got.status == 200);
        CHECK(got.body == wanted.body);
    }
    for (const std::string bad :
         {R"({"question":7})", R"({"question":" "})", R"({"question":"engine","answers":-1})"}) {
        const HttpReply refused = front.call("POST", "/v1/documents", bad);
        CHECK(refused.status == 400);
        CHECK(refused.body == one.call("POST", "/v1/documents", bad).body);
    }
    CHECK(json::parse(front.call("GET", "/v1/info").body).at("document_shards").as_array().size() == 3);
    CHECK(one.call("POST", "/v1/documents/shard", "x", "Content-Type: application/octet-stream\r\n").status == 404);
    CHECK(s0.call("POST", "/v1/documents/shard", "x", "Content-Type: application/octet-stream\r\n").status == 400);
    // Shards that do not belong together.
    const auto refusal = [&](const std::string& urls) {
        const ServedProgram bad({"--document-shards", urls});
        return bad.call("POST", "/v1/documents", body_of(files.questions[0]));
    };
    CHECK(refusal(s0.url() + "," + s1.url()).status == 502);
    CHECK_THAT(refusal(s0.url() + "," + s1.url()).body, Catch::Contains("3 of") && Catch::Contains("\"2\""));
    CHECK_THAT(refusal(s1.url() + "," + s0.url() + "," + s2.url()).body, Catch::Contains("do not belong together"));
    check_fails(kvmem_program({"serve", "--document-shards", "http://localhost:1/x"}), 2, "http://HOST:PORT");
    check_fails(kvmem_program({"serve", files.one, "--document-shards", s0.url()}), 2, "two sets of documents");
}

TEST_CASE("a shard of documents that stalls is named, and the others answer", "[serve][shards]") {
    NEED_PROGRAM();
    const DealtDocuments files;
    const ServedProgram s0({files.shard(0)}), s2({files.shard(2)});
    const FakeServer stalled(stall_forever);
    const std::string away = stalled.url().substr(0, stalled.url().rfind('/'));
    const std::string urls = s0.url() + "," + away + "," + s2.url();
    const ServedProgram front({"--document-shards", urls, "--shard-timeout", "0.3"}),
        strict({"--document-shards", urls, "--shard-timeout", "0.3", "--whole"});
    const HttpReply reply = front.call("POST", "/v1/documents", body_of(files.questions[0]));
    CHECK(reply.status == 200);
    const json::value body = json::parse(reply.body);
    CHECK(body.at("partial").as_bool());
    REQUIRE(body.at("missing").as_array().size() == 1);
    CHECK(body.at("missing").at(0).as_string() == away + ": no reply within 0.3 s");
    CHECK_FALSE(body.at("answers").as_array().empty());
    CHECK_THAT(reply.head, Catch::Contains("X-Kvmem-Missing: " + away));
    const HttpReply refused = strict.call("POST", "/v1/documents", body_of(files.questions[0]));
    CHECK(refused.status == 503);
    CHECK_THAT(refused.body, Catch::Contains("no reply within 0.3 s"));
    const ServedProgram alone({"--document-shards", away, "--shard-timeout", "0.2"});
    CHECK(alone.call("POST", "/v1/documents", body_of(files.questions[0])).status == 503);
    CHECK(alone.call("GET", "/readyz").status == 503);
}
