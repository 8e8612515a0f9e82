#include "kvmem/tasks/sequences/memory_model.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/text/units.hpp"
#include "tasks/sequences/forced_decoding.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace kvmem {

using store::MemoryStore;

static constexpr Index lines_at_once = 1024;

store::StoreOptions memory_options_of(const SequenceModel& model) {
    Ragged<Token> source;
    source.end_row();
    const auto decoding = model.begin(source);
    Matrix log_probabilities(1, decoding->vocabulary());
    decoding->step(std::span(&begin_token, 1), log_probabilities);
    const Index width = decoding->states().cols;
    if (width == 0)
        throw Error({.what = "the model shows no states", .expected = "Decoding::states()", .where = "memory"});
    return {.key_width = width, .value_width = 1, .metric = Similarity::euclidean};
}

// Throws Error for a store of another form, in which distances or values would mean something else.
static void require_memory_of(const SequenceModel& model, const MemoryStore& memory) {
    store::StoreOptions expected = memory_options_of(model);
    const store::StoreOptions options = memory.options();
    expected.encoding = options.encoding;
    if (options == expected) return;
    const auto text = [](const store::StoreOptions& o) {
        return std::to_string(o.key_width) + " numbers a key, " + std::to_string(o.value_width) + " a value, metric " +
               store::metric_names[static_cast<int>(o.metric)];
    };
    throw Error({.what = "the memory is not one of this model", .expected = text(expected), .got = text(options)});
}

// --- reading

namespace {

// What some steps found, the best k of each, and the tokens behind them.
class Found {
  public:
    Found(const MemoryStore& memory, ConstView states, const MemoryOptions& options, Index vocabulary)
        : read_(memory.read(states,
                            {.top_k = options.neighbours, .search = {.probes = options.probes}, .copy_slots = true})) {
        for (const Real value : read_.slot_values.view().span())
            if (!(value >= 0 && value < static_cast<Real>(vocabulary) && value == std::floor(value)))
                throw Error({.what = "the memory is not one of this model",
                             .expected = "tokens below " + std::to_string(vocabulary) + " as values",
                             .got = std::to_string(value)});
    }
    // What step i reads.
    std::vector<Recalled> recalled(Index i, const MemoryOptions& options) const {
        const store::HitView hits = read_.hits[i];
        std::vector<Recalled> all;
        double sum = 0;
        for (Index rank = 0; rank < std::min(options.neighbours, hits.size()); ++rank) {
            const auto token = static_cast<Token>(read_.slot_values(i * read_.hits.k + rank, 0));
            const double farther = double{hits[rank].score} - double{hits[0].score};
            all.push_back({hits[rank].id, token, std::exp(farther / options.memory_temperature)});
            sum += all.back().weight;
        }
        for (Recalled& slot : all) slot.weight /= sum;
        return all;
    }

  private:
    store::ReadResult read_;
};

}  // namespace

// Mixes the distribution of a memory into that of a model. A memory that has nothing changes nothing.
static void mix_in(std::span<const Recalled> recalled, double mix, std::span<Real> log_probabilities) {
    if (recalled.empty() || mix == 0) return;
    std::map<Token, double> memory;
    for (const Recalled& slot : recalled) memory[slot.token] += mix * slot.weight;
    for (auto& [token, probability] : memory)
        probability = std::log((1 - mix) * std::exp(double{log_probabilities[token]}) + probability);
    const double scale = std::log(1 - mix);
    for (Real& x : log_probabilities) x = static_cast<Real>(double{x} + scale);
    for (const auto& [token, logarithm] : memory) log_probabilities[token] = static_cast<Real>(logarithm);
}

namespace {

class MemoryDecoding : public Decoding {
  public:
    MemoryDecoding(std::unique_ptr<Decoding> model, const MemoryStore& memory, const MemoryOptions& options)
        : model_(std::move(model)), memory_(memory), options_(options) {}

