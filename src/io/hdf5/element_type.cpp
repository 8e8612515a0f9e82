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

hid_t hdf5_type_of(Element element) {
    // HDF5's names are macros that read variables, so the table cannot be constexpr.
    const hid_t types[] = {H5T_STD_I8LE,  H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE,  H5T_STD_U8LE,
                           H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE};
    return types[static_cast<int>(element)];
}

}  // namespace kvmem::hdf5
