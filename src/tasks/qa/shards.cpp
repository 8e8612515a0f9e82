#include "kvmem/tasks/qa/shards.hpp"

#include "io/content_hash.hpp"
#include "io/manifest_json.hpp"
#include "kvmem/cluster/shards.hpp"
#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/io/file_format.hpp"
#include "kvmem/tasks/qa/documents/postings.hpp"
#include "kvmem/version.hpp"
#include "tasks/qa/documents/parts.hpp"
#include "tasks/qa/shard_of.hpp"

#include <boost/json.hpp>
#include <memory>
#include <span>
#include <utility>

namespace kvmem {

namespace fs = std::filesystem;
namespace json = boost::json;

static constexpr const char* manifest_format = "kvmem-qa-shards";
static constexpr int manifest_version = 1;
static constexpr const char* unreadable = "this manifest of a data set cannot be read";

// --- Dealing and joining

// An id of the contents that are dealt.
static std::string set_of(const QaDataset& dataset, Index shards) {
    std::string all = std::to_string(shards) + "\n";
    for (const Ragged<Token>* rows : {&dataset.memory.key, &dataset.memory.value})
        all += xxh3(std::as_bytes(std::span(rows->values))) + xxh3(std::as_bytes(std::span(rows->offsets))) + "\n";
    for (Token token = 0; token < dataset.vocabulary.size(); ++token) all += dataset.vocabulary.text(token) + "\n";
    for (const SlotOrigin& slot : dataset.origin)
        all += std::to_string(slot.document) + " " + std::to_string(slot.begin) + " " + std::to_string(slot.end) + "\n";
    if (dataset.documents)
        for (const documents::File& file : dataset.documents->collection.files)
            all += file.path + " " + file.hash + "\n";
    return xxh3(all);
}

static void require_dealable(const QaDataset& dataset, Index shards) {
    require_option(shards >= 1 && shards <= max_shards, "shards", "1 to 1024");
    if (dataset.memory.size() == 0 && !dataset.documents)
        throw Error({.what = "nothing to deal to shards",
                     .expected = "a memory that questions share, or documents",
                     .got = "questions that bring their own slots",
                     .where = dataset.info.title});
}

static Index documents_of(const std::shared_ptr<const documents::Corpus>& corpus) {
    return corpus ? std::ssize(corpus->collection.documents) : 0;
}

// Origins whose documents are counted from another one. A number that no data set can have stays, as a sum could
// overflow.
static void shift_documents(std::span<SlotOrigin> origin, Index by) {
    constexpr Index beyond_all = Index{1} << 48;
    for (SlotOrigin& slot : origin)
        if (0 <= slot.document && slot.document < beyond_all) slot.document += by;
}

// The first slot of each shard, and behind the last one the number of all. Slots of documents go where these go.
static std::vector<Index> slot_boundaries(const QaDataset& dataset, std::span<const documents::CorpusPart> parts,
                                          Index shards) {
    std::vector<Index> first{0};
    first.reserve(static_cast<std::size_t>(shards) + 1);
    const bool is_of_documents = !dataset.origin.empty() && dataset.documents;
    Index slot = 0, before = 0;  // documents
    for (Index i = 0; i < shards; ++i) {
        const Index behind = before + (is_of_documents ? documents_of(parts[i].corpus) : 0);
        const bool is_last = i + 1 == shards;
        if (!is_of_documents) slot = deal_evenly(dataset.memory.size(), i, shards).last;
        for (; is_of_documents && slot < dataset.memory.size(); ++slot) {
            const Index document = dataset.origin[static_cast<std::size_t>(slot)].document;
            if (document >= behind && !is_last) break;
            if (0 <= document && document < before)
                throw Error({.what = "slots that do not follow the order of their documents are not dealt to shards",
                             .expected = "document " + std::to_string(before) + " or a later one",
                             .got = std::to_string(document) + " of slot " + std::to_string(slot),
                             .where = dataset.info.title});
        }
        first.push_back(slot);
        before = behind;
    }
    return first;
}

std::vector<QaDataset> deal(const QaDataset& dataset, Index shards) {
    require_dealable(dataset, shards);
    const std::string set = set_of(dataset, shards);
    std::vector<documents::CorpusPart> parts;
    if (dataset.documents) parts = documents::deal(*dataset.documents, shards);
    const std::vector<Index> first = slot_boundaries(dataset, parts, shards);
    std::vector<QaDataset> all;
    all.reserve(static_cast<std::size_t>(shards));
    Index before = 0;  // documents
    for (Index i = 0; i < shards; ++i) {
        QaDataset& shard = all.emplace_back();
        shard.info = dataset.info;
        shard.vocabulary = dataset.vocabulary;
        shard.candidates = dataset.candidates;
        shard.shard = {.set = set, .number = i, .count = shards};
        for (Index slot = first[i]; slot < first[i + 1]; ++slot)
            shard.memory.push(dataset.memory.key[slot], dataset.memory.value[slot]);
        if (!dataset.origin.empty())
            shard.origin.assign(dataset.origin.begin() + first[i], dataset.origin.begin() + first[i + 1]);
        shift_documents(shard.origin, -before);
        if (dataset.documents) {
            shard.documents = parts[i].corpus;
            shard.shard->continues = parts[i].continues;
            before += documents_of(shard.documents);
        }
    }
    all[0].tasks = dataset.tasks;
    all[0].splits = dataset.splits;
    return all;
}

static void require_next(const QaDataset& shard, const QaDataset& first, Index number) {
    const ShardOf wanted{.set = first.shard->set, .number = number, .count = first.shard->count};
    if (!is_shard(shard.shard, wanted))
        throw Error({.what = "shards of a data set do not follow each other",
                     .expected = text_of(wanted),
                     .got = text_of(shard.shard),
                     .where = shard.info.title});
    if (shard.vocabulary.size() != first.vocabulary.size() || shard.candidates != first.candidates)
        throw Error({.what = "shards of a data set have other words",
                     .expected = std::to_string(first.vocabulary.size()) + " tokens and the same candidates",
                     .got = std::to_string(shard.vocabulary.size()) + " tokens",
                     .where = shard.info.title});
}

QaDataset join(std::vector<QaDataset> shards) {
    require_option(!shards.empty() && shards[0].shard, "shards", "a shard at least");
    QaDataset all = std::move(shards[0]);
    std::vector<documents::CorpusPart> parts;
    parts.reserve(shards.size());
    if (all.documents) parts.push_back({all.documents, false});
    Index before = documents_of(all.documents);
    for (std::size_t i = 1; i < shards.size(); ++i) {
        QaDataset& shard = shards[i];
        require_next(shard, all, all.shard->number + static_cast<Index>(i));
        for (Index slot = 0; slot < shard.memory.size(); ++slot)
            all.memory.push(shard.memory.key[slot], shard.memory.value[slot]);
        shift_documents(shard.origin, before);
        all.origin.insert(all.origin.end(), shard.origin.begin(), shard.origin.end());
        before += documents_of(shard.documents);
        if (shard.documents) parts.push_back({shard.documents, shard.shard->continues});
        shard = {};
    }
    if (!all.origin.empty() && std::ssize(all.origin) != all.memory.size())
        throw Error({.what = "some shards of a data set tell what slots were read from, and others do not",
                     .expected = std::to_string(all.memory.size()) + " origins",
                     .got = std::to_string(all.origin.size()),
                     .where = all.info.title});
    if (parts.size() > 1) all.documents = documents::join(parts);
    const bool is_whole = std::ssize(shards) == all.shard->count;
    if (is_whole) all.shard.reset();
    return all;
}

// --- Files

bool is_sharded_dataset(const fs::path& path) { return is_manifest(path, manifest_format); }

ShardedDataset read_shard_manifest(const fs::path& path) {
    const json::value value = read_manifest_json(path, unreadable);
    const ManifestFields fields(value, unreadable, path.string());
    if (fields.text("format") != manifest_format) fields.fail(manifest_format, fields.text("format"));
    (void)fields.number("version", manifest_version, manifest_version);
    ShardedDataset manifest{.set = fields.text("set"), .files = {}, .hashes = {}};
    const fs::path folder = behind_links(path).parent_path();
    for (const json::value& shard : fields.shards()) {
        const ManifestFields of(shard, unreadable, path.string());
        manifest.files.push_back(folder / of.file());
        manifest.hashes.push_back(of.text("hash"));
        manifest.slots += of.number("slots", 0, Index{1} << 40);
    }
    return manifest;
}

std::string shard_file_name(const fs::path& manifest, Index shard, Index shards) {
    return shard_name(manifest, shard, shards);
}

void save_shards(const std::vector<QaDataset>& shards, const fs::path& path) {
    const fs::path target = behind_links(path);
    json::array files;
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const std::string name = shard_name(target, static_cast<Index>(i), std::ssize(shards));
        save_dataset(shards[i], target.parent_path() / name);
        files.push_back(json::object{
            {"file", name}, {"hash", content_hash(target.parent_path() / name)}, {"slots", shards[i].memory.size()}});
    }
    write_manifest(target, json::object{{"format", manifest_format},
                                        {"version", manifest_version},
                                        {"generator", "kvmem " KVMEM_VERSION},
                                        {"set", shards.at(0).shard->set},
                                        {"shards", std::move(files)}});
}

