// kvmem serve as programs use it: replies beside those of the program, changes that last, tokens, signals.
#include "kvmem/store/memory_store.hpp"
#include "support/program_fixture.hpp"
#include "support/ring_events.hpp"
#include "support/selector_run.hpp"
#include "support/served_program.hpp"

#include <boost/json.hpp>

#include <atomic>
#include <cstring>
#include <iterator>
#include <sstream>
#include <thread>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

namespace {

std::string ask_body(const std::string& question, const std::string& more = {}) {
    return "{\"question\":" + json::serialize(json::string(question)) + more + "}";
}

// A run of questions beside a store, and what the program says of them.
struct ServedRun {
    ProgramFixture files;
    std::string vectors = files.path("small.h5");

    ServedRun() {
        files.import_and_train();
        store::MemoryStore store({.key_width = 4, .value_width = 2});
        const std::vector<std::string> texts{"one", "zw\x01ei", "drei", ""};
        const Matrix keys = rows(4, 4), values = rows(4, 2);
        const store::Id first = store.add(keys, {.vectors = values, .texts = texts});
        REQUIRE(first == 0);
        store.save(vectors);
    }
    static Matrix rows(Index count, Index width) {
        Matrix all(count, width);
        for (Index i = 0; i < count; ++i)
            for (Index j = 0; j < width; ++j) all(i, j) = static_cast<Real>((7 * i + 3 * j) % 5) - Real{1.5};
        return all;
    }
};

const ServedRun& served_run() {
    static const ServedRun run;
    return run;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
        lines.push_back(text.substr(at, end - at));
    return lines;
}

}  // namespace

TEST_CASE("served answers are the bytes that kvmem ask, predict and query print", "[serve]") {
    NEED_PROGRAM();
    const ServedRun& run = served_run();
    std::string asked;
    for (int i = 0; i < 1000; ++i)
        asked += (i % 3 == 0   ? "what is the capital of Oldland"
                  : i % 3 == 1 ? "what do people speak in Oldland"
                               : "of which country is Oldville") +
                 std::to_string(i % 40) + (i % 7 == 0 ? " then" : "") + "\n";
    const std::vector<std::string> questions = lines_of(asked);
    const Output said = kvmem_program({"predict", run.files.run, "--slots", "5"}, asked);
    const std::vector<std::string> expected = lines_of(said.out);
    REQUIRE(expected.size() == questions.size());
    const ServedProgram server({run.files.run, run.vectors});
    std::atomic<int> equal = 0;
    std::vector<std::thread> clients;
    for (std::size_t client = 0; client < 16; ++client)
        clients.emplace_back([&, client] {
            RawConnection connection(server.port());
            for (std::size_t i = client; i < questions.size(); i += 16) {
                connection.send(server.request("POST", "/v1/ask", ask_body(questions[i])));
                const auto reply = connection.receive();
                equal += reply && reply->body == expected[i] + "\n";
            }
        });
    for (std::thread& client : clients) client.join();
    CHECK(equal == 1000);
    const Output alone = kvmem_program({"ask", run.files.run, questions[0], "--json", "--top", "3"});
    CHECK(server.call("POST", "/v1/ask", ask_body(questions[0], ",\"top\":3")).body == alone.out);
    const HttpReply predicted =
        server.call("POST", "/v1/predict?slots=5", asked, "Content-Type: application/x-ndjson\r\n");
    CHECK(predicted.body == said.out);
    // A store: the same numbers, and the same texts.
    const std::string rows = run.files.write("rows.txt", "1 0 0 0\n0.5 -1 2 0\n");
    const std::string body = "{\"queries\":[[1,0,0,0],[0.5,-1,2,0]],\"k\":3}";
    for (const std::string verb : {"search", "read"}) {
        std::vector<std::string> arguments{"query", run.vectors, rows, "--k", "3", "--json"};
        if (verb == "read") arguments.emplace_back("--read");
        const std::vector<std::string> hits = lines_of(kvmem_program(arguments).out);
        REQUIRE(hits.size() == 2);
        CHECK(server.call("POST", "/v1/stores/small/" + verb, body).body ==
              "{\"results\":[" + hits[0] + "," + hits[1] + "]}\n");
    }
}

