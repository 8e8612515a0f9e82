// What the shards of a front replied to one request, and those that did not.
#pragma once

#include "http.hpp"
#include "reply_reader.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <vector>

namespace kvmem::apps {

struct ShardAnswers {
    std::vector<HttpReply> replies{};
    std::vector<std::string> urls{}, missing{};  // urls: of the replies; missing: urls and what was wrong

    // The results of read(reply), each with a shape(). A reply that cannot be read counts as missing, and so does one
    // whose shape is not that of most; of shapes that are as frequent the first counts.
    template <class Read>
    auto read_alike(Read read) {
        std::vector<decltype(read(replies[0]))> parts;
        std::vector<std::string> from;
        for (std::size_t i = 0; i < replies.size(); ++i) try {
                parts.push_back(read(replies[i]));
                from.push_back(urls[i]);
            } catch (const std::exception&) {
                missing.push_back(urls[i] + ": a reply that cannot be read");
            }
        if (parts.empty()) return parts;
        const auto votes = [&](const auto& part) {
            return std::ranges::count_if(parts, [&](const auto& other) { return other.shape() == part.shape(); });
        };
        const auto shape = std::ranges::max_element(parts, {}, votes)->shape();
        for (std::size_t i = parts.size(); i-- > 0;)
            if (parts[i].shape() != shape) {
                missing.push_back(from[i] + ": a reply of another shape");
                parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(i));
            }
        return parts;
    }
    // Throws HttpError when replies say which shards they are of (X-Kvmem-Shard), and the `shards` of the front are not
    // all those of one store, each once. Replies that do not say so are then left out.
    void require_together(std::size_t shards);
    // Leaves out shards whose count of changes differs from the majority's of the same manifest. Of counts that are as
    // frequent, the newest holds. Stores of other names, and replies without a count, stay.
    void leave_out_stale();
    // A reply whose JSON is `text`, which is an open object, and which says what is missing.
    Reply close(std::string text) const;
    void add_missing(Reply& reply) const;

  private:
    void leave_out(std::size_t reply, const std::string& why);
};

}  // namespace kvmem::apps
