// The class Store of the package, and the parts that define its members.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/store/memory_store.hpp"

#include <pybind11/pybind11.h>

#include <filesystem>
#include <memory>
#include <utility>

namespace kvmem::python {

namespace py = pybind11;

// A store until it is closed. A call that runs meanwhile holds the store, so it ends as usual.
class Store {
  public:
    explicit Store(store::MemoryStore store, std::filesystem::path path = {}, bool read_only = false)
        : store_(std::make_shared<store::MemoryStore>(std::move(store))),
          path_(std::move(path)),
          absolute_path_(path_.empty() ? std::filesystem::path() : std::filesystem::absolute(path_)),
          read_only_(read_only) {}

    std::shared_ptr<store::MemoryStore> get() const {
        if (store_) return store_;
        throw UsageError({.what = "the store is closed", .where = path_.string()});
    }
    std::shared_ptr<store::MemoryStore> to_change() const {
        if (!read_only_) return get();
        throw UsageError(
            {.what = "the store is read-only", .where = path_.string(), .hint = "open it without read_only"});
    }
    void close() {
        const std::shared_ptr<store::MemoryStore> last = std::exchange(store_, nullptr);
        const py::gil_scoped_release no_gil;
        if (last && !path_.empty() && !read_only_) last->sync();
    }
    bool is_closed() const { return !store_; }
    const std::filesystem::path& path() const { return path_; }
    // Of a time when the process may have been in another directory.
    const std::filesystem::path& absolute_path() const { return absolute_path_; }

  private:
    std::shared_ptr<store::MemoryStore> store_;
    std::filesystem::path path_, absolute_path_;
    bool read_only_;
};

// Runs f() without the GIL.
template <class F>
auto without_gil(F f) {
    const py::gil_scoped_release no_gil;
    return f();
}

void define_store_results(py::module_& module);
void define_store_slots(py::class_<Store>& type);
void define_store_queries(py::class_<Store>& type);

}  // namespace kvmem::python
