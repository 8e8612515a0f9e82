#include "kvmem/version.hpp"

#include <catch2/catch.hpp>

#include <string>

TEST_CASE("the version as a text is the one as numbers", "[version]") {
    CHECK(std::to_string(KVMEM_VERSION_MAJOR) + "." + std::to_string(KVMEM_VERSION_MINOR) + "." +
              std::to_string(KVMEM_VERSION_PATCH) ==
          KVMEM_VERSION);
}
