// The page that the program draws: well-formed, on its own, and safe whatever the data hold.
#include "support/story_fixture.hpp"

using namespace kvmem;
using namespace kvmem::test;

namespace fs = std::filesystem;

// What is wrong with a page as XML, as far as pages of ours go: tags, quoted attributes, references; empty if nothing.
static std::string xml_problem(const std::string& page) {
    std::vector<std::string> open;
    const std::string start = "<!DOCTYPE html>\n";
    if (page.rfind(start, 0) != 0) return "no document type";
    for (std::size_t at = start.size(); at < page.size(); ++at) {
        const std::string near = page.substr(at, 60);
        if (page[at] == '&' && page.compare(at, 4, "&lt;") && page.compare(at, 4, "&gt;") &&
            page.compare(at, 5, "&amp;") && page.compare(at, 6, "&quot;") && page.compare(at, 5, "&#39;"))
            return "a bare & at " + near;
        if (static_cast<unsigned char>(page[at]) < 0x20 && page[at] != '\n' && page[at] != '\t')
            return "control " + near;
        if (page[at] != '<') continue;
        std::size_t end = at + 1;
        for (bool quoted = false; end < page.size() && (quoted || page[end] != '>'); ++end) {
            if (page[end] == '"') quoted = !quoted;
            if (page[end] == '<') return "a < in a tag at " + near;
        }
        std::string tag = page.substr(at + 1, end - at - 1);
        at = end;
        if (tag.empty() || tag.back() == '/') continue;
        const std::string name = tag.substr(0, tag.find(' '));
        if (name[0] != '/') {
            open.push_back(name);
            continue;
        }
        if (open.empty() || open.back() != name.substr(1)) return "unbalanced at " + near;
        open.pop_back();
    }
    return open.empty() ? "" : "never closed: " + open.back();
}

static void check_page(const std::string& page) {
    CHECK(xml_problem(page) == "");
    for (const char* outside : {"://", "src=", "href", "url(", "@import", "<script", "<link", "<img", "onload"}) {
        CAPTURE(outside);
        CHECK(page.find(outside) == std::string::npos);
    }
}

static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t times = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
    return times;
}

TEST_CASE("a run on stories is drawn on one page", "[program][stories][plot]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    f.train_stories();
    const Output drawn = kvmem_program({"plot", f.run});
    INFO(drawn.err);
    REQUIRE(drawn.code == 0);
    CHECK(drawn.out.empty());
    const std::string page = read_file(f.run + "/plot.html");
    check_page(page);
    for (const char* part : {"Learning curves", "phase 2", "validation hits@1", "Errors by task", "qa6_", "5 %",
                             "supporting slots", "hop 3, 1: ", "●", "Vectors of words and names", "component 2, ",
                             "Settings", "model.width", "prefers-color-scheme"}) {
        CAPTURE(part);
        CHECK(page.find(part) != std::string::npos);
    }
    CHECK(count(page, "class=\"bar") == 2);
    CHECK(count(page, "<h3>") == 6);
    CHECK(count(page, ">right</b>") + count(page, ">wrong</b>") == 6);
    CHECK(count(page, ">right</b>") >= 1);
    CHECK(count(page, ">wrong</b>") >= 1);
    // The same page whenever it is drawn, and as many examples as are asked for.
    CHECK(kvmem_program({"plot", f.run, "--output", "-"}).out == page);
    CHECK(count(kvmem_program({"plot", f.run, "-o", "-", "--examples", "0"}).out, "<h3>") == 0);
    CHECK(count(kvmem_program({"plot", f.run, "-o", "-", "--examples", "1000"}).out, "<h3>") == 80);
    const Output model = kvmem_program({"plot", f.run + "/model-best.h5", "--data", f.data, "-o", f.path("a.html")});
    CHECK(model.code == 0);
    check_page(read_file(f.path("a.html")));
}

