#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "store/log_checksums.hpp"
#include "store/twin.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <limits>

using namespace kvmem;
using namespace kvmem::store;
using namespace kvmem::test;

namespace fs = std::filesystem;

namespace {

struct Filled {
    StoreOptions options;
    Matrix keys = whole_numbers(500, 12, 1), values = whole_numbers(500, 4, 2);
    std::vector<std::string> texts;
    explicit Filled(Similarity metric = Similarity::dot, KeyEncoding encoding = KeyEncoding::float32)
        : options{.key_width = 12, .value_width = 4, .metric = metric, .encoding = encoding} {
        for (int i = 0; i < 500; ++i) texts.push_back(i % 3 == 0 ? "" : "slot " + std::to_string(i));
    }
    void fill(MemoryStore& store) const { store.add(keys, {values, texts}, ids_from(1000, 500)); }
};

void check_same(const MemoryStore& a, const MemoryStore& b) {
    CHECK(a.options() == b.options());
    REQUIRE(a.ids() == b.ids());
    const StoredSlots x = a.get(a.ids()), y = b.get(b.ids());
    CHECK(same_bits(x.keys, y.keys));
    CHECK(same_bits(x.values, y.values));
    CHECK(x.texts == y.texts);
    const Matrix queries = whole_numbers(10, 12, 77);
    const Hits p = a.search(queries, 20), q = b.search(queries, 20);
    CHECK(p.ids == q.ids);
    CHECK(p.scores == q.scores);
    CHECK(p.count == q.count);
}

std::string log_of(const fs::path& path) { return path.string() + ".log"; }

}  // namespace

TEST_CASE("a store comes back from its file as it was, loaded or mapped", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    for (const Similarity metric : {Similarity::dot, Similarity::cosine, Similarity::euclidean})
        for (const KeyEncoding encoding : {KeyEncoding::float32, KeyEncoding::bfloat16, KeyEncoding::int8})
            for (const bool indexed : {false, true}) {
                const Filled filled(metric, encoding);
                MemoryStore store(filled.options);
                filled.fill(store);
                store.remove(ids_from(1100, 30));
                if (indexed) store.index({.lists = 8});
                store.save(path);
                const StoreInfo info = MemoryStore::peek(path);
                CHECK(info.slots == 470);
                CHECK(info.options == filled.options);
                CHECK(info.lists == (indexed ? 8 : 0));
                CHECK(info.has_texts);
                for (const Access access : {Access::load, Access::map}) {
                    const MemoryStore again = MemoryStore::open(path, access);
                    CHECK(again.lists() == info.lists);
                    CHECK(again.version() == store.version());
                    check_same(store, again);
                    if (!indexed) continue;
                    const Matrix queries = whole_numbers(10, 12, 78);
                    SearchOptions probing;
                    probing.probes = 2;
                    CHECK(store.search(queries, 5, probing).ids == again.search(queries, 5, probing).ids);
                }
                fs::remove(log_of(path));
            }
}

TEST_CASE("an empty store and one without values come back, too", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    for (const Index slots : {0, 1, 64, 65}) {
        MemoryStore store({.key_width = 3});
        store.add(normal(slots, 3, 1), {}, ids_from(0, slots));
        store.save(path);
        for (const Access access : {Access::map, Access::load}) {
            const MemoryStore again = MemoryStore::open(path, access);
            CHECK(again.size() == slots);
            CHECK(again.search(normal(1, 3, 2), 100).ids == store.search(normal(1, 3, 2), 100).ids);
        }
        fs::remove(log_of(path));
    }
}

