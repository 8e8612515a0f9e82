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

namespace {

// "0-of-3 SET": the number of a shard and of all, and the store's id. Others have an empty id.
struct NamedShard {
    std::string name, set;
    Index count = 0;
};

}  // namespace

static NamedShard named_shard(const HttpReply& reply) {
    const std::string field = reply.field("x-kvmem-shard");
    const std::size_t of = field.find("-of-"), space = field.find(' ');
    if (of == std::string::npos || space == std::string::npos || space < of) return {};
    const auto count = kvmem::number_of<Index>(field.substr(of + 4, space - of - 4));
    return count ? NamedShard{field.substr(0, space), field.substr(space + 1), *count} : NamedShard{};
}

void ShardAnswers::leave_out(std::size_t reply, const std::string& why) {
    missing.push_back(urls[reply] + ": " + why);
    replies.erase(replies.begin() + static_cast<std::ptrdiff_t>(reply));
    urls.erase(urls.begin() + static_cast<std::ptrdiff_t>(reply));
}

[[noreturn]] static void fail_together(const std::string& what, const std::string& expected, const std::string& got,
                                       const std::string& where) {
    throw HttpError({502, {.what = what, .expected = expected, .got = got, .where = where}, {}});
}

void ShardAnswers::require_together(std::size_t shards) {
    NamedShard first;
    for (const HttpReply& reply : replies)
        if (first.set.empty()) first = named_shard(reply);
    if (first.set.empty()) return;
    const std::string all = plural(first.count, "shard") + " of " + first.set;
    if (first.count != static_cast<Index>(shards))
        fail_together("there are not as many shards as belong together", all, std::to_string(shards), urls[0]);
    std::map<std::string, std::string> seen;  // the server of each shard
    for (std::size_t i = replies.size(); i-- > 0;) {
        const NamedShard shard = named_shard(replies[i]);
        if (shard.set.empty()) {
            leave_out(i, "a reply that is of no shard, where others are of " + all);
            continue;
        }
        const std::string got = "shard " + shard.name + " of " + shard.set;
        if (shard.set != first.set || shard.count != first.count)
            fail_together("shards do not belong together", "one of " + all, got, urls[i]);
        if (const auto [other, is_new] = seen.emplace(shard.name, urls[i]); !is_new)
            fail_together("two servers have the same shard", "each of " + all + " once", got + " at " + other->second,
                          urls[i]);
    }
}

void ShardAnswers::leave_out_stale() {
    std::vector<std::string> manifests;
    for (std::size_t i = 0; i < urls.size(); ++i) {
        const std::string set = named_shard(replies[i]).set;
        manifests.push_back(set.empty() ? manifest_of(urls[i]) : set);
    }
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
        leave_out(i, why);
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
