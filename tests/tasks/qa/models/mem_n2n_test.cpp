#include "kvmem/tasks/qa/models/mem_n2n.hpp"

#include "kvmem/core/error.hpp"
#include "support/story_models.hpp"
#include "support/toy_stories.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <set>

using namespace kvmem;
using namespace kvmem::test;

namespace {

MemN2NConfig small() {
    MemN2NConfig config;
    config.width = 7;
    config.linear_start = false;
    return config;
}

MemN2N model_of(const QaDataset& dataset, const MemN2NConfig& config) {
    return {config, dataset.vocabulary, dataset.candidates};
}

Batch batch_of(const QaDataset& dataset, Index first, Index last, const std::string& split = "train") {
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    Batch batch;
    for (Index i = first; i < last; ++i) add_example(batch, dataset, dataset.split(split), i, retriever);
    return batch;
}

Parameter& parameter(MemN2N& model, const std::string& name) {
    Parameter* found = model.parameters().find(name);
    REQUIRE(found);
    return *found;
}

using Row = std::vector<double>;

// The paper's equations, in double and word by word.
struct Equations {
    MemN2N& model;
    const MemN2NConfig& c = model.config();

    Row sentence(const std::string& table, std::span<const Token> words) const {
        const Matrix& rows = parameter(model, table).value;
        Row sum(static_cast<std::size_t>(c.width), 0.0);
        const auto J = static_cast<double>(words.size()), d = static_cast<double>(c.width),
                   longest = static_cast<double>(c.aligned_length);
        for (std::size_t j = 1; j <= words.size(); ++j)
            for (std::size_t k = 1; k <= sum.size(); ++k) {
                const double place = static_cast<double>(j) / J;
                const double l = c.encoding == Encoding::bag ? 1
                                 : c.encoding == Encoding::position
                                     ? (1 - place) - static_cast<double>(k) / d * (1 - 2 * place)
                                     : 1 + 4 * (static_cast<double>(k) - (d + 1) / 2) *
                                               (static_cast<double>(j) - (longest + 1) / 2) / (d * longest);
                sum[k - 1] += l * double{rows(words[j - 1], static_cast<Index>(k - 1))};
            }
        return sum;
    }
    Row slot(const std::string& table, std::span<const Token> words, Index back) const {
        Row sum = sentence(table, words);
        if (!c.temporal) return sum;
        const Matrix& times = parameter(model, "T" + table).value;
        for (std::size_t k = 0; k < sum.size(); ++k) sum[k] += double{times(back, static_cast<Index>(k))};
        return sum;
    }
    // Scores of the candidates for one question on these sentences, of which it reads the last.
    Row scores(std::span<const Token> question, const std::vector<std::vector<Token>>& told) const {
        const bool adjacent = c.tying == HopTying::adjacent;
        Row u = sentence(adjacent ? "A" : "B", question);
        const std::size_t n = std::min(told.size(), static_cast<std::size_t>(c.memory));
        for (Index hop = 1; hop <= c.hops; ++hop) {
            const std::string a = !adjacent || hop == 1 ? "A" : "C" + std::to_string(hop - 1);
            const std::string b = adjacent ? "C" + std::to_string(hop) : "C";
            Row p, o(u.size(), 0.0);
            double total = c.empty_slots ? static_cast<double>(c.memory) - static_cast<double>(n) : 0;  // exp(0) each
            for (std::size_t i = 0; i < n; ++i) {
                const Row m = slot(a, told[told.size() - n + i], static_cast<Index>(n - 1 - i));
                double score = 0;
                for (std::size_t k = 0; k < u.size(); ++k) score += u[k] * m[k];
                p.push_back(model.phase() + 1 < model.phases() ? score : std::exp(score));
                total += p.back();
            }
            if (model.phase() + 1 < model.phases()) total = 1;
            for (std::size_t i = 0; i < n; ++i) {
                const Row value = slot(b, told[told.size() - n + i], static_cast<Index>(n - 1 - i));
                for (std::size_t k = 0; k < u.size(); ++k) o[k] += p[i] / total * value[k];
            }
            Row next = o;
            for (std::size_t k = 0; k < u.size(); ++k) {
                if (!adjacent || c.linear_map)
                    for (std::size_t m = 0; m < u.size(); ++m)
                        next[k] +=
                            double{parameter(model, "H").value(static_cast<Index>(k), static_cast<Index>(m))} * u[m];
                else
                    next[k] += u[k];
                if (c.relu) next[k] = std::max(next[k], 0.0);
            }
            u = next;
        }
        const Matrix& w = parameter(model, adjacent ? "C" + std::to_string(c.hops) : "W").value;
        Row all;
        for (const Token candidate : model.candidates()) {
            double score = 0;
            for (std::size_t k = 0; k < u.size(); ++k) score += u[k] * double{w(candidate, static_cast<Index>(k))};
            all.push_back(score);
        }
        return all;
    }
};

// The largest difference between the model's scores and the equations', as a share of those that are large.
double distance_from_equations(MemN2N& model, const QaDataset& dataset) {
    const Batch batch = batch_of(dataset, 0, 12);
    Tape tape;
    tape.set_training(false);
    Matrix scores(batch.size(), static_cast<Index>(model.candidates().size()));
    model.score(tape, batch, scores);
    double most = 0;
    for (Index i = 0; i < batch.size(); ++i) {
        std::vector<std::vector<Token>> told;
        const auto [first, last] = batch.slots_of(i);
        for (Index s = first; s < last; ++s) told.emplace_back(batch.slots.key[s].begin(), batch.slots.key[s].end());
        const Row expected = Equations{model}.scores(batch.question[i], told);
        for (std::size_t k = 0; k < expected.size(); ++k)
            most = std::max(most, std::abs(expected[k] - double{scores(i, static_cast<Index>(k))}) /
                                      std::max(1.0, std::abs(expected[k])));
    }
    return most;
}

}  // namespace

