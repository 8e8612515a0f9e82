#include "server.hpp"

#include "kvmem/core/text.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <iterator>
#include <random>
#include <utility>

namespace kvmem::apps {

namespace asio = boost::asio;
namespace json = boost::json;
using asio::ip::tcp;

// Lets the process open as many files as it may, and gives the number.
static std::size_t raise_open_files() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

Server::Server(Service& service, ServerOptions options)
    : service_(service),
      options_(std::move(options)),
      signals_(io_, SIGTERM, SIGINT, SIGHUP),
      sweeper_(io_),
      next_id_((std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {
    constexpr std::size_t other_files = 64;
    const std::size_t files = raise_open_files();
    options_.max_connections = std::min(options_.max_connections, files - std::min(files - 1, other_files));
    port_ = options_.port;
    for (const std::string& address : options_.addresses) listen(address);
    for (const std::string& address : options_.addresses) {
        const std::string name = address.find(':') == std::string::npos ? address : "[" + address + "]";
        options_.hosts.push_back(name + ":" + std::to_string(port_));
    }
    rules_ = std::make_unique<AccessRules>(port_, options_.hosts, options_.origins, options_.token);
    open_log();
    pool_ = std::make_unique<WorkerPool>(options_.workers, options_.max_waiting);
    const auto served = service_.served();
    if (served->is_front()) checker_ = std::make_unique<WorkerPool>(1, 1);
}

Server::~Server() {
    checker_.reset();
    pool_.reset();
    if (log_ && log_ != stderr) std::fclose(log_);
}

// A machine without IPv6 is served without it, unless that address alone was named.
void Server::listen(const std::string& address) {
    const bool is_optional = options_.addresses.size() > 1 && address == "::1";
    try {
        tcp::acceptor acceptor(io_, tcp::endpoint(asio::ip::make_address(address), port_));
        acceptor.non_blocking(true);
        port_ = acceptor.local_endpoint().port();
        acceptors_.push_back(std::move(acceptor));
    } catch (const boost::system::system_error& e) {
        if (is_optional) return;
        throw Error({.what = "cannot listen",
                     .got = e.code().message(),
                     .where = address + ", port " + std::to_string(port_),
                     .hint = "another --port may be free"});
    }
}

void Server::open_log() {
    if (log_ && log_ != stderr) std::fclose(log_);
    log_ = nullptr;
    if (options_.log.empty()) return;
    log_ = options_.log == "-" ? stderr : std::fopen(options_.log.c_str(), "ae");
    if (!log_) throw Error({.what = "cannot write the log", .where = options_.log});
}

// Where files or memory for one more connection lack, the next is taken when sweep() may have closed some.
void Server::accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([this, &acceptor](boost::system::error_code error, tcp::socket socket) {
        if (!error) add(std::move(socket));
        if (error)
            resting_.push_back(&acceptor);
        else if (acceptor.is_open())
            accept(acceptor);
    });
}

void Server::add(tcp::socket socket) {
    constexpr std::size_t max_refused = 32;  // that are told so
    if (connections_.size() >= options_.max_connections)
        std::erase_if(connections_, [](const std::weak_ptr<Connection>& weak) {
            const std::shared_ptr<Connection> one = weak.lock();
            return !one || one->closed();
        });
    if (connections_.size() >= options_.max_connections + max_refused) return;
    const auto connection = std::make_shared<Connection>(std::move(socket), static_cast<ConnectionHost&>(*this),
                                                         options_.limits, options_.deadlines);
    connections_.push_back(connection);
    if (connections_.size() > options_.max_connections)
        connection->refuse({503, {.what = "too many connections"}, {{"Retry-After", "1"}}});
    else
        connection->start();
}

void Server::run() {
    for (tcp::acceptor& acceptor : acceptors_) accept(acceptor);
    wait_for_signal();
    sweep();
    io_.run();
}

void Server::wait_for_signal() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
        if (error) return;
        if (signal == SIGHUP)
            reload();
        else
            drain();
        wait_for_signal();
    });
}

// What is served is opened by a worker: requests go on with the old until the new is there.
void Server::reload() {
    try {
        open_log();
    } catch (const Error& e) {
        std::cerr << "error: " << printable(e.what()) << std::endl;
    }
    pool_->add(
        [this] {
            std::string said = "opened anew";
            try {
                service_.reload();
            } catch (const std::exception& e) {
                said = std::string("error: still serves what was open: ") + e.what();
            }
            asio::post(io_, [said = std::move(said)] { std::cerr << printable(said) << std::endl; });
        },
        true);
}

