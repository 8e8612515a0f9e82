#include "kvmem/tasks/qa/models/path_reader.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "tasks/qa/model_type.hpp"
#include "tasks/qa/near_words.hpp"
#include "text/spelling.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace kvmem {

// Rows of the table of spellings.
constexpr Token entity_mark = 0, unknown_mark = 1, first_spelling = 2;

// The number of neighbours on each side in the encoding of a word.
constexpr Index around = 2;

static double unit(Index width) { return 1 / std::sqrt(static_cast<double>(width)); }

PathReader::PathReader(const PathReaderConfig& config, ModelWords words, std::vector<Token> answers,
                       const LoadParameter& load)
    : Model(std::move(words), std::move(answers)),
      config_(validated(config)),
      spelled_(&parameters_->add_normal("spelled", first_spelling + config.ngram_buckets, config.width,
                                        unit(config.width), config.seed)),
      returning_(&parameters_->add("returning", Matrix(1, 1))),
      norm_(*parameters_, "norm", config.width),
      key_(*parameters_, "key", config.width, config.width, config.seed),
      relation_tokens_(relations_of(vocabulary())) {
    relations_ = &parameters_->add_normal("relations", std::ssize(relation_tokens_) + 1, config.width,
                                          unit(config.width), config.seed);
    for (Index o = -around; o <= around; ++o)
        around_.emplace_back(*parameters_, "around" + std::to_string(o), config.width, config.width, config.seed);
    for (Index h = 1; h <= config.hops; ++h)
        query_.emplace_back(*parameters_, "query" + std::to_string(h), config.width, config.width, config.seed);
    returning_->value(0, 0) = 0;
    if (const NearWords* near = lexicon_.near())
        vector_map_.emplace(*parameters_, "vectors", near->vectors().width(), config.width, config.seed,
                            LinearOptions{.bias = false});
    if (load) load_parameters(load);
    grow();
    if (!load) find_synonyms();
}

std::string PathReader::summary() const {
    return "A path reader of width " + std::to_string(config_.width) + " with up to " + std::to_string(config_.hops) +
           " hop(s)";
}

void PathReader::grow() {
    std::vector<Token> rows;
    for (Token token = static_cast<Token>(spelling_.size()); token < vocabulary().size(); ++token) {
        rows.assign(1, is_entity(token) ? entity_mark : unknown_mark);
        if (vocabulary().kind(token) == TokenKind::word) {
            rows.clear();
            add_spelling(vocabulary().text(token), first_spelling, config_.ngram_buckets, rows);
        }
        spelling_.push_row(rows);
        const bool is_word = lexicon_.near() && vocabulary().kind(token) == TokenKind::word;
        vector_row_.push_back(is_word ? lexicon_.near()->vectors().row(vocabulary().text(token)).value_or(-1) : -1);
    }
}

// Only training reads synonyms: a model from a file has none, nor have words of a later data set.
void PathReader::find_synonyms() {
    if (!lexicon_.near() || config_.synonyms == 0) return;
    std::vector<std::vector<Index>> found(vector_row_.size());
    parallel_for(std::ssize(found), 1, [&](Index first, Index last) {
        for (auto t = static_cast<std::size_t>(first); t < static_cast<std::size_t>(last); ++t)
            if (vector_row_[t] >= 0) found[t] = lexicon_.near()->neighbours(vector_row_[t]);
    });
    for (const std::vector<Index>& rows : found) synonyms_.push_row(rows);
}

// --- the question

// Appends the direction of a word's vector, or of a synonym's; zeros for none.
void PathReader::append_direction(Words& words, Token token, const std::string* unseen, bool synonym, Rng* rng) const {
    const NearWords& near = *lexicon_.near();
    const std::size_t begin = words.directions.size();
    words.directions.resize(begin + static_cast<std::size_t>(near.vectors().width()));
    const std::span<Real> out = std::span(words.directions).subspan(begin);
    Index row = vector_row_[token];
    if (synonym && token < synonyms_.size() && !synonyms_[token].empty())
        row = synonyms_[token][rng->below(std::ssize(synonyms_[token]))];
    if (row >= 0)
        near.direction(row, out);
    else if (unseen || (vocabulary().kind(token) == TokenKind::word && vocabulary().count(token) == 0))
        near.direction(unseen ? *unseen : vocabulary().text(token), out);
}

