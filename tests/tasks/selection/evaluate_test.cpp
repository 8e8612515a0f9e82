#include "kvmem/tasks/selection/evaluate.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

using namespace kvmem;
using Labels = std::vector<std::uint8_t>;

namespace {

SelectionQuestion question(const std::string& id, Labels right) {
    SelectionQuestion q{.id = id, .text = id};
    q.sentences.resize(right.size(), "s");
    q.right = std::move(right);
    return q;
}

Ragged<Real> rows(const std::vector<std::vector<Real>>& all) {
    Ragged<Real> scores;
    for (const auto& row : all) scores.push_row(row);
    return scores;
}

}  // namespace

TEST_CASE("of equal scores wrong sentences come first", "[selection]") {
    const Labels right{1, 0, 1, 0};
    CHECK(worst_case_order(std::vector<Real>{1, 1, 2, 1}, right) == std::vector<Index>{2, 1, 3, 0});
    const Real nan = std::numeric_limits<Real>::quiet_NaN();
    CHECK_THROWS_AS(worst_case_order(std::vector<Real>{1, nan, 2, 1}, right), Error);
}

TEST_CASE("average precision and reciprocal rank are those of the formulas", "[selection]") {
    const std::vector<SelectionQuestion> questions{question("a", {0, 1, 1}), question("b", {0, 0}), question("c", {1})};
    const Ragged<Real> scores = rows({{3, 2, 1}, {1, 2}, {0}});
    const SelectionEvaluation usual = evaluate(questions, scores);
    CHECK(usual.size() == 2);
    CHECK(usual.all == 3);
    CHECK(usual.unanswered == 1);
    CHECK(usual.only_right == 1);
    CHECK(usual.average_precision[0] == Approx((1.0 / 2 + 2.0 / 3) / 2));
    CHECK(usual.mrr() == Approx(0.75));
    CHECK(usual.precision_at_1() == Approx(0.5));
    const SelectionEvaluation all = evaluate(questions, scores, true);
    CHECK(all.size() == 3);
    CHECK(all.mrr() == Approx(0.5));
    CHECK(evaluate(questions, rows({{1, 1, 1}, {1, 1}, {0}})).reciprocal_rank[0] == Approx(0.5));
}

TEST_CASE("the weight on right sentences is that of a softmax", "[selection]") {
    const std::vector<SelectionQuestion> questions{question("a", {1, 0}), question("b", {0, 0}), question("c", {0, 1})};
    const Ragged<Real> scores = rows({{1, 1}, {7, 9}, {0, std::log(3.0f)}});
    CHECK(right_weight(questions, scores) == Approx((0.5 + 0.75) / 2));
}

TEST_CASE("answers are given where their score reaches a threshold", "[selection]") {
    const std::vector<SelectionQuestion> questions{question("a", {1, 0}), question("b", {0, 0}), question("c", {0, 1}),
                                                   question("d", {1, 0})};
    const Ragged<Real> scores = rows({{4, 1}, {3, 2}, {1, 5}, {1, 2}});
    const Triggering at_3 = trigger(questions, scores, 3);
    CHECK(at_3.precision == Approx(2.0 / 3));
    CHECK(at_3.recall == Approx(2.0 / 3));
    const Triggering best = best_trigger(questions, scores);
    CHECK(best.threshold == 4);
    CHECK(best.f1 == Approx(0.8));
    CHECK(trigger(questions, scores, best.threshold).f1 == Approx(best.f1));
    CHECK(trigger(questions, scores, 9).f1 == 0);
}

TEST_CASE("a run for trec_eval has our order and no ties", "[selection]") {
    const test::TemporaryDirectory folder;
    const std::vector<SelectionQuestion> questions{question("a b", {1, 0})};
    write_trec(folder / "new", "test", questions, rows({{2, 2}}));
    CHECK(read_file(folder / "new/test.run") == "a_b Q0 a_b-1 1 2 kvmem\na_b Q0 a_b-0 2 1 kvmem\n");
    CHECK(read_file(folder / "new/test.qrels") == "a_b 0 a_b-1 0\na_b 0 a_b-0 1\n");
}

TEST_CASE("ids of a run are one word each and all different", "[selection]") {
    const test::TemporaryDirectory folder;
    const std::vector<SelectionQuestion> questions{question("a b", {1}),    question("a_b", {1}),
                                                   question("a\nb", {1}),   question("a_b_2", {1}),
                                                   question("\r\x7F", {1}), question("x\u00a0\u2028y", {1}),
                                                   question("", {1}),       question("7", {1})};
    write_trec(folder.path(), "test", questions, rows({{1}, {1}, {1}, {1}, {1}, {1}, {1}, {1}}));
    std::string expected;
    for (const std::string id : {"a_b", "a_b_2", "a_b_3", "a_b_2_4", "__", "x__y", "7", "7_8"})
        expected += id + " 0 " + id + "-0 1\n";
    CHECK(read_file(folder / "test.qrels") == expected);
}
