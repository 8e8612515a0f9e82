#include "event_vectors.hpp"

#include "event_source.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "task_table.hpp"

namespace kvmem::apps {

bool is_run_of_events(const po::variables_map& values) {
    return values.count("run") && &task_of_run(find_run(values)).type() == &recommendation();
}

EncodedRows encoded_events(const po::variables_map& values) {
    const Recommender recommender = open_recommender(values);
    const RecommendationModel& model = recommender.model();
    EncodedRows rows;
    if (values.count("histories") == 0) {
        rows.keys.vectors = model.item_vectors();
        for (Token i = 0; i < model.catalog().objects().size(); ++i)
            rows.keys.names.push_back(model.catalog().objects().shown(i));
        return rows;
    }
    rows.keys.names = recommender.dataset().users.ids.all();
    std::vector<History> histories;
    for (const std::string& user : rows.keys.names)
        histories.push_back(recommender.history_of(user, recommender.now()));
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
