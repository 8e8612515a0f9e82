#include "kvmem/train/evaluate.hpp"

#include "kvmem/core/parallel.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <limits>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// Five candidates whose scores are given by the question's one word: A of "ask" is 1, B of the candidates are
// their scores, and the identity is between.
struct HandMade {
    QaDataset dataset;
    Token ask = dataset.vocabulary.add(TokenKind::word, "ask");
    std::vector<Token> candidates;
    std::vector<Real> scores;

    explicit HandMade(std::vector<Real> given) : scores(std::move(given)) {
        for (std::size_t i = 0; i < scores.size(); ++i)
            candidates.push_back(dataset.vocabulary.add(TokenKind::entity, "c" + std::to_string(i)));
        dataset.vocabulary.set_count(ask, 1);
        dataset.candidates = candidates;
    }
    void add_question(const std::vector<Token>& right) {
        dataset.splits["test"].question.push_row(std::vector{ask});
        dataset.splits["test"].answer.push_row(right);
    }
    Metrics evaluate() const {
        KvMemNNConfig config;
        config.width = 1;
        config.hops = 1;
        const KvMemNN model(config, dataset.vocabulary, candidates, [&](const std::string& name) {
            Matrix m(name == "A" || name == "B" ? dataset.vocabulary.size() : 1, 1);
            if (name == "A") m(ask, 0) = 1;
            if (name == "B")
                for (std::size_t i = 0; i < scores.size(); ++i) m(candidates[i], 0) = scores[i];
            if (name != "A" && name != "B") m(0, 0) = 1;
            return m;
        });
        return kvmem::evaluate(model, dataset, dataset.split("test"), Retriever(dataset.memory, dataset.vocabulary));
    }
};

}  // namespace

TEST_CASE("metrics count the rank of the best right candidate", "[evaluate]") {
    HandMade h({5, 3, 4, 1, 2});
    h.add_question({h.candidates[0]});                   // first
    h.add_question({h.candidates[3], h.candidates[2]});  // fifth and second
    h.add_question({h.candidates[1]});                   // third
    h.add_question({});                                  // never
    h.add_question({h.ask});                             // not a candidate
    const Metrics m = h.evaluate();
    CHECK(m.questions == 5);
    CHECK(m.hits_at_1 == Approx(0.2));
    CHECK(m.hits_at_10 == Approx(0.6));
    CHECK(m.mean_reciprocal_rank == Approx((1 + 0.5 + 1.0 / 3) / 5));
}

TEST_CASE("equal scores rank in the order of the candidates", "[evaluate]") {
    HandMade h({2, 2, 2, 7});
    h.add_question({h.candidates[1]});  // third
    h.add_question({h.candidates[2], h.candidates[0]});
    CHECK(h.evaluate().mean_reciprocal_rank == Approx((1.0 / 3 + 0.5) / 2));
}

TEST_CASE("ten are ten", "[evaluate]") {
    HandMade h({12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1});
    h.add_question({h.candidates[9]});
    h.add_question({h.candidates[10]});
    CHECK(h.evaluate().hits_at_10 == Approx(0.5));
}

TEST_CASE("metrics have the same bits on one thread and on two", "[evaluate][threads]") {
    const QaDataset dataset = toy_kb();
    KvMemNN model = toy_model(dataset);
    teach(model, dataset, 1);
    const Retriever retriever(dataset.memory, dataset.vocabulary);
    const auto measure = [&](int threads) {
        const ThreadLimit limit(threads);
        std::atomic<Index> most{0};
        const Metrics m = evaluate(model, dataset, dataset.split("train"), retriever, [&](Index done) {
            if (done > most) most = done;
        });
        CHECK(most == m.questions);
        return m;
    };
    const Metrics one = measure(1), two = measure(2);
    CHECK(one.hits_at_1 == two.hits_at_1);
    CHECK(one.mean_reciprocal_rank == two.mean_reciprocal_rank);
}

TEST_CASE("nothing to evaluate gives zeros", "[evaluate]") {
    HandMade h({1, 2});
    h.dataset.splits["test"];
    CHECK(h.evaluate().questions == 0);
    CHECK(h.evaluate().hits_at_1 == 0);
}

TEST_CASE("a question whose scores are not finite is missed", "[evaluate]") {
    for (const Real broken : {std::numeric_limits<Real>::quiet_NaN(), std::numeric_limits<Real>::infinity()}) {
        HandMade h({broken, 3, 4});
        for (const Token right : h.candidates) h.add_question({right});
        CHECK(h.evaluate().hits_at_10 == 0);
        CHECK(h.evaluate().mean_reciprocal_rank == 0);
    }
}
