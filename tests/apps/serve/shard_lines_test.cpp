// Replicas of shards that are slow or gone, and connections to them.
#include "shard_lines.hpp"

#include "support/fake_server.hpp"

using namespace kvmem;
using namespace kvmem::test;
using namespace std::chrono_literals;

namespace {

using Shards = std::vector<std::unique_ptr<apps::Shard>>;

Shards one_shard(const std::vector<std::string>& urls) {
    std::vector<apps::Replica> replicas;
    for (const std::string& url : urls) replicas.push_back(apps::replica_of(url, apps::ServedKind::store));
    Shards shards;
    shards.push_back(std::make_unique<apps::Shard>(std::move(replicas)));
    return shards;
}

void send_reply(int socket) {
    constexpr std::string_view bytes = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    (void)!::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

apps::ShardAnswer answer_of(apps::ShardLines& lines, std::chrono::milliseconds timeout) {
    const std::string body = "{}";
    return std::move(lines.call({"search", {}, "application/json", "application/json", {}, body}, timeout).at(0));
}

}  // namespace

TEST_CASE("a slow reply of a shard's only server leaves the next call to it", "[serve][shards]") {
    std::atomic<int> connections = 0;
    const FakeServer server([&](int socket) {
        if (++connections > 1) send_reply(socket);
    });
    const Shards shards = one_shard({server.url()});
    apps::ShardLines lines(shards);
    CHECK(answer_of(lines, 300ms).failure == "no reply within 0.3 s");
    CHECK(answer_of(lines, 5s).reply);
}

TEST_CASE("calls back off from a slow replica while another one is there", "[serve][shards]") {
    std::atomic<int> first = 0, second = 0;
    const FakeServer one([&](int) { ++first; }), other([&](int) { ++second; });
    const Shards shards = one_shard({one.url(), other.url()});
    apps::ShardLines lines(shards);
    for (int call = 0; call < 2; ++call) CHECK(answer_of(lines, 300ms).failure == "no reply within 0.3 s");
    CHECK(first == 2);  // the one that is preferred, as calls back off from both
    CHECK(second == 1);
}

TEST_CASE("a replica that calls back off from is tried when the others fail", "[serve][shards]") {
    std::atomic<int> connections = 0;
    const FakeServer slow([&](int socket) {
        if (++connections > 1) send_reply(socket);
    });
    const FakeServer broken([](int socket) { ::shutdown(socket, SHUT_RDWR); });
    const Shards shards = one_shard({slow.url(), broken.url()});
    apps::ShardLines lines(shards);
    CHECK_FALSE(answer_of(lines, 300ms).reply);
    const apps::ShardAnswer answer = answer_of(lines, 5s);
    CHECK(answer.reply);
    CHECK(answer.url == slow.url());
}

TEST_CASE("a server that came back is found through a connection to the one before", "[serve][shards]") {
    std::atomic<int> connections = 0, before = -1;
    const FakeServer server([&](int socket) {
        const int number = ++connections;
        if (number == 1) before = socket;
        if (number != 2) send_reply(socket);
    });
    const Shards shards = one_shard({server.url()});
    apps::ShardLines lines(shards), others(shards);
    REQUIRE(answer_of(lines, 5s).reply);
    CHECK_FALSE(answer_of(others, 300ms).reply);
    ::shutdown(before, SHUT_RDWR);
    CHECK(answer_of(lines, 5s).reply);
    CHECK(connections == 3);
}
