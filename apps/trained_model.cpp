#include "trained_model.hpp"

#include "kvmem/tasks/qa/documents/next_sentence.hpp"
#include "kvmem/tasks/qa/model_file.hpp"
#include "kvmem/tasks/recommendation/model_file.hpp"
#include "kvmem/tasks/selection/model_file.hpp"
#include "kvmem/tasks/sequences/model_file.hpp"

namespace kvmem::apps {

namespace fs = std::filesystem;

namespace {

template <class M, void (*save_file)(const M&, const fs::path&)>
class Opened final : public TrainedModel {
  public:
    explicit Opened(std::unique_ptr<M> model) : model_(std::move(model)) {}
    Parameters& parameters() override { return model_->parameters(); }
    Metadata metadata() const override { return metadata_of(*model_); }
    std::vector<OnnxModel> onnx() const override { return model_->onnx(); }
    void save(const fs::path& path) const override { save_file(*model_, path); }

  private:
    std::unique_ptr<M> model_;
};

}  // namespace

std::unique_ptr<TrainedModel> open_trained_reader(const fs::path& model) {
    return std::make_unique<Opened<Model, save_model>>(load_model(model));
}

std::unique_ptr<TrainedModel> open_trained_network(const fs::path& model) {
    return std::make_unique<Opened<SequenceNetwork, save_sequence_network>>(load_sequence_network(model));
}

std::unique_ptr<TrainedModel> open_trained_recommender(const fs::path& model) {
    return std::make_unique<Opened<RecommendationModel, save_recommendation_model>>(load_recommendation_model(model));
}

std::unique_ptr<TrainedModel> open_trained_selector(const fs::path& model) {
    return std::make_unique<Opened<SelectionModel, save_selection_model>>(load_selection_model(model));
}

std::unique_ptr<TrainedModel> open_trained_next_sentence(const fs::path& model) {
    return std::make_unique<Opened<documents::NextSentence, documents::save_next_sentence>>(
        documents::load_next_sentence(model));
}

}  // namespace kvmem::apps