TEST_CASE("changes of an opened store are in its log, and compact puts them in the file", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    const Filled filled(Similarity::euclidean, KeyEncoding::int8);
    MemoryStore twin(filled.options);
    const auto change = [&](MemoryStore& store, Id first) {
        store.add(filled.keys, {filled.values, filled.texts}, ids_from(first, 500));
        store.remove(ids_from(first + 20, 100));
        store.upsert(filled.values.view().rows == 500 ? filled.keys.view().middle_rows(100, 50) : ConstView{},
                     {filled.values.view().middle_rows(7, 50)}, ids_from(first + 100, 50));
    };
    change(twin, 0);
    {
        MemoryStore store = MemoryStore::create(path, filled.options);
        change(store, 0);
        store.sync();
    }
    check_same(twin, MemoryStore::open(path, Access::map));
    CHECK(MemoryStore::peek(path).slots == 0);
    change(twin, 1000);
    {
        MemoryStore store = MemoryStore::open(path);
        check_same(MemoryStore::open(path, Access::map), store);
        change(store, 1000);
        check_same(twin, store);
        store.compact();
        CHECK(MemoryStore::peek(path).slots == twin.size());
        CHECK(fs::file_size(log_of(path)) == 32);
        change(twin, 2000);
        change(store, 2000);
        store.index({.lists = 5});
        change(twin, 3000);
        change(store, 3000);
        CHECK(store.version() == twin.version());
    }
    check_same(twin, MemoryStore::open(path, Access::map));
    const MemoryStore again = MemoryStore::open(path);
    CHECK(again.lists() == 5);
    check_same(twin, again);
}

TEST_CASE("a log that ends anywhere gives the changes before that", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    std::vector<std::size_t> ends;
    {
        MemoryStore store = MemoryStore::create(path, {.key_width = 2});
        for (Id id = 0; id < 6; ++id) {
            ends.push_back(fs::file_size(log_of(path)));
            store.add(normal(3, 2, id), {}, ids_from(3 * id, 3));
        }
    }
    const std::string log = read_file(log_of(path));
    for (std::size_t size = 32; size <= log.size(); ++size) {
        replace_file(log_of(path), log.substr(0, size));
        Index whole = 0;
        while (whole < 6 && (whole == 5 ? log.size() : ends[whole + 1]) <= size) ++whole;
        CHECK(MemoryStore::open(path, Access::map).size() == 3 * whole);
        if (size % 7 != 0) continue;
        MemoryStore store = MemoryStore::open(path);
        CHECK(store.size() == 3 * whole);
        // What is written next follows what is whole.
        store.add(normal(1, 2, 9), {}, ids_from(100, 1));
        CHECK(MemoryStore::open(path, Access::map).size() == 3 * whole + 1);
    }
    // A bit of the last record that fell over ends it there.
    for (std::size_t at = ends[5]; at < log.size(); ++at) {
        std::string wrong = log;
        wrong[at] = static_cast<char>(wrong[at] ^ 4);
        replace_file(log_of(path), wrong);
        CHECK(MemoryStore::open(path, Access::map).size() == 15);
    }
    // So does one before it, as nothing was synced: the system may have failed.
    for (std::size_t at = ends[2]; at < ends[3]; ++at) {
        std::string wrong = log;
        wrong[at] = static_cast<char>(wrong[at] ^ 4);
        replace_file(log_of(path), wrong);
        CHECK(MemoryStore::open(path, Access::map).size() == 6);
    }
    for (std::size_t at = 0; at < 32; ++at) {
        std::string wrong = log;
        wrong[at] = static_cast<char>(wrong[at] ^ 4);
        replace_file(log_of(path), wrong);
        CHECK_THROWS_AS(MemoryStore::open(path, Access::map), Error);
        CHECK_THROWS_AS(MemoryStore::open(path), Error);
    }
    replace_file(log_of(path), std::string_view());
    CHECK_THROWS_AS(MemoryStore::open(path), Error);
}