TEST_CASE("groups of runs are drawn together", "[program][stories][plot]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    const std::string kind = GENERATE(as<std::string>(), "seeds", "tasks", "both");
    std::vector<std::string> options;
    if (kind != "tasks") options.insert(options.end(), {"--runs", "2"});
    if (kind != "seeds") options.push_back("--per-task");
    f.train_stories(options);
    const Output drawn = kvmem_program({"plot", f.run, "-o", "-"});
    INFO(drawn.err);
    REQUIRE(drawn.code == 0);
    check_page(drawn.out);
    CHECK_THAT(drawn.out, Catch::Contains("2 runs; ") && Catch::Contains("qa6_yes-no"));
}

TEST_CASE("a run over a shared memory is drawn as well", "[program][plot]") {
    NEED_PROGRAM();
    const ProgramFixture f;
    f.import_and_train();
    const Output drawn = kvmem_program({"plot", f.run, "-o", "-"});
    INFO(drawn.err);
    REQUIRE(drawn.code == 0);
    check_page(drawn.out);
    CHECK_THAT(drawn.out,
               Catch::Contains("Learning curves") && !Catch::Contains("Errors by task") && Catch::Contains(" -&gt; "));
}

TEST_CASE("names that are markup stay names", "[program][plot]") {
    NEED_PROGRAM();
    StoryFixture f;
    const std::string folder = f.path("in");
    fs::create_directory(folder);
    const std::string story =
        "1 mary went to the hut\n2 where is mary?\thut\t1\n1 john went to the <b>&\"'x\n"
        "2 where is john?\t<b>&\"'x\t1\n";
    replace_file(folder + "/qa1_<i>&\"'_train.txt", story);
    replace_file(folder + "/qa1_<i>&\"'_valid.txt", story);
    REQUIRE(
        kvmem_program({"import", "babi", folder, "-o", f.data, "--title", "<script>alert(1)</script>\x01 & co"}).code ==
        0);
    f.run = f.path("r<u>&\"'\xff");
    f.train_stories();
    const Output drawn = kvmem_program({"plot", f.run, "-o", f.path("page.html")});
    INFO(drawn.err);
    REQUIRE(drawn.code == 0);
    const std::string page = read_file(f.path("page.html"));
    check_page(page);
    CHECK_THAT(page, Catch::Contains("&lt;script&gt;alert(1)&lt;/script&gt;") &&
                         Catch::Contains("&lt;i&gt;&amp;&quot;&#39;") && Catch::Contains("&lt;b&gt;") &&
                         Catch::Contains("r&lt;u&gt;"));
}

TEST_CASE("what cannot be drawn is one clear error", "[program][plot]") {
    NEED_PROGRAM();
    const StoryFixture f;
    f.import_stories();
    f.train_stories();
    check_fails(kvmem_program({"plot", f.path("missing")}), 1, "no such run");
    check_fails(kvmem_program({"plot", f.run, "--examples=-1"}), 2, "examples");
    check_fails(kvmem_program({"plot", f.run, "--split", "exam"}), 1, "exam");
    check_fails(kvmem_program({"plot", f.run + "/model-best.h5", "--data", f.data}), 2, "output");
    check_fails(kvmem_program({"plot", f.run, "-o", f.path("no/such/folder.html")}), 1);
    CHECK_FALSE(fs::exists(f.run + "/plot.html"));
    for (const char* bad :
         {"{", "[]", "{\"epoch\": 1}", "{\"epoch\": 1, \"loss\": \"x\"}", "{\"epoch\": 1, \"loss\": 1e300}",
          "{\"epoch\": 1, \"loss\": 1, \"valid\": 3}", "\xff", ""}) {
        CAPTURE(bad);
        replace_file(f.run + "/metrics.jsonl", "{\"epoch\": 1, \"loss\": 1}\n" + std::string(bad) + "\n");
        check_fails(kvmem_program({"plot", f.run}), 1, "metrics.jsonl:2");
    }
    replace_file(f.run + "/metrics.jsonl", "");
    CHECK(kvmem_program({"plot", f.run}).code == 0);
    fs::remove(f.run + "/metrics.jsonl");
    CHECK(kvmem_program({"plot", f.run}).code == 0);
    check_page(read_file(f.run + "/plot.html"));
}