QaDataset load_shard(const ShardedDataset& manifest, Index shard, DatasetParts parts) {
    const fs::path& file = manifest.files.at(shard);
    const auto wrong = [&](const std::string& expected, const std::string& got) {
        return Error({.what = "this shard is not the one that the manifest names",
                      .expected = expected,
                      .got = got,
                      .where = file.string(),
                      .hint = "put the file back that the manifest names"});
    };
    if (const std::string hash = content_hash(file); hash != manifest.hashes[shard])
        throw wrong("the hash " + manifest.hashes[shard], hash.empty() ? "none" : hash);
    QaDataset dataset = load_dataset(file, parts);
    const ShardOf wanted{.set = manifest.set, .number = shard, .count = std::ssize(manifest.files)};
    if (!is_shard(dataset.shard, wanted)) throw wrong(text_of(wanted), text_of(dataset.shard));
    return dataset;
}

QaDataset load_shards(const fs::path& path, DatasetParts parts) {
    const ShardedDataset manifest = read_shard_manifest(path);
    std::vector<QaDataset> shards;
    shards.reserve(manifest.files.size());
    for (Index i = 0; i < std::ssize(manifest.files); ++i) shards.push_back(load_shard(manifest, i, parts));
    return join(std::move(shards));
}

}  // namespace kvmem
