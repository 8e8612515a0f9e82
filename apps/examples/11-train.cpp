// Training from C++: facts and phrasings of one's own become a data set, and a run directory holds what was learned.
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/qa/import.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/train/session.hpp"

#include <iostream>

using namespace kvmem;

// Facts are lines "subject<TAB>relation<TAB>object". A phrasing has {} for the subject, or with "~" for the object.
static void write_data() {
    std::string facts;
    for (int i = 0; i < 60; ++i) {
        const std::string n = std::to_string(i), country = "Land" + n;
        facts += country + "\tcapital\tTown" + n + "\n" + country + "\tspeaks\tTongue" + std::to_string(i % 7) + "\n";
    }
    replace_file("example-facts.tsv", facts);
    replace_file("example-templates.tsv",
                 "capital\twhat is the capital of {}\ttrain\n"
                 "capital\tthe capital of {} is what\ttest\n"
                 "speaks\twhat do people speak in {}\ttrain\n"
                 "speaks\tpeople in {} speak what\ttest\n"
                 "~capital\tof which country is {} the capital\ttrain\n"
                 "~capital > speaks\twhat do people speak in the country with the capital {}\ttrain\n");
    save_dataset(import_kb({"example-facts.tsv"}, {.file = "example-templates.tsv"}, {.valid_fraction = 0.2}),
                 "example-data.h5");
}

int main() {
    write_data();
    RunConfig config = find_model(question_answering(), "path-reader").recommended;
    config.data = "example-data.h5";
    config.trainer.epochs = 30;
    std::filesystem::remove_all("example-run");

    TrainingSession session = TrainingSession::begin("example-run", config, question_answering());
    TrainingSession::Callbacks callbacks;
    callbacks.epoch = [](const EpochReport& report) {
        if (report.epoch % 10 == 0) std::cout << "epoch " << report.epoch << ", loss " << report.loss << "\n";
    };
    session.run(callbacks);
    const double best = session.state().best.value_or(0);
    std::cout << "right on validation: " << 100 * best << " %\n";
    return best > 0.9 ? 0 : 1;
}
