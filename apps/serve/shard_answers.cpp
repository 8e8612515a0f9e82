#include "shard_answers.hpp"

#include "kvmem/core/text.hpp"
#include "program.hpp"

#include <boost/json.hpp>
#include <map>

namespace kvmem::apps {

namespace json = boost::json;

// Whether a store's name is that of a shard's file beside a manifest: "wiki.0-of-4".
static bool is_of_manifest(const std::string& url) {
    const std::size_t dot = url.rfind('.'), of = url.rfind("-of-");
    return dot != std::string::npos && of != std::string::npos && dot < of;
}

void ShardAnswers::leave_out_strangers() {
    std::map<std::string, int> votes;
    const auto changes_of = [&](std::size_t i) {
        return is_of_manifest(urls[i]) ? replies[i].field("x-kvmem-changes") : std::string();
    };
    for (std::size_t i = 0; i < replies.size(); ++i)
        if (!changes_of(i).empty()) ++votes[changes_of(i)];
    if (votes.size() < 2) return;
    const auto most = std::ranges::max_element(votes, {}, [](const auto& one) { return one.second; })->first;
    for (std::size_t i = replies.size(); i-- > 0;) {
        if (changes_of(i).empty() || changes_of(i) == most) continue;
        missing.push_back(urls[i] + ": after " + changes_of(i) + " changes, where others are after " + most);
        replies.erase(replies.begin() + static_cast<std::ptrdiff_t>(i));
        urls.erase(urls.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

Reply ShardAnswers::close(std::string text) const {
    Reply reply{.body = std::move(text)};
    if (!missing.empty()) {
        reply.body += ",\"partial\":true,\"missing\":";
        reply.body += json::serialize(json::array(missing.begin(), missing.end()));
    }
    reply.body += "}\n";
    add_missing(reply);
    return reply;
}

void ShardAnswers::add_missing(Reply& reply) const {
    if (!missing.empty()) reply.fields.emplace_back("X-Kvmem-Missing", printable(joined(missing)));
}

}  // namespace kvmem::apps