TEST_CASE("a MemN2N computes the paper's equations", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(12);
    for (const HopTying tying : {HopTying::adjacent, HopTying::layerwise})
        for (const Encoding encoding : {Encoding::bag, Encoding::position, Encoding::aligned})
            for (int variant = 0; variant < 8; ++variant) {
                MemN2NConfig config = small();
                config.tying = tying;
                config.encoding = encoding;
                config.deviation = 0.4;
                config.temporal = variant != 1;
                config.memory = variant == 2 ? 3 : 50;
                config.relu = config.linear_map = variant == 3;
                config.linear_start = variant == 4 || variant == 5;
                config.empty_slots = variant >= 5;
                if (variant == 7) config.memory = 3, config.temporal = false;
                config.hops = variant == 5 ? 1 : 3;
                MemN2N model = model_of(dataset, config);
                if (variant == 4) model.set_phase(0);
                CAPTURE(variant);
                CHECK(distance_from_equations(model, dataset) < 2e-4);
            }
}

TEST_CASE("a MemN2N's tables are tied by being one parameter", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(6);
    MemN2NConfig config = small();
    const MemN2N adjacent = model_of(dataset, config);
    for (Index hop = 1; hop < config.hops; ++hop)
        CHECK(&adjacent.key_table(hop) == &adjacent.value_table(hop - 1));  // A^{k+1} = C^k
    CHECK(&adjacent.question_table() == &adjacent.key_table(0));            // B = A^1
    CHECK(&adjacent.answer_table() == &adjacent.value_table(2));            // W^T = C^K
    std::set<const Parameter*> tables;
    for (Index hop = 0; hop < config.hops; ++hop) tables.insert({&adjacent.key_table(hop), &adjacent.value_table(hop)});
    CHECK(tables.size() == 4);
    CHECK(adjacent.parameters().size() == 8);  // each with its T

    config.tying = HopTying::layerwise;
    const MemN2N layerwise = model_of(dataset, config);
    for (Index hop = 1; hop < config.hops; ++hop) {
        CHECK(&layerwise.key_table(hop) == &layerwise.key_table(0));
        CHECK(&layerwise.value_table(hop) == &layerwise.value_table(0));
    }
    tables = {&layerwise.key_table(0), &layerwise.value_table(0), &layerwise.question_table(),
              &layerwise.answer_table()};
    CHECK(tables.size() == 4);
    CHECK(layerwise.parameters().size() == 7);  // A, TA, C, TC, B, W, H
}