    Index vocabulary() const override { return model_->vocabulary(); }
    void step(std::span<const Token> tokens, View log_probabilities) override {
        model_->step(tokens, log_probabilities);
        const Found found(memory_, model_->states(), options_, vocabulary());
        for (Index i = 0; i < log_probabilities.rows; ++i)
            mix_in(found.recalled(i, options_), options_.mix, log_probabilities.middle_rows(i, 1).span());
    }
    void reorder(std::span<const Index> rows) override { model_->reorder(rows); }
    bool takes_sources() const override { return model_->takes_sources(); }
    void add(RaggedView<Token> sources) override { model_->add(sources); }
    ConstView states() const override { return model_->states(); }
    Index heads() const override { return model_->heads(); }
    std::string head_name(Index head) const override { return model_->head_name(head); }
    std::span<const Real> weights(Index row, Index head) const override { return model_->weights(row, head); }

  private:
    std::unique_ptr<Decoding> model_;
    const MemoryStore& memory_;
    const MemoryOptions& options_;
};

// The steps of some lines with teacher forcing: rows of target i are [first_of(i), first_of(i + 1)).
struct ForcedRows {
    RaggedView<Token> targets;
    Matrix states, log_probabilities;
    std::vector<Token> next;

    ForcedRows(const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> given, Index width,
               Index vocabulary)
        : targets(given),
          states(first_of(given.size()), width),
          log_probabilities(vocabulary == 0 ? 0 : states.rows(), vocabulary),
          next(static_cast<std::size_t>(states.rows())) {
        force(model, sources, targets, 64, [&](const ForcedStep& step) {
            const Index row = first_of(step.line) + step.t;
            next[row] = step.next;
            std::ranges::copy(step.state, states.row(row));
            if (vocabulary > 0) std::ranges::copy(step.log_probabilities, log_probabilities.row(row));
        });
    }
    Index first_of(Index i) const { return targets.offsets[i] + i; }
};

}  // namespace

MemoryModel::MemoryModel(const SequenceModel& model, const MemoryStore& memory, const MemoryOptions& options)
    : model_(model), memory_(memory), options_(validated(options)) {
    require_memory_of(model, memory);
}

std::unique_ptr<Decoding> MemoryModel::begin(RaggedView<Token> sources) const {
    return std::make_unique<MemoryDecoding>(model_.begin(sources), memory_, options_);
}

static Ragged<Token> one_row(std::span<const Token> tokens) {
    Ragged<Token> row;
    row.push_row(tokens);
    return row;
}

std::vector<std::vector<Recalled>> MemoryModel::explain(std::span<const Token> source,
                                                        std::span<const Token> target) const {
    const Ragged<Token> sources = one_row(source), targets = one_row(target);
    const Index vocabulary = model_.begin(sources)->vocabulary();
    const ForcedRows rows(model_, sources, targets, memory_.options().key_width, 0);
    const Found found(memory_, rows.states, options_, vocabulary);
    std::vector<std::vector<Recalled>> all;
    for (Index i = 0; i < rows.states.rows(); ++i) all.push_back(found.recalled(i, options_));
    return all;
}

// --- writing

// Calls run(first, lines' sources, lines' targets) for parts of the lines, one after the other.
template <class Run>
static void for_parts(RaggedView<Token> sources, RaggedView<Token> targets, Run run) {
    require_shape(sources.valid() && targets.valid() && sources.size() == targets.size(), "memory",
                  "sources, and as many targets, with rising offsets");
    for (Index first = 0; first < targets.size(); first += lines_at_once) {
        Ragged<Token> some_sources, some_targets;
        for (Index i = first; i < std::min(first + lines_at_once, targets.size()); ++i)
            some_sources.push_row(sources[i]), some_targets.push_row(targets[i]);
        run(first, some_sources, some_targets);
    }
}

