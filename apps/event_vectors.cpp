#include "event_vectors.hpp"

#include "event_source.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "task_table.hpp"

#include <algorithm>

namespace kvmem::apps {

bool is_run_of_events(const po::variables_map& values) {
    return values.count("run") && &task_of_run(find_run(values)).type() == &recommendation();
}

EncodedRows encoded_events(const po::variables_map& values, const PickRows& pick) {
    const Recommender recommender = open_recommender(values);
    const RecommendationModel& model = recommender.model();
    EncodedRows rows;
    if (values.count("histories") == 0) {
        const Matrix all = model.item_vectors();
        const std::vector<Index> items = picked_rows(pick, all.rows());
        rows.keys.vectors = Matrix(std::ssize(items), all.cols());
        for (std::size_t i = 0; i < items.size(); ++i) {
            std::copy_n(all.row(items[i]), all.cols(), rows.keys.vectors.row(static_cast<Index>(i)));
            rows.keys.names.push_back(model.catalog().objects().shown(static_cast<Token>(items[i])));
        }
        return rows;
    }
    const std::vector<std::string>& users = recommender.dataset().users.ids.all();
    std::vector<History> histories;
    for (const Index user : picked_rows(pick, std::ssize(users))) {
        rows.keys.names.push_back(users[static_cast<std::size_t>(user)]);
        histories.push_back(recommender.history_of(rows.keys.names.back(), recommender.now()));
    }
    rows.keys.vectors = model.history_vectors(histories);
    return rows;
}

VectorFile encoded_user(const po::variables_map& values) {
    const std::string user = required(values, "user", "a user of the run's data set");
    const Recommender recommender = open_recommender(values);
    const History history = recommender.history_of(user, recommender.now());
    return {recommender.model().history_vectors({&history, 1}), {user}};
}

}  // namespace kvmem::apps
