#include "kvmem/tasks/qa/evaluate.hpp"

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

namespace {

// Answers every question with the first candidate, and reads what it is told: 2 hops of 2 heads.
class FixedReader : public Model {
  public:
    FixedReader(Vocabulary vocabulary, std::vector<Token> candidates, std::vector<Real> weights)
        : Model(std::move(vocabulary), std::move(candidates)), weights_(std::move(weights)) {}
    Settings settings() const override { return {}; }
    std::string name() const override { return "fixed reader"; }
    std::string summary() const override { return "A reader"; }
    Var loss(Tape& tape, const Batch&, Rng&) const override { return tape.constant(Matrix(1, 1)); }
    void score(Tape&, const Batch& batch, View scores, AttentionTrace* trace) const override {
        for (Index i = 0; i < scores.rows; ++i)
            for (Index c = 0; c < scores.cols; ++c) scores(i, c) = static_cast<Real>(-c);
        if (!trace) return;
        trace->resize(2, 2, batch.slots.size());
        const Index slots = std::ssize(weights_) / 4;  // of each question
        for (Index i = 0; i < trace->slots * 4; ++i) {
            const Index row = i / trace->slots, slot = i % trace->slots % slots;
            trace->weights[static_cast<std::size_t>(i)] = weights_[static_cast<std::size_t>(row * slots + slot)];
        }
    }

  protected:
    void grow() override {}

  private:
    std::vector<Real> weights_;  // [2 hops, 2 heads, slots of a question]
};

// Questions of four slots each.
struct FourSlots {
    QaDataset dataset;
    Token word = dataset.vocabulary.add(TokenKind::word, "word");

    FourSlots() {
        for (const char* name : {"right", "wrong"})
            dataset.candidates.push_back(dataset.vocabulary.add(TokenKind::entity, name));
        dataset.tasks = {"easy", "empty", "hard"};
        dataset.splits["valid"].local_offsets.push_back(0);
    }
    void add(const std::vector<Index>& support, bool right, Index task) {
        Split& split = dataset.splits["valid"];
        split.question.push_row(std::vector{word});
        split.answer.push_row(std::vector{dataset.candidates[right ? 0 : 1]});
        for (int i = 0; i < 4; ++i) {
            split.local_slots.key.push_row(std::vector{word});
            split.local_slots.value.push_row(std::vector{word});
        }
        split.local_offsets.push_back(split.local_slots.size());
        split.support.push_row(support);
        split.task.push_back(task);
    }
    std::vector<Outcome> answer_all(std::vector<Real> weights, Trace trace = Trace::attention) const {
        const FixedReader model(dataset.vocabulary, dataset.candidates, std::move(weights));
        return kvmem::answer_all(model, dataset, dataset.split("valid"), Retriever(dataset.memory, dataset.vocabulary),
                                 trace);
    }
};

// Hop 1: the heads read slots 0 and 1 most, their mean slot 2. Hop 2: one reads slot 3, the other nothing.
const std::vector<Real> two_hops{.6f, 0, .4f, 0, 0, .6f, .4f, 0, .1f, .1f, .1f, .7f, 0, 0, 0, 0};

}  // namespace

TEST_CASE("support counts the slot that each hop reads most, by the mean of its heads and by any of them",
          "[evaluate]") {
    FourSlots f;
    f.add({0}, true, 0);     // a head of hop 1
    f.add({2}, true, 0);     // only the mean of hop 1
    f.add({1, 3}, true, 0);  // a head of hop 1, then hop 2
    f.add({}, true, 0);      // nothing to compare with
    const SupportReport report = support_of(f.answer_all(two_hops));
    CHECK(report.questions == 3);
    REQUIRE(report.hops.size() == 2);
    CHECK(report.hops[0].mean == Approx(1.0 / 3));
    CHECK(report.hops[0].head == Approx(2.0 / 3));
    CHECK(report.hops[1].mean == Approx(1.0 / 3));
    CHECK(report.hops[1].head == Approx(1.0 / 3));
    CHECK(report.all_support == Approx(2.0 / 3));
    CHECK(report.chance == Approx((0.25 + 0.25 + 0.5) / 3));
}

TEST_CASE("a hop that reads nothing reads no support, and equal weights count for the first slot", "[evaluate]") {
    FourSlots f;
    f.add({0}, true, 0);
    f.add({3}, true, 0);
    const std::vector<Real> nothing(16, Real{0}), same(16, Real{0.25});
    CHECK(support_of(f.answer_all(nothing)).hops.at(0).mean == 0);
    CHECK(support_of(f.answer_all(nothing)).hops.at(0).head == 0);
    CHECK(support_of(f.answer_all(same)).hops.at(1).mean == Approx(0.5));
    CHECK(support_of(f.answer_all(same, Trace::none)).questions == 0);
    CHECK(support_of({}).hops.empty());
}

TEST_CASE("tasks have errors of their own, and fail above five percent", "[evaluate]") {
    FourSlots f;
    for (int i = 0; i < 20; ++i) f.add({0}, i > 0, 0);  // one of twenty wrong: just not failed
    for (int i = 0; i < 4; ++i) f.add({0}, i > 0, 2);
    const std::vector<Outcome> outcomes = f.answer_all(two_hops);
    const std::vector<TaskReport> reports = reports_by_task(outcomes, f.dataset.tasks);
    REQUIRE(reports.size() == 2);  // one has no questions
    CHECK(reports[0].name == "easy");
    CHECK(reports[0].questions == 20);
    CHECK(reports[0].error == 0.05);
    CHECK_FALSE(reports[0].failed());
    CHECK(reports[1].name == "hard");
    CHECK(reports[1].failed());
    CHECK(reports[1].support.questions == 4);
    CHECK(mean_error(reports) == Approx(0.15));  // not that of the questions
    CHECK(failed_tasks(reports) == 1);
    CHECK(metrics_of(outcomes).hits_at_1 == Approx(22.0 / 24));
    CHECK(reports_by_task(outcomes, {}).empty());
    CHECK(mean_error({}) == 0);
}
