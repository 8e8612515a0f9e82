#include "shard_lines.hpp"

#include "kvmem/core/error.hpp"
#include "program.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <deque>
#include <utility>

namespace kvmem::apps {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

Replica replica_of(const std::string& url, ServedKind kind) {
    constexpr std::string_view scheme = "http://";
    const std::size_t slash = std::min(url.find('/', scheme.size()), url.size());
    const std::string host = url.substr(std::min(scheme.size(), url.size()), slash - std::min(scheme.size(), slash));
    const std::string store = url.substr(std::min(slash + 1, url.size()));
    const std::size_t colon = host.rfind(':');
    const bool is_store = kind == ServedKind::store;
    const bool fits = url.starts_with(scheme) && colon != std::string::npos && colon > 0 && store.empty() != is_store &&
                      store.find_first_of("/?#% \r\n\t") == std::string::npos &&
                      host.find_first_of("@ \r\n\t") == std::string::npos;
    const bool of_documents = kind == ServedKind::documents;
    require_option(fits,
                   is_store       ? "shards"
                   : of_documents ? "document-shards"
                                  : "memory-shards",
                   is_store ? "addresses like http://HOST:PORT/STORE" : "addresses like http://HOST:PORT");
    std::string name = host.substr(0, colon);
    if (name.front() == '[' && name.back() == ']') name = name.substr(1, name.size() - 2);
    asio::io_context io;
    error_code error;
    const auto found = tcp::resolver(io).resolve(name, host.substr(colon + 1), tcp::resolver::numeric_service, error);
    if (error || found.empty())
        throw Error({.what = "the server of a shard is not found", .got = error.message(), .where = url});
    const std::string path = is_store ? "/v1/stores/" + store + "/" : of_documents ? "/v1/documents/" : "/v1/memory/";
    return {url, host, path, found.begin()->endpoint()};
}

bool Shard::backs_off(std::size_t replica) const {
    return Clock::now().time_since_epoch().count() < back_off_ends_[replica];
}

void Shard::set_back_off(std::size_t replica, Clock::duration time) const {
    constexpr std::chrono::seconds max{10};
    back_off_ends_[replica] = (Clock::now() + std::min<Clock::duration>(time, max)).time_since_epoch().count();
}

namespace {

// Statuses that every replica of a shard gives: success, and refusals of the request itself.
bool depends_on_request(int status) {
    return status == 200 || status == 400 || status == 413 || status == 414 || status == 431;
}

// One shard's part of a call. Its handlers run on the one thread that calls; what a time-out overtook does nothing.
class Exchange {
  public:
    Exchange(asio::io_context& io, const Shard& shard, std::vector<tcp::socket>& sockets, const ShardRequest& request,
             std::chrono::milliseconds timeout)
        : shard_(shard),
          sockets_(sockets),
          request_(request),
          timeout_(timeout),
          timer_(io),
          first_(shard.preferred.load()) {}

    void start() { go_on(); }
    ShardAnswer answer() { return {std::move(reply_), replica().url, failure_}; }

  private:
    const Replica& replica() const { return shard_.replicas[at_]; }
    tcp::socket& socket() { return sockets_[at_]; }

    // A handler of this attempt.
    template <class Next>
    auto then(Next next) {
        return [this, next, attempt = attempt_](error_code error, auto... results) {
            if (attempt != attempt_) return;
            if (error) return fail(error.message());
            next(results...);
        };
    }

    void attempt() {
        ++attempt_;
        reader_ = {};
        buffer_.clear();
        timer_.expires_after(timeout_);
        timer_.async_wait([this, attempt = attempt_](error_code error) {
            if (error || attempt != attempt_) return;
            shard_.set_back_off(at_, 5 * timeout_);
            fail_over("no reply within " + formatted("%g", std::chrono::duration<double>(timeout_).count()) + " s");
        });
        was_open_ = socket().is_open();
        if (was_open_) return send();
        socket().async_connect(replica().endpoint, then([this] {
                                   error_code ignored;
                                   socket().set_option(tcp::no_delay(true), ignored);
                                   send();
                               }));
    }

