// A server in the process of the test, which does what no good server does.
#pragma once

#include <catch2/catch.hpp>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace kvmem::test {

// A server that takes connections and does with each what it is told.
class FakeServer {
  public:
    explicit FakeServer(std::function<void(int socket)> serve)
        : listener_(::socket(AF_INET, SOCK_STREAM, 0)), serve_(std::move(serve)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(listener_, any, sizeof address) == 0);
        REQUIRE(::listen(listener_, 16) == 0);
        REQUIRE(::getsockname(listener_, any, &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] {
            for (;;) {
                pollfd wait{listener_, POLLIN, 0};
                if (::poll(&wait, 1, 20) > 0) {
                    sockets_.push_back(::accept(listener_, nullptr, nullptr));
                    serve_(sockets_.back());
                }
                if (ends_) return;
            }
        });
    }
    ~FakeServer() {
        ends_ = true;
        thread_.join();
        for (const int socket : sockets_) ::close(socket);
        ::close(listener_);
    }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/s"; }

  private:
    int listener_, port_ = 0;
    std::function<void(int)> serve_;
    std::atomic<bool> ends_ = false;
    std::vector<int> sockets_;
    std::thread thread_;
};

}  // namespace kvmem::test
