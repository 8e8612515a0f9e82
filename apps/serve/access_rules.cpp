#include "access_rules.hpp"

#include <algorithm>

namespace kvmem::apps {

AccessRules::AccessRules(unsigned short port, std::vector<std::string> hosts, std::vector<std::string> origins,
                         std::string token)
    : hosts_(std::move(hosts)), origins_(std::move(origins)), token_(std::move(token)) {
    for (const std::string name : {"localhost", "127.0.0.1", "[::1]"}) {
        hosts_.push_back(name + ":" + std::to_string(port));
        if (port == 80) hosts_.push_back(name);
    }
}

static bool equal_but_case(const std::string& a, const std::string& b) {
    return std::ranges::equal(
        a, b, {}, [](char c) { return std::tolower(static_cast<unsigned char>(c)); },
        [](char c) { return std::tolower(static_cast<unsigned char>(c)); });
}

bool AccessRules::is_own_host(const std::string& host) const {
    return std::ranges::any_of(hosts_, [&](const std::string& own) { return equal_but_case(host, own); });
}

bool AccessRules::is_allowed_origin(const Request& request) const {
    return std::ranges::find(origins_, request.field("origin")) != origins_.end();
}

bool AccessRules::has_token(const Request& request) const {
    constexpr std::string_view scheme = "Bearer ";
    const std::string& value = request.field("authorization");
    return value.starts_with(scheme) && equal_in_constant_time(std::string_view(value).substr(scheme.size()), token_);
}

std::optional<Refusal> AccessRules::refusal_of(const Request& request, bool is_public) const {
    const std::string& host = request.field("host");
    if (!is_own_host(host))
        return Refusal{421,
                       {.what = "this server has another name",
                        .expected = "localhost or an address of this machine, with the port",
                        .got = host,
                        .hint = "other names need --allow-host NAME"}};
    const std::string &origin = request.field("origin"), &site = request.field("sec-fetch-site");
    const bool own_page = origin == "http://" + host || origin == "https://" + host;
    const bool elsewhere = site == "cross-site" || site == "same-site";
    const bool navigates = request.method == "GET" && request.field("sec-fetch-mode") == "navigate";
    if (!is_allowed_origin(request) && ((!origin.empty() && !own_page) || (elsewhere && !(navigates && is_public))))
        return Refusal{403,
                       {.what = "a page of another site may not use this server",
                        .got = origin.empty() ? site : origin,
                        .hint = "pages elsewhere need --allow-origin ORIGIN"}};
    if (!token_.empty() && !is_public && !has_token(request))
        return Refusal{401,
                       {.what = "no right token", .expected = "Authorization: Bearer TOKEN"},
                       {{"WWW-Authenticate", "Bearer"}}};
    return {};
}

std::optional<Reply> AccessRules::preflight(const Request& request) const {
    const bool is_preflight = request.method == "OPTIONS" && request.fields.contains("access-control-request-method");
    if (!is_preflight || !is_own_host(request.field("host")) || !is_allowed_origin(request)) return {};
    Reply reply{.status = 204, .type = ""};
    reply.fields = {{"Access-Control-Allow-Methods", "GET, POST, PUT"},
                    {"Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-Id"},
                    {"Access-Control-Max-Age", "600"}};
    add_cors(request, reply);
    return reply;
}

void AccessRules::add_cors(const Request& request, Reply& reply) const {
    if (origins_.empty()) return;
    reply.fields.emplace_back("Vary", "Origin");
    if (is_allowed_origin(request)) reply.fields.emplace_back("Access-Control-Allow-Origin", request.field("origin"));
}

}  // namespace kvmem::apps
