// What a server serves: trained models with their memories, and stores, opened together.
#pragma once

#include "documents_front.hpp"
#include "front.hpp"
#include "kvmem/store/memory_store.hpp"
#include "kvmem/tasks/qa/answerer.hpp"
#include "kvmem/tasks/qa/documents/search.hpp"
#include "kvmem/tasks/qa/memory_shards.hpp"
#include "kvmem/tasks/recommendation/recommender.hpp"
#include "kvmem/tasks/selection/model.hpp"
#include "model_source.hpp"
#include "sequence_source.hpp"

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kvmem::apps {

struct ServedPaths {
    std::vector<std::string> paths;  // of runs, model files, data sets of documents and stores
    std::string memory{};            // data set that a run of questions reads instead of its own
    bool writable = false;           // whether stores may be changed
    FrontOptions fronts{};           // of shards that other servers have
};

// A model that answers questions, and the same with other facts.
class ServedQuestions {
  public:
    // With fronts.memory the model reads shards that other servers have. There are no partial answers then: a path that
    // lacks a fact leads elsewhere. The source's memory, which may be one shard, tells the names.
    ServedQuestions(std::string run, std::string memory, ModelSource source, const FrontOptions& fronts);
    const Answerer& answerer() const { return *answerer_; }
    const EntityLinker& linker() const { return linker_; }
    // The answerer of a memory with and without these facts, as `kvmem ask --add-fact --remove-fact` has it. The last
    // few are held. Throws HttpError for edits of a memory in shards.
    std::shared_ptr<const Answerer> edited(const std::vector<std::string>& added,
                                           const std::vector<std::string>& removed) const;

    // The servers of the memory's shards, or null.
    const ShardPool* shards() const { return shards_.get(); }
    // The shards that do not answer now, and why. Each has a second at most for its reply.
    std::vector<std::string> missing_shards() const;

  private:
    using Edit = std::pair<std::vector<std::string>, std::vector<std::string>>;
    std::shared_ptr<const Answerer> open(const Edit& edit) const;
    std::shared_ptr<const Answerer> apply(const Edit& edit) const;

    std::string run_, memory_;
    std::unique_ptr<const ShardPool> shards_;
    std::shared_ptr<const Answerer> answerer_;
    EntityLinker linker_;
    mutable std::mutex mutex_;
    mutable std::list<std::pair<Edit, std::shared_ptr<const Answerer>>> edited_;  // the last one used first
};

// What answers a front about one shard of a memory.
struct ServedShard {
    explicit ServedShard(ModelSource source)
        : model(std::move(source.model)), shard(*model, source.memory, model->extend(source.memory)) {}

    std::unique_ptr<Model> model;
    MemoryShard shard;
};

class Served {
  public:
    // Opens all. Stores that may be changed are taken from `before`, which holds their locks. Throws Error for a path
    // that is none of them, and for two runs of one task or two stores of one name.
    explicit Served(const ServedPaths& paths, const Served* before = nullptr);

    // The parts, or Error with 404 where there is none.
    const ServedQuestions& questions() const;
    const SequenceSource& sequences() const;
    const Recommender& recommender() const;
    const SelectionModel& selector() const;
    const documents::Search& documents() const;
    store::MemoryStore& store(const std::string& name) const;
    // Null where the store is here, or nowhere.
    const Front* front(const std::string& name) const;
    // Null where documents are here, or nowhere.
    const DocumentsFront* documents_front() const { return documents_front_.get(); }
    // Whether other servers have shards of what is served.
    bool is_front() const { return !fronts_.empty() || documents_front_ || (questions_ && questions_->shards()); }
    // What answers a front about the documents or the memory here. Throws Error with 404 where they are no shard.
    const documents::DocumentShard& document_shard() const;
    const MemoryShard& memory_shard() const;

    // For /v1/info.
    struct Run {
        std::string path, task, model;
    };
    const std::vector<Run>& runs() const { return runs_; }
    const std::map<std::string, std::shared_ptr<store::MemoryStore>>& stores() const { return stores_; }
    const std::map<std::string, std::shared_ptr<const Front>>& fronts() const { return fronts_; }
    bool has_questions() const { return questions_ != nullptr; }
    bool has_documents() const { return documents_ != nullptr; }
    bool writable() const { return writable_; }

  private:
    void open_run(const std::string& path, const ServedPaths& paths);
    std::string open_questions(const std::string& path, const ServedPaths& paths);
    void open_documents(const std::string& path);
    void open_store(const std::string& path, const Served* before);
    void require_new_store(const std::string& name) const;

    std::vector<Run> runs_;
    std::unique_ptr<ServedQuestions> questions_;
    std::unique_ptr<const ServedShard> memory_shard_;
    std::unique_ptr<SequenceSource> sequences_;
    std::unique_ptr<const Recommender> recommender_;
    std::unique_ptr<const SelectionModel> selector_;
    std::unique_ptr<const documents::Search> documents_;
    std::unique_ptr<const documents::DocumentShard> document_shard_;
    std::unique_ptr<const DocumentsFront> documents_front_;
    std::map<std::string, std::shared_ptr<store::MemoryStore>> stores_;
    std::map<std::string, std::shared_ptr<const Front>> fronts_;
    bool writable_;
};

}  // namespace kvmem::apps
