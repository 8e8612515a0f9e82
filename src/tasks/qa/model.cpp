#include "kvmem/tasks/qa/model.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/parallel.hpp"
#include "kvmem/kernels/gemm.hpp"
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "tasks/qa/near_words.hpp"
#include "tasks/qa/translator.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

namespace kvmem {

void AttentionTrace::resize(Index new_hops, Index new_heads, Index new_slots) {
    hops = new_hops, heads = new_heads, slots = new_slots;
    weights.assign(hops * heads * slots, Real{0});
}

std::span<const Real> AttentionTrace::of(Index hop, Index head) const {
    require_shape(hop >= 0 && hop < hops && head >= 0 && head < heads, "AttentionTrace::of",
                  "a hop and a head that there are");
    return std::span(weights).subspan((hop * heads + head) * slots, slots);
}

std::span<Real> AttentionTrace::of(Index hop, Index head) {
    const auto part = std::as_const(*this).of(hop, head);
    return std::span(weights).subspan(part.data() - weights.data(), part.size());
}

Ragged<Scored> Model::score_few(Tape& tape, const Batch& batch, AttentionTrace* trace) const {
    const View scores = tape.arena().matrix(batch.size(), std::ssize(candidates()));
    score(tape, batch, scores, trace);
    Ragged<Scored> all;
    for (Index i = 0; i < scores.rows; ++i) {
        for (Index c = 0; c < scores.cols; ++c) all.values.push_back({c, scores(i, c)});
        all.end_row();
    }
    return all;
}

void require_readable(const Model& model, const QaDataset& dataset) {
    if (model.retrieval().strategy != Retrieval::whole) return;
    const bool own = std::ranges::any_of(dataset.splits, [](const auto& s) { return s.second.local_slots.size() > 0; });
    if (!own && holds_facts(dataset)) return;
    throw Error({.what = "a " + model.name() + " cannot read this data set",
                 .expected = "facts (entity, relation) -> entity in a memory that all questions share",
                 .got = own ? "questions with memories of their own" : "a memory without facts",
                 .where = dataset.info.title,
                 .hint = "train another kind of model, which 'kvmem train' chooses by itself without --model"});
}

static Error no_vectors(const Model& model) {
    return Error({.what = "this kind of model has no vectors of its own for a question or a slot",
                  .expected = KvMemNNConfig::kind,
                  .got = model.kind(),
                  .hint = std::string("train one with 'kvmem train --model ") + KvMemNNConfig::kind + "'"});
}

Matrix Model::encode_questions(const Ragged<Token>&) const { throw no_vectors(*this); }
SlotVectors Model::encode_slots(const Slots&) const { throw no_vectors(*this); }

std::vector<OnnxModel> Model::onnx() const {
    throw Error({.what = "this kind of model cannot be exported to ONNX",
                 .expected = "kv-mem-nn or mem-n2n",
                 .got = kind(),
                 .hint = "safetensors has the weights of every model"});
}

std::vector<Token> Model::extend(const QaDataset& dataset) {
    std::vector<Token> to = lexicon_.extend(dataset, reads_spelling());
    grow();
    return to;
}

static bool keeps_all(std::span<const Token> to, Token model_tokens) {
    bool same = std::ssize(to) == model_tokens;
    for (std::size_t t = 0; same && t < to.size(); ++t) same = std::cmp_equal(to[t], t);
    return same;
}

void Model::adopt(QaDataset& dataset) {
    const Token before = vocabulary().size();
    const std::vector<Token> to = extend(dataset);
    const std::optional<Token> possessive = vocabulary().find(TokenKind::word, "s");
    if (!possessive || vocabulary().count(*possessive) == 0)
        for (auto& [name, split] : dataset.splits)
            for (Ragged<Token>* rows : {&split.question, &split.local_slots.key, &split.local_slots.value})
                leave_out_possessives(*rows, dataset.vocabulary);
    if (keeps_all(to, before)) return;
    const EntityLinker linker(vocabulary(),
                              names_in_use(dataset.vocabulary, dataset.memory.size(), to, vocabulary().size()));
    const Translator translator(dataset.vocabulary, lexicon_, to, linker, dataset.memory.size() > 0);
    for (auto& [name, split] : dataset.splits) {
        translator.translate_texts(split.question);
        translate(split.answer.values, to);
        translator.translate_texts(split.local_slots.key);
        translator.translate_texts(split.local_slots.value);
    }
    translate(dataset.memory, to);
    dataset.candidates.assign(candidates().begin(), candidates().end());
    dataset.vocabulary = vocabulary();
}

// The FNV-1a hash that names the random stream of a token's row.
static std::uint64_t stream_of(TokenKind kind, const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325u ^ static_cast<std::uint64_t>(kind);
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

// A random map of directions [width] that keeps their lengths on average.
static Matrix random_projection(Index rows, Index width, std::uint64_t seed) {
    Matrix map(rows, width);
    Rng rng(seed, {0x70726f6a});  // "proj"
    for (Real& x : map.view().span()) x = static_cast<Real>(rng.normal());
    return map;
}

void Model::begin_as_vectors(Parameter& table, Index before, double deviation, std::uint64_t seed) const {
    const NearWords* near = lexicon_.near();
    if (!near) return;
    Matrix word(1, near->vectors().width());
    const Matrix map = random_projection(table.value.cols(), word.cols(), seed);
    for (auto token = static_cast<Token>(before); token < vocabulary().size(); ++token) {
        const std::string& text = vocabulary().text(token);
        if (vocabulary().kind(token) != TokenKind::word || !near->vectors().row(text)) continue;
        near->direction(text, word.view().span());
        gemm(static_cast<Real>(deviation), word, Transpose::no, map, Transpose::yes, 0,
             table.value.view().middle_rows(token, 1));
    }
}

void Model::freeze_vectors(Parameter& table) const {
    const NearWords* near = lexicon_.near();
    if (!near) return;
    for (auto token = static_cast<Token>(table.frozen.size()); token < vocabulary().size(); ++token)
        table.frozen.push_back(vocabulary().kind(token) == TokenKind::word &&
                               near->vectors().row(vocabulary().text(token)).has_value());
}

void Model::grow_table(Parameter& table, std::uint64_t side, double deviation, std::uint64_t seed,
                       const WordSettings& words) const {
    const Vocabulary& v = vocabulary();
    const Index before = table.value.rows(), width = table.value.cols();
    if (!words.train_vectors) freeze_vectors(table);  // a file does not say which rows are frozen
    if (before == v.size()) return;
    Matrix grown(v.size(), width);
    std::copy_n(table.value.data(), table.value.size(), grown.data());
    parallel_for(v.size() - before, 256, [&](Index first, Index last) {
        for (auto token = static_cast<Token>(before + first); token < before + last; ++token) {
            Rng rng(seed, {side, stream_of(v.kind(token), v.text(token))});
            for (Index j = 0; j < width; ++j) grown(token, j) = static_cast<Real>(deviation * rng.normal());
        }
    });
    table.value = std::move(grown);
    begin_as_vectors(table, before, deviation, seed);
}

void Model::load_parameters(const LoadParameter& load) {
    for (Parameter& parameter : *parameters_) {
        const bool table = parameter.value.rows() == 0;
        const Index rows = table ? vocabulary().size() : parameter.value.rows(), cols = parameter.value.cols();
        Matrix value = load(parameter.name);
        if (value.rows() != rows || value.cols() != cols)
            throw Error({.what = "parameter " + parameter.name + " does not fit the model",
                         .expected = std::to_string(rows) + " x " + std::to_string(cols),
                         .got = std::to_string(value.rows()) + " x " + std::to_string(value.cols())});
        parameter.value = std::move(value);
    }
}

Model::Targets Model::choose_targets(const Batch& batch, Rng& rng) const {
    Targets targets;
    std::vector<Index> right;
    for (Index i = 0; i < batch.size(); ++i) {
        right.clear();
        for (const Token token : batch.answer[i])
            if (const Index candidate = lexicon_.candidate(token); candidate >= 0) right.push_back(candidate);
        Index chosen = -1;
        if (!right.empty()) chosen = right[rng.below(std::ssize(right))];
        targets.candidate.push_back(chosen);
        for (const Index candidate : right)
            if (candidate != chosen) targets.others.values.push_back(candidate);
        targets.others.end_row();
    }
    return targets;
}

void Model::QueryKey::write_weights(const Segments& segments, const AttendOptions& options, std::span<Real> weights,
                                    ConstView bias) const {
    attend_weights({.query = query.value(), .key = key.value(), .value = {}, .slot_bias = bias}, segments, options,
                   weights, query.tape->arena());
}

Var Model::candidate_vectors(Tape& tape, const Parameter& table) const {
    std::vector<Index> each(candidates().size() + 1);
    std::iota(each.begin(), each.end(), Index{0});
    return embed_sum(tape, table, {candidates(), each}, BagScale::sum);
}

void Model::score_candidates(ConstView states, const Parameter& parameter, View scores) const {
    const ConstView table = parameter.value;
    const std::span<const Token> tokens = candidates();
    const auto all = static_cast<Index>(tokens.size());
    require_shape(scores.rows == states.rows && scores.cols == all, "Model::score", "scores [B, C]");
    if (all == 0) return;
    if (tokens.back() - tokens.front() + 1 == all) {  // neighbouring rows, as importers make them
        gemm(1, states, Transpose::no, table.middle_rows(tokens.front(), all), Transpose::yes, 0, scores);
        return;
    }
    // Otherwise a block of rows at a time is gathered for the product.
    constexpr Index block = 1024;
    Matrix rows(std::min(block, all), table.cols), part(states.rows, std::min(block, all));
    for (Index first = 0; first < all; first += block) {
        const Index count = std::min(block, all - first);
        for (Index i = 0; i < count; ++i) std::copy_n(table.row(tokens[first + i]), table.cols, rows.row(i));
        const View out{part.data(), states.rows, count};
        gemm(1, states, Transpose::no, rows.view().middle_rows(0, count), Transpose::yes, 0, out);
        for (Index i = 0; i < states.rows; ++i) std::copy_n(out.row(i), count, scores.row(i) + first);
    }
}

}  // namespace kvmem
