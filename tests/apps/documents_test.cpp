// kvmem import documents, ask and evaluate of documents.
#include "support/program_fixture.hpp"

#include <boost/json.hpp>

#include <csignal>
#include <thread>

using namespace kvmem;
using namespace kvmem::test;

namespace json = boost::json;

namespace {

struct DocumentsFixture {
    TemporaryDirectory directory;
    std::string folder = (directory / "docs").string(), notes = (directory / "notes.h5").string();

    DocumentsFixture() {
        std::filesystem::create_directory(folder);
        write("engines.md", "# Engines\n\nThe steam engine was built by Savery in 1698. It pumped water.\n");
        write("tea.html", "<title>Tea</title><p>Green tea comes <b>from</b> China.</p>");
    }
    void write(const std::string& name, const std::string& text) const { replace_file(folder + "/" + name, text); }
    Output import(const std::string& output) const {
        return kvmem_program({"import", "documents", folder, "--output", output});
    }
};

}  // namespace

TEST_CASE("an import replaces neither a file that is not its own nor another data set", "[apps]") {
    NEED_PROGRAM();
    const ProgramFixture files;
    files.import();
    files.write("note.txt", "The key hangs behind the door.\n");
    const std::string before = shell("cat '" + files.facts + "' '" + files.data + "' | sha256sum").out;
    for (const std::string& output : {files.facts, files.data}) {
        const Output refused = kvmem_program({"import", "documents", files.path("note.txt"), "-o", output});
        CHECK(refused.code != 0);
        CHECK_THAT(refused.err, Catch::Contains("would replace"));
    }
    CHECK(kvmem_program({"import", "kb", "--facts", files.facts, "-o", files.path("note.txt")}).code != 0);
    CHECK(shell("cat '" + files.facts + "' '" + files.data + "' | sha256sum").out == before);
    CHECK(shell("cat '" + files.path("note.txt") + "'").out == "The key hangs behind the door.\n");
}

TEST_CASE("a folder is imported and asked, and answers are bytes of its files", "[program]") {
    NEED_PROGRAM();
    const DocumentsFixture f;
    REQUIRE(f.import(f.notes).code == 0);
    const Output text = kvmem_program({"ask", f.notes, "Who built the steam engine?"});
    CHECK(text.code == 0);
    CHECK(text.out.starts_with("Savery\n"));
    CHECK(text.out.find("engines.md:3:31") != std::string::npos);
    CHECK(text.out.find("The steam engine was built by «Savery» in 1698. It pumped water.") != std::string::npos);
    const json::value found = json::parse(kvmem_program({"ask", f.notes, "Where does tea come from?", "--json"}).out);
    CHECK(found.at("answered").as_bool());
    const json::value& answer = found.at("answers").at(0);
    const std::string file = read_file(std::string(answer.at("file").as_string()));
    const auto begin = answer.at("begin").to_number<std::size_t>(), end = answer.at("end").to_number<std::size_t>();
    CHECK(file.substr(begin, end - begin) == "Green tea comes <b>from</b> China.");
    CHECK(answer.at("text") == "Green tea comes from China.");
    const json::value& span = answer.at("span");
    CHECK(span.at("text") == "China");
    CHECK(file.substr(span.at("begin").to_number<std::size_t>(), 5) == "China");
    CHECK(found.at("short_answers").at(0) == "China");
    CHECK(
        kvmem_program({"ask", f.notes, "Who built the steem engine?"}).out.starts_with("read \"steem\" as \"steam\""));
    CHECK(kvmem_program({"ask", f.notes, "What is the capital of Peru?"}).out.find("nothing here answers that") == 0);
}

TEST_CASE("an import of changed files is that of all files, byte by byte", "[program]") {
    NEED_PROGRAM();
    const DocumentsFixture f;
    REQUIRE(f.import(f.notes).code == 0);
    f.write("tea.html", "<p>Black tea.</p>");
    f.write("new.txt", "Something new.");
    std::filesystem::remove(f.folder + "/engines.md");
    const Output again = f.import(f.notes);
    CHECK(again.err.find("2 files read, 1 removed") != std::string::npos);
    const std::string anew = (f.directory / "anew.h5").string();
    REQUIRE(f.import(anew).code == 0);
    CHECK(read_file(f.notes) == read_file(anew));
}

TEST_CASE("a kill during an update leaves the old documents or the new ones", "[program]") {
    NEED_PROGRAM();
    const DocumentsFixture f;
    REQUIRE(f.import(f.notes).code == 0);
    const std::string old = read_file(f.notes);
    f.write("tea.html", "<p>Black tea.</p>");
    const std::string anew = (f.directory / "anew.h5").string();
    REQUIRE(f.import(anew).code == 0);
    for (int wait = 0; wait < 12; wait += 2) {
        replace_file(f.notes, old);
        Running update(command({"import", "documents", f.folder, "--output", f.notes}), {});
        std::this_thread::sleep_for(std::chrono::milliseconds(wait));
        ::kill(update.process(), SIGKILL);
        update.wait();
        const std::string left = read_file(f.notes);
        CHECK((left == old || left == read_file(anew)));
    }
}

TEST_CASE("control characters of documents and their names never reach the terminal", "[program]") {
    NEED_PROGRAM();
    const DocumentsFixture f;
    f.write("bad\n\x1b[31m.txt", "Pandas eat \x1b[2J bamboo\x9b\xc2\x9b.");
    const Output imported = f.import(f.notes);
    REQUIRE(imported.code == 0);
    const Output asked = kvmem_program({"ask", f.notes, "What do pandas eat?"});
    CHECK(asked.out.find("bamboo") != std::string::npos);
    const std::string all = imported.err + asked.out + asked.err;
    CHECK(all.find('\x1b') == std::string::npos);
    CHECK(all.find("\xc2\x9b") == std::string::npos);
}

TEST_CASE("documents with questions are evaluated, and wrong uses are refused", "[program]") {
    NEED_PROGRAM();
    const DocumentsFixture f;
    f.write(
        "s.json",
        R"({"data": [{"title": "T", "paragraphs": [{"context": "Foxes eat mice.", "qas": [{"question": "What do foxes eat?",)"
        R"("answers": [{"text": "mice", "answer_start": 10}]}]}]}]})");
    REQUIRE(f.import(f.notes).code == 0);
    const json::value metrics = json::parse(kvmem_program({"evaluate", f.notes, "--json"}).out);
    CHECK(metrics.at("mrr_at_10").to_number<double>() == 1);
    CHECK(kvmem_program({"import", "documents", "-o", f.notes}).code == 2);
    CHECK(kvmem_program({"import", "documents", f.folder, "-o", f.notes, "--layout", "scroll"}).code == 2);
    CHECK(kvmem_program({"import", "documents", f.folder + "/none", "-o", f.notes}).code == 1);
    CHECK(kvmem_program({"ask", f.notes, "x", "--answers", "0"}).code == 2);
    // What to do with documents, and with a folder of them, is told.
    check_fails(kvmem_program({"predict", f.notes}), 1, "kvmem ask");
    check_fails(kvmem_program({"query", f.notes, "x.npy"}), 1, "kvmem ask");
    check_fails(kvmem_program({"train", f.notes, "--run", f.folder + "/r"}), 1, "kvmem ask");
    check_fails(kvmem_program({"ask", f.folder, "x"}), 1, "kvmem import documents");
    CHECK(kvmem_program({"import", "documents", f.folder + "/s.json", "-o", f.folder + "/s.json"}).code != 0);
}
