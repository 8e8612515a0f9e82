// The server: listens, hands requests to endpoints, and ends when it is told to.
#pragma once

#include "access_rules.hpp"
#include "connection.hpp"
#include "metrics.hpp"
#include "service.hpp"
#include "worker_pool.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdio>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kvmem::apps {

struct ServerOptions {
    std::vector<std::string> addresses{"127.0.0.1", "::1"};
    unsigned short port = 8080;  // 0: any that is free
    std::vector<std::string> hosts{}, origins{};
    std::string token{};
    int workers = 2;
    std::size_t max_waiting = 1024, max_connections = 4096, max_body_bytes = std::size_t{256} << 20;
    RequestLimits limits{};
    Deadlines deadlines{};
    std::string log{};  // a file for a line of JSON for each request, "-" for standard error, or ""
};

class Server final : private ConnectionHost {
  public:
    // Listens. Throws Error for an address that cannot be used.
    Server(Service& service, ServerOptions options);
    ~Server() override;
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    unsigned short port() const { return port_; }
    // Serves until SIGTERM or SIGINT, and then answers what was sent. SIGHUP opens what is served, and the log, anew.
    void run();

  private:
    using Clock = std::chrono::steady_clock;
    void listen(const std::string& address);
    void accept(boost::asio::ip::tcp::acceptor& acceptor);
    void add(boost::asio::ip::tcp::socket socket);
    void wait_for_signal();
    void reload();
    void drain();
    void sweep();
    void open_log();
    void check_shards();
    void note_missing(std::vector<std::string> missing);
    Reply readiness() const;
    Reply reply_at_once(const Endpoint& endpoint, const Request& request);
    void finish_reply(const Request& request, Reply& reply) const;

    // A request whose reply a worker computes. `done` holds the connection, which must end on the thread of io_.
    struct Job {
        const Endpoint* endpoint;
        std::shared_ptr<Request> request;
        std::shared_ptr<std::atomic<bool>> dropped;
        Done done;
    };
    void compute(std::vector<Job> jobs);
    std::vector<Job> take_together();
    bool add(Job job);

    void answer(std::shared_ptr<Request> request, std::shared_ptr<std::atomic<bool>> dropped, Done done) override;
    void compute_part(std::shared_ptr<Reply> reply, std::function<void(std::string)> done) override;
    void finished(const Request& request, int status, std::size_t bytes, Clock::duration time) override;
    bool reserve(std::ptrdiff_t bytes) override;
    bool draining() const override { return draining_; }

    Service& service_;
    ServerOptions options_;
    boost::asio::io_context io_{1};
    std::list<boost::asio::ip::tcp::acceptor> acceptors_;
    std::vector<boost::asio::ip::tcp::acceptor*> resting_;  // those that could not accept
    boost::asio::signal_set signals_;
    boost::asio::steady_timer sweeper_;
    unsigned short port_ = 0;
    std::unique_ptr<AccessRules> rules_;
    std::list<std::weak_ptr<Connection>> connections_;
    Metrics metrics_;
    bool draining_ = false;
    std::size_t body_bytes_ = 0;
    std::mutex together_mutex_;
    std::deque<Job>
        together_;  // of the endpoint that has run_all: each has a job in the pool, which may find none left
    std::uint64_t next_id_;
    std::FILE* log_ = nullptr;
    std::optional<std::vector<std::string>> missing_shards_;  // as the last check found them
    bool checks_shards_ = false;
    Clock::time_point next_check_{};
    std::unique_ptr<WorkerPool> pool_, checker_;  // destroyed first: their jobs post to the others
};

}  // namespace kvmem::apps
