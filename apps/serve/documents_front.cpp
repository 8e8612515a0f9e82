#include "documents_front.hpp"

#include "endpoints.hpp"
#include "found_text.hpp"
#include "kvmem/core/text.hpp"

#include <chrono>
#include <utility>

namespace kvmem::apps {

namespace {

// The shards that failed in the requests of a question so far. They get no more of them: a question waits once.
struct Failures {
    std::vector<bool> away;
    std::vector<std::string> texts;
};

}  // namespace

static ShardCall call_to(const ShardPool& pool, Failures& failures, std::chrono::milliseconds max_timeout) {
    failures.away.resize(pool.shards().size());
    return [&pool, &failures, max_timeout](std::string_view request) {
        const std::vector<ShardAnswer> answers = pool.send(request, max_timeout, failures.away);
        std::vector<std::string> replies(answers.size());
        for (std::size_t i = 0; i < answers.size(); ++i) {
            if (answers[i].reply) replies[i] = answers[i].reply->body;
            if (answers[i].reply || failures.away[i]) continue;
            failures.away[i] = true;
            failures.texts.push_back(answers[i].missing());
        }
        return replies;
    };
}

documents::Findings DocumentsFront::ask(const Call& call, std::vector<std::string>& missing) const {
    const std::string question = text_of(call.body, "question");
    const documents::SearchOptions options = document_options_of(call);
    documents::require_answerable(question, options);
    Failures failures;
    const documents::ShardedSearch search(call_to(pool_, failures, std::chrono::hours(1)));
    try {
        documents::Findings found = search.ask(question, options);
        missing = std::move(failures.texts);
        return found;
    } catch (const HttpError&) {
        throw;
    } catch (const Error& e) {
        pool_.require_enough(failures.texts);
        throw HttpError({502, e.problem(), {}});
    }
}

Reply DocumentsFront::search(const Call& call) const {
    ShardAnswers answers;
    const documents::Findings found = ask(call, answers.missing);
    pool_.require_enough(answers.missing);
    std::string line = printable(json_line(text_of(call.body, "question"), *found.corpus, found));
    line.pop_back();  // close() ends the object
    return answers.close(std::move(line));
}

std::vector<std::string> DocumentsFront::missing_shards() const {
    Failures failures;
    try {
        documents::require_shards(call_to(pool_, failures, std::chrono::seconds(1)));
    } catch (const Error& e) {
        if (failures.texts.empty()) return {e.what()};
    }
    return std::move(failures.texts);
}

}  // namespace kvmem::apps
