#include "kvmem/tasks/qa/shards.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "support/many_documents.hpp"
#include "support/small_dataset.hpp"
#include "support/temporary_directory.hpp"
#include "support/toy_documents.hpp"
#include "support/toy_kb.hpp"

#include <catch2/catch.hpp>

#include <fstream>

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;

static void check_same(const QaDataset& a, const QaDataset& b) {
    CHECK(a.info == b.info);
    CHECK(a.vocabulary.size() == b.vocabulary.size());
    CHECK(a.memory == b.memory);
    CHECK(a.origin == b.origin);
    CHECK(a.candidates == b.candidates);
    CHECK(a.tasks == b.tasks);
    CHECK(a.splits == b.splits);
    CHECK(a.shard == b.shard);
    REQUIRE((a.documents == nullptr) == (b.documents == nullptr));
    if (a.documents) CHECK(*a.documents == *b.documents);
}

TEST_CASE("shards of facts and of documents join to what was dealt", "[shards]") {
    QaDataset edited = toy_documents(6, 0);  // with a slot of no document, and one of a document that is not there
    for (const Index document : {-1, 99}) {
        edited.memory.push(edited.memory.key[0], edited.memory.value[0]);
        edited.origin.push_back({document, 0, 0});
    }
    QaDataset without = toy_documents(6, 0);
    without.documents = nullptr;
    const documents::RepresentationOptions edges{.representation = documents::Representation::edges};
    for (const QaDataset& whole :
         {toy_kb(), dataset_of(many_documents()), toy_documents(9, 0), toy_documents(9, 0, edges), edited, without})
        for (const Index count : {1, 2, 3, 7, 50}) {
            const std::vector<QaDataset> shards = deal(whole, count);
            REQUIRE(std::ssize(shards) == count);
            for (const QaDataset& shard : shards) {
                shard.validate("a shard");
                if (shard.documents) shard.documents->collection.validate("a shard");
            }
            check_same(join(shards), whole);
        }
}

TEST_CASE("slots of documents are in the shards of these", "[shards]") {
    const QaDataset whole = toy_documents(9, 0);
    Index slots = 0;
    for (const QaDataset& shard : deal(whole, 4)) {
        CHECK(std::ssize(shard.origin) == shard.memory.size());
        for (const SlotOrigin& origin : shard.origin) {
            CHECK(origin.document >= 0);
            CHECK(origin.document < std::ssize(shard.documents->collection.documents));
        }
        slots += shard.memory.size();
    }
    CHECK(slots == whole.memory.size());
    QaDataset mixed = whole;
    std::swap(mixed.origin.front(), mixed.origin.back());
    CHECK_THROWS_WITH(deal(mixed, 4), Catch::Contains("order of their documents"));
    std::vector<QaDataset> shards = deal(whole, 3);
    shards[1].origin.clear();
    CHECK_THROWS_WITH(join(shards), Catch::Contains("some shards"));
}

TEST_CASE("shards have about as much each", "[shards]") {
    const QaDataset facts = toy_kb();
    for (const QaDataset& shard : deal(facts, 7)) {
        CHECK(shard.memory.size() >= facts.memory.size() / 7);
        CHECK(shard.memory.size() <= facts.memory.size() / 7 + 1);
    }
    const QaDataset whole = dataset_of(many_documents());
    const auto tokens = static_cast<double>(whole.documents->collection.tokens.size());
    for (const QaDataset& shard : deal(whole, 2))
        CHECK(static_cast<double>(shard.documents->collection.tokens.size()) == Approx(tokens / 2).epsilon(0.4));
}

TEST_CASE("what has no memory that questions share is not dealt", "[shards]") {
    CHECK_THROWS_WITH(deal(QaDataset{}, 2), Catch::Contains("nothing to deal"));
    for (const Index count : {-1, 0, 1025}) CHECK_THROWS_AS(deal(toy_kb(), count), UsageError);
    std::vector<QaDataset> shards = deal(toy_kb(), 3);
    CHECK_THROWS_WITH(join({shards[0], shards[2]}), Catch::Contains("shard 1 of 3") && Catch::Contains("shard 2 of 3"));
    CHECK_THROWS_AS(join({}), UsageError);
    QaDataset other = toy_kb();
    other.memory.push(other.memory.key[0], other.memory.value[1]);
    CHECK_THROWS_WITH(join({shards[0], deal(other, 3)[1], shards[2]}), Catch::Contains("do not follow"));
    CHECK(join({shards[1], shards[2]}).shard.has_value());  // a part of the whole
}

