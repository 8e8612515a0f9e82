#include "store/writer_steps.hpp"
#include "support/program.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace {

// KVMEM_STORE_KILLS=500 kills more of them.
int kills_wanted() {
    const char* text = std::getenv("KVMEM_STORE_KILLS");
    return text ? std::atoi(text) : 25;
}

void take(Twin& twin, const WriterStep& step) {
    if (!step.removes) return twin.put(step.keys, step.values, step.texts, step.ids);
    for (const Id id : step.ids) twin.slots.erase(id);
}

void check_same(const MemoryStore& store, const Twin& twin) {
    std::vector<Id> ids;
    for (const auto& [id, slot] : twin.slots) ids.push_back(id);
    REQUIRE(store.ids() == ids);
    const StoredSlots slots = store.get(ids);
    bool same = true;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto row = static_cast<Index>(i);
        const TwinSlot slot{{slots.keys.row(row), slots.keys.row(row) + slots.keys.cols()},
                            {slots.values.row(row), slots.values.row(row) + slots.values.cols()},
                            slots.texts[i]};
        same &= slot == twin.slots.at(ids[i]);
    }
    CHECK(same);
}

}  // namespace

static void kill_writers(Index shards) {
    Rng rng(5);
    for (int kill = 0; kill < kills_wanted();) {
        // Anew now and then: what was done before must be done again to compare.
        const TemporaryDirectory directory;
        const std::string path = (directory.path() / "store.h5").string();
        MemoryStore::create(path, writer_options, shards);
        Twin twin(Similarity::dot);
        std::uint64_t version = 0, synced = 0;
        Index longest = 60000;  // microseconds that a writer lives; more where it does not get to write
        for (int round = 0; round < 25 && kill < kills_wanted(); ++round, ++kill) {
            CAPTURE(kill, round, version);
            Running writer({KVMEM_STORE_WRITER, path, std::to_string(kill)}, {});
            ::usleep(static_cast<unsigned>(3000 + rng.below(longest)));
            ::kill(writer.process(), SIGKILL);
            const Output output = writer.wait();
            REQUIRE(output.code == 128 + SIGKILL);
            std::istringstream lines(output.out);
            for (std::uint64_t line; lines >> line;) synced = std::max(synced, line);
            const MemoryStore store = round % 2 == 0 ? MemoryStore::open(path, Access::map) : MemoryStore::open(path);
            REQUIRE(store.version() >= synced);
            REQUIRE(store.version() >= version);
            while (version < store.version()) take(twin, writer_step(++version));
            check_same(store, twin);
            if (version == 0) longest *= 2;
        }
        CHECK(version > 0);
    }
}

TEST_CASE("a writer that is killed loses nothing that it had synced, and leaves a store that opens", "[store][kill]") {
    kill_writers(0);
}

TEST_CASE("a kill leaves all of a change or none in every shard of a store", "[store][kill][shards]") {
    kill_writers(3);
}
