#include "io/hdf5/element_type.hpp"

namespace kvmem::hdf5 {

const char* name_of(Element element) {
    static constexpr const char* names[] = {"int8",   "int16",  "int32",  "int64",   "uint8",
                                            "uint16", "uint32", "uint64", "float32", "float64"};
    return names[static_cast<int>(element)];
}

std::size_t size_of(Element element) {
    return with_type_of(element, [](auto value) { return sizeof(value); });
}

}  // namespace kvmem::hdf5
