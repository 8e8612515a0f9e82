#include "support/program_fixture.hpp"

#include "kvmem/core/file.hpp"
#include "kvmem/io/vectors.hpp"

#include <boost/json.hpp>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

static const std::string cities = "Lima\t1 0 0\nQuito\t0.9 0.1 0\nBern\t0 1 0\nOslo\t0 0.9 0.2\nRabat\t0 0 1\n";

TEST_CASE("a store is made from text, searched and inspected", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string vectors = f.write("cities.txt", cities), store = f.path("store.h5");
    for (const char* form : {"float32", "bfloat16", "int8"}) {
        const std::string path = f.path(std::string(form) + ".h5");
        const Output made = kvmem_program({"index", vectors, "-o", path, "--form", form, "--lists", "2"});
        INFO(made.err);
        REQUIRE(made.code == 0);
        CHECK_THAT(made.out, Catch::Contains("5 slots, 2 lists"));
        const Output found = kvmem_program({"query", path, "-", "--k", "2"}, "1 0 0\n0 0 2\n");
        REQUIRE(found.code == 0);
        CHECK(found.out ==
              "query 0: 2 slots\n             1  0  Lima\n           0.9  1  Quito\n"
              "query 1: 2 slots\n             2  4  Rabat\n           0.4  3  Oslo\n");
        const Output filtered =
            kvmem_program({"query", path, "-", "--filter", "1,3-4", "--k", "9", "--json"}, "1 0 0\n");
        const json::value line = json::parse(filtered.out);
        REQUIRE(line.at("slots").as_array().size() == 3);
        CHECK(line.at("slots").at(0).at("text").as_string() == "Quito");
        const Output seen = kvmem_program({"inspect", path, "--json"});
        const json::value info = json::parse(seen.out);
        CHECK(info.at("slots").to_number<int>() == 5);
        CHECK(info.at("form").as_string() == form);
        CHECK(info.at("lists").to_number<int>() == 2);
        CHECK_THAT(kvmem_program({"inspect", path}).out, Catch::StartsWith("store: 5 slots"));
    }
}

TEST_CASE("a query reads values by attention", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string keys = f.write("keys.txt", "1 0\n0 1\n"), values = f.write("values.txt", "10\n20\n");
    REQUIRE(kvmem_program({"index", keys, "-o", f.path("s.h5"), "--values", values, "--metric", "cosine"}).code == 0);
    REQUIRE(
        kvmem_program({"query", f.path("s.h5"), "-", "--k", "3", "--results", f.path("r.hdf5")}, "3 0\n0 1\n").code ==
        0);
    const VectorFile distances = read_vectors(f.path("r.hdf5"), "distances");
    REQUIRE(distances.vectors.rows() == 2);
    CHECK(distances.vectors(0, 0) == Approx(0).margin(1e-6));
    CHECK(distances.vectors(0, 1) == Approx(1));
    CHECK(distances.vectors.cols() == 2);  // as many as there are slots
    const Output read =
        kvmem_program({"query", f.path("s.h5"), "-", "--read", "--json", "--temperature", "0.01"}, "3 0\n");
    INFO(read.err);
    const json::value line = json::parse(read.out);
    CHECK(line.at("read").at(0).to_number<double>() == Approx(10));
    CHECK(line.at("slots").at(0).at("weight").to_number<double>() == Approx(1));
    for (const char* k : {"100000000000", "4611686018427387904", "9223372036854775807"}) {
        CHECK(kvmem_program({"query", f.path("s.h5"), "-", "--k", k}, "3 0\n").code == 0);
        const Output all = kvmem_program({"query", f.path("s.h5"), "-", "--read", "--k", k}, "3 0\n1 1\n");
        CHECK(all.code == 0);
        CHECK_THAT(all.out, Catch::Contains("query 1: 2 slots"));
    }
}

