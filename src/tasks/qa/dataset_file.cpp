// The kvmem-qa file, version 1, as datasets/README.md specifies it.
#include "io/manifest_json.hpp"
#include "io/vocabulary_file.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"
#include "kvmem/io/hdf5.hpp"
#include "kvmem/tasks/qa/shards.hpp"
#include "tasks/qa/documents/file.hpp"

#include <algorithm>

namespace kvmem {

static constexpr const char* format = "kvmem-qa";
static constexpr int version = 1;

static Split read_split(const hdf5::Reader& file, const std::string& path) {
    Split split;
    split.question = file.ragged(path + "/question");
    split.answer = file.ragged(path + "/answer");
    if (file.has(path + "/slot_offsets")) {
        split.local_offsets = file.int64s(path + "/slot_offsets");
        split.local_slots.key = file.ragged(path + "/slot_key");
        split.local_slots.value = file.ragged(path + "/slot_value");
    }
    if (file.has(path + "/support"))
        split.support = {file.int64s(path + "/support/values"), file.int64s(path + "/support/offsets")};
    if (file.has(path + "/task")) split.task = file.int64s(path + "/task");
    return split;
}

static constexpr std::pair<const char*, Index SlotOrigin::*> origin_parts[] = {
    {"/memory/origin/document", &SlotOrigin::document},
    {"/memory/origin/begin", &SlotOrigin::begin},
    {"/memory/origin/end", &SlotOrigin::end}};

static std::vector<SlotOrigin> read_origin(const hdf5::Reader& file) {
    std::vector<SlotOrigin> origin;
    for (const auto& [path, part] : origin_parts) {
        const std::vector<Index> values = file.int64s(path);
        if (part == &SlotOrigin::document) origin.resize(values.size());
        if (values.size() != origin.size())
            throw Error({.what = "the parts of origins differ in length",
                         .expected = std::to_string(origin.size()),
                         .got = std::to_string(values.size()),
                         .where = file.name() + ": " + path});
        for (std::size_t i = 0; i < values.size(); ++i) origin[i].*part = values[i];
    }
    return origin;
}

static void write_origin(hdf5::Writer& file, const std::vector<SlotOrigin>& origin) {
    for (const auto& [path, part] : origin_parts) {
        std::vector<Index> values;
        values.reserve(origin.size());
        for (const SlotOrigin& slot : origin) values.push_back(slot.*part);
        file.write(path, std::span<const Index>(values));
    }
}

// The shard that a file says it is, or none.
static std::optional<ShardOf> read_shard_of(const hdf5::Reader& file) {
    ShardOf shard{.set = file.attribute("/", "set")};
    if (shard.set.empty()) return std::nullopt;
    const auto number = number_of<Index>(file.attribute("/", "shard")),
               count = number_of<Index>(file.attribute("/", "shards"));
    if (!number || !count || *count < 1 || *count > max_shards || *number < 0 || *number >= *count)
        throw Error({.what = "the shard of a data set does not say which one it is",
                     .expected = "a number below that of all, up to " + std::to_string(max_shards),
                     .got = file.attribute("/", "shard") + " of " + file.attribute("/", "shards"),
                     .where = file.name()});
    shard.number = *number;
    shard.count = *count;
    shard.continues = file.attribute("/", "continues") == "1";
    return shard;
}

static void write_shard_of(hdf5::Writer& file, const ShardOf& shard) {
    file.attribute("/", "set", shard.set);
    file.attribute("/", "shard", std::to_string(shard.number));
    file.attribute("/", "shards", std::to_string(shard.count));
    if (shard.continues) file.attribute("/", "continues", "1");
}

static QaDataset read_dataset(const hdf5::Reader& file, DatasetParts parts) {
    QaDataset dataset;
    dataset.info = read_info(file);
    dataset.shard = read_shard_of(file);
    dataset.vocabulary = read_vocabulary(file);
    if (file.has("/memory")) dataset.memory = {file.ragged("/memory/key"), file.ragged("/memory/value")};
    if (file.has("/memory/origin")) dataset.origin = read_origin(file);
    if (file.has("/tasks")) dataset.tasks = file.strings("/tasks");
    if (file.has("/candidates")) dataset.candidates = file.int32s("/candidates");
    if (parts == DatasetParts::all || dataset.memory.size() == 0)
        for (const std::string& name : file.children("/splits"))
            dataset.splits.emplace(name, read_split(file, "/splits/" + name));
    dataset.documents = documents::read_corpus(file);
    dataset.validate(file.name());
    return dataset;
}

QaDataset load_dataset(const std::filesystem::path& path, DatasetParts parts) {
    if (is_sharded_dataset(path)) return load_shards(path, parts);
    return read_dataset(hdf5::Reader(path, format, version), parts);
}

QaDataset load_dataset(std::span<const std::byte> bytes, const std::string& name) {
    return read_dataset(hdf5::Reader(bytes, name, format, version), DatasetParts::all);
}

static void write_split(hdf5::Writer& file, const std::string& path, const Split& split) {
    file.write(path + "/question", split.question);
    file.write(path + "/answer", split.answer);
    if (!split.task.empty()) file.write(path + "/task", std::span<const Index>(split.task));
    if (!split.has_local_memory()) return;
    file.write(path + "/slot_offsets", std::span<const Index>(split.local_offsets));
    file.write(path + "/slot_key", split.local_slots.key);
    file.write(path + "/slot_value", split.local_slots.value);
    if (split.support.empty()) return;
    file.write(path + "/support/values", std::span<const Index>(split.support.values));
    file.write(path + "/support/offsets", std::span<const Index>(split.support.offsets));
}

std::shared_ptr<const documents::Corpus> documents::load_documents(const std::filesystem::path& path) {
    auto corpus =
        is_sharded_dataset(path) ? load_shards(path).documents : read_corpus(hdf5::Reader(path, format, version));
    if (!corpus)
        throw Error({.what = "the data set has no documents",
                     .where = path.string(),
                     .hint = "make one with 'kvmem import documents'"});
    return corpus;
}

void save_dataset(const QaDataset& dataset, const std::filesystem::path& path) {
    dataset.validate(path.string());
    hdf5::Writer file(format, version);
    write_info(file, dataset.info);
    if (dataset.shard) write_shard_of(file, *dataset.shard);
    write_vocabulary(file, dataset.vocabulary);
    file.write("/memory/key", dataset.memory.key);
    file.write("/memory/value", dataset.memory.value);
    if (!dataset.origin.empty()) write_origin(file, dataset.origin);
    if (!dataset.tasks.empty()) file.write("/tasks", std::span<const std::string>(dataset.tasks));
    file.write("/candidates", std::span<const Token>(dataset.candidates));
    if (dataset.documents) documents::write_corpus(file, *dataset.documents);
    for (const auto& [name, split] : dataset.splits) write_split(file, "/splits/" + name, split);
    file.save(path);
}

}  // namespace kvmem
