#include "shard_answers.hpp"

#include "kvmem/core/number.hpp"
#include "kvmem/core/text.hpp"
#include "program.hpp"

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <regex>
#include <utility>

namespace kvmem::apps {

namespace json = boost::json;

// The manifest and the count of shards in the store's name of a shard, "wiki.0-of-4"; "" for another name.
static std::string manifest_of(const std::string& url) {
    static const std::regex shard("(.+)\\.[0-9]+(-of-[0-9]+)");
    const std::string store = url.substr(url.rfind('/') + 1);
    std::smatch parts;
    return std::regex_match(store, parts, shard) ? parts.str(1) + parts.str(2) : "";
}

void ShardAnswers::leave_out_stale() {
    std::vector<std::string> manifests;
    for (const std::string& url : urls) manifests.push_back(manifest_of(url));
    std::map<std::string, std::map<std::uint64_t, int>> votes;  // of each manifest
    const auto field_of = [&](std::size_t i) { return replies[i].field("x-kvmem-changes"); };
    for (std::size_t i = 0; i < replies.size(); ++i)
        if (const auto changes = kvmem::number_of<std::uint64_t>(field_of(i))) ++votes[manifests[i]][*changes];
    votes.erase("");
    for (std::size_t i = replies.size(); i-- > 0;) {
        const std::string field = field_of(i);
        if (manifests[i].empty() || field.empty()) continue;
        const auto changes = kvmem::number_of<std::uint64_t>(field);
        std::string why = "a count of changes that is no number";
        if (changes) {
            const auto most = std::ranges::max_element(
                votes[manifests[i]], {}, [](const auto& one) { return std::pair(one.second, one.first); });
            if (most->first == *changes) continue;
            why = "after " + field + " changes, where others are after " + std::to_string(most->first);
        }
        missing.push_back(urls[i] + ": " + why);
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
