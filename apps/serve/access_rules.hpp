// Which requests may reach an endpoint: those to a name of this server (DNS rebinding), from a page of it or from no
// page at all (CSRF), and with the token if the server has one.
#pragma once

#include "http.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kvmem::apps {

class AccessRules {
  public:
    // `hosts` are names with or without a port beside those of this machine; `origins` are "https://name:port" of pages
    // elsewhere; "" is no token.
    AccessRules(unsigned short port, std::vector<std::string> hosts, std::vector<std::string> origins,
                std::string token);

    // Why the request is refused, or nothing. Public resources need no token: pages, and whether the server lives.
    std::optional<Refusal> refusal_of(const Request& request, bool is_public) const;
    // The reply to a preflight request of an allowed origin.
    std::optional<Reply> preflight(const Request& request) const;
    // Lets a page of an allowed origin read the reply.
    void add_cors(const Request& request, Reply& reply) const;

  private:
    bool is_own_host(const std::string& host) const;
    bool is_allowed_origin(const Request& request) const;
    bool has_token(const Request& request) const;

    std::vector<std::string> hosts_, origins_;
    std::string token_;
};

}  // namespace kvmem::apps
