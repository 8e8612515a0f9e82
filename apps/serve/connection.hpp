// One connection: requests are read, answered and written one after the other. All functions run on the one thread of
// the io_context; workers compute replies, and post them.
#pragma once

#include "request_reader.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace kvmem::apps {

// What a connection needs of its server.
class ConnectionHost {
  public:
    using Done = std::function<void(Reply)>;
    virtual ~ConnectionHost() = default;
    // Answers a request: calls done() at once or later, on the thread of the io_context. A worker skips what is
    // `dropped` before it begins.
    virtual void answer(std::shared_ptr<Request> request, std::shared_ptr<std::atomic<bool>> dropped, Done done) = 0;
    // Calls next(part) of a reply on a worker, then done(part), with "" behind the last part.
    virtual void compute_part(std::shared_ptr<Reply> reply, std::function<void(std::string)> done) = 0;
    // A request was answered, or refused before it was whole.
    virtual void finished(const Request& request, int status, std::size_t bytes,
                          std::chrono::steady_clock::duration time) = 0;
    // Counts bytes of requests in memory. Returns false when there are too many.
    virtual bool reserve(std::ptrdiff_t bytes) = 0;
    virtual bool draining() const = 0;
};

struct Deadlines {
    std::chrono::milliseconds header{10'000}, body{30'000}, idle{30'000}, write{30'000}, linger{2'000};
};

class Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(boost::asio::ip::tcp::socket socket, ConnectionHost& host, const RequestLimits& limits,
               const Deadlines& deadlines);
    ~Connection();

    void start();
    void refuse(Refusal refusal);  // instead of start()
    // Ends the connection if its deadline has passed.
    void check(std::chrono::steady_clock::time_point now);
    void drain();  // ends the connection unless a request is on its way
    bool closed() const { return !socket_.is_open(); }
    void close();

  private:
    enum class Phase { idle, header, body, answering, writing, lingering };
    using Clock = std::chrono::steady_clock;

    void enter(Phase phase);
    void wait_for_bytes();
    void take_bytes();
    void go_on();  // with what the buffer has
    void answer();
    void reply(Reply reply);
    void write_part();
    void write(void (Connection::*next)());  // writes `output_`
    void finish();                           // a reply that was written
    void linger();                           // until the client has read it: what it sent since would reset it
    void release();

    boost::asio::ip::tcp::socket socket_;
    ConnectionHost& host_;
    RequestLimits limits_;
    Deadlines deadlines_;
    Phase phase_ = Phase::idle;
    Clock::time_point deadline_{}, began_{};
    std::string buffer_, output_;
    RequestReader reader_;
    std::shared_ptr<Request> request_;
    std::shared_ptr<Reply> reply_;
    std::shared_ptr<std::atomic<bool>> dropped_;
    bool waits_ = false, writes_ = false, keep_alive_ = true, continued_ = false;
    std::size_t reserved_ = 0, written_ = 0;
};

}  // namespace kvmem::apps