// Connections that were made are answered; those that say nothing are closed. A second signal ends the program.
void Server::drain() {
    if (draining_) std::_Exit(1);
    draining_ = true;
    for (tcp::acceptor& acceptor : acceptors_) {
        boost::system::error_code error;
        for (tcp::socket socket(io_); acceptor.accept(socket, error), !error; socket = tcp::socket(io_))
            add(std::move(socket));
        acceptor.close(error);
    }
    // What has arrived is read before a connection counts as silent.
    asio::post(io_, [this] {
        constexpr std::chrono::milliseconds for_what_arrived{50};
        sweeper_.expires_after(for_what_arrived);
        sweeper_.async_wait([this](boost::system::error_code) { sweep(); });
    });
}

void Server::sweep() {
    const Clock::time_point now = Clock::now();
    std::erase_if(connections_, [&](const std::weak_ptr<Connection>& weak) {
        const std::shared_ptr<Connection> connection = weak.lock();
        if (!connection || connection->closed()) return true;
        connection->check(now);
        if (draining_) connection->drain();
        return false;
    });
    if (draining_ && connections_.empty()) return io_.stop();
    if (checker_ && !draining_) check_shards();
    if (log_) std::fflush(log_);
    for (tcp::acceptor* acceptor : std::exchange(resting_, {}))
        if (acceptor->is_open()) accept(*acceptor);
    sweeper_.expires_after(std::chrono::milliseconds(draining_ ? 20 : 200));
    sweeper_.async_wait([this](boost::system::error_code error) {
        if (!error) sweep();
    });
}

// A thread of its own waits for the shards: the workers answer requests meanwhile.
void Server::check_shards() {
    constexpr std::chrono::seconds interval{1};
    if (checks_shards_ || Clock::now() < next_check_) return;
    checks_shards_ = true;
    next_check_ = Clock::now() + interval;
    checker_->add([this] {
        const auto served = service_.served();
        std::vector<std::string> missing;
        const auto check = [&missing](const std::string& name, const auto& front) {
            try {
                std::ranges::move(front.missing_shards(), std::back_inserter(missing));
            } catch (const std::exception& e) {
                missing.push_back(name + ": " + e.what());
            }
        };
        if (const DocumentsFront* front = served->documents_front()) check("documents", *front);
        if (served->has_questions()) check("facts", served->questions());
        for (const auto& [name, front] : served->fronts()) check(name, *front);
        asio::post(io_, [this, missing = std::move(missing)]() mutable {
            checks_shards_ = false;
            note_missing(std::move(missing));
        });
    });
}

void Server::note_missing(std::vector<std::string> missing) {
    const bool changes = missing != missing_shards_.value_or(std::vector<std::string>());
    missing_shards_ = std::move(missing);
    if (!changes) return;
    const bool none = missing_shards_->empty();
    std::cerr << (none ? "all shards answer" : "shards do not answer: " + printable(joined(*missing_shards_)))
              << std::endl;
}

// Addresses of shards are for the operator: the reply has their number.
Reply Server::readiness() const {
    if (draining_) return reply_of({503, {.what = "the server ends"}, {}});
    const Fields again{{"Retry-After", "1"}};
    if (checker_ && !missing_shards_) return reply_of({503, {.what = "the shards are not checked yet"}, again});
    if (!missing_shards_ || missing_shards_->empty()) return {.body = "{\"status\":\"ok\"}\n"};
    return reply_of({503, {.what = "shards do not answer", .got = std::to_string(missing_shards_->size())}, again});
}

bool Server::reserve(std::ptrdiff_t bytes) {
    if (bytes > 0 && body_bytes_ + bytes > options_.max_body_bytes) return false;
    body_bytes_ += bytes;
    return true;
}

static bool is_request_id(std::string_view id) {
    constexpr std::size_t max_size = 64;
    return !id.empty() && id.size() <= max_size &&
           id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               std::string_view::npos;
}

static std::string hexadecimal(std::uint64_t number) {
    char text[24];
    std::snprintf(text, sizeof text, "%016lx", static_cast<unsigned long>(number));
    return text;
}

void Server::finish_reply(const Request& request, Reply& reply) const {
    rules_->add_cors(request, reply);
    compress(reply, request);
}

Reply Server::reply_at_once(const Endpoint& endpoint, const Request& request) {
    if (std::string_view(endpoint.name) == "metrics")
        return {.type = "text/plain; version=0.0.4; charset=utf-8",
                .body = metrics_.text({connections_.size(), pool_->waiting(), body_bytes_, draining_})};
    if (std::string_view(endpoint.name) == "readyz") return readiness();
    return service_.run(endpoint, request);
}

