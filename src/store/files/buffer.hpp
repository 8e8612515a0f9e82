// An array that is zero until it is written, whose pages cost nothing until then, and that huge pages hold when it is
// large; or a window on somebody else's memory. Copies share it.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstddef>
#include <memory>

namespace kvmem::store {

// `bytes` zeros, aligned to a cache line. Throws Error when there is no room.
std::shared_ptr<void> allocate_zeros(std::size_t bytes);

template <class T>
class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(Index size)
        : owner_(size > 0 ? allocate_zeros(static_cast<std::size_t>(size) * sizeof(T)) : nullptr),
          data_(static_cast<T*>(owner_.get())) {}
    // Memory that `owner` keeps, only to be read.
    Buffer(const T* data, std::shared_ptr<void> owner) : owner_(std::move(owner)), data_(const_cast<T*>(data)) {}

    T* data() const { return data_; }
    T& operator[](Index i) const { return data_[i]; }
    explicit operator bool() const { return data_ != nullptr; }

  private:
    std::shared_ptr<void> owner_;
    T* data_ = nullptr;
};

}  // namespace kvmem::store
