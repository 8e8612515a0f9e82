#include "kvmem/tasks/sequences/generate.hpp"

#include "kvmem/core/error.hpp"
#include "tasks/sequences/group_decoding.hpp"
#include "tasks/sequences/line_search.hpp"

#include <atomic>
#include <list>
#include <mutex>
#include <optional>
#include <utility>

namespace kvmem {

void GenerateOptions::check() const {
    require_option(sample || n_best <= beam, "n_best", "at most as many as the beam has, or samples");
    require_option(!sample || beam == 1, "beam", "1 for samples");
    require_option(min_length <= max_length, "min_length", "at most max_length");
}

namespace {

// Gives lines to the running batches, each to one.
class LineQueue {
  public:
    explicit LineQueue(RaggedView<Token> sources) : order_(by_length(sources)) {}
    std::span<const Index> take(Index max) {
        const Index first = std::min(next_.fetch_add(max), std::ssize(order_));
        return std::span(order_).subspan(static_cast<std::size_t>(first),
                                         static_cast<std::size_t>(std::min(max, std::ssize(order_) - first)));
    }

  private:
    std::vector<Index> order_;
    std::atomic<Index> next_ = 0;
};

// What all running batches share.
struct Generation {
    const SequenceModel& model;
    RaggedView<Token> sources;
    const GenerateOptions& options;
    const GenerateExtras& extras;
    LineQueue queue;
    std::vector<std::vector<Generated>> results;  // of each line
    std::mutex one_at_a_time{};                   // for what the caller is told
    Index done = 0;                               // lines

    Generation(const SequenceModel& m, RaggedView<Token> s, const GenerateOptions& o, const GenerateExtras& e)
        : model(m), sources(s), options(o), extras(e), queue(s), results(static_cast<std::size_t>(s.size())) {}

    std::span<const Token> prefix(Index line, Index vocabulary) const {
        if (extras.prefixes.size() == 0) return {};
        require_tokens(extras.prefixes, line, vocabulary, "a prefix");
        return extras.prefixes[line];
    }
    // Returns whether the line may go on.
    bool tell(const LineSearch& search, Index line) {
        if (!extras.token || search.tokens().empty() || search.in_prefix()) return true;
        const std::lock_guard guard(one_at_a_time);
        return extras.token({line, search.tokens()[0], search.log_probability()});
    }
    void finish(const LineSearch& search, Index line) {
        results[line] = search.results(extras.weights);
        const std::lock_guard guard(one_at_a_time);
        ++done;
        if (extras.progress) extras.progress(done);
    }
};

// The searches of up to `size` lines, step by step. Lines of the queue take the places of those that are over.
class RunningBatch {
  public:
    RunningBatch(Generation& all, Index size) : all_(all), size_(size) {}

    // Returns whether a search goes on.
    bool step() {
        fill();
        if (running_.empty()) return false;
        std::vector<Token> tokens;
        for (const Running& one : running_)
            tokens.insert(tokens.end(), one.search.tokens().begin(), one.search.tokens().end());
        const StepScores scores = group_->step_scores(tokens);
        std::vector<Index> rows;
        for (Index first = 0; Running & one : running_) {
            const Index count = std::ssize(one.search.tokens());
            const std::size_t before = rows.size();
            one.search.advance(group_->decoding(), scores, first, rows);
            first += count;
            if (!all_.tell(one.search, one.line)) {
                one.search.cut();
                rows.resize(before);
            }
            if (one.search.tokens().empty()) all_.finish(one.search, one.line);
        }
        std::erase_if(running_, [](const Running& one) { return one.search.tokens().empty(); });
        group_->reorder(rows, std::ssize(tokens));
        return true;
    }

  private:
    struct Running {
        Index line;
        LineSearch search;
    };

    void fill() {
        const Index room = size_ - std::ssize(running_);
        // Lines enter together, as encoders read their weights once for all of them.
        if (!running_.empty() && (2 * room < size_ || !group_->decoding().takes_sources())) return;
        const std::span<const Index> lines = all_.queue.take(room);
        if (lines.empty()) return;
        if (running_.empty())
            group_.emplace(all_.model, all_.sources, lines);
        else
            group_->add(all_.sources, lines);
        for (const Index line : lines)
            running_.push_back({line, LineSearch(all_.options, all_.extras.weights, all_.sources[line],
                                                 all_.prefix(line, group_->vocabulary()))});
    }

    Generation& all_;
    Index size_;
    std::list<Running> running_;
    std::optional<GroupDecoding> group_;
};

}  // namespace

std::vector<std::vector<Generated>> generate(const SequenceModel& model, RaggedView<Token> sources,
                                             const GenerateOptions& options, const GenerateExtras& extras) {
    validated(options);
    if (extras.token)
        require_option(options.beam == 1 && options.n_best == 1, "beam", "1, and one result, to tell tokens at once");
    require_lines(sources, extras.prefixes.size() > 0 ? extras.prefixes : sources, "generate");
    Generation all(model, sources, options, extras);
    const auto [batches, size] = cut_in_batches(sources.size(), options.batch);
    parallel_for(std::min<Index>(batches, thread_count()), 1, [&, size = size](Index first, Index last) {
        const FlushSubnormals flush;
        for (Index i = first; i < last; ++i)
            for (RunningBatch batch(all, size); batch.step();) {
            }
    });
    return std::move(all.results);
}

}  // namespace kvmem
