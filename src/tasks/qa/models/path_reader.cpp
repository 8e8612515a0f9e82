#include "kvmem/tasks/qa/models/path_reader.hpp"

#include "kvmem/core/error.hpp"
#include "nn/members.hpp"
#include "tasks/qa/model_type.hpp"
#include "tasks/qa/near_words.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>

namespace kvmem {

// The number of neighbours on each side in the encoding of a word.
constexpr Index neighbours = 2;

static double unit(Index width) { return 1 / std::sqrt(static_cast<double>(width)); }

struct PathReader::Hop {
    Var attention;  // [words, 1]
    Var relations;  // [B, R + 1]
};

struct PathReader::Member {
    Parameter* spelled;
    Parameter* returning;  // [1, 1]
    LayerNorm norm;
    Linear key;
    Parameter* relations;          // U; the last row is "stay"
    Parameter* nothing = nullptr;  // n, [d, 1]; null without coverage
    std::vector<Linear> around, query;
    std::optional<Linear> vector_map;  // V
    double dropout_rate;

    // The names of its parameters begin with the prefix.
    Member(Parameters& parameters, const std::string& prefix, const PathReaderConfig& c, Index relation_count,
           const NearWords* near);
    Var encode(Tape& tape, const Words& words) const;
    std::vector<Hop> choose(Tape& tape, const Words& words) const;
};

PathReader::Member::Member(Parameters& parameters, const std::string& prefix, const PathReaderConfig& c,
                           Index relation_count, const NearWords* near)
    : spelled(
          &parameters.add_normal(prefix + "spelled", first_spelling + c.ngram_buckets, c.width, unit(c.width), c.seed)),
      returning(&parameters.add(prefix + "returning", Matrix(1, 1))),
      norm(parameters, prefix + "norm", c.width),
      key(parameters, prefix + "key", c.width, c.width, c.seed),
      relations(&parameters.add_normal(prefix + "relations", relation_count + 1, c.width, unit(c.width), c.seed)),
      dropout_rate(c.dropout) {
    for (Index o = -neighbours; o <= neighbours; ++o)
        around.emplace_back(parameters, prefix + "around" + std::to_string(o), c.width, c.width, c.seed);
    for (Index h = 1; h <= c.hops; ++h)
        query.emplace_back(parameters, prefix + "query" + std::to_string(h), c.width, c.width, c.seed);
    returning->value(0, 0) = 0;
    if (c.coverage) nothing = &parameters.add_normal(prefix + "nothing", c.width, 1, unit(c.width), c.seed);
    if (near)
        vector_map.emplace(parameters, prefix + "vectors", near->vectors().width(), c.width, c.seed,
                           LinearOptions{.bias = false});
}

PathReader::~PathReader() = default;

PathReader::PathReader(const PathReaderConfig& config, ModelWords words, std::vector<Token> answers,
                       const LoadParameter& load)
    : Model(std::move(words), std::move(answers)),
      config_(validated(config)),
      relation_tokens_(relations_of(vocabulary())) {
    // The first one has the names, and so begins with the numbers, of a reader that is alone.
    for (Index i = 1; i <= config_.members; ++i)
        members_.emplace_back(*parameters_, i == 1 ? "" : "member-" + std::to_string(i) + ".", config_,
                              std::ssize(relation_tokens_), lexicon_.near());
    if (load) load_parameters(load);
    grow();
    if (!load) find_synonyms();
}

std::string PathReader::summary() const {
    return "A path reader of width " + std::to_string(config_.width) + " with up to " + std::to_string(config_.hops) +
           " hop(s)" + (config_.members == 1 ? "" : ", the mean of " + std::to_string(config_.members) + " networks");
}

Var PathReader::Member::encode(Tape& tape, const Words& words) const {
    Var word = embed_sum(tape, *spelled, words.bags, BagScale::inverse_sqrt);
    if (vector_map && word.rows() > 0) {
        const auto copy = tape.arena().copy(std::span<const Real>(words.directions));
        const ConstView directions = view_of(copy, std::ssize(words.directions) / word.rows());
        word = add(word, (*vector_map)(tape.constant(directions)));
    }
    const View padding = tape.arena().matrix(1, word.cols());  // beyond both ends
    std::ranges::fill(padding.span(), Real{0});
    std::vector<Index> rows(words.token.size());
    std::optional<Var> sum;
    for (Index o = -neighbours; o <= neighbours; ++o) {
        for (std::size_t q = 1; q < words.offsets.size(); ++q)
            for (Index t = words.offsets[q - 1]; t < words.offsets[q]; ++t) {
                const bool inside = t + o >= words.offsets[q - 1] && t + o < words.offsets[q];
                rows[static_cast<std::size_t>(t)] = inside ? t + o : word.rows();
            }
        const std::array parts{around[static_cast<std::size_t>(o + neighbours)](word), tape.constant(padding)};
        const Var there = take_rows(concat_rows(parts), rows);
        sum = sum ? add(*sum, there) : there;
    }
    return norm(add(word, activate(*sum, Activation::relu)));
}

// What words x [words, d] are worth to a hop when earlier ones have read the share u [words, 1]: (1 - u) x + u n.
static Var unread(Var x, Var u, const Parameter& n) {
    Tape& tape = Tape::of("PathReader", {x, u});
    const View ones = tape.arena().matrix(x.cols(), 1);
    std::ranges::fill(ones.span(), Real{1});
    return x - multiply(linear(u, tape.constant(ones)), x) + linear(u, tape.parameter(n));
}

std::vector<PathReader::Hop> PathReader::Member::choose(Tape& tape, const Words& words) const {
    Arena& arena = tape.arena();
    const Index questions = std::ssize(words.offsets) - 1, choices = relations->value.rows();
    const auto each = arena.take<Index>(questions + 1);
    std::iota(each.begin(), each.end(), Index{0});
    const Segments own_words{each, arena.copy(std::span<const Index>(words.offsets))};
    const Segments all_choices{arena.copy(std::span<const Index>(std::array{Index{0}, questions})),
                               arena.copy(std::span<const Index>(std::array{Index{0}, choices}))};
    const Var x = encode(tape, words), keys = key(x), relation = tape.parameter(*relations);
    const View zeros = arena.matrix(questions, x.cols());  // queries of zeros read the mean
    std::ranges::fill(zeros.span(), Real{0});
    Var context = attend(tape.constant(zeros), x, x, own_words).read;
    const AttendOptions scaled{.scale = static_cast<Real>(unit(x.cols()))};
    std::vector<Hop> hops;
    std::optional<Var> read;  // the share of each word that hops have read
    for (const Linear& next : query) {
        const Var asked = next(context);
        context = attend(asked, keys, read ? unread(x, *read, *nothing) : x, own_words, scaled).read;
        const bool shown = !tape.training();
        const Var attention = nothing || shown ? attend_weights(asked, keys, own_words, scaled) : asked;
        if (nothing) read = read ? *read + attention - *read * attention : attention;
        const Var chosen = attend_weights(dropout(context, dropout_rate), relation, all_choices);
        hops.push_back({attention, reshape(chosen, questions, choices)});
    }
    return hops;
}

// --- the memory

// The distinct entities that each question names.
Ragged<Token> PathReader::starts_of(const Batch& batch) const {
    if (!batch.facts && !batch.fact_source)
        throw Error({.what = "a path reader reads a whole memory of facts",
                     .expected = "a batch with facts",
                     .got = "none",
                     .hint = "make batches with a Retriever of Retrieval::whole"});
    Ragged<Token> starts;
    for (Index b = 0; b < batch.size(); ++b) {
        const std::size_t begin = starts.values.size();
        for (const Token token : batch.question[b])
            if (is_entity(token) && std::find(starts.values.begin() + static_cast<Index>(begin), starts.values.end(),
                                              token) == starts.values.end())
                starts.values.push_back(token);
        starts.end_row();
    }
    return starts;
}

Var PathReader::loss(Tape& tape, const Batch& batch, Rng& rng) const {
    const Ragged<Token> starts = starts_of(batch);
    Ragged<Token> answers;
    for (Index b = 0; b < batch.size(); ++b) {
        const auto begin = static_cast<Index>(answers.values.size());
        std::ranges::copy_if(batch.answer[b], std::back_inserter(answers.values),
                             [&](Token t) { return lexicon_.candidate(t) >= 0; });
        std::sort(answers.values.begin() + begin, answers.values.end());
        answers.end_row();
    }
    return mean_over(members_, [&](const Member& member) {
        EntityState state = start_state(tape, starts);
        const Var gate = activate(tape.parameter(*member.returning), Activation::sigmoid);
        for (const Hop& hop : member.choose(tape, words_of(batch, &rng)))
            state = read_facts(*batch.facts, state, hop.relations, starts, gate,
                               static_cast<Real>(config_.min_relation_weight),
                               {.max_fanout = config_.max_fanout, .seed = rng.bits()});
        return answer_loss(state, answers, {.candidates = static_cast<double>(candidates().size())});
    });
}

// --- answers

struct PathReader::Reading {
    std::vector<std::span<const Real>> relations;  // [R + 1] of each hop
    std::vector<std::vector<Reached>> reached;     // after each hop (PathFinder::find())
    std::vector<Real> words;                       // [hops, tokens] of the question, in a trace
};

struct PathReader::Found {
    Index candidate;
    Real weight;  // the mean of all members, of which 0 is that of one that does not reach it
    // The member with the strongest path, and its place among what the member reaches.
    std::size_t member;
    Index place;
};

// Whether every hop on the path to a place stayed at its start, which is then no answer.
static bool has_stayed(Index place, const std::vector<std::vector<Reached>>& hops) {
    for (std::size_t h = hops.size() - 1; h > 0; --h) {
        const Reached& at = hops[h][static_cast<std::size_t>(place)];
        const Reached& before = hops[h - 1][static_cast<std::size_t>(at.from)];
        if (before.entity != at.entity) return false;
        place = at.from;
    }
    return true;
}

// The candidates that some member reaches, each once.
std::vector<PathReader::Found> PathReader::found_by(std::span<const Reading> readings) const {
    std::vector<Found> all, merged;
    for (std::size_t m = 0; m < readings.size(); ++m) {
        const std::vector<Reached>& last = readings[m].reached.back();
        for (Index place = 0; place < std::ssize(last); ++place) {
            const Reached& r = last[static_cast<std::size_t>(place)];
            const Index candidate = lexicon_.candidate(r.entity);
            if (candidate >= 0 && !has_stayed(place, readings[m].reached))
                all.push_back({candidate, r.weight, m, place});
        }
    }
    if (readings.size() == 1) return all;
    // A candidate's strongest path comes first, and stays.
    std::ranges::sort(all, [](const Found& a, const Found& b) {
        return std::tuple(a.candidate, b.weight, a.member) < std::tuple(b.candidate, a.weight, b.member);
    });
    for (const Found& one : all)
        if (merged.empty() || merged.back().candidate != one.candidate)
            merged.push_back(one);
        else
            merged.back().weight += one.weight;
    for (Found& one : merged) one.weight /= static_cast<Real>(readings.size());
    return merged;
}

// The weight of each token of a question in each hop: [hops, tokens].
std::vector<Real> PathReader::words_read(const Batch& batch, const Words& words, std::span<const Hop> hops,
                                         Index question) {
    const auto b = static_cast<std::size_t>(question);
    const std::size_t tokens = batch.question[question].size();
    std::vector<Real> read(hops.size() * tokens, Real{0});
    for (std::size_t h = 0; h < hops.size(); ++h)
        for (Index word = words.offsets[b]; word < words.offsets[b + 1]; ++word) {
            const Index token = words.token[static_cast<std::size_t>(word)] - batch.question.offsets[b];
            read[h * tokens + static_cast<std::size_t>(token)] = hops[h].attention.value().data[word];
        }
    return read;
}

FactPath PathReader::path_to(Index place, const Reading& reading) const {
    FactPath path;
    for (std::size_t h = reading.reached.size(); h-- > 0;) {
        const Reached& at = reading.reached[h][static_cast<std::size_t>(place)];
        if (h == 0) {
            path.start = at.entity;
        } else if (at.relation < std::ssize(relation_tokens_)) {
            const auto r = static_cast<std::size_t>(at.relation);
            path.steps.push_back(
                {relation_tokens_[r], at.entity, reading.relations[h - 1][r], static_cast<Index>(h) - 1});
        }
        place = at.from;
    }
    std::ranges::reverse(path.steps);
    return path;
}

// How certain a member is of an answer (AttentionTrace); 0 if it does not reach it.
double PathReader::certainty_of(Token answer, std::span<const Token> question, const Reading& reading) const {
    const auto reached = std::ranges::find(reading.reached.back(), answer, &Reached::entity);
    if (reached == reading.reached.back().end()) return 0;
    const FactPath path = path_to(reached - reading.reached.back().begin(), reading);
    double min = 1;
    for (const FactPath::Step& step : path.steps) {
        const auto weights =
            std::span(reading.words).subspan(static_cast<std::size_t>(step.hop) * question.size(), question.size());
        double known = 0;
        for (std::size_t t = 0; t < question.size(); ++t)
            if (is_entity(question[t]) || vocabulary().count(question[t]) > 0) known += double{weights[t]};
        min = std::min(min, double{step.weight} * known);
    }
    return path.steps.empty() ? 0 : min;
}

// Fills the trace of a question. The words are those that the member with the best answer's path reads.
void PathReader::explain(AttentionTrace& trace, std::size_t question, std::span<const Token> tokens,
                         std::span<const Found> found, std::span<const Reading> readings) const {
    std::vector<Real> weights;
    weights.reserve(found.size());
    for (const Found& one : found) weights.push_back(std::log(one.weight));  // equal scores are equally good
    const std::vector<Scored> best = top_k(weights, trace.max_paths);
    for (const Scored& s : best) {
        const Found& one = found[static_cast<std::size_t>(s.index)];
        trace.paths[question].push_back(path_to(one.place, readings[one.member]));
        trace.paths[question].back().weight = one.weight;
    }
    const std::size_t shown = best.empty() ? 0 : found[static_cast<std::size_t>(best[0].index)].member;
    trace.words[question] = readings[shown].words;
    if (best.empty()) return;
    const Token answer =
        candidates()[static_cast<std::size_t>(found[static_cast<std::size_t>(best[0].index)].candidate)];
    double sum = 0;
    for (const Reading& reading : readings) sum += certainty_of(answer, tokens, reading);
    trace.certainty[question] = sum / static_cast<double>(readings.size());
}

Ragged<Scored> PathReader::score_few(Tape& tape, const Batch& batch, AttentionTrace* trace) const {
    const Ragged<Token> starts = starts_of(batch);
    const Words words = words_of(batch, nullptr);
    std::vector<std::vector<Hop>> hops;  // of each member
    for (const Member& member : members_) hops.push_back(member.choose(tape, words));
    const Index entities = batch.facts ? batch.facts->entities() : batch.fact_source->entities();
    PathFinder finder = batch.facts ? PathFinder(*batch.facts, tape.zeros(entities))
                                    : PathFinder(*batch.fact_source, tape.zeros(entities));
    if (trace) {
        trace->resize(0, 0, 0);
        trace->paths.assign(static_cast<std::size_t>(batch.size()), {});
        trace->words.assign(static_cast<std::size_t>(batch.size()), {});
        trace->certainty.assign(static_cast<std::size_t>(batch.size()), 0);
    }
    Ragged<Scored> scores;
    std::vector<Reading> readings(members_.size());
    for (Index b = 0; b < batch.size(); ++b) {
        for (std::size_t m = 0; m < members_.size(); ++m) {
            Reading& reading = readings[m];
            reading.relations.clear();
            for (const Hop& hop : hops[m]) reading.relations.push_back(hop.relations.value().middle_rows(b, 1).span());
            const Real gate = 1 / (1 + std::exp(-members_[m].returning->value(0, 0)));
            reading.reached = finder.find(starts[b], reading.relations, {.gate = gate});
            if (trace) reading.words = words_read(batch, words, hops[m], b);
        }
        const std::vector<Found> found = found_by(readings);
        for (const Found& one : found) scores.values.push_back({one.candidate, std::log(one.weight)});
        scores.end_row();
        if (trace) explain(*trace, static_cast<std::size_t>(b), batch.question[b], found, readings);
    }
    return scores;
}

// The score of candidates at the end of no path.
constexpr Real unreached = -30;

void PathReader::score(Tape& tape, const Batch& batch, View scores, AttentionTrace* trace) const {
    require_shape(scores.rows == batch.size() && scores.cols == std::ssize(candidates()), "Model::score",
                  "scores [B, C]");
    std::ranges::fill(scores.span(), unreached);
    const Ragged<Scored> few = score_few(tape, batch, trace);
    for (Index b = 0; b < batch.size(); ++b)
        for (const Scored& s : few[b]) scores(b, s.index) = s.score;
}

const QaModelType& path_reader() {
    static const auto type = [] {
        auto made = QaModelType::of<PathReader, PathReaderConfig>(
            "follows relations from fact to fact through the whole of a memory", [](TrainerOptions& t) {
                t.optimizer = {.clip_norm = 1};
                t.schedule = {.rate = 3e-3, .warmup = 0.05, .decay = Decay::linear};
                t.batch = 64;
                t.epochs = 3;
                t.min_steps = 600;
                t.average = 0.995;
                t.patience = 0;
                t.paraphrase = 0.5;
            });
        // A file without these fields is of a version whose training read all facts, and whose hops all words.
        made.defaults.get<PathReaderConfig>()->max_fanout = 0;
        made.defaults.get<PathReaderConfig>()->coverage = false;
        return made;
    }();
    return type;
}

}  // namespace kvmem
