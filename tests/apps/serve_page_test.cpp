// The page of kvmem serve in Chromium, where scripts/web.sh has installed what drives it.
#include "kvmem/store/memory_store.hpp"
#include "support/program_fixture.hpp"
#include "support/selector_run.hpp"
#include "support/served_program.hpp"

using namespace kvmem;
using namespace kvmem::test;

TEST_CASE("the page answers, shows what was read, and runs nothing that texts bring", "[serve][page]") {
    NEED_PROGRAM();
    const std::string modules = KVMEM_SOURCE_DIR "/build/web";
    if (!std::filesystem::exists(modules + "/node_modules/playwright-core")) {
        WARN("no playwright: scripts/web.sh installs it");
        return;
    }
    const ProgramFixture files;
    files.write("facts.tsv", facts_text("Old", 40) +
                                 "Oldland1\tspeaks\t<img src=x onerror=alert(1)>\n"
                                 "<script>alert(2)</script>\tcapital\t\"><svg onload=alert(3)>\n");
    files.import_and_train();
    const std::string vectors = files.path("small.h5");
    store::MemoryStore store({.key_width = 4, .value_width = 1});
    const std::vector<std::string> texts{"<b onclick=alert(7)>", "two", "three"};
    store.add(Matrix(3, 4), {.vectors = Matrix(3, 1), .texts = texts});
    store.save(vectors);
    const std::string selector = trained_selector(files);
    const ServedProgram server({files.run, vectors, selector});
    const Output seen = shell("node " KVMEM_SOURCE_DIR "/tests/web/page.mjs " + std::to_string(server.port()) + " " +
                              modules + " " + files.directory.path().string());
    INFO(seen.out << seen.err);
    CHECK(seen.code == 0);
}