TEST_CASE("indexing goes on where it was interrupted", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string first = f.write("first.txt", cities.substr(0, cities.find("Bern"))),
                      all = f.write("all.txt", cities);
    const std::string path = f.path("s.h5");
    REQUIRE(kvmem_program({"index", first, "-o", path}).code == 0);
    check_fails(kvmem_program({"index", all, "-o", path}), 1, "already");
    check_fails(kvmem_program({"index", all, "-o", path, "--resume", "--metric", "cosine"}), 2, "begun otherwise");
    const Output more = kvmem_program({"index", all, "-o", path, "--resume"});
    INFO(more.err);
    CHECK_THAT(more.out, Catch::Contains("5 slots"));
    CHECK_THAT(kvmem_program({"query", path, "-", "--k", "1"}, "0 0 1\n").out, Catch::Contains("Rabat"));
}

TEST_CASE("indexing goes on with what it was begun with alone", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string path = f.path("s.h5"), vectors = f.write("v.txt", cities);
    REQUIRE(kvmem_program({"index", vectors, "-o", path}).code == 0);
    const auto resume = [&](const std::string& text) {
        return kvmem_program({"index", f.write("other.txt", text), "-o", path, "--resume"});
    };
    check_fails(resume("Lima\t1 0 0\nQuito\t0.9 0.1 0.1\n" + cities), 2, "slot 1");
    check_fails(resume("Lima\t1 0 0\nKyoto\t0.9 0.1 0\n" + cities), 2, "slot 1");
    check_fails(resume(cities.substr(0, cities.find("Bern"))), 2, "at most 2 slots");
    check_fails(resume("1 0 0\n0.9 0.1 0\n0 1 0\n0 0.9 0.2\n0 0 1\n"), 2, "slot 0");
    CHECK_THAT(resume(cities + "Cairo\t1 1 1\n").out, Catch::Contains("6 slots"));
}

TEST_CASE("indexing that fails leaves nothing of a store that it made, and all of one that was there",
          "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string path = f.path("s.h5"), log = path + ".log";
    std::string text;
    for (int i = 0; i < 40000; ++i) text += std::to_string(i) + " 1 2 3\n";
    const std::string vectors = f.write("v.txt", text);
    const auto nothing_is_left = [&] { return !f.exists("s.h5") && !f.exists("s.h5.log") && !f.exists("s.h5.lock"); };
    // Blocks of 512 bytes, or of 1024: the empty store fits, the vectors do not.
    const auto with_little_room = [&](const std::string& more) {
        return shell("ulimit -f 100; \"$KVMEM\" index '" + vectors + "' -o '" + path + "' " + more);
    };
    check_fails(with_little_room(""), 1, "cannot write");
    CHECK(nothing_is_left());
    check_fails(with_little_room("--resume"), 1, "cannot write");
    CHECK(nothing_is_left());
    // Rows are named as in the source, whichever part of it they are added with.
    check_fails(kvmem_program({"index", f.write("w.txt", text + "1 2 3 1e30\n"), "-o", path}), 1, "w.txt");
    check_fails(kvmem_program({"index", f.write("w.txt", text + "1 2 3 1e30\n"), "-o", path}), 1, "row 40000");
    check_fails(kvmem_program({"index", vectors, "--values", f.write("w.txt", text + "1 2 3 1e30\n"), "-o", path}), 1,
                "values");
    CHECK(nothing_is_left());
    REQUIRE(kvmem_program({"index", f.write("first.txt", "0 1 2 3\n1 1 2 3\n"), "-o", path}).code == 0);
    check_fails(with_little_room("--resume"), 1, "cannot write");
    check_fails(with_little_room(""), 1, "already");
    CHECK_THAT(kvmem_program({"inspect", path}).out, Catch::Contains("2 slots"));
    CHECK_THAT(kvmem_program({"index", vectors, "-o", path, "--resume"}).out, Catch::Contains("40,000 slots"));
}

TEST_CASE("an index that goes on says so when the log of its store is gone", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string path = f.path("s.h5"), vectors = f.write("v.txt", "0 1 2 3\n1 1 2 3\n");
    REQUIRE(kvmem_program({"index", vectors, "-o", path}).code == 0);
    std::filesystem::remove(path + ".log");
    const Output more = kvmem_program({"index", vectors, "-o", path, "--resume"});
    CHECK(more.code == 0);
    CHECK_THAT(more.err, Catch::Contains("s.h5.log is not beside the store"));
}

