// Reads all that a file holds, as an inspection of any file would.
#pragma once

#include "io/hdf5/file.hpp"
#include "kvmem/core/error.hpp"

namespace kvmem::test {

// What is read of a file: a line for each object, with its attributes and the bytes of its values. What is an Error is
// left out, unless the file as a whole is one, which is thrown.
inline std::string everything_in(std::span<const std::byte> bytes) {
    constexpr std::size_t max_memory = std::size_t{64} << 20;
    const hdf5::File file(bytes, "bytes", max_memory);
    std::string text;
    const auto add = [&](const std::string& path, auto read) {
        try {
            text += path + ": " + read() + "\n";
        } catch (const Error&) {
        }
    };
    const auto add_attributes = [&](const std::string& path) {
        for (const char* name : {"format", "version", "title", "hash", "xxh3", "config", "slots"})
            add(path + "@" + name, [&] { return file.attribute(path, name).value_or("none"); });
    };
    add("hash", [&] { return file.check_hash(), "right"; });
    add_attributes("/");
    for (const auto& [path, object] : file.objects()) {
        add_attributes(path);
        if (object.is_group) continue;
        add(path, [&, &path = path] {
            const hdf5::StoredDataset dataset = file.dataset(path);
            file.reserve_memory(dataset.bytes(), path);
            std::string values(dataset.bytes(), '\0');
            dataset.read(std::as_writable_bytes(std::span(values)));
            return name_of(dataset.element()) + std::string(" ") + values;
        });
    }
    return text;
}

}  // namespace kvmem::test
