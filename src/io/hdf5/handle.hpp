// What owns HDF5's identifiers, takes turns with it, and turns its failures into Errors.
#pragma once

#include "kvmem/core/error.hpp"

#include <hdf5.h>

#include <exception>
#include <mutex>
#include <string>
#include <utility>

namespace kvmem::hdf5 {

// An identifier of any kind, closed when it goes.
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
    // The identifier, which somebody else closes.
    hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }

  private:
    hid_t id_ = H5I_INVALID_HID;
};

// While it lives, HDF5 is this thread's: unless it was built with a lock of its own, HDF5 bears one thread at a time.
// So every use of it is within a Lock, and others wait. A thread may take turns within its own.
//
// HDF5 prints nothing meanwhile; nor later, once an exception ended a turn: HDF5 1.10 loses blocks of memory to damaged
// files, and would complain of that when the program ends.
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

// The innermost message on HDF5's error stack: the cause of what failed last on this thread.
std::string last_message();

// Throws the Error of an HDF5 call that failed, with HDF5's message in `got`.
[[noreturn]] void fail(const std::string& what, const std::string& where);

// The result of an HDF5 call as a Handle or a number; negative ones throw.
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