TEST_CASE("names of any bytes do no harm to what reads the output", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string path = f.path("s.h5");
    REQUIRE(kvmem_program({"index", f.write("v.txt", "a\xff\x1b[31m\xc2\x9b\x7f\xe2\x82z\xc3\xa9\t1 0\n"), "-o", path})
                .code == 0);
    const std::string unknown = "\xEF\xBF\xBD";
    CHECK(kvmem_program({"query", path, "-"}, "1 0\n").out == "query 0: 1 slot\n             1  0  a" + unknown +
                                                                  "\\u001b[31m\\u009b\\u007f" + unknown + unknown +
                                                                  "z\xc3\xa9\n");
    const json::value line = json::parse(kvmem_program({"query", path, "-", "--json"}, "1 0\n").out);
    CHECK(std::string(line.at("slots").at(0).at("text").as_string()) ==
          "a" + unknown + "\x1b[31m\xc2\x9b\x7f" + unknown + unknown + "z\xc3\xa9");
}

TEST_CASE("recall is measured among what the filter leaves", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string path = f.path("s.h5");
    std::string text;
    for (int i = 0; i < 400; ++i) text += std::to_string(i) + " " + std::to_string(i * i % 97) + "\n";
    REQUIRE(
        kvmem_program({"index", f.write("v.txt", text), "-o", path, "--metric", "euclidean", "--lists", "20"}).code ==
        0);
    const auto recall = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"query", path, "-", "--k", "10", "--recall", "--probes", "1"});
        return kvmem_program(more, "200 50\n").err;
    };
    CHECK_THAT(recall({}), Catch::StartsWith("recall ") && !Catch::Contains("100.00%"));
    // Who finds too few in one list goes on, in the end through all of them.
    CHECK_THAT(recall({"--filter", "380-383"}), Catch::StartsWith("recall 100.00%"));
}

TEST_CASE("wrong stores and queries are one line", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string vectors = f.write("v.txt", cities), path = f.path("s.h5");
    check_fails(kvmem_program({"index", vectors}), 2, "output");
    check_fails(kvmem_program({"index", vectors, "-o", path, "--metric", "manhattan"}), 2, "metric");
    check_fails(kvmem_program({"index", vectors, "-o", path, "--form", "int4"}), 2, "form");
    check_fails(kvmem_program({"index", vectors, "-o", path, "--lists", "-2"}), 2, "lists");
    check_fails(kvmem_program({"index", f.path("none"), "-o", path}), 1, "none");
    check_fails(kvmem_program({"index", vectors, "-o", path, "--values", f.write("w.txt", "1\n")}), 1, "values");
    check_fails(kvmem_program({"query", path, vectors}), 1, "s.h5");
    REQUIRE(kvmem_program({"index", vectors, "-o", path}).code == 0);
    check_fails(kvmem_program({"query", path, "-"}, "1 2\n"), 1, "as wide");
    check_fails(kvmem_program({"query", path, "-"}, "1 2 nan\n"), 1, "finite");
    for (const char* filter : {"1,x", "", "3-", "3-2", "1,10-5", "-5", "1,,2", "18446744073709551616"})
        check_fails(kvmem_program({"query", path, "-", "--filter=" + std::string(filter)}, "1 2 3\n"), 2, "filter");
    check_fails(kvmem_program({"query", path, "-", "--k", "0"}, "1 2 3\n"), 2, "k");
    check_fails(kvmem_program({"query", path, "-", "--read"}, "1 2 3\n"), 1, "value vectors");
    check_fails(kvmem_program({"train", path, "--run", f.run}), 1, "kvmem-qa");
}

