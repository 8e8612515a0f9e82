// `kvmem serve` in a process of its own, and raw connections to it.
#pragma once

#include "support/program.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kvmem::test {

struct HttpReply {
    int status = 0;
    std::string head, body;
};

// A connection whose reads wait some seconds at most.
class RawConnection {
  public:
    // `received` is the approximate size of the receive buffer in bytes; 0: the system chooses.
    explicit RawConnection(int port, int received = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        if (received > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &received, sizeof received);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("cannot connect");
    }
    ~RawConnection() { ::close(socket_); }
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;

    void send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (count <= 0) return;  // the server has closed
            bytes.remove_prefix(count);
        }
    }
    // The next reply, or nothing when the server closes before it is whole. Sets `hung` if it takes too long.
    std::optional<HttpReply> receive() {
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
            if (!fill()) return {};
        HttpReply reply{0, buffer_.substr(0, end + 2), {}};
        buffer_.erase(0, end + 4);
        reply.status = std::stoi(reply.head.substr(9, 3));
        if (reply.status == 100) return receive();
        const std::size_t at = reply.head.find("\r\nContent-Length: ");
        if (at == std::string::npos) return chunked(std::move(reply));
        const std::size_t size = std::stoul(reply.head.substr(at + 18));
        while (buffer_.size() < size)
            if (!fill()) return {};
        reply.body = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return reply;
    }
    bool closes() { return !fill() && !hung; }  // whether nothing more comes but the end
    bool hung = false;

  private:
    std::optional<HttpReply> chunked(HttpReply reply) {
        if (reply.head.find("chunked") == std::string::npos) {
            while (fill())
                ;
            reply.body = std::move(buffer_);
            return reply;
        }
        while (true) {
            std::size_t line = 0;
            while ((line = buffer_.find("\r\n")) == std::string::npos)
                if (!fill()) return {};
            const std::size_t size = std::stoul(buffer_.substr(0, line), nullptr, 16);
            while (buffer_.size() < line + 4 + size)
                if (!fill()) return {};
            reply.body += buffer_.substr(line + 2, size);
            buffer_.erase(0, line + 4 + size);
            if (size == 0) return reply;
        }
    }
    bool fill() {
        pollfd wait{socket_, POLLIN, 0};
        constexpr int milliseconds = 8000;
        if (::poll(&wait, 1, milliseconds) <= 0) return hung = true, false;
        char bytes[16384];
        const ssize_t count = ::recv(socket_, bytes, sizeof bytes, 0);
        if (count <= 0) return false;
        buffer_.append(bytes, static_cast<std::size_t>(count));
        return true;
    }

    int socket_;
    std::string buffer_;
};

class ServedProgram {
  public:
    // `shell` is what a shell does before it becomes the server.
    explicit ServedProgram(std::vector<std::string> arguments, const std::string& shell = {}) {
        arguments.insert(arguments.begin(), "serve");
        arguments.insert(arguments.end(), {"--port", "0"});
        arguments = command(arguments);
        if (!shell.empty()) arguments.insert(arguments.begin(), {"/bin/sh", "-c", shell + "; exec \"$0\" \"$@\""});
        process_ = std::make_unique<Running>(arguments, "");
        const std::string out = "/proc/" + std::to_string(process_->process()) + "/fd/1";
        for (int tries = 0; tries < 500; ++tries) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            const std::string text = std::filesystem::exists(out) ? read_file(out) : "";
            const std::size_t at = text.find("localhost:");
            if (at == std::string::npos || text.back() != '\n') continue;
            port_ = std::stoi(text.substr(at + 10));
            return;
        }
        ::kill(process_->process(), SIGKILL);
        throw std::runtime_error("the server does not begin: " + process_->wait().err);
    }
    ~ServedProgram() {
        if (process_) end(SIGKILL);
    }
    ServedProgram(const ServedProgram&) = delete;
    ServedProgram& operator=(const ServedProgram&) = delete;

    int port() const { return port_; }
    std::string host() const { return "localhost:" + std::to_string(port_); }
    std::string url() const { return "http://" + host(); }
    pid_t process() const { return process_->process(); }
    void signal(int number) const { ::kill(process_->process(), number); }
    Output end(int number) {
        signal(number);
        const Output output = process_->wait();
        process_.reset();
        return output;
    }
    std::string request(const std::string& method, const std::string& path, const std::string& body = {},
                        const std::string& fields = "Content-Type: application/json\r\n") const {
        std::string text = method + " " + path + " HTTP/1.1\r\nHost: " + host() + "\r\n" + fields;
        if (method != "GET") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        return text + "\r\n" + body;
    }
    // One request on a connection of its own.
    HttpReply call(const std::string& method, const std::string& path, const std::string& body = {},
                   const std::string& fields = "Content-Type: application/json\r\n") const {
        RawConnection connection(port_);
        connection.send(request(method, path, body, fields));
        return connection.receive().value_or(HttpReply{});
    }

  private:
    std::unique_ptr<Running> process_;
    int port_ = 0;
};

}  // namespace kvmem::test
