#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

// ctest reads the names as a CMake list, where a bracket that is not closed swallows all the names after it.
TEST_CASE("test names hold nothing that CMake lists are cut by", "[names]") {
    for (const Catch::TestCase& test : Catch::getAllTestCasesSorted(*Catch::getCurrentContext().getConfig())) {
        INFO(test.name);
        CHECK(test.name.find_first_of("[];") == std::string::npos);
    }
}