TEST_CASE("a store is changed and written from the program", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string path = f.path("s.h5");
    REQUIRE(kvmem_program({"index", f.write("cities.txt", cities), "-o", path}).code == 0);
    const auto store = [&](std::vector<std::string> arguments, const std::string& input = "") {
        arguments.insert(arguments.begin(), "store");
        arguments.insert(arguments.begin() + 2, path);
        return kvmem_program(arguments, input);
    };
    CHECK_THAT(store({"add", "-"}, "Cork\t0 0 0.5\n").out, Catch::Contains("6 slots"));
    CHECK_THAT(store({"upsert", "-", "--ids", "1,9"}, "Lagos\t0 0 7\nGraz\t1 1 1\n").out, Catch::Contains("7 slots"));
    CHECK_THAT(store({"remove", "--ids", "3-4,77"}).out,
               Catch::Contains("2 slots removed") && Catch::Contains("5 slots"));
    CHECK(store({"compact"}).code == 0);
    const std::string all = "Lima\t1 0 0\nLagos\t0 0 7\nBern\t0 1 0\nCork\t0 0 0.5\nGraz\t1 1 1\n";
    CHECK(store({"export"}).out == all);
    CHECK(store({"export", "--ids", "9,0"}).out == "Graz\t1 1 1\nLima\t1 0 0\n");
    REQUIRE(store({"export", "-o", f.path("out.txt")}).code == 0);
    CHECK(read_file(f.path("out.txt")) == all);
    CHECK_THAT(kvmem_program({"query", path, "--name", "Cork", "-k", "1"}).out,
               Catch::StartsWith("query 0 (Cork): 1 slot\n") && Catch::Contains("Lagos"));
    CHECK_THAT(kvmem_program({"query", path, "--slot", "9", "--k", "1"}).out, Catch::Contains("query 0 (Graz)"));
    check_fails(store({"remove"}), 2, "bad value of --ids");
    check_fails(store({"remove", "--ids", "0-99999999999"}), 2, "at most");
    check_fails(store({"compact", "--ids", "1"}), 2, "does not go with");
    check_fails(store({"add", "-", "--ids", "1"}, "x\t1 2 3\n"), 1, "1");
    check_fails(store({"add", "-", "--ids", "70,71"}, "x\t1 2 3\n"), 1, "expected 1 id, got 2");
    check_fails(store({"export", "--ids", "70"}), 1, "no such slot");
    check_fails(store({"burn"}), 2, "add, upsert, remove, compact or export");
    check_fails(kvmem_program({"query", path, "--name", "Nowhere"}), 1, "no such slot");
    check_fails(kvmem_program({"query", path, "--slot", "70"}), 1, "no such slot");
    CHECK(store({"export"}).out == all);
}

TEST_CASE("distances are shown as such, and no number is minus zero", "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    const std::string path = f.path("s.h5");
    REQUIRE(kvmem_program({"index", f.write("v.txt", "0 0\n3 4\n"), "-o", path, "--metric", "euclidean"}).code == 0);
    CHECK(kvmem_program({"query", path, "-"}, "0 0\n").out ==
          "query 0: 2 slots\n             0  0\n             5  1\n");
    CHECK_THAT(kvmem_program({"query", path, "-", "--json"}, "0 0\n").out, !Catch::Contains("-0"));
}

TEST_CASE("probes are chosen by the recall that they are to reach, and small stores have no lists",
          "[program][store]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    std::string lines;
    for (int i = 0; i < 400; ++i) lines += std::to_string(i % 20) + " " + std::to_string(i / 20) + "\n";
    const std::string vectors = f.write("v.txt", lines), path = f.path("s.h5");
    CHECK_THAT(kvmem_program({"index", vectors, "-o", f.path("small.h5")}).out, Catch::Contains("0 lists"));
    REQUIRE(kvmem_program({"index", vectors, "-o", path, "--lists", "16", "--metric", "euclidean"}).code == 0);
    const Output found = kvmem_program({"query", path, vectors, "--recall-target", "0.9", "--recall", "-k", "5"});
    CHECK(found.code == 0);
    CHECK_THAT(found.err, Catch::Contains("probe") && Catch::Contains("recall 9"));
    check_fails(kvmem_program({"query", path, vectors, "--recall"}), 2, "--probes or --recall-target");
    check_fails(kvmem_program({"query", path, vectors, "--recall-target", "2"}), 2, "0 to 1");
    check_fails(kvmem_program({"query", path, vectors, "--temperature", "2"}), 2, "--read");
}