    void send() {
        head_ = "POST " + replica().path + request_.operation + request_.query +
                " HTTP/1.1\r\nHost: " + replica().host + "\r\nContent-Type: " + request_.type +
                "\r\nAccept: " + request_.accept + "\r\n" + request_.authorization +
                "Content-Length: " + std::to_string(request_.body.size()) + "\r\n\r\n";
        const std::array<asio::const_buffer, 2> bytes{asio::buffer(head_), asio::buffer(request_.body)};
        asio::async_write(socket(), bytes, then([this](std::size_t) { receive(); }));
    }

    void receive() {
        socket().async_read_some(asio::buffer(chunk_), then([this](std::size_t count) {
                                     buffer_.append(chunk_.data(), count);
                                     take();
                                 }));
    }

    void take() {
        try {
            if (!reader_.read(buffer_)) return receive();
        } catch (const Error& e) {
            return fail_over(e.problem().what + ", expected " + e.problem().expected);
        }
        if (!buffer_.empty()) return fail("more bytes than a reply");
        finish();
    }

    void finish() {
        if (!depends_on_request(reader_.reply().status))
            return fail_over("status " + std::to_string(reader_.reply().status));
        shard_.preferred = at_;
        shard_.set_back_off(at_, {});
        stop();
        if (!reader_.reply().keep_alive) close();
        reply_ = std::move(reader_.reply());
    }

    // An idle connection may have been closed by the server: then a new one is tried. After other failures the next
    // replica is.
    void fail(std::string why) {
        if (!was_open_ || !buffer_.empty()) return fail_over(std::move(why));
        close();
        attempt();
    }

    void fail_over(std::string why) {
        close();
        failure_ = std::move(why);
        go_on();
    }

    // With the next replica that calls do not back off from; behind the last, with the first of the others.
    void go_on() {
        while (passed_ < shard_.replicas.size()) {
            const std::size_t next = (first_ + passed_++) % shard_.replicas.size();
            if (!shard_.backs_off(next)) return enter(next);
            if (!left_out_) left_out_ = next;
        }
        if (left_out_) enter(*std::exchange(left_out_, {}));
    }

    void enter(std::size_t replica) {
        at_ = replica;
        attempt();
    }

    void close() {
        stop();
        error_code ignored;
        socket().close(ignored);
    }

    void stop() {
        ++attempt_;
        timer_.cancel();
    }

    const Shard& shard_;
    std::vector<tcp::socket>& sockets_;
    const ShardRequest& request_;
    std::chrono::milliseconds timeout_;
    asio::steady_timer timer_;
    std::size_t first_, at_ = 0, passed_ = 0;
    std::optional<std::size_t> left_out_;
    int attempt_ = 0;
    bool was_open_ = false;
    std::string head_, buffer_, failure_;
    std::array<char, 65536> chunk_{};
    ReplyReader reader_;
    std::optional<HttpReply> reply_;
};

}  // namespace

ShardLines::ShardLines(const std::vector<std::unique_ptr<Shard>>& shards) : shards_(shards) {
    for (const auto& shard : shards) {
        sockets_.emplace_back();
        for (std::size_t i = 0; i < shard->replicas.size(); ++i) sockets_.back().emplace_back(io_);
    }
}

std::vector<ShardAnswer> ShardLines::call(const ShardRequest& request, std::chrono::milliseconds timeout) {
    std::deque<Exchange> exchanges;
    std::vector<std::size_t> called;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        if (i < request.without.size() && request.without[i]) continue;
        exchanges.emplace_back(io_, *shards_[i], sockets_[i], request, timeout).start();
        called.push_back(i);
    }
    io_.restart();
    io_.run();
    std::vector<ShardAnswer> answers(shards_.size());
    for (std::size_t i = 0; i < called.size(); ++i) answers[called[i]] = exchanges[i].answer();
    return answers;
}

}  // namespace kvmem::apps