TEST_CASE("served targets and recommendations are the bytes that the program prints", "[serve]") {
    NEED_PROGRAM();
    const ProgramFixture files;
    const std::string pairs = files.path("pairs"), run = files.path("dates"), shop = files.path("shop");
    REQUIRE(kvmem_program({"synth", "pairs", "--task", "dates", "--lines", "200", "-o", pairs}).code == 0);
    REQUIRE(kvmem_program(
                {"train", pairs + "/pairs.h5", "--run", run, "--model", "seq2seq", "--width", "16", "--epochs", "1"})
                .code == 0);
    save_events(ring_events(24, 14, 20), files.path("ring.h5"));
    REQUIRE(kvmem_program({"train", files.path("ring.h5"), "--run", shop, "--model", "item-knn"}).code == 0);
    const ServedProgram server({run, shop});
    const std::string lines = "the 5th of March, 2016\n3 May 1999\n";
    const std::vector<std::string> targets =
        lines_of(kvmem_program({"translate", run, "--json", "--beam", "3", "--align", "text"}, lines).out);
    REQUIRE(targets.size() == 2);
    const std::string body = "{\"lines\":[\"the 5th of March, 2016\",\"3 May 1999\"],\"beam\":3,\"align\":true}";
    CHECK(server.call("POST", "/v1/translate", body).body == "{\"results\":[" + targets[0] + "," + targets[1] + "]}\n");
    const Output told = kvmem_program({"recommend", shop, "--user", "u1", "--explain", "--json", "--k", "3"});
    CHECK(server.call("POST", "/v1/recommend", "{\"user\":\"u1\",\"explain\":true,\"k\":3}").body == told.out);
    const Output typed = kvmem_program({"recommend", shop, "item 2", "i3", "--json"});
    CHECK(server.call("POST", "/v1/recommend", "{\"events\":[\"item 2\",\"i3\"]}").body == typed.out);
}

TEST_CASE("served rankings are the bytes that the program prints", "[serve]") {
    NEED_PROGRAM();
    const ProgramFixture files;
    const std::string run = trained_selector(files);
    const ServedProgram server({run});
    const std::string line = R"({"question":"What is x?","candidates":["Old.","It is \u001bx."],"title":"It"})";
    CHECK(server.call("POST", "/v1/rank", line).body == kvmem_program({"predict", run}, line + "\n").out);
    CHECK(server.call("POST", "/v1/rank", "{\"question\":\"x\",\"candidates\":[]}").status == 400);
    CHECK(server.call("POST", "/v1/rank", "{\"question\":\"x\"}").status == 400);
    CHECK(server.call("POST", "/v1/ask", ask_body("x")).status == 404);
    CHECK_THAT(server.call("GET", "/v1/info").body, Catch::Contains("answer selection"));
}

TEST_CASE("served documents answer with the bytes that the program prints", "[serve]") {
    NEED_PROGRAM();
    const ProgramFixture files;
    files.write("shed.md", "# The shed\n\nThe key hangs behind the door. The mower is new.\n");
    const std::string notes = files.path("notes.h5");
    REQUIRE(kvmem_program({"import", "documents", files.path("shed.md"), "-o", notes}).code == 0);
    CHECK_THAT(kvmem_program({"inspect", notes}).out, Catch::Contains("documents: 1 document in 1 file, 2 passages"));
    const ServedProgram server({notes});
    for (const std::string question : {"where does the key hang", "what is the capital of Peru"}) {
        const Output told = kvmem_program({"ask", notes, question, "--json"});
        CHECK(server.call("POST", "/v1/documents", "{\"question\":\"" + question + "\"}").body == told.out);
    }
    CHECK(server.call("POST", "/v1/documents", "{\"question\":1}").status == 400);
    const HttpReply refused = server.call("POST", "/v1/ask", "{\"question\":\"where\"}");
    CHECK(refused.status == 404);
    CHECK_THAT(refused.body, Catch::Contains("/v1/documents"));
    CHECK_THAT(server.call("GET", "/v1/info", "").body, Catch::Contains("\"documents\":1"));
}