TEST_CASE("a MemN2N's loss has the right gradient, for the tied tables too", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(6);
    const Batch batch = batch_of(dataset, 0, 6);
    MemN2NConfig config = small();
    config.width = 4;
    config.tying = GENERATE(HopTying::adjacent, HopTying::layerwise);
    config.linear_start = GENERATE(false, true);
    config.empty_slots = GENERATE(false, true);
    config.encoding = config.empty_slots ? Encoding::aligned : Encoding::position;
    config.deviation = 0.3;
    MemN2N model = model_of(dataset, config);
    model.set_phase(0);
    const auto loss_at = [&] {
        Tape tape;
        Rng rng(3);  // the same empty sentences every time
        return double{model.loss(tape, batch, rng).value().data[0]};
    };
    Tape tape;
    Rng rng(3);
    tape.backward(model.loss(tape, batch, rng), 1);
    for (Parameter& p : model.parameters()) {
        CAPTURE(p.name);
        if (p.name.front() == 'T' && config.empty_slots)
            for (Index k = 0; k < config.width; ++k) CHECK(p.value(config.memory, k) == 0);  // the empty slots'
        const ConstView gradient = tape.gradient(p).dense();
        Index row = 0;
        for (Index i = 0; i < gradient.rows; ++i)  // the row that matters most
            if (std::abs(gradient(i, 0)) > std::abs(gradient(row, 0))) row = i;
        const Real before = p.value(row, 0), step = static_cast<Real>(0.01);
        p.value(row, 0) = before + step;
        const double above = loss_at();
        p.value(row, 0) = before - step;
        const double below = loss_at();
        p.value(row, 0) = before;
        CHECK((above - below) / (2 * double{step}) == Approx(double{gradient(row, 0)}).margin(2e-3).epsilon(0.02));
    }
}

TEST_CASE("empty sentences shift the places of what lies before them", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(12);
    MemN2NConfig config = small();
    config.random_noise = 0.5;
    config.memory = 8;
    const MemN2N model = model_of(dataset, config);
    const Batch batch = batch_of(dataset, 0, 12);
    Tape tape;
    const MemN2N::Memory quiet = model.memory_of(tape, batch, nullptr);
    for (std::size_t i = 0; i + 1 < quiet.offsets.size(); ++i)
        for (Index s = quiet.offsets[i]; s < quiet.offsets[i + 1]; ++s)
            CHECK(quiet.places[static_cast<std::size_t>(s)] == quiet.offsets[i + 1] - 1 - s);
    bool shifted = false, unshifted = false;
    Rng rng(1);
    for (int round = 0; round < 20; ++round) {
        const MemN2N::Memory noisy = model.memory_of(tape, batch, &rng);
        CHECK(std::ranges::equal(noisy.sentences.values, quiet.sentences.values));
        CHECK(std::ranges::equal(noisy.offsets, quiet.offsets));
        for (std::size_t i = 0; i + 1 < noisy.offsets.size(); ++i) {
            Token last = static_cast<Token>(config.memory) - 1;
            const Index n = noisy.offsets[i + 1] - noisy.offsets[i], most = (n + 1) / 2;
            for (Index s = noisy.offsets[i]; s < noisy.offsets[i + 1]; ++s) {
                const Token place = noisy.places[static_cast<std::size_t>(s)];
                CHECK(place <= last);  // as far back as its neighbour at most: only the last place is shared
                CHECK((place < last || place == config.memory - 1 || s == noisy.offsets[i]));
                CHECK(place >= noisy.offsets[i + 1] - 1 - s);
                CHECK(place <= noisy.offsets[i + 1] - 1 - s + most);
                (place > noisy.offsets[i + 1] - 1 - s ? shifted : unshifted) = true;
                last = place;
            }
        }
    }
    CHECK(shifted);
    CHECK(unshifted);
}

