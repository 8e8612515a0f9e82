#include "io/hdf5/handle.hpp"

namespace kvmem::hdf5 {

std::recursive_mutex& Lock::mutex() {
    static std::recursive_mutex mutex;
    return mutex;
}

static herr_t copy_innermost(unsigned, const H5E_error2_t* entry, void* message) {
    if (entry->desc != nullptr) *static_cast<std::string*>(message) = entry->desc;
    return 1;  // ends the walk
}

std::string last_message() {
    std::string message;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, copy_innermost, &message);
    return message;
}

void fail(const std::string& what, const std::string& where) {
    throw Error({.what = what, .got = last_message(), .where = where});
}

}  // namespace kvmem::hdf5
