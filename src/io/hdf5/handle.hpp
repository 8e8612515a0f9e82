// Ownership of HDF5's identifiers, the lock around its calls, and its failures as Errors.
#pragma once

#include "kvmem/core/error.hpp"

#include <hdf5.h>

#include <exception>
#include <mutex>
#include <string>
#include <utility>

namespace kvmem::hdf5 {

// Owns an identifier of any kind and closes it.
class Handle {
  public:
    Handle() = default;
    explicit Handle(hid_t id) : id_(id) {}
    Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(id_, other.id_);
        return *this;
    }
    ~Handle() {
        if (id_ >= 0) H5Idec_ref(id_);
    }

    operator hid_t() const { return id_; }
    // Gives the identifier away: the caller closes it.
    hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }

  private:
    hid_t id_ = H5I_INVALID_HID;
};

// The lock of HDF5, a recursive one. Every call of HDF5 needs it, because a build of HDF5 without thread safety allows
// one thread at a time.
//
// While it is held, HDF5 prints no messages. After an exception they stay off for good: HDF5 1.10 leaks blocks of
// memory on damaged files, and would complain about them when the program ends.
class Lock {
  public:
    Lock() : lock_(mutex()) {
        H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    }
    ~Lock() {
        if (std::uncaught_exceptions() == exceptions_) H5Eset_auto2(H5E_DEFAULT, function_, data_);
    }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

  private:
    static std::recursive_mutex& mutex();

    std::scoped_lock<std::recursive_mutex> lock_;
    int exceptions_ = std::uncaught_exceptions();
    H5E_auto2_t function_ = nullptr;
    void* data_ = nullptr;
};

// The innermost message on HDF5's error stack, the cause of this thread's last failure.
std::string last_message();

// Throws an Error for a failed call of HDF5, with HDF5's message in `got`.
[[noreturn]] void fail(const std::string& what, const std::string& where);

// The result of a call of HDF5, as a Handle or a number. Throws Error for a negative one.
inline Handle require_handle(hid_t id, const std::string& what, const std::string& where) {
    if (id < 0) fail(what, where);
    return Handle(id);
}
template <class Result>
Result require_done(Result result, const std::string& what, const std::string& where) {
    if (result < 0) fail(what, where);
    return result;
}

}  // namespace kvmem::hdf5