void Server::answer(std::shared_ptr<Request> request, std::shared_ptr<std::atomic<bool>> dropped, Done done) {
    const std::string& id = request->field("x-request-id");
    request->id = is_request_id(id) ? id : hexadecimal(next_id_++);
    const Endpoint* endpoint = nullptr;
    const std::optional<Refusal> no_route = service_.find(*request, endpoint);
    if (endpoint) request->endpoint = endpoint->name;
    if (auto reply = rules_->preflight(*request)) return done(std::move(*reply));
    const bool is_public = endpoint && endpoint->is_public;
    std::optional<Refusal> refusal = rules_->refusal_of(*request, is_public);
    if (!refusal) refusal = no_route;
    if (refusal || !endpoint->computes) {
        Reply reply = refusal ? reply_of(*refusal) : reply_at_once(*endpoint, *request);
        finish_reply(*request, reply);
        return done(std::move(reply));
    }
    if (!add({endpoint, std::move(request), std::move(dropped), done}))
        done(reply_of({503, {.what = "too many requests wait", .hint = "try again later"}, {{"Retry-After", "1"}}}));
}

// A worker that comes to one of the jobs that may be answered together takes its share of all that wait.
bool Server::add(Job job) {
    if (!job.endpoint->run_all) {
        const auto alone = std::make_shared<std::vector<Job>>();
        alone->push_back(std::move(job));
        return pool_->add([this, alone] { compute(std::move(*alone)); });
    }
    const std::lock_guard lock(together_mutex_);
    if (!pool_->add([this] { compute(take_together()); })) return false;
    together_.push_back(std::move(job));
    return true;
}

std::vector<Server::Job> Server::take_together() {
    constexpr std::size_t max_jobs = 32;
    const std::lock_guard lock(together_mutex_);
    const auto workers = static_cast<std::size_t>(options_.workers);
    const auto count = static_cast<std::ptrdiff_t>(std::min(max_jobs, (together_.size() + workers - 1) / workers));
    std::vector<Job> jobs(std::make_move_iterator(together_.begin()),
                          std::make_move_iterator(together_.begin() + count));
    together_.erase(together_.begin(), together_.begin() + count);
    return jobs;
}

// Computes the replies to requests of one endpoint, and gives them, and connections that were dropped, back.
void Server::compute(std::vector<Job> jobs) {
    const auto first_dropped =
        std::stable_partition(jobs.begin(), jobs.end(), [](const Job& job) { return !job.dropped->load(); });
    std::vector<const Request*> requests;
    for (auto job = jobs.begin(); job != first_dropped; ++job) requests.push_back(job->request.get());
    std::vector<Reply> replies;
    if (!requests.empty()) replies = service_.run_all(*jobs.front().endpoint, requests);
    for (std::size_t i = 0; i < replies.size(); ++i) finish_reply(*requests[i], replies[i]);
    if (jobs.empty()) return;
    asio::post(io_, [this, jobs = std::move(jobs), replies = std::move(replies)]() mutable {
        for (std::size_t i = 0; i < replies.size(); ++i) jobs[i].done(std::move(replies[i]));
        for (std::size_t i = replies.size(); i < jobs.size(); ++i) metrics_.count_dropped();
    });
}

void Server::compute_part(std::shared_ptr<Reply> reply, std::function<void(std::string)> done) {
    pool_->add(
        [this, reply = std::move(reply), done = std::move(done)]() mutable {
            std::string part;
            if (!reply->next(part)) part.clear();
            asio::post(io_, [done = std::move(done), part = std::move(part)]() mutable { done(std::move(part)); });
        },
        true);
}

void Server::finished(const Request& request, int status, std::size_t bytes, Clock::duration time) {
    const double seconds = std::chrono::duration<double>(time).count();
    metrics_.count(request.endpoint, status, seconds);
    if (!log_) return;
    const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    char number[32];
    std::snprintf(number, sizeof number, "%.3f", now);
    const json::object line{{"method", as_utf8(request.method)},
                            {"path", as_utf8(request.path)},
                            {"status", status},
                            {"bytes", bytes},
                            {"ms", static_cast<double>(std::llround(seconds * 1e6)) / 1e3},
                            {"id", request.id}};
    std::fprintf(log_, "{\"time\":%s,%s\n", number, json::serialize(line).c_str() + 1);
}

}  // namespace kvmem::apps