// A word of the question; `unseen` is its text if it is unknown. A generator changes some.
void PathReader::append_word(Words& words, Token token, const std::string* unseen, Rng* rng) const {
    const bool may_change = rng && !is_entity(token);
    const bool unknown = may_change && rng->uniform() < config_.word_dropout;
    const double part = may_change && vector_row_[token] >= 0 && !unknown ? rng->uniform() : 1;
    if (unknown)
        words.bags.push_row(std::array{unknown_mark});
    else if (part < 2 * config_.synonyms)
        words.bags.end_row();
    else if (unseen)
        add_spelling(*unseen, first_spelling, config_.ngram_buckets, words.bags.values), words.bags.end_row();
    else
        words.bags.push_row(spelling_[token]);
    if (!vector_map_) return;
    if (unknown)
        words.directions.resize(words.directions.size() + static_cast<std::size_t>(lexicon_.near()->vectors().width()));
    else
        append_direction(words, token, unseen, part < config_.synonyms, rng);
}

PathReader::Words PathReader::words_of(const Batch& batch, Rng* rng) const {
    Words words;
    auto unseen = batch.unseen.begin();
    for (Index b = 0; b < batch.size(); ++b) {
        const std::size_t begin = static_cast<std::size_t>(batch.question.offsets[static_cast<std::size_t>(b)]);
        for (std::size_t i = 0; i < batch.question[b].size(); ++i) {
            const Token token = batch.question[b][i];
            const auto place = static_cast<Index>(begin + i);
            while (unseen != batch.unseen.end() && unseen->first < place) ++unseen;
            // The linker writes all entities of one name side by side; they count as one word.
            if (i > 0 && is_entity(token) && is_entity(batch.question[b][i - 1])) continue;
            if (rng && !is_entity(token) && rng->uniform() < config_.word_deletion) continue;
            const bool is_unseen = unseen != batch.unseen.end() && unseen->first == place;
            append_word(words, token, is_unseen ? &unseen->second : nullptr, rng);
            words.token.push_back(place);
        }
        words.offsets.push_back(words.bags.size());
    }
    return words;
}

Var PathReader::encode(Tape& tape, const Words& words) const {
    Var word = embed_sum(tape, *spelled_, words.bags, BagScale::inverse_sqrt);
    if (vector_map_) {
        const auto copy = tape.arena().copy(std::span<const Real>(words.directions));
        const ConstView directions = view_of(copy, lexicon_.near()->vectors().width());
        word = add(word, (*vector_map_)(tape.constant(directions)));
    }
    const View nothing = tape.arena().matrix(1, config_.width);  // padding beyond both ends
    std::ranges::fill(nothing.span(), Real{0});
    std::vector<Index> rows(words.token.size());
    std::optional<Var> sum;
    for (Index o = -around; o <= around; ++o) {
        for (std::size_t q = 1; q < words.offsets.size(); ++q)
            for (Index t = words.offsets[q - 1]; t < words.offsets[q]; ++t) {
                const bool inside = t + o >= words.offsets[q - 1] && t + o < words.offsets[q];
                rows[static_cast<std::size_t>(t)] = inside ? t + o : word.rows();
            }
        const std::array parts{around_[static_cast<std::size_t>(o + around)](word), tape.constant(nothing)};
        const Var there = take_rows(concat_rows(parts), rows);
        sum = sum ? add(*sum, there) : there;
    }
    return norm_(add(word, activate(*sum, Activation::relu)));
}

