// Endpoints that run while others do.
#include "service.hpp"

#include "kvmem/store/memory_store.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

TEST_CASE("a result has the number of the changes that it is after", "[serve]") {
    const TemporaryDirectory directory;
    const std::string path = (directory.path() / "s.h5").string();
    (void)store::MemoryStore::create(path, {.key_width = 1, .metric = Similarity::dot});
    apps::Service service({.paths = {path}, .writable = true});
    const auto call = [&](const char* endpoint, const char* method, const std::string& name, const std::string& body) {
        return service.run(apps::endpoint_named(endpoint), {.method = method,
                                                            .path = "/v1/stores/s/" + name,
                                                            .fields = {{"content-type", "application/json"}},
                                                            .body = body});
    };
    // After change n the score of the one slot is n.
    const auto put = [&](int n) {
        return call("put", "PUT", "slots", "{\"slots\":[{\"id\":1,\"key\":[" + std::to_string(n) + "]}]}").status;
    };
    REQUIRE(put(1) == 200);
    std::atomic<bool> ends = false;
    std::thread writer([&] {
        for (int n = 2; n < 400; ++n) put(n);
        ends = true;
    });
    int wrong = 0;
    while (!ends) {
        const apps::Reply reply = call("search", "POST", "search", "{\"queries\":[[1]]}");
        if (reply.fields.empty()) continue;
        const json::value body = json::parse(reply.body);
        const auto score = body.at("results").at(0).at("slots").at(0).at("score").to_number<double>();
        wrong += std::to_string(static_cast<int>(score)) != reply.fields.at(0).second;
    }
    writer.join();
    CHECK(wrong == 0);
    CHECK(call("search", "POST", "search", "{\"queries\":[[1]]}").fields.at(0).second == "399");
}
