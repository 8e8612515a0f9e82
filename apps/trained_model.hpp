// A trained model of any task, as exports see it.
#pragma once

#include "kvmem/autograd/parameter.hpp"
#include "kvmem/io/onnx.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace kvmem::apps {

class TrainedModel {
  public:
    virtual ~TrainedModel() = default;
    virtual Parameters& parameters() = 0;
    virtual Metadata metadata() const = 0;
    virtual std::vector<OnnxModel> onnx() const = 0;
    virtual void save(const std::filesystem::path& path) const = 0;
};

// Open a model file of question answering, of sequences and texts, of events, of sentences, or of next sentences.
std::unique_ptr<TrainedModel> open_trained_reader(const std::filesystem::path& model);
std::unique_ptr<TrainedModel> open_trained_network(const std::filesystem::path& model);
std::unique_ptr<TrainedModel> open_trained_recommender(const std::filesystem::path& model);
std::unique_ptr<TrainedModel> open_trained_selector(const std::filesystem::path& model);
std::unique_ptr<TrainedModel> open_trained_next_sentence(const std::filesystem::path& model);

}  // namespace kvmem::apps
