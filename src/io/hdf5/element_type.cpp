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
    switch (element) {
        case Element::int8:
            return H5T_STD_I8LE;
        case Element::int16:
            return H5T_STD_I16LE;
        case Element::int32:
            return H5T_STD_I32LE;
        case Element::int64:
            return H5T_STD_I64LE;
        case Element::uint8:
            return H5T_STD_U8LE;
        case Element::uint16:
            return H5T_STD_U16LE;
        case Element::uint32:
            return H5T_STD_U32LE;
        case Element::uint64:
            return H5T_STD_U64LE;
        case Element::float32:
            return H5T_IEEE_F32LE;
        case Element::float64:
            break;
    }
    return H5T_IEEE_F64LE;
}

}  // namespace kvmem::hdf5
