// Which replies of shards are of one time.
#include "shard_answers.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;

namespace {

apps::ShardAnswers answers_of(const std::vector<std::pair<std::string, std::string>>& changes_of_urls) {
    apps::ShardAnswers answers;
    for (const auto& [url, changes] : changes_of_urls) {
        answers.urls.push_back(url);
        answers.replies.push_back({.status = 200, .fields = {{"x-kvmem-changes", changes}}});
    }
    answers.leave_out_stale();
    return answers;
}

using Urls = std::vector<std::string>;

}  // namespace

TEST_CASE("a shard whose count of changes differs from the majority's is left out", "[serve][shards]") {
    const auto answers =
        answers_of({{"http://a:1/w.0-of-3", "7"}, {"http://a:1/w.1-of-3", "6"}, {"http://a:1/w.2-of-3", "7"}});
    CHECK(answers.urls == Urls{"http://a:1/w.0-of-3", "http://a:1/w.2-of-3"});
    CHECK(answers.missing == Urls{"http://a:1/w.1-of-3: after 6 changes, where others are after 7"});
    CHECK(answers.replies.size() == 2);
}

TEST_CASE("of counts of changes that are as frequent, the larger number holds", "[serve][shards]") {
    CHECK(answers_of({{"http://a:1/w.0-of-2", "9"}, {"http://a:1/w.1-of-2", "10"}}).urls ==
          Urls{"http://a:1/w.1-of-2"});
    CHECK(answers_of({{"http://a:1/w.0-of-2", "10"}, {"http://a:1/w.1-of-2", "9"}}).urls ==
          Urls{"http://a:1/w.0-of-2"});
}

TEST_CASE("counts of changes are compared among the shards of one manifest", "[serve][shards]") {
    for (const Urls& names :
         {Urls{"best-of-2024", "a.0-of-2"}, Urls{"a.0-of-2", "b.1-of-2"}, Urls{"a.0-of-2", "a.1-of-3"},
          Urls{"a.x-of-2", "a.1-of-2"}, Urls{"a.0-of-2x", "a.1-of-2"}})
        CHECK(answers_of({{"http://10.0.0.1:80/" + names[0], "1"}, {"http://10.0.0.1:80/" + names[1], "2"}})
                  .missing.empty());
}

TEST_CASE("a count of changes that is no number is left out", "[serve][shards]") {
    const auto answers = answers_of({{"http://a:1/w.0-of-2", "7"}, {"http://a:1/w.1-of-2", "7 "}});
    CHECK(answers.missing == Urls{"http://a:1/w.1-of-2: a count of changes that is no number"});
    CHECK(answers_of({{"http://a:1/w.0-of-2", ""}, {"http://a:1/w.1-of-2", "7"}}).missing.empty());
}
