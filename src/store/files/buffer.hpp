// An array of zeros, or a read-only view of memory with another owner. Copies share the memory, and the last one frees
// it. Pages of a large array take no memory until they are written; huge pages hold it where the system has them.
#pragma once

#include "kvmem/core/types.hpp"

#include <cstddef>
#include <memory>

namespace kvmem::store {

// `bytes` zeros, aligned to a cache line. Throws Error when memory runs out.
std::shared_ptr<void> allocate_zeros(std::size_t bytes);

template <class T>
class Buffer {
  public:
    Buffer() = default;
    explicit Buffer(Index size)
        : owner_(size > 0 ? allocate_zeros(size * sizeof(T)) : nullptr), data_(static_cast<T*>(owner_.get())) {}
    // Memory that `owner` keeps alive, to read only.
    Buffer(const T* data, std::shared_ptr<void> owner) : owner_(std::move(owner)), data_(const_cast<T*>(data)) {}

    T* data() const { return data_; }
    T& operator[](Index i) const { return data_[i]; }
    explicit operator bool() const { return data_ != nullptr; }

  private:
    std::shared_ptr<void> owner_;
    T* data_ = nullptr;
};

}  // namespace kvmem::store