TEST_CASE("a fact that a question leaves out or brings changes that answer alone", "[serve]") {
    NEED_PROGRAM();
    const ServedRun& run = served_run();
    const ServedProgram server({run.files.run});
    const std::string question = "what is the capital of Oldland3";
    const std::string before = server.call("POST", "/v1/ask", ask_body(question)).body;
    CHECK(before.find("\"answer\":\"Oldville3\"") != std::string::npos);
    const std::string edit = ",\"without\":[\"Oldland3|capital|Oldville3\"],\"add\":[\"Oldland3|capital|Newtown\"]";
    const Output beside = kvmem_program({"ask", run.files.run, question, "--json", "--add-fact",
                                         "Oldland3|capital|Newtown", "--remove-fact", "Oldland3|capital|Oldville3"});
    for (int i = 0; i < 2; ++i) CHECK(server.call("POST", "/v1/ask", ask_body(question, edit)).body == beside.out);
    // Of names that the memory has.
    const Output known = kvmem_program({"ask", run.files.run, question, "--json", "--add-fact",
                                        "Oldland3|capital|Oldville5", "--remove-fact", "Oldland3|capital|Oldville3"});
    CHECK(known.out.find("\"answer\":\"Oldville5\"") != std::string::npos);
    const std::string known_edit =
        ",\"without\":[\"Oldland3|capital|Oldville3\"],\"add\":[\"Oldland3|capital|Oldville5\"]";
    CHECK(server.call("POST", "/v1/ask", ask_body(question, known_edit)).body == known.out);
    CHECK(server.call("POST", "/v1/ask", ask_body(question)).body == before);
    const HttpReply missing = server.call("POST", "/v1/ask", ask_body(question, ",\"without\":[\"a|capital|b\"]"));
    CHECK(missing.status == 400);
    CHECK(missing.head.find("application/problem+json") != std::string::npos);
}

TEST_CASE("questions that wait together are answered or refused each by itself", "[serve]") {
    NEED_PROGRAM();
    const ServedRun& run = served_run();
    const ServedProgram server({run.files.run});
    const std::vector<std::string> questions{"what is the capital of Oldland3", "who [", " ",
                                             "what do people speak in Oldland4, Oldland5 and Oldland6", "xyzzy"};
    std::vector<HttpReply> alone;
    for (const std::string& question : questions) alone.push_back(server.call("POST", "/v1/ask", ask_body(question)));
    for (std::size_t i = 0; i < questions.size(); ++i) CHECK(alone[i].status == (i == 1 || i == 2 ? 400 : 200));
    CHECK_THAT(alone[2].body, Catch::Contains("the question is empty"));
    std::atomic<int> equal = 0;
    std::vector<std::thread> clients;
    for (std::size_t client = 0; client < 16; ++client)
        clients.emplace_back([&, client] {
            RawConnection connection(server.port());
            for (std::size_t i = 0; i < 50; ++i) {
                const std::size_t at = (client + i) % questions.size();
                connection.send(server.request("POST", "/v1/ask", ask_body(questions[at])));
                const auto reply = connection.receive();
                equal += reply && reply->status == alone[at].status && reply->body == alone[at].body;
            }
        });
    for (std::thread& client : clients) client.join();
    CHECK(equal == 800);
}

