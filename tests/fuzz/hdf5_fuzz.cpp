// Any bytes are an HDF5 file that can be read, or an Error. Checksums are not verified here (CMakeLists.txt): changed
// metadata would have no right ones, and nothing behind them would be reached.
#include "io/hdf5/read_everything.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        kvmem::test::everything_in(std::as_bytes(std::span(data, size)));
    } catch (const kvmem::Error&) {
    }
    return 0;
}