std::vector<PathReader::Hop> PathReader::choose(Tape& tape, const Words& words) const {
    Arena& arena = tape.arena();
    const Index questions = std::ssize(words.offsets) - 1, relations = relations_->value.rows();
    const auto each = arena.take<Index>(questions + 1);
    std::iota(each.begin(), each.end(), Index{0});
    const Segments own_words{each, arena.copy(std::span<const Index>(words.offsets))};
    const Segments all_relations{arena.copy(std::span<const Index>(std::array{Index{0}, questions})),
                                 arena.copy(std::span<const Index>(std::array{Index{0}, relations}))};
    const Var x = encode(tape, words), key = key_(x), relation = tape.parameter(*relations_);
    const View nothing = arena.matrix(questions, config_.width);  // queries of zeros read the mean
    std::ranges::fill(nothing.span(), Real{0});
    Var context = attend(tape.constant(nothing), x, x, own_words).read;
    const AttendOptions scaled{.scale = static_cast<Real>(unit(config_.width))};
    std::vector<Hop> hops;
    for (const Linear& query : query_) {
        const Var asked = query(context);
        context = attend(asked, key, x, own_words, scaled).read;
        const Var attention = tape.training() ? asked : attend_weights(asked, key, own_words, scaled);
        const Var chosen = attend_weights(dropout(context, config_.dropout), relation, all_relations);
        hops.push_back({attention, reshape(chosen, questions, relations)});
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
    EntityState state = start_state(tape, starts);
    const Var gate = activate(tape.parameter(*returning_), Activation::sigmoid);
    for (const Hop& hop : choose(tape, words_of(batch, &rng)))
        state =
            read_facts(*batch.facts, state, hop.relations, starts, gate, static_cast<Real>(config_.min_relation_weight),
                       {.max_fanout = config_.max_fanout, .seed = rng.bits()});
    Ragged<Token> answers;
    for (Index b = 0; b < batch.size(); ++b) {
        const auto begin = static_cast<Index>(answers.values.size());
        std::ranges::copy_if(batch.answer[b], std::back_inserter(answers.values),
                             [&](Token t) { return lexicon_.candidate(t) >= 0; });
        std::sort(answers.values.begin() + begin, answers.values.end());
        answers.end_row();
    }
    return answer_loss(state, answers, {.candidates = static_cast<double>(candidates().size())});
}

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

FactPath PathReader::path_to(Index place, const std::vector<std::vector<Reached>>& hops,
                             std::span<const std::span<const Real>> relations) const {
    FactPath path;
    for (std::size_t h = hops.size(); h-- > 0;) {
        const Reached& at = hops[h][static_cast<std::size_t>(place)];
        if (h + 1 == hops.size()) path.weight = at.weight;
        if (h == 0) {
            path.start = at.entity;
        } else if (at.relation < std::ssize(relation_tokens_)) {
            const auto r = static_cast<std::size_t>(at.relation);
            path.steps.push_back({relation_tokens_[r], at.entity, relations[h - 1][r], static_cast<Index>(h) - 1});
        }
        place = at.from;
    }
    std::ranges::reverse(path.steps);
    return path;
}

// The certainty of an answer at the end of a path (AttentionTrace); `read` are the weights [hops, tokens].
double PathReader::certainty_of(std::span<const Token> question, const FactPath& path,
                                std::span<const Real> read) const {
    double min = 1;
    for (const FactPath::Step& step : path.steps) {
        const auto weights = read.subspan(static_cast<std::size_t>(step.hop) * question.size(), question.size());
        double known = 0;
        for (std::size_t t = 0; t < question.size(); ++t)
            if (is_entity(question[t]) || vocabulary().count(question[t]) > 0) known += double{weights[t]};
        min = std::min(min, double{step.weight} * known);
    }
    return path.steps.empty() ? 0 : min;
}

Ragged<Scored> PathReader::score_few(Tape& tape, const Batch& batch, AttentionTrace* trace) const {
    const Ragged<Token> starts = starts_of(batch);
    const Words words = words_of(batch, nullptr);
    const std::vector<Hop> hops = choose(tape, words);
    const Index entities = batch.facts ? batch.facts->entities() : batch.fact_source->entities();
    PathFinder finder = batch.facts ? PathFinder(*batch.facts, tape.zeros(entities))
                                    : PathFinder(*batch.fact_source, tape.zeros(entities));
    const Real gate = 1 / (1 + std::exp(-returning_->value(0, 0)));
    if (trace) {
        trace->resize(0, 0, 0);
        trace->paths.assign(static_cast<std::size_t>(batch.size()), {});
        trace->words.assign(static_cast<std::size_t>(batch.size()), {});
        trace->certainty.assign(static_cast<std::size_t>(batch.size()), 0);
    }
    Ragged<Scored> scores;
    std::vector<std::span<const Real>> relations(hops.size());
    std::vector<Index> places;  // of the candidates, in the list of the last hop
    std::vector<Real> mine;     // their scores
    for (Index b = 0; b < batch.size(); ++b) {
        for (std::size_t h = 0; h < hops.size(); ++h) relations[h] = hops[h].relations.value().middle_rows(b, 1).span();
        const auto reached = finder.find(starts[b], relations, {.gate = gate});
        const std::size_t begin = scores.values.size();
        places.clear();
        for (Index place = 0; place < std::ssize(reached.back()); ++place) {
            const Reached& r = reached.back()[static_cast<std::size_t>(place)];
            const Index candidate = lexicon_.candidate(r.entity);
            if (candidate < 0 || has_stayed(place, reached)) continue;
            scores.values.push_back({candidate, std::log(r.weight)});
            places.push_back(place);
        }
        scores.end_row();
        if (!trace) continue;
        mine.clear();
        for (const Scored& s : std::span(scores.values).subspan(begin)) mine.push_back(s.score);
        const auto at = static_cast<std::size_t>(b);
        for (const Scored& best : top_k(mine, trace->max_paths))
            trace->paths[at].push_back(path_to(places[static_cast<std::size_t>(best.index)], reached, relations));
        trace->words[at] = words_read(batch, words, hops, b);
        if (!trace->paths[at].empty())
            trace->certainty[at] = certainty_of(batch.question[b], trace->paths[at].front(), trace->words[at]);
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
            });
        // A file without the field is of a version whose training read all facts.
        made.defaults.get<PathReaderConfig>()->max_fanout = 0;
        return made;
    }();
    return type;
}

}  // namespace kvmem
