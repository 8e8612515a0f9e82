// Any bytes are a safetensors file or an Error.
#include "kvmem/core/error.hpp"
#include "kvmem/io/safetensors.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const kvmem::Safetensors file({reinterpret_cast<const char*>(data), size}, "fuzz");
        for (const std::string& name : file.names()) file.matrix(name);
    } catch (const kvmem::Error&) {
    }
    return 0;
}
