#include "connection.hpp"

#include <boost/asio/write.hpp>
#include <cstdio>

namespace kvmem::apps {

namespace asio = boost::asio;

Connection::Connection(asio::ip::tcp::socket socket, ConnectionHost& host, const RequestLimits& limits,
                       const Deadlines& deadlines)
    : socket_(std::move(socket)), host_(host), limits_(limits), deadlines_(deadlines), reader_(limits) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    enter(Phase::idle);
}

Connection::~Connection() { release(); }

void Connection::start() { wait_for_bytes(); }

void Connection::refuse(Refusal refusal) {
    began_ = Clock::now();
    request_ = std::make_shared<Request>();
    request_->keep_alive = false;
    reply(reply_of(refusal));
}

void Connection::close() {
    boost::system::error_code ignored;
    if (dropped_) dropped_->store(true);
    socket_.close(ignored);
}

// The time of a phase is that of all of it: a byte now and then does not make it longer.
void Connection::enter(Phase phase) {
    phase_ = phase;
    const Clock::time_point now = Clock::now();
    switch (phase) {
        case Phase::idle:
            deadline_ = now + deadlines_.idle;
            break;
        case Phase::header:
            deadline_ = now + deadlines_.header;
            break;
        case Phase::body:
            deadline_ = now + deadlines_.body;
            break;
        case Phase::answering:
            deadline_ = Clock::time_point::max();
            break;
        case Phase::writing:
            deadline_ = now + deadlines_.write;
            break;
        case Phase::lingering:
            deadline_ = now + deadlines_.linger;
            break;
    }
}

void Connection::check(Clock::time_point now) {
    if (closed() || now < deadline_) return;
    if (!writes_ && (phase_ == Phase::header || phase_ == Phase::body))
        refuse({408, {.what = "the request took too long", .expected = "a request in a few seconds"}});
    else
        close();
}

void Connection::drain() {
    boost::system::error_code error;
    if (phase_ == Phase::idle && buffer_.empty() && socket_.available(error) == 0) close();
}

void Connection::wait_for_bytes() {
    if (waits_ || closed()) return;
    waits_ = true;
    socket_.async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](boost::system::error_code error) {
        self->waits_ = false;
        if (!error) self->take_bytes();
    });
}

// While a reply is computed or written, one read finds the client's end, or the beginning of its next request.
void Connection::take_bytes() {
    char bytes[64 << 10];
    boost::system::error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(bytes), error);
    if (error == asio::error::would_block || error == asio::error::interrupted) return wait_for_bytes();
    if (error == asio::error::eof && phase_ == Phase::writing) {  // the client only sends no more
        keep_alive_ = false;
        return;
    }
    if (error) return close();
    if (phase_ == Phase::lingering) return wait_for_bytes();
    if (!host_.reserve(static_cast<std::ptrdiff_t>(count))) {
        if (phase_ == Phase::answering || phase_ == Phase::writing || writes_) return close();
        return refuse({503, {.what = "too many bytes of requests wait"}, {{"Retry-After", "1"}}});
    }
    reserved_ += count;
    buffer_.append(bytes, count);
    // While "100 Continue" is written, what came waits for its end.
    if (phase_ != Phase::answering && phase_ != Phase::writing && !writes_) go_on();
}

void Connection::go_on() {
    if (phase_ == Phase::idle) {
        began_ = Clock::now();
        enter(Phase::header);
    }
    switch (reader_.read(buffer_)) {
        case RequestReader::State::header:
            return wait_for_bytes();
        case RequestReader::State::body:
            if (phase_ != Phase::body) enter(Phase::body);
            if (!reader_.waits_for_continue() || continued_) return wait_for_bytes();
            continued_ = true;
            output_ = "HTTP/1.1 100 Continue\r\n\r\n";
            return write(&Connection::go_on);  // the body may be there already
        case RequestReader::State::refused:
            request_ = std::make_shared<Request>(std::move(reader_.request()));
            return reply(reply_of(reader_.refusal()));
        case RequestReader::State::done:
            return answer();
    }
}

void Connection::answer() {
    began_ = Clock::now();
    request_ = std::make_shared<Request>(std::move(reader_.request()));
    dropped_ = std::make_shared<std::atomic<bool>>(false);
    enter(Phase::answering);
    host_.answer(request_, dropped_, [self = shared_from_this()](Reply found) { self->reply(std::move(found)); });
    if (phase_ == Phase::answering) wait_for_bytes();
}

void Connection::reply(Reply found) {
    if (closed()) return;
    dropped_.reset();
    reply_ = std::make_shared<Reply>(std::move(found));
    keep_alive_ = request_->keep_alive && !host_.draining() && (!reply_->next || request_->takes_chunks);
    output_ = head_of(*reply_, *request_, keep_alive_);
    if (!request_->is_head()) output_ += reply_->body;
    written_ = 0;
    write(reply_->next ? &Connection::write_part : &Connection::finish);
}

void Connection::write_part() {
    enter(Phase::answering);
    host_.compute_part(reply_, [self = shared_from_this()](std::string part) {
        if (self->closed()) return;
        const bool is_last = part.empty();
        if (self->request_->takes_chunks) {
            char size[24];
            std::snprintf(size, sizeof size, "%zx\r\n", part.size());
            part.insert(0, size).append("\r\n");
        }
        self->output_ = std::move(part);
        self->write(is_last ? &Connection::finish : &Connection::write_part);
    });
    if (buffer_.empty()) wait_for_bytes();  // one read ahead is enough
}

void Connection::write(void (Connection::*next)()) {
    if (phase_ != Phase::body) enter(Phase::writing);  // "100 Continue" is a part of the body's time
    writes_ = true;
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this(), next](boost::system::error_code error, std::size_t count) {
                          self->writes_ = false;
                          self->written_ += count;
                          if (error) return self->close();
                          ((*self).*next)();
                      });
}

void Connection::release() {
    host_.reserve(-static_cast<std::ptrdiff_t>(reserved_));
    reserved_ = 0;
}

void Connection::finish() {
    host_.finished(*request_, reply_->status, written_, Clock::now() - began_);
    reply_.reset();
    output_ = {};
    if (!keep_alive_) return linger();
    release();
    reserved_ = buffer_.size();
    host_.reserve(static_cast<std::ptrdiff_t>(reserved_));
    reader_ = RequestReader(limits_);
    continued_ = false;
    enter(Phase::idle);
    if (buffer_.empty())
        wait_for_bytes();
    else
        go_on();
}

void Connection::linger() {
    boost::system::error_code error;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
    if (error) return close();
    buffer_ = {};
    release();
    enter(Phase::lingering);
    wait_for_bytes();
}

}  // namespace kvmem::apps