TEST_CASE("what was synced is there or an error, and what was not may have holes", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    const auto size = [&] { return static_cast<std::size_t>(fs::file_size(log_of(path))); };
    std::size_t synced = 0, third = 0;
    {
        MemoryStore store = MemoryStore::create(path, {.key_width = 2});
        store.sync();
        CHECK(size() == 32);  // nothing to mark
        store.add(normal(3, 2, 1), {}, ids_from(0, 3));
        store.sync();
        store.add(normal(3, 2, 2), {}, ids_from(3, 3));
        store.sync();
        synced = size();
        store.sync();
        CHECK(size() == synced);
        for (Id id = 6; id < 15; id += 3) {
            third = size();
            store.add(normal(3, 2, id), {}, ids_from(id, 3));
        }
    }
    const std::string log = read_file(log_of(path));
    const auto damage = [&](std::size_t at) {
        std::string wrong = log;
        wrong[at] = static_cast<char>(wrong[at] ^ 4);
        replace_file(log_of(path), wrong);
        return wrong;
    };
    constexpr std::size_t mark = 48;
    for (std::size_t at = 32; at < synced - mark; ++at) {
        const std::string wrong = damage(at);
        CHECK_THROWS_WITH(MemoryStore::open(path, Access::map), Catch::Contains("damaged"));
        CHECK_THROWS_WITH(MemoryStore::open(path), Catch::Contains("damaged"));
        CHECK(read_file(log_of(path)) == wrong);
    }
    // The last mark itself was never synced.
    for (std::size_t at = synced - mark; at < log.size(); ++at) {
        damage(at);
        const Index left = at < synced  ? 6
                           : at < third ? 6 + 3 * static_cast<Index>((at - synced) / ((third - synced) / 2))
                                        : 12;
        CHECK(MemoryStore::open(path, Access::map).size() == left);
    }
    // Whoever writes next goes on from there, and what it syncs counts.
    std::string hole = log;
    std::fill(hole.begin() + static_cast<std::ptrdiff_t>(synced) + 10,
              hole.begin() + static_cast<std::ptrdiff_t>(third) + 5, '\0');
    replace_file(log_of(path), hole);
    {
        MemoryStore store = MemoryStore::open(path);
        CHECK(store.size() == 6);
        store.add(normal(1, 2, 1), {}, ids_from(50, 1));
        store.sync();
    }
    CHECK(MemoryStore::open(path, Access::map).size() == 7);
    std::string wrong = read_file(log_of(path));
    wrong[wrong.size() - mark - 1] ^= 1;
    replace_file(log_of(path), wrong);
    CHECK_THROWS_WITH(MemoryStore::open(path), Catch::Contains("damaged"));
}

TEST_CASE("a forged log takes no longer than it is long", "[store][file][hostile]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    MemoryStore::create(path, {.key_width = 2});
    // A bad record, and then at every eighth byte what could be the head of one that goes on to the end.
    std::string log = read_file(log_of(path));
    const std::uint64_t length = std::uint64_t{4} << 20;
    while (log.size() < 2 * length) log.append(reinterpret_cast<const char*>(&length), sizeof length);
    replace_file(log_of(path), log);
    const auto start = std::chrono::steady_clock::now();
    CHECK(MemoryStore::open(path, Access::map).size() == 0);
    // To hash what each head tells of would take minutes.
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

namespace {

struct ForgedRecord {
    const char* name;
    std::uint64_t change, slots, has_texts;
    std::vector<Id> ids;
    std::vector<float> numbers;  // of keys, which are 2 wide
    std::uint64_t later = 0;     // versions that are left out
};

std::string with_record(std::string log, const ForgedRecord& record, std::uint64_t version) {
    const auto put = [&log](const auto& values) {
        log.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof values[0]);
    };
    const std::uint64_t length = 24 + 8 * record.ids.size() + 4 * record.numbers.size();
    put(std::vector{length, version + record.later, std::uint64_t{0}});
    put(std::vector{record.change, record.slots, record.has_texts});
    put(record.ids);
    put(record.numbers);
    return with_checksums(std::move(log));
}

}  // namespace