TEST_CASE("a MemN2N reads its last sentences, and tells what it read", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(12);
    MemN2NConfig config = small();
    config.memory = 3;
    const MemN2N model = model_of(dataset, config);
    const Batch batch = batch_of(dataset, 0, 6);
    Tape tape;
    tape.set_training(false);
    Matrix scores(6, static_cast<Index>(model.candidates().size()));
    AttentionTrace trace;
    model.score(tape, batch, scores, &trace);
    CHECK(trace.hops == 3);
    CHECK(trace.heads == 1);
    for (Index hop = 0; hop < 3; ++hop)
        for (Index i = 0; i < 6; ++i) {
            const auto [first, last] = batch.slots_of(i);
            double sum = 0;
            for (Index s = first; s < last; ++s) {
                const Real weight = trace.of(hop)[static_cast<std::size_t>(s)];
                sum += double{weight};
                CHECK((weight > 0) == (s >= last - 3));
            }
            CHECK(sum == Approx(1).margin(1e-4));
        }
}

TEST_CASE("empty slots take their share of a MemN2N's reads, and training leaves them empty", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(12);
    MemN2NConfig config = small();
    config.empty_slots = true;
    MemN2N model = model_of(dataset, config);
    const Batch batch = batch_of(dataset, 0, 6);
    Tape tape;
    Matrix scores(6, static_cast<Index>(model.candidates().size()));
    AttentionTrace trace;
    model.score(tape, batch, scores, &trace);
    for (Index i = 0; i < 6; ++i) {
        const auto [first, last] = batch.slots_of(i);
        double sum = 0;
        for (Index s = first; s < last; ++s) sum += double{trace.of(0)[static_cast<std::size_t>(s)]};
        const double share = static_cast<double>(last - first) / static_cast<double>(config.memory);
        CHECK(sum == Approx(share).epsilon(0.5));  // hardly trained: each slot of the 50 has about the same
        CHECK(sum < 0.5);
    }
    Rng rng(1);
    tape.reset();
    tape.backward(model.loss(tape, batch, rng), 1);
    for (const Parameter& p : model.parameters())
        if (p.name.front() == 'T') CHECK(tape.gradient(p).find(config.memory) == nullptr);
}

TEST_CASE("a MemN2N without a memory still has scores", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(6);
    const MemN2N model = model_of(dataset, small());
    Batch batch;
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    const Split& split = dataset.split("train");
    add_example(batch, split.question[0], split.answer[0], dataset.memory, retriever);
    Tape tape;
    Matrix scores(1, static_cast<Index>(model.candidates().size()));
    AttentionTrace trace;
    model.score(tape, batch, scores, &trace);
    for (const Real s : scores.view().span()) CHECK(std::isfinite(s));
    Rng rng(1);
    tape.backward(model.loss(tape, batch, rng), 1);
}

TEST_CASE("a slot with a value of its own is read as one sentence with it", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(6);
    const MemN2N model = model_of(dataset, small());
    const Token key[] = {1, 2}, value[] = {3};
    Tape tape;
    const MemN2N::Memory memory = model.memory_of(tape, test::one_slot(key, value, key), nullptr);
    CHECK(memory.sentences[0].size() == 3);
}

TEST_CASE("a MemN2N stands in its last phase unless told otherwise", "[mem-n2n]") {
    const QaDataset dataset = toy_stories(6);
    MemN2NConfig config = small();
    CHECK(model_of(dataset, config).phases() == 1);
    config.linear_start = true;
    MemN2N model = model_of(dataset, config);
    CHECK(model.phases() == 2);
    CHECK(model.phase() == 1);
    CHECK_THROWS_AS(model.set_phase(2), Error);
}

TEST_CASE("impossible settings of a MemN2N are refused", "[mem-n2n]") {
    const auto refused = [](auto change) {
        MemN2NConfig config;
        change(config);
        CHECK_THROWS_AS(validated(config), UsageError);
    };
    refused([](auto& c) { c.width = 0; });
    refused([](auto& c) { c.hops = 0; });
    refused([](auto& c) { c.memory = 0; });
    refused([](auto& c) { c.aligned_length = 0; });
    refused([](auto& c) { c.random_noise = 1.5; });
    refused([](auto& c) { c.random_noise = NAN; });
    refused([](auto& c) { c.deviation = 0; });
}
