#include "service.hpp"

#include <new>

namespace kvmem::apps {

namespace json = boost::json;

Service::Service(ServedPaths paths) : paths_(std::move(paths)), served_(std::make_shared<const Served>(paths_)) {}

std::shared_ptr<const Served> Service::served() const {
    const std::lock_guard lock(mutex_);
    return served_;
}

void Service::reload() {
    const auto before = served();
    auto opened = std::make_shared<const Served>(paths_, before.get());
    const std::lock_guard lock(mutex_);
    served_ = std::move(opened);
}

// Whether a path is that of the pattern. Sets `store` to what stands for {store}.
static bool matches(std::string_view pattern, std::string_view path, std::string& store) {
    const std::size_t open = pattern.find("{store}");
    if (open == std::string_view::npos) return pattern == path;
    const std::string_view before = pattern.substr(0, open), behind = pattern.substr(open + 7);
    if (path.size() <= before.size() + behind.size() || !path.starts_with(before) || !path.ends_with(behind))
        return false;
    store = path.substr(before.size(), path.size() - before.size() - behind.size());
    return store.find('/') == std::string::npos;
}

std::optional<Refusal> Service::find(const Request& request, const Endpoint*& endpoint) {
    std::string allowed, store;
    for (const Endpoint& one : endpoints()) {
        if (!matches(one.path, request.path, store)) continue;
        if (request.method == one.method || (request.is_head() && one.method == std::string_view("GET"))) {
            endpoint = &one;
            return {};
        }
        allowed += (allowed.empty() ? "" : ", ") + std::string(one.method);
        if (one.method == std::string_view("GET")) allowed += ", HEAD";
    }
    if (allowed.empty())
        return Refusal{404, {.what = "no such path", .got = request.path, .hint = "see /openapi.json"}};
    return Refusal{
        405, {.what = "the path has no such method", .expected = allowed, .got = request.method}, {{"Allow", allowed}}};
}

static std::string media_type(const std::string& field) { return field.substr(0, field.find_first_of("; \t")); }

// A body without a type that pages of other sites cannot send is refused: forms send none of these.
static void require_type(const Endpoint& endpoint, const Request& request, json::object& body) {
    if (request.method != "POST" && request.method != "PUT") return;
    const std::string type = media_type(request.field("content-type"));
    const bool is_json = type == "application/json";
    if (is_json && !endpoint.members.empty()) {
        body = parse_members(request.body, endpoint.members);
    } else if (!(is_json && endpoint.members.empty()) && (type.empty() || type != endpoint.also_takes)) {
        const std::string also = *endpoint.also_takes ? std::string(" or ") + endpoint.also_takes : "";
        throw HttpError(
            {415, {.what = "no such type of body here", .expected = "application/json" + also, .got = type}, {}});
    }
}

static Call checked_call(const Endpoint& endpoint, const Request& request, std::shared_ptr<const Served> served) {
    Call call{request, std::move(served)};
    require_type(endpoint, request, call.body);
    matches(endpoint.path, request.path, call.store);
    if (endpoint.changes && !call.served->writable())
        throw HttpError({403, {.what = "stores are read only here", .hint = "kvmem serve --writable"}, {}});
    return call;
}

Reply Service::run(const Endpoint& endpoint, const Request& request) const noexcept {
    try {
        try {
            return endpoint.run(checked_call(endpoint, request, served()));
        } catch (const HttpError& e) {
            return reply_of(e.refusal());
        } catch (const Error& e) {
            return reply_of({400, e.problem(), {}});
        } catch (const std::bad_alloc&) {
            return reply_of({503, {.what = "out of memory"}, {}});
        } catch (const std::exception&) {
            return reply_of({500, {.what = "an error of the server"}, {}});
        }
    } catch (...) {
        return {.status = 500, .body = "{}"};
    }
}

std::vector<Reply> Service::run_all(const Endpoint& endpoint, std::span<const Request* const> requests) const {
    if (requests.size() > 1) try {
            std::vector<Call> calls;
            calls.reserve(requests.size());
            for (const Request* request : requests) calls.push_back(checked_call(endpoint, *request, served()));
            return endpoint.run_all(calls);
        } catch (const std::exception&) {  // of one: its reply tells it
        }
    std::vector<Reply> replies;
    replies.reserve(requests.size());
    for (const Request* request : requests) replies.push_back(run(endpoint, *request));
    return replies;
}

}  // namespace kvmem::apps