TEST_CASE("vectors go as numbers, base64 and bytes, and ids as numbers and texts", "[serve]") {
    NEED_PROGRAM();
    const ServedRun& run = served_run();
    const ServedProgram server({run.vectors});
    const float numbers[] = {1, 0, 0, 0};
    const std::string bytes(reinterpret_cast<const char*>(numbers), sizeof numbers);
    const std::string plain = server.call("POST", "/v1/stores/small/search", "{\"queries\":[[1,0,0,0]],\"k\":2}").body;
    const std::string octets = "Content-Type: application/octet-stream\r\n";
    CHECK(server.call("POST", "/v1/stores/small/search?k=2", bytes, octets).body == plain);
    CHECK(server.call("POST", "/v1/stores/small/search", "{\"queries\":\"AACAPwAAAAAAAAAAAAAAAA==\",\"k\":2}").body ==
          plain);
    const HttpReply packed =
        server.call("POST", "/v1/stores/small/search?k=2", bytes, octets + "Accept: application/octet-stream\r\n");
    REQUIRE(packed.body.size() == 2 * (sizeof(store::Id) + sizeof(float)));
    store::Id first = 0;
    std::memcpy(&first, packed.body.data(), sizeof first);
    CHECK(plain.find("\"slots\":[{\"id\":" + std::to_string(first) + ",") != std::string::npos);
    CHECK(server.call("POST", "/v1/stores/small/get", "{\"ids\":[\"18446744073709551615\"],\"ids_as_texts\":true}")
              .body == "{\"slots\":[{\"id\":\"18446744073709551615\",\"found\":false}]}\n");
    for (const char* bad : {"{\"queries\":[[1,0,0]]}", "{\"queries\":[]}", "{\"queries\":\"AACA\"}",
                            "{\"queries\":\"*\"}", "{\"queries\":[[1,0,0,\"0\"]]}", "{\"queries\":[[1e39,0,0,0]]}",
                            "{}", "[]", "", "{\"queries\":[[1,0,0,0]],\"k\":0}", "{\"queries\":[[1,0,0,0]],\"x\":0}",
                            "{\"queries\":[[1,0,0,0]],\"k\":1,\"k\":2}"})
        CHECK(server.call("POST", "/v1/stores/small/search", bad).status == 400);
    CHECK(server.call("POST", "/v1/stores/other/search", "{\"queries\":[[1]]}").status == 404);
    CHECK(server.call("POST", "/v1/ask", ask_body("a")).status == 404);
}

TEST_CASE("slots that were put are there after a kill", "[serve]") {
    NEED_PROGRAM();
    TemporaryDirectory directory;
    const std::string path = (directory.path() / "w.h5").string();
    { const store::MemoryStore made = store::MemoryStore::create(path, {.key_width = 2}); }
    std::uint64_t acknowledged = 0;
    for (int round = 0; round < 5; ++round) {
        ServedProgram server({path, "--writable"});
        RawConnection connection(server.port());
        std::thread killer([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(30 + 10 * round));
            server.signal(SIGKILL);
        });
        while (true) {
            const std::string id = std::to_string(acknowledged);
            connection.send(server.request("PUT", "/v1/stores/w/slots",
                                           "{\"slots\":[{\"id\":" + id + ",\"key\":[" + id + ",1]}]}"));
            const auto reply = connection.receive();
            if (!reply || reply->status != 200) break;
            ++acknowledged;
        }
        killer.join();
    }
    CHECK(acknowledged > 0);
    const store::MemoryStore store = store::MemoryStore::open(path);
    for (store::Id id = 0; id < acknowledged; ++id) CHECK(store.contains(id));
    CHECK(store.size() <= static_cast<Index>(acknowledged) + 1);
}

TEST_CASE("SIGTERM lets requests in flight be answered, and ends with code 0", "[serve]") {
    NEED_PROGRAM();
    const ServedRun& run = served_run();
    ServedProgram server({run.files.run});
    std::vector<std::unique_ptr<RawConnection>> connections;
    for (int i = 0; i < 100; ++i) {
        connections.push_back(std::make_unique<RawConnection>(server.port()));
        connections.back()->send(server.request("POST", "/v1/ask", ask_body("what is the capital of Oldland3")));
    }
    server.signal(SIGTERM);
    int answered = 0;
    for (const auto& connection : connections) {
        const auto reply = connection->receive();
        answered += reply && reply->status == 200;
    }
    CHECK(answered == 100);
    connections.clear();
    CHECK(server.end(0).code == 0);
}