TEST_CASE("a log with a change that no writer could have made is refused", "[store][file][hostile]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    {
        MemoryStore store = MemoryStore::create(path, {.key_width = 2});
        store.add(normal(3, 2, 1), {}, ids_from(0, 3));
        store.remove(std::vector<Id>{2, 50});  // one of them was there
        store.sync();
    }
    const std::string log = read_file(log_of(path));
    const auto open_with = [&](const std::string& bytes, Access access) {
        replace_file(log_of(path), bytes);
        return MemoryStore::open(path, access).size();
    };
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const ForgedRecord possible{"", 1, 1, 0, {7}, {1, 1}};
    for (const Access access : {Access::load, Access::map})
        CHECK(open_with(with_record(log, possible, 3), access) == 3);
    const ForgedRecord impossible[] = {
        {"adds nothing", 0, 0, 0, {}, {}},
        {"replaces nothing", 1, 0, 0, {}, {}},
        {"removes nothing", 2, 0, 0, {}, {}},
        {"removes what is not there", 2, 2, 0, {2, 50}, {}},
        {"removes twice", 2, 2, 0, {1, 1}, {}},
        {"removes with texts", 2, 1, 1, {1}, {}},
        {"adds what is there", 0, 1, 0, {1}, {1, 1}},
        {"adds twice", 0, 2, 0, {7, 7}, {1, 1, 1, 1}},
        {"replaces twice", 1, 2, 0, {7, 7}, {1, 1, 1, 1}},
        {"adds no numbers", 0, 1, 0, {7}, {1, nan}},
        {"is of no kind", 3, 1, 0, {7}, {}},
        {"is too short", 0, 1, 0, {7}, {1}},
        {"is too long", 0, 1, 0, {7}, {1, 1, 1}},
        {"comes too late", 1, 1, 0, {7}, {1, 1}, 1},
    };
    for (const ForgedRecord& record : impossible)
        for (const Access access : {Access::load, Access::map}) {
            CAPTURE(record.name);
            const std::string wrong = with_record(log, record, 3);
            CHECK_THROWS_WITH(open_with(wrong, access), Catch::Contains("store.h5.log"));
            CHECK(read_file(log_of(path)) == wrong);
        }
    std::string of_none = log;
    std::fill_n(of_none.begin() + 16, 8, '\0');
    CHECK_THROWS_AS(open_with(with_checksums(of_none), Access::load), Error);
    CHECK(open_with(log, Access::load) == 2);
}

TEST_CASE("a log of another file is not taken for this one's", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "a.h5", other = directory.path() / "b.h5";
    for (const fs::path& p : {path, other})
        MemoryStore::create(p, {.key_width = 2}).add(normal(3, 2, 1), {}, ids_from(0, 3));
    const std::string old_log = read_file(log_of(path));
    fs::copy_file(log_of(other), log_of(path), fs::copy_options::overwrite_existing);
    CHECK_THROWS_AS(MemoryStore::open(path), Error);
    CHECK_THROWS_AS(MemoryStore::open(path, Access::map), Error);
    // One that a kill left behind after the file was written from it is done with.
    replace_file(log_of(path), old_log);
    MemoryStore::open(path).compact();
    replace_file(log_of(path), old_log);
    CHECK(MemoryStore::open(path, Access::map).size() == 3);
    MemoryStore store = MemoryStore::open(path);
    CHECK(store.size() == 3);
    store.add(normal(1, 2, 1), {}, ids_from(9, 1));
    CHECK(MemoryStore::open(path, Access::map).size() == 4);
}

TEST_CASE("one process at a time writes to a file", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    MemoryStore store = MemoryStore::create(path, {.key_width = 2});
    CHECK_THROWS_AS(MemoryStore::open(path), Error);
    CHECK_THROWS_AS(MemoryStore::create(path, {.key_width = 2}), Error);
    CHECK_THROWS_AS(MemoryStore({.key_width = 2}).save(path), Error);
    CHECK(MemoryStore::open(path, Access::map).size() == 0);
    store = MemoryStore({.key_width = 2});
    CHECK_THROWS_AS(MemoryStore::create(path, {.key_width = 2}), Error);
    store.add(normal(2, 2, 1), {}, ids_from(0, 2));
    store.save(path);  // over it, now that nobody has it
    CHECK(MemoryStore::open(path).size() == 2);
    CHECK_THROWS_AS(MemoryStore::open(directory.path() / "none.h5"), Error);
    CHECK_THROWS_AS(MemoryStore::open(directory.path()), Error);
    CHECK_FALSE(fs::exists(directory.path() / "none.h5.lock"));
}

