// Reading files and folders into a collection of documents.
#pragma once

#include "kvmem/tasks/qa/documents/collection.hpp"

#include <filesystem>
#include <functional>
#include <optional>

namespace kvmem::documents {

// How files are read.
struct ReadOptions {
    std::optional<Layout> layout{};  // of all files; otherwise found by name and contents
    bool skip_unreadable = false;    // leave out folders and files that the system does not let read, with a warning
    // If not empty, called at times with the number of files that are done, and of all.
    std::function<void(Index done, Index all)> progress{};
    // If not empty, called with one line for each file or folder that is left out, for each file with bytes that are no
    // character, and once for files of other kinds.
    std::function<void(const std::string& warning)> warn{};
};

// "text", "markdown", "html", "tsv", "jsonl", "wikimovies", "squad". Throws UsageError for another name.
[[nodiscard]] const char* name_of(Layout layout);
[[nodiscard]] Layout layout_of(const std::string& name);

// The layout that the name or else the contents of a file show.
[[nodiscard]] Layout find_layout(const std::filesystem::path& path, std::string_view contents);

// The collection of one file, from its bytes. Throws Error, with `path`, for bytes that are not of the layout. `warn`
// may be empty.
Collection read_bytes(const std::string& path, std::string_view bytes, Layout layout,
                      const std::function<void(const std::string&)>& warn = {});

// The files that are read for `paths`, rising: files as they are, and of folders, at any depth, those that end with
// .txt, .text, .md, .markdown, .html, .htm, .xhtml, .tsv, .jsonl, .ndjson or .json. Hidden ones and links to folders
// are not followed. `warn` is called once for other files. Throws Error for a path that is not there, and for a folder
// that cannot be read unless it may be skipped.
std::vector<std::filesystem::path> find_files(std::span<const std::filesystem::path> paths,
                                              const ReadOptions& options = {});

// What became of the files.
struct ReadReport {
    // How many were read, taken from an earlier collection, left out with a warning, and removed since then.
    Index read = 0, unchanged = 0, left_out = 0, removed = 0;
};

// Reads files and folders, on all threads. Files whose bytes an earlier collection has are taken from there. The result
// is the same with or without it, in any order of paths and on any number of threads. Throws Error if there is no
// document, or if one cannot be read and may not be skipped: no update drops the documents of an unmounted folder.
Collection read_documents(std::span<const std::filesystem::path> paths, const ReadOptions& options = {},
                          const Collection* earlier = nullptr, ReadReport* report = nullptr);

}  // namespace kvmem::documents
