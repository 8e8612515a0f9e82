#include "train/qa_task.hpp"

#include "support/toy_stories.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

static Index questions_of(const QaTask& task) {
    Index sum = 0;
    for (Index unit = 0; unit < task.units(); ++unit) sum += task.questions(unit);
    return sum;
}

TEST_CASE("a balanced task asks as often about what it has less of", "[task]") {
    QaDataset dataset = toy_stories(40);  // 20 stories of each task, with 3 questions each
    dataset.tasks.emplace_back("qa3_rare");
    Split& train = dataset.splits.at("train");
    for (std::size_t question = 0; question < 3; ++question) train.task[question] = 2;
    const bool stories = GENERATE(false, true);
    const ModelConfig config = stories ? ModelConfig(MemoryTransformerConfig{.width = 8, .heads = 2})
                                       : ModelConfig(QueryReductionConfig{.width = 8});
    const auto model = make_model(config, dataset.vocabulary, dataset.candidates);
    const QaTask plain(*model, dataset), balanced(*model, dataset, true);
    CHECK(plain.units() == (stories ? 40 : 120));
    CHECK(questions_of(plain) == 120);
    CHECK(questions_of(balanced) == 19 * 3 + 20 * 3 + 20 * 3);
    CHECK(balanced.units() == questions_of(balanced) / (stories ? 3 : 1));

    train.task.clear();  // a data set may have none
    CHECK(questions_of(QaTask(*model, dataset, true)) == 120);
}