TEST_CASE("what is no regular file is refused at once, loaded or mapped", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path pipe = directory.path() / "pipe", folder = directory.path() / "folder";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    fs::create_directory(folder);
    for (const fs::path& path : {pipe, folder})
        for (const Access access : {Access::load, Access::map}) CHECK_THROWS_AS(MemoryStore::open(path, access), Error);
}

TEST_CASE("a mapped store refuses changes and stays", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    const Filled filled;
    {
        MemoryStore store(filled.options);
        filled.fill(store);
        store.save(path);
    }
    MemoryStore mapped = MemoryStore::open(path, Access::map);
    CHECK_THROWS_AS(filled.fill(mapped), Error);
    CHECK_THROWS_AS(mapped.upsert(filled.keys, {filled.values}, ids_from(0, 500)), Error);
    CHECK_THROWS_AS(mapped.remove(ids_from(1000, 1)), Error);
    CHECK_THROWS_AS(mapped.compact(), Error);
    CHECK_THROWS_AS(mapped.index(), Error);
    mapped.sync();
    CHECK(mapped.size() == 500);
    // Another one in its place does not touch it.
    MemoryStore({.key_width = 1}).save(path);
    CHECK(mapped.get(ids_from(1000, 1)).keys(0, 3) == filled.keys(0, 3));
}

TEST_CASE("a disk that is full or a file that may not be written is an error, and nothing is lost", "[store][file]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5";
    MemoryStore store = MemoryStore::create(path, {.key_width = 64});
    store.add(normal(20, 64, 1), {}, ids_from(0, 20));
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 8000;
    ::setrlimit(RLIMIT_FSIZE, &small);
    CHECK_THROWS_AS(store.add(normal(100, 64, 1), {}, ids_from(100, 100)), Error);
    CHECK_THROWS_AS(store.compact(), Error);
    CHECK(store.size() == 20);
    store.add(normal(5, 64, 2), {}, ids_from(40, 5));
    ::setrlimit(RLIMIT_FSIZE, &before);
    store.add(normal(5, 64, 3), {}, ids_from(50, 5));
    CHECK(MemoryStore::open(path, Access::map).ids() == store.ids());
    store.compact();
    store.add(normal(100, 64, 1), {}, ids_from(100, 100));
    CHECK(MemoryStore::open(path, Access::map).ids() == store.ids());
    std::signal(SIGXFSZ, old_handler);
}

TEST_CASE("a file with anything changed in it is refused or right", "[store][file][hostile]") {
    const TemporaryDirectory directory;
    const fs::path path = directory.path() / "store.h5", damaged = directory.path() / "damaged.h5";
    const Filled filled(Similarity::cosine, KeyEncoding::int8);
    MemoryStore store(filled.options);
    filled.fill(store);
    store.index({.lists = 4});
    store.save(path);
    const std::string bytes = read_file(path);
    Rng rng(1);
    for (int i = 0; i < 100; ++i) {
        std::string wrong = bytes;
        if (i % 4 == 0)
            wrong.resize(rng.below(static_cast<Index>(wrong.size())));
        else
            for (int j = 0; j < 1 + i % 3; ++j)
                wrong[rng.below(static_cast<Index>(wrong.size()))] ^= static_cast<char>(1 << rng.below(8));
        replace_file(damaged, wrong);
        try {
            check_same(store, MemoryStore::open(damaged));
        } catch (const Error&) {
        }
        fs::remove(log_of(damaged));
        // Mapped values are not read, so they may be wrong; what is done with them must still be safe.
        try {
            const MemoryStore mapped = MemoryStore::open(damaged, Access::map);
            SearchOptions probing;
            probing.probes = 2;
            static_cast<void>(mapped.search(filled.keys, 10, probing));
            static_cast<void>(mapped.search(filled.keys, 10));
            static_cast<void>(mapped.read(filled.keys));
            static_cast<void>(mapped.get(mapped.ids()));
        } catch (const Error&) {
        }
    }
}
