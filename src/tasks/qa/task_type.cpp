#include "kvmem/tasks/qa/task_type.hpp"

#include "io/word_vectors_group.hpp"
#include "kvmem/tasks/qa/models/kv_mem_nn.hpp"
#include "kvmem/tasks/qa/models/mem_n2n.hpp"
#include "kvmem/tasks/qa/models/path_reader.hpp"
#include "kvmem/tasks/qa/models/window_reader.hpp"
#include "kvmem/tasks/qa/objective.hpp"
#include "kvmem/tasks/qa/retriever.hpp"
#include "kvmem/tasks/qa/tasks.hpp"

#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <utility>

namespace kvmem {

static std::filesystem::path path_of_vectors(Settings settings) {
    std::filesystem::path path;
    settings.visit([&](const Field& field, FieldValue value) {
        if (field.name == "vectors") path = *std::get<std::filesystem::path*>(value);
    });
    return path;
}

namespace {

// The numbers that change with a file: device, inode, size, and the times of its contents and of its inode. Two changes
// within one tick of the file system's clock look the same. None of a file that is not there.
using FileState = std::optional<std::array<std::int64_t, 7>>;

FileState state_of(const std::filesystem::path& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {};
    return {{static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino), status.st_size,
             status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec}};
}

// recommended() leaves the data set that it has read to the objective that is made of it next, so that a training reads
// it once. A file that has changed since is read again. Safe on several threads.
class LastRead {
  public:
    void put(const FileState& file, QaDataset dataset) {
        const std::lock_guard lock(mutex_);
        last_.emplace(file, std::move(dataset));
    }
    // None for another file. The object is then empty, before any file is read.
    std::optional<QaDataset> take(const std::filesystem::path& path) {
        const std::lock_guard lock(mutex_);
        auto last = std::exchange(last_, std::nullopt);
        if (!last || !last->first || last->first != state_of(path)) return {};
        return std::move(last->second);
    }

  private:
    std::mutex mutex_;
    std::optional<std::pair<FileState, QaDataset>> last_;
};

LastRead& last_read() {
    static LastRead last;
    return last;
}

QaDataset load_tasks(const RunConfig& config) {
    std::optional<QaDataset> dataset = last_read().take(config.data);
    if (!dataset) dataset = load_dataset(config.data);
    keep_tasks(*dataset, config.tasks);
    return std::move(*dataset);
}

struct ModelAndData {
    QaDataset dataset;
    std::unique_ptr<Model> model;

    explicit ModelAndData(const RunConfig& config)
        : dataset(load_tasks(config)),
          model(make_model(config.model, {dataset.vocabulary, read_model_vectors(path_of_vectors(config.model))},
                           dataset.candidates)) {}
};

class OwningObjective final : private ModelAndData, public QaObjective {
  public:
    explicit OwningObjective(const RunConfig& config)
        : ModelAndData(config),
          QaObjective(*ModelAndData::model, ModelAndData::dataset,
                      {.balanced = config.trainer.balance,
                       .focused = config.trainer.focus,
                       .paraphrased = config.trainer.paraphrase}) {}
};

// Whether memories of documents have their mention in the first dictionary and the words around it in the second.
bool has_second_dictionary(const Vocabulary& vocabulary) {
    for (Token token = 0; token < vocabulary.size(); ++token)
        if (vocabulary.kind(token) == TokenKind::second_word) return true;
    return false;
}

std::string suitable_model(const QaDataset& dataset) {
    if (dataset.memory.size() == 0) return MemN2NConfig::kind;
    if (!dataset.origin.empty() && has_second_dictionary(dataset.vocabulary)) return WindowReaderConfig::kind;
    return holds_facts(dataset) ? PathReaderConfig::kind : KvMemNNConfig::kind;
}

// Examples of the split at equal distances, of all tasks.
Split sample_of(const Split& split, Index max) {
    Split sample;
    const Index count = std::min(max, split.size());
    for (Index i = 0; i < count; ++i) {
        sample.question.push_row(split.question[i * split.size() / count]);
        sample.answer.push_row(split.answer[i * split.size() / count]);
    }
    return sample;
}

// The largest distance, in facts, from the names of training questions to their answers, but at most `max`. Further
// hops would only offer roundabout paths. A sample of the questions tells it, smaller for large memories.
Index hops_to_answers(const QaDataset& dataset, Index max) {
    const auto train = dataset.splits.find("train");
    if (train == dataset.splits.end()) return max;
    const Index size = std::clamp<Index>(100'000'000 / (dataset.memory.size() + 1), 100, 1000);
    const Retriever retriever(dataset.memory, dataset.vocabulary, {.strategy = Retrieval::whole, .hops = max});
    const auto reached = report_retrieval_by_hop(dataset, sample_of(train->second, size), retriever).front();
    const auto farthest = std::ranges::find(reached, reached.back().gold_found, &RetrievalReport::gold_found);
    return reached.back().gold_found > 0 ? farthest - reached.begin() + 1 : max;
}

class QuestionAnswering final : public TaskType {
  public:
    std::string name() const override { return "question answering"; }
    std::vector<const ModelType*> models() const override { return qa_models(); }
    ScoreType score() const override { return {.name = "hits_at_1", .label = "hits@1", .is_share = true}; }
    RunConfig recommended(const std::string& data, const std::string& kind) const override {
        if (!kind.empty() && kind != PathReaderConfig::kind) return find_model(*this, kind).recommended;
        const FileState file = state_of(data);
        QaDataset dataset = load_dataset(data);
        RunConfig config = find_model(*this, kind.empty() ? suitable_model(dataset) : kind).recommended;
        if (auto* reader = config.model.get<PathReaderConfig>()) reader->hops = hops_to_answers(dataset, reader->hops);
        last_read().put(file, std::move(dataset));
        return config;
    }
    std::unique_ptr<Objective> make_objective(const RunConfig& config) const override {
        return std::make_unique<OwningObjective>(config);
    }
    std::vector<std::string> parts(const RunConfig& config) const override {
        QaDataset dataset = load_dataset(config.data);
        std::vector<std::string> names = task_names(dataset, config.tasks);
        keep_tasks(dataset, config.tasks);
        dataset.split("train");
        return names;
    }
};

}  // namespace

const TaskType& question_answering() {
    static const QuestionAnswering task;
    return task;
}

}  // namespace kvmem
