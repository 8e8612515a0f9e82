// Events: bytes of a kvmem-events file.
#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/dataset.hpp"

#include <cstdint>

using namespace kvmem;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        load_events(std::as_bytes(std::span(data, size)), "fuzz").validate("fuzz");
    } catch (const Error&) {
    }
    return 0;
}
