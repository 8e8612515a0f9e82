// The page that lists every option.
#include "support/program_fixture.hpp"

using namespace kvmem::test;

TEST_CASE("apps README.md holds what --help says of every verb and model", "[apps]") {
    NEED_PROGRAM();
    const Output output = shell("exec '" KVMEM_SOURCE_DIR "/scripts/cheatsheet.sh' --check \"$KVMEM\"");
    INFO(output.out << output.err);
    CHECK(output.code == 0);
}
