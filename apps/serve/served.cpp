#include "served.hpp"

#include "ask_documents.hpp"
#include "event_source.hpp"
#include "http.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/qa/task_type.hpp"
#include "kvmem/tasks/recommendation/task_type.hpp"
#include "kvmem/tasks/selection/task_type.hpp"
#include "kvmem/tasks/sequences/task_type.hpp"
#include "model_source.hpp"
#include "output.hpp"
#include "sentences.hpp"
#include "store_text.hpp"
#include "task_table.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>

namespace kvmem::apps {

namespace fs = std::filesystem;

// The options of a command line that names a run, and a memory unless it is the run's own.
static po::variables_map options_of(const std::string& run, const std::string& memory = {}) {
    po::variables_map values;
    values.insert({"run", po::variable_value(run, false)});
    if (!memory.empty()) values.insert({"memory", po::variable_value(memory, false)});
    return values;
}

std::shared_ptr<const Answerer> ServedQuestions::open(const Edit& edit) const {
    po::variables_map values = options_of(run_, memory_);
    if (!edit.first.empty()) values.insert({"add-fact", po::variable_value(edit.first, false)});
    if (!edit.second.empty()) values.insert({"remove-fact", po::variable_value(edit.second, false)});
    AnswerOptions options;
    return std::make_shared<const Answerer>(open_answerer(values, options));
}

// What has new names, or is wrong, is opened as the program opens it.
std::shared_ptr<const Answerer> ServedQuestions::apply(const Edit& edit) const {
    const auto parsed = [](const std::vector<std::string>& texts) {
        std::vector<NamedFact> facts;
        std::ranges::transform(texts, std::back_inserter(facts), parse_fact);
        return facts;
    };
    std::optional<Answerer> edited = answerer_->edited(parsed(edit.second), parsed(edit.first));
    return edited ? std::make_shared<const Answerer>(std::move(*edited)) : open(edit);
}

static std::shared_ptr<const Answerer> answerer_of(ModelSource source, const ShardPool* shards) {
    if (shards) return std::make_shared<const Answerer>(std::move(source.model), source.memory, shards->call_to_all());
    return std::make_shared<const Answerer>(std::move(source.model), std::move(source.memory));
}

ServedQuestions::ServedQuestions(std::string run, std::string memory, ModelSource source, const FrontOptions& fronts)
    : run_(std::move(run)),
      memory_(std::move(memory)),
      shards_(fronts.memory.empty() ? nullptr
                                    : std::make_unique<const ShardPool>(fronts.memory, ServedKind::memory, fronts)),
      answerer_(answerer_of(std::move(source), shards_.get())),
      linker_(answerer_->model().vocabulary()) {}

std::vector<std::string> ServedQuestions::missing_shards() const {
    try {
        if (shards_) require_shards(shards_->call_to_all(std::chrono::seconds(1)), answerer_->model());
        return {};
    } catch (const ShardsMissing& e) {
        return e.missing();
    }
}

std::shared_ptr<const Answerer> ServedQuestions::edited(const std::vector<std::string>& added,
                                                        const std::vector<std::string>& removed) const {
    constexpr std::size_t max_held = 4;
    if (added.empty() && removed.empty()) return answerer_;
    if (shards_)
        throw HttpError(
            {403, {.what = "a memory in shards is read only here", .hint = "deal other facts to shards"}, {}});
    const Edit edit{added, removed};
    const std::lock_guard lock(mutex_);
    const auto at = std::ranges::find(edited_, edit, &std::pair<Edit, std::shared_ptr<const Answerer>>::first);
    if (at != edited_.end())
        edited_.splice(edited_.begin(), edited_, at);
    else
        edited_.emplace_front(edit, apply(edit));
    if (edited_.size() > max_held) edited_.pop_back();
    return edited_.front().second;
}

Served::Served(const ServedPaths& paths, const Served* before) : writable_(paths.writable) {
    for (const std::string& path : paths.paths) {
        if (!is_there(path))
            throw Error({.what = "nothing is there",
                         .expected = "a run directory, a model file, documents or a store",
                         .where = path});
        if (format_of_file(path) == "kvmem-store")
            open_store(path, before);
        else if (are_documents(path))
            open_documents(path);
        else
            open_run(path, paths);
    }
    for (const std::string& text : paths.fronts.stores) {
        const std::string name = front_name_of(text);
        require_new_store(name);
        fronts_[name] = std::make_shared<const Front>(text, paths.fronts);
    }
    require_option(paths.fronts.memory.empty() || questions_, "memory-shards",
                   "a run that answers questions beside it");
    if (!paths.fronts.documents.empty()) {
        if (documents_) throw UsageError({.what = "two sets of documents", .expected = "one", .got = "also shards"});
        documents_front_ = std::make_unique<const DocumentsFront>(paths.fronts);
    }
}

void Served::require_new_store(const std::string& name) const {
    if (stores_.contains(name) || fronts_.contains(name))
        throw UsageError({.what = "two stores of one name", .expected = "another name", .got = name});
}

const Front* Served::front(const std::string& name) const {
    const auto at = fronts_.find(name);
    return at == fronts_.end() ? nullptr : at->second.get();
}

void Served::open_documents(const std::string& path) {
    if (documents_) throw UsageError({.what = "two data sets of documents", .expected = "one", .got = path});
    const QaDataset dataset = load_dataset(path, DatasetParts::memory);
    documents_ = std::make_unique<const documents::Search>(dataset.documents);
    if (dataset.shard) document_shard_ = std::make_unique<const documents::DocumentShard>(dataset);
}

// Returns the kind of the model.
std::string Served::open_questions(const std::string& path, const ServedPaths& paths) {
    ModelSource source = open_model(options_of(path, paths.memory), "memory");
    const bool is_shard = source.memory.shard && paths.fronts.memory.empty();
    if (is_shard) {
        memory_shard_ = std::make_unique<const ServedShard>(std::move(source));
        return memory_shard_->model->kind();
    }
    questions_ = std::make_unique<ServedQuestions>(path, paths.memory, std::move(source), paths.fronts);
    return questions_->answerer().model().kind();
}

void Served::open_run(const std::string& path, const ServedPaths& paths) {
    const po::variables_map values = options_of(path);
    const TaskType& type = task_of_run(find_run(values)).type();
    const std::string task = type.name();
    const auto require_one = [&](bool is_there) {
        if (is_there) throw UsageError({.what = "two runs for " + task, .expected = "one", .got = path});
    };
    Run run{path, task, {}};
    if (&type == &question_answering()) {
        require_one(questions_ || memory_shard_);
        run.model = open_questions(path, paths);
    } else if (&type == &sequence_transduction()) {
        require_one(sequences_ != nullptr);
        sequences_ = std::make_unique<SequenceSource>(open_sequence_models(values));
        run.model = sequences_->first().name();
    } else if (&type == &recommendation()) {
        require_one(recommender_ != nullptr);
        recommender_ = std::make_unique<const Recommender>(open_recommender(values));
        run.model = recommender_->model().name();
    } else if (&type == &answer_selection()) {
        require_one(selector_ != nullptr);
        selector_ = open_selection_model(path);
        run.model = selector_->name();
    } else {
        throw Error({.what = "no endpoint serves this run",
                     .expected = "one of questions, pairs, events or sentences",
                     .got = "one for " + task,
                     .where = path});
    }
    runs_.push_back(std::move(run));
}

void Served::open_store(const std::string& path, const Served* before) {
    const std::string name = fs::path(path).stem().string();
    require_new_store(name);
    if (writable_ && before && before->stores_.contains(name)) {
        stores_[name] = before->stores_.at(name);
        return;
    }
    const store::Access access = writable_ ? store::Access::load : store::Access::map;
    stores_[name] = std::make_shared<store::MemoryStore>(apps::open_store(path, access));
}

template <class Part>
static Part& there(Part* part, const char* what, const char* expected, const char* hint = "see /v1/info") {
    if (!part) throw HttpError({404, {.what = what, .expected = expected, .hint = hint}, {}});
    return *part;
}

const ServedQuestions& Served::questions() const {
    return there(questions_.get(), "no run here answers questions", "a server of such a run",
                 memory_shard_ ? "this is a shard: a front of all answers"
                 : documents_  ? "documents answer at /v1/documents"
                               : "see /v1/info");
}
const SequenceSource& Served::sequences() const {
    return there(sequences_.get(), "no run here writes targets", "a server of a run on pairs");
}
const documents::Search& Served::documents() const {
    return there(documents_.get(), "no documents are here", "a server of a data set of documents",
                 questions_ ? "a run answers at /v1/ask" : "see /v1/info");
}

const documents::DocumentShard& Served::document_shard() const {
    return there(document_shard_.get(), "no shard of documents is here", "a server of a file that 'kvmem shard' made");
}

const MemoryShard& Served::memory_shard() const {
    return there(memory_shard_.get(), "no shard of a memory is here", "a server of a run whose memory is a shard")
        .shard;
}

const Recommender& Served::recommender() const {
    return there(recommender_.get(), "no run here recommends", "a server of a run on events");
}

const SelectionModel& Served::selector() const {
    return there(selector_.get(), "no run here ranks sentences", "a server of a run on sentences");
}

store::MemoryStore& Served::store(const std::string& name) const {
    const auto at = stores_.find(name);
    std::vector<std::string> names;
    for (const auto& [other, unused] : stores_) names.push_back(other);
    if (fronts_.contains(name))
        throw HttpError({403, {.what = "a store in shards is read only here", .hint = "change the shards"}, {}});
    const std::string expected = names.empty() ? "a server of stores" : "one of " + joined(names);
    return there(at == stores_.end() ? nullptr : at->second.get(), "no such store here", expected.c_str());
}

}  // namespace kvmem::apps