void remember(MemoryStore& memory, const SequenceModel& model, RaggedView<Token> sources, RaggedView<Token> targets,
              const std::function<std::optional<std::string>(Index i, Index t)>& text,
              const std::function<void(Index)>& progress) {
    require_memory_of(model, memory);
    const Index width = memory.options().key_width;
    for_parts(sources, targets, [&](Index first, const Ragged<Token>& source, const Ragged<Token>& target) {
        const ForcedRows rows(model, source, target, width, 0);
        std::vector<Real> keys, values;
        std::vector<std::string> texts;
        for (Index i = 0; i < target.size(); ++i)
            for (Index row = rows.first_of(i); row < rows.first_of(i + 1); ++row) {
                std::optional<std::string> told = text(first + i, row - rows.first_of(i));
                if (!told) continue;
                keys.insert(keys.end(), rows.states.row(row), rows.states.row(row + 1));
                values.push_back(static_cast<Real>(rows.next[row]));
                texts.push_back(std::move(*told));
            }
        if (!texts.empty()) memory.add(view_of(keys, width), {view_of(values, 1), texts});
        if (progress) progress(first + target.size());
    });
}

// --- trials

namespace {

// Sums of a trial over the lines so far.
class TrialSums {
  public:
    explicit TrialSums(Index sources) : right_(static_cast<std::size_t>(sources)) {}

    void add(const ForcedRows& rows, const Found& found, const MemoryOptions& options, Index i, Index source) {
        bool right = true;
        std::vector<Real> mixed;
        for (Index row = rows.first_of(i); row < rows.first_of(i + 1); ++row) {
            const auto given = rows.log_probabilities.view().middle_rows(row, 1).span();
            mixed.assign(given.begin(), given.end());
            mix_in(found.recalled(row, options), options.mix, mixed);
            mixed[begin_token] = -INFINITY;
            const Token next = rows.next[row];
            log_probability_ += double{mixed[next]};
            right = right && next != unknown_token && std::ranges::max_element(mixed) - mixed.begin() == next;
        }
        tokens_ += rows.first_of(i + 1) - rows.first_of(i);
        if (right) right_[source] = true;
    }
    MemoryTrial trial(const MemoryOptions& options) const {
        const auto share = [](auto part, auto whole) {
            return static_cast<double>(part) / static_cast<double>(std::max<Index>(whole, 1));
        };
        return {options, share(std::ranges::count(right_, true), std::ssize(right_)),
                std::exp(-share(log_probability_, tokens_))};
    }

  private:
    std::vector<bool> right_;
    double log_probability_ = 0;
    Index tokens_ = 0;
};

}  // namespace

std::vector<MemoryTrial> try_memory(const SequenceModel& model, const MemoryStore& memory, RaggedView<Token> sources,
                                    RaggedView<Token> targets, std::span<const Index> offsets,
                                    std::vector<MemoryOptions> choices) {
    require_memory_of(model, memory);
    require_shape(std::ssize(offsets) == sources.size() + 1 && offsets.back() == targets.size(), "try_memory",
                  "offsets of each source's targets");
    MemoryOptions widest;
    for (const MemoryOptions& options : choices)
        widest.neighbours = std::max(widest.neighbours, validated(options).neighbours);
    if (!choices.empty()) widest.probes = choices.front().probes;
    for (const MemoryOptions& options : choices)
        require_option(options.probes == widest.probes, "probes", "the same in all choices");
    std::vector<TrialSums> sums(choices.size(), TrialSums(sources.size()));
    std::vector<Index> source_of;
    Ragged<Token> source_of_targets;
    for (Index i = 0; i < sources.size(); ++i)
        for (Index row = offsets[i]; row < offsets[i + 1]; ++row)
            source_of.push_back(i), source_of_targets.push_row(sources[i]);
    Ragged<Token> empty;
    empty.end_row();
    const Index vocabulary = model.begin(empty)->vocabulary();
    for_parts(source_of_targets, targets, [&](Index first, const Ragged<Token>& source, const Ragged<Token>& target) {
        const ForcedRows rows(model, source, target, memory.options().key_width, vocabulary);
        const Found found(memory, rows.states, widest, vocabulary);
        parallel_for(std::ssize(choices), 1, [&](Index begin, Index end) {
            for (Index choice = begin; choice < end; ++choice)
                for (Index i = 0; i < target.size(); ++i)
                    sums[choice].add(rows, found, choices[choice], i, source_of[first + i]);
        });
    });
    std::vector<MemoryTrial> trials;
    for (std::size_t i = 0; i < choices.size(); ++i) trials.push_back(sums[i].trial(choices[i]));
    return trials;
}

}  // namespace kvmem