TEST_CASE("a server with a token answers requests that bring it, and SIGHUP opens all anew", "[serve]") {
    NEED_PROGRAM();
    const ServedRun& run = served_run();
    const std::string token = "0123456789abcdef-token", log = run.files.path("access.log");
    const std::string file = run.files.write("token", token + "\n");
    const ServedProgram server({run.vectors, "--token-file", file, "--log", log});
    CHECK(server.call("GET", "/v1/info").status == 401);
    CHECK(server.call("GET", "/v1/info", "", "Authorization: Bearer 0123456789abcdef-tokem\r\n").status == 401);
    CHECK(server.call("GET", "/v1/info", "", "Authorization: Bearer " + token + "\r\n").status == 200);
    for (const char* path : {"/", "/app.js", "/style.css", "/healthz", "/readyz"})
        CHECK(server.call("GET", path, "", "").status == 200);
    server.signal(SIGHUP);
    CHECK(server.call("GET", "/v1/info", "", "X-Request-Id: a-1\r\nAuthorization: Bearer " + token + "\r\n")
              .head.find("X-Request-Id: a-1\r\n") != std::string::npos);
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    CHECK(read_file(log).find("\"id\":\"a-1\"") != std::string::npos);
    CHECK(read_file(log).find(token) == std::string::npos);
    CHECK(kvmem_program({"serve", run.vectors, "--address", "0.0.0.0"}).code == 2);
}

TEST_CASE("replies to browsers are guarded, and the description names every endpoint", "[serve]") {
    NEED_PROGRAM();
    const ServedRun& run = served_run();
    const ServedProgram server({run.vectors});
    const HttpReply page = server.call("GET", "/", "", "Accept-Encoding: gzip\r\n");
    for (const char* field : {"Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff",
                              "Referrer-Policy: no-referrer", "Content-Encoding: gzip"})
        CHECK(page.head.find(field) != std::string::npos);
    std::size_t bytes = 0;
    for (const char* path : {"/", "/app.js", "/style.css"}) bytes += server.call("GET", path, "", "").body.size();
    CHECK(bytes < 80 << 10);
    const json::value api = json::parse(server.call("GET", "/openapi.json").body);
    for (const char* path : {"/v1/ask", "/v1/predict", "/v1/embeddings", "/v1/stores/{store}/search", "/v1/translate",
                             "/v1/recommend", "/v1/rank", "/metrics"})
        CHECK(api.at("paths").as_object().contains(path));
    CHECK_THAT(json::serialize(api.at("paths").at("/v1/stores/{store}/search").at("post").at("parameters")),
               Catch::Contains("\"filter\""));
    const std::string metrics = server.call("GET", "/metrics", "", "").body;
    CHECK(metrics.find("kvmem_http_requests_total{endpoint=\"page\",code=\"200\"} 2\n") != std::string::npos);
    const HttpReply head = server.call("GET", "/healthz", "", "");
    RawConnection connection(server.port());
    connection.send("HEAD /healthz HTTP/1.1\r\nHost: " + server.host() + "\r\nConnection: close\r\n\r\n");
    CHECK_FALSE(connection.receive());  // a length, and no body
    CHECK(head.body == "{\"status\":\"ok\"}\n");
}

// UBSan's check of types opens a file, and takes it for a fault that there is none left: so not under the sanitizers.
TEST_CASE("a server without files for more connections waits for some, and takes no processor meanwhile",
          "[serve][slow]") {
    NEED_PROGRAM();
    const ServedRun& run = served_run();
    const ServedProgram server({run.vectors}, "ulimit -n 40");
    const auto ticks = [&] {  // of processor time
        const std::string stat = read_file("/proc/" + std::to_string(server.process()) + "/stat");
        std::istringstream fields(stat.substr(stat.rfind(')') + 2));
        std::vector<std::string> all{std::istream_iterator<std::string>(fields), {}};
        return std::stol(all[11]) + std::stol(all[12]);
    };
    {
        std::vector<std::unique_ptr<RawConnection>> many;
        for (int i = 0; i < 60; ++i) many.push_back(std::make_unique<RawConnection>(server.port()));
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        const long before = ticks();
        std::this_thread::sleep_for(std::chrono::milliseconds(700));
        CHECK(ticks() - before < 20);  // a hundredth of a second each
    }
    const auto is_served = [&] { return server.call("GET", "/healthz").status == 200; };
    bool served = is_served();  // or 503, while closed connections are counted
    for (int tries = 0; tries < 50 && !served; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        served = is_served();
    }
    CHECK(served);
}