namespace {

struct ShardFiles {
    TemporaryDirectory directory;
    QaDataset whole = toy_kb();
    fs::path manifest = directory / "toy.json";

    ShardFiles() { save_shards(deal(whole, 3), manifest); }
    fs::path shard(int i) const { return directory / ("toy." + std::to_string(i) + "-of-3.h5"); }
    std::string failure() const {
        try {
            static_cast<void>(load_dataset(manifest));
        } catch (const Error& e) {
            return e.what();
        }
        return "none";
    }
};

}  // namespace

TEST_CASE("a manifest is read as the data set that was dealt", "[shards]") {
    const ShardFiles files;
    check_same(load_dataset(files.manifest), files.whole);
    const QaDataset read = toy_documents(7, 0);
    save_shards(deal(read, 3), files.directory / "read.json");
    check_same(load_dataset(files.directory / "read.json"), read);
    CHECK(is_sharded_dataset(files.manifest));
    CHECK_FALSE(is_sharded_dataset(files.shard(0)));
    CHECK_FALSE(is_sharded_dataset(files.directory / "nothing"));
    const ShardedDataset manifest = read_shard_manifest(files.manifest);
    CHECK(manifest.files.size() == 3);
    CHECK(manifest.slots == files.whole.memory.size());
    CHECK(load_shard(manifest, 1).shard->number == 1);
    const std::string before = read_file(files.shard(2));
    save_shards(deal(files.whole, 3), files.manifest);
    CHECK(read_file(files.shard(2)) == before);  // the same contents have the same id
    fs::create_symlink(files.manifest, files.directory / "link.json");
    CHECK(load_dataset(files.directory / "link.json").memory.size() == files.whole.memory.size());
    CHECK_THROWS_WITH(documents::load_documents(files.manifest), Catch::Contains("no documents"));
    const QaDataset documents = dataset_of(many_documents());
    save_shards(deal(documents, 2), files.directory / "d.json");
    CHECK(*documents::load_documents(files.directory / "d.json") == *documents.documents);
}

TEST_CASE("a shard that is missing, damaged, another's or in another place is named", "[shards]") {
    const ShardFiles files;
    const fs::path kept = files.directory / "kept";
    const auto check_named = [&](const std::string& why, int shard) {
        CHECK_THAT(files.failure(), Catch::Contains(why) && Catch::Contains(files.shard(shard).string()));
    };
    fs::rename(files.shard(1), kept);
    check_named("", 1);
    fs::copy_file(files.shard(2), files.shard(1));
    check_named("not the one that the manifest names", 1);
    fs::copy_file(files.manifest, files.shard(1), fs::copy_options::overwrite_existing);
    check_named("", 1);
    std::string bytes = read_file(kept);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    replace_file(files.shard(1), bytes);
    check_named("", 1);
    QaDataset other = files.whole;
    other.memory.push(other.memory.key[0], other.memory.value[1]);
    save_dataset(deal(other, 3)[1], files.shard(1));
    check_named("not the one that the manifest names", 1);
    fs::rename(kept, files.shard(1));
    CHECK(files.failure() == "none");
}

TEST_CASE("a manifest that was changed is refused", "[shards]") {
    const ShardFiles files;
    const std::string good = read_file(files.manifest);
    for (std::size_t at = 0; at < good.size(); at += 3) {
        std::string bad = good;
        bad[at] = bad[at] == '1' ? '2' : '1';
        if (bad == good) continue;
        replace_file(files.manifest, bad);
        CHECK_THROWS_AS(load_dataset(files.manifest), Error);
    }
    for (const std::size_t size : {std::size_t{0}, std::size_t{30}, good.size() - 2}) {
        replace_file(files.manifest, good.substr(0, size));
        CHECK_THROWS_AS(load_dataset(files.manifest), Error);
    }
    replace_file(files.manifest, good);
    CHECK(files.failure() == "none");
}
