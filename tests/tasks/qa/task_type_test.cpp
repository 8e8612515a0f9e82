#include "kvmem/tasks/qa/task_type.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/qa/dataset.hpp"
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "support/temporary_directory.hpp"
#include "tasks/qa/import/sources.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace {

// Countries with capitals, which have rivers, which have sources.
void write_data(const std::string& questions, const std::string& path) {
    std::string facts;
    for (const std::string n : {"1", "2", "3"})
        facts += "land" + n + "\tcapital\ttown" + n + "\ntown" + n + "\triver\twater" + n + "\nwater" + n +
                 "\tsource\thill" + n + "\n";
    QuestionSources sources;
    if (!questions.empty()) sources.train = {{"q.tsv", questions}};
    save_dataset(kb_from({{"f.tsv", facts}}, {}, {}, sources, {}), path);
}

Index recommended_hops(const std::string& questions) {
    const TemporaryDirectory directory;
    const std::string data = (directory.path() / "d.h5").string();
    write_data(questions, data);
    const RunConfig config = question_answering().recommended(data, "");
    REQUIRE(config.model.kind() == PathReaderConfig::kind);
    CHECK(question_answering().recommended(data, KvMemNNConfig::kind).model.kind() == KvMemNNConfig::kind);
    return config.model.get<PathReaderConfig>()->hops;
}

}  // namespace

TEST_CASE("a path reader is recommended the hops that training answers need, and no more than usual", "[task_type]") {
    CHECK(recommended_hops("capital of [land1]\ttown1\n") == 1);
    CHECK(recommended_hops("capital of [land1]\ttown1\nriver of [land2]\twater2\n") == 2);
    CHECK(recommended_hops("land of [water3]\tland3\n") == 2);
    CHECK(recommended_hops("hill of [land1]\thill1\n") == 3);
    CHECK(recommended_hops("hills of [land1] and [town2]\thill1\thill2\n") == 3);
    // Where no fact leads to an answer, or nothing is asked, the data say nothing.
    CHECK(recommended_hops("capital of [land1]\ttown2\n") == PathReaderConfig().hops);
    CHECK(recommended_hops("") == PathReaderConfig().hops);
}

TEST_CASE("the data that a recommendation has read serve the next objective, unless the file has changed since",
          "[task_type]") {
    const TemporaryDirectory directory;
    const std::string data = (directory.path() / "d.h5").string();
    const auto fingerprint = [](const RunConfig& config) {
        return question_answering().make_objective(config)->fingerprint("");
    };
    write_data("capital of [land1]\ttown1\n", data);
    RunConfig config = question_answering().recommended(data, "");
    config.data = data;
    const std::string first = fingerprint(config);
    CHECK(fingerprint(config) == first);
    config = question_answering().recommended(data, "");
    config.data = data;
    write_data("capital of [land2]\ttown2\n", data);
    const std::string changed = fingerprint(config);
    CHECK(changed != first);
    CHECK(fingerprint(config) == changed);
    std::filesystem::remove(data);
    CHECK_THROWS_AS(fingerprint(config), Error);
}
