#include "shard_pool.hpp"

#include "kvmem/core/text.hpp"
#include "members.hpp"
#include "program.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

namespace kvmem::apps {

namespace json = boost::json;

static std::vector<std::string> parts_of(const std::string& text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(separator, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

ShardPool::ShardPool(const std::string& urls, ServedKind kind, const FrontOptions& options) : options_(options) {
    for (const std::string& replicas_of : parts_of(urls, ',')) {
        std::vector<Replica> replicas;
        for (const std::string& url : parts_of(replicas_of, '|')) replicas.push_back(replica_of(url, kind));
        shards_.push_back(std::make_unique<Shard>(std::move(replicas)));
    }
}

// What a shard refuses, the front refuses: all of them have the same widths and limits.
static void require_taken(const HttpReply& reply, const std::string& url) {
    constexpr int ok = 200;
    if (reply.status == ok) return;
    Problem problem{
        .what = "a shard refuses the request", .got = "status " + std::to_string(reply.status), .where = url};
    boost::system::error_code error;
    const json::value body = json::parse(reply.body, error);
    if (const json::object* object = error ? nullptr : body.if_object()) {
        const auto text = [&](const char* name) { return text_of(*object, name); };
        const auto is_text = [&](const char* name) { return !object->contains(name) || object->at(name).is_string(); };
        if (is_text("title") && is_text("expected") && is_text("got"))
            problem = {.what = text("title"), .expected = text("expected"), .got = text("got"), .where = url};
    }
    throw HttpError({reply.status, std::move(problem), {}});
}

ShardsMissing::ShardsMissing(const char* expected, std::vector<std::string> missing)
    : HttpError({503,
                 {.what = "shards do not answer", .expected = expected, .got = joined(missing)},
                 {{"Retry-After", "1"}}}),
      missing_(std::move(missing)) {}

void ShardPool::require_enough(const std::vector<std::string>& missing) const {
    if (missing.empty() || (missing.size() < shards_.size() && !options_.whole)) return;
    throw ShardsMissing(options_.whole ? "a reply of each" : "a reply of one at least", missing);
}

std::vector<ShardAnswer> ShardPool::call(const ShardRequest& request, std::chrono::milliseconds max_timeout) const {
    std::unique_ptr<ShardLines> lines;
    {
        const std::lock_guard lock(mutex_);
        if (!idle_.empty()) lines = std::move(idle_.back()), idle_.pop_back();
    }
    if (!lines) lines = std::make_unique<ShardLines>(shards_);
    std::vector<ShardAnswer> answers = lines->call(request, std::min(options_.timeout, max_timeout));
    {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(lines));
    }
    for (const ShardAnswer& answer : answers)
        if (answer.reply) require_taken(*answer.reply, answer.url);
    return answers;
}

std::vector<ShardAnswer> ShardPool::send(std::string_view message, std::chrono::milliseconds max_timeout,
                                         std::vector<bool> without) const {
    const std::string body(message);
    return call({"shard", {}, bytes_type, bytes_type, authorization(), body, std::move(without)}, max_timeout);
}

ShardCall ShardPool::call_to_all(std::chrono::milliseconds max_timeout) const {
    return [this, max_timeout](std::string_view request) {
        std::vector<std::string> replies, missing;
        for (ShardAnswer& answer : send(request, max_timeout))
            if (answer.reply)
                replies.push_back(std::move(answer.reply->body));
            else
                missing.push_back(answer.missing());
        if (!missing.empty()) throw ShardsMissing("a reply of each", std::move(missing));
        return replies;
    };
}

std::string ShardPool::authorization() const {
    return options_.token.empty() ? "" : "Authorization: Bearer " + options_.token + "\r\n";
}

}  // namespace kvmem::apps
