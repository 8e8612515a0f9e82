#include "kvmem/tasks/qa/documents/read.hpp"

#include "io/content_hash.hpp"
#include "io/text_source.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/core/parallel.hpp"
#include "tasks/qa/documents/readers.hpp"

#include <algorithm>
#include <set>

namespace kvmem::documents {

namespace fs = std::filesystem;

static constexpr std::uintmax_t max_file_bytes = std::uintmax_t{256} << 20;
static constexpr Index files_between_reports = 64;
static constexpr const char* layout_names[] = {"text", "markdown", "html", "tsv", "jsonl", "wikimovies", "squad"};

const char* name_of(Layout layout) { return layout_names[static_cast<std::size_t>(layout)]; }

Layout layout_of(const std::string& name) {
    const auto found = std::ranges::find(layout_names, name);
    if (found == std::end(layout_names))
        throw usage_error("no such layout of documents", "text, markdown, html, tsv, jsonl, wikimovies or squad", name);
    return static_cast<Layout>(found - std::begin(layout_names));
}

static std::optional<Layout> layout_of_extension(std::string extension) {
    for (char& c : extension)
        if ('A' <= c && c <= 'Z') c = static_cast<char>(c + 32);
    if (extension == ".md" || extension == ".markdown") return Layout::markdown;
    if (extension == ".html" || extension == ".htm" || extension == ".xhtml") return Layout::html;
    if (extension == ".tsv") return Layout::tsv;
    if (extension == ".jsonl" || extension == ".ndjson") return Layout::jsonl;
    if (extension == ".json") return Layout::squad;
    if (extension == ".txt" || extension == ".text") return Layout::text;
    return std::nullopt;
}

Layout find_layout(const fs::path& path, std::string_view contents) {
    const auto named = layout_of_extension(path.extension().string());
    if (named && *named != Layout::text) return *named;
    const std::string_view begin = contents.substr(0, 4096);
    std::string lower(begin.substr(std::min(begin.find_first_not_of(" \t\r\n\xef\xbb\xbf"), begin.size())));
    for (char& c : lower)
        if ('A' <= c && c <= 'Z') c = static_cast<char>(c + 32);
    if (lower.starts_with("<!doctype html") || lower.starts_with("<html")) return Layout::html;
    const std::size_t end = std::min(lower.find('\n'), lower.size());
    if (lower.starts_with("1 ") && lower.substr(end).starts_with("\n2 ")) return Layout::wikimovies;
    return Layout::text;
}

static void read_layout(Builder& builder, Layout layout, const std::string& where) {
    switch (layout) {
        case Layout::text:
            return read_text(builder);
        case Layout::markdown:
            return read_markdown(builder);
        case Layout::html:
            return read_html(builder, where);
        case Layout::tsv:
            return read_tsv(builder, where);
        case Layout::jsonl:
            return read_jsonl(builder, where);
        case Layout::wikimovies:
            return read_wikimovies(builder, where);
        case Layout::squad:
            return read_squad(builder, where);
    }
}

Collection read_bytes(const std::string& path, std::string_view bytes, Layout layout,
                      const std::function<void(const std::string&)>& warn) {
    const DecodedText source = decode(bytes, path);
    Builder builder(source, {.path = path, .layout = layout, .hash = xxh3(bytes)});
    read_layout(builder, layout, path);
    if (source.skipped > 0 && warn)
        warn(path + ": " + std::to_string(source.skipped) + " bytes are no character and were replaced");
    return builder.finish();
}

static bool is_hidden(const fs::path& path) { return path.filename().string().starts_with('.'); }

namespace {

// What the folders of a search hold.
struct FolderFiles {
    std::set<fs::path> files;
    std::vector<std::string> unreadable;  // folders
    std::vector<std::string> others;      // of no layout

    void warn(const std::function<void(const std::string&)>& warn) const {
        for (const std::string& folder : unreadable) warn("left out: " + folder + ": the folder cannot be read");
        if (!others.empty())
            warn("not read: " + std::to_string(others.size()) + (others.size() == 1 ? " file" : " files") +
                 " of other kinds, such as " + others.front());
    }
};

}  // namespace

static bool is_readable_folder(const fs::path& folder) {
    std::error_code error;
    const fs::directory_iterator entries(folder, error);
    return !error;
}

static void add_folder(const fs::path& folder, FolderFiles& found) {
    if (!is_readable_folder(folder)) found.unreadable.push_back(folder.generic_string());
    for (auto entry = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied);
         entry != fs::recursive_directory_iterator(); ++entry) {
        std::error_code unreadable;  // then it is neither a folder nor a regular file
        const fs::path path = entry->path().lexically_normal();
        if (is_hidden(path))
            entry.disable_recursion_pending();
        else if (entry->is_directory(unreadable) && !entry->is_symlink(unreadable) && !is_readable_folder(path))
            found.unreadable.push_back(path.generic_string());
        else if (entry->is_regular_file(unreadable) && layout_of_extension(path.extension().string()))
            found.files.insert(path);
        else if (entry->is_regular_file(unreadable))
            found.others.push_back(path.generic_string());
    }
}

static constexpr const char* skip_hint = "let it be read, or leave its documents out by --skip-unreadable";

std::vector<fs::path> find_files(std::span<const fs::path> paths, const ReadOptions& options) {
    FolderFiles found;
    std::set<fs::path>& files = found.files;
    for (const fs::path& path : paths) {
        if (!is_there(path)) throw error_in(path.string(), "cannot read documents", "a file or a folder", "nothing");
        if (is_folder(path))
            add_folder(path, found);
        else
            files.insert(path.lexically_normal());
    }
    std::ranges::sort(found.others);
    std::ranges::sort(found.unreadable);
    if (!found.unreadable.empty() && !options.skip_unreadable)
        throw Error(
            {.what = "a folder of documents cannot be read", .where = found.unreadable.front(), .hint = skip_hint});
    if (options.warn) found.warn(options.warn);
    std::vector<fs::path> sorted(files.begin(), files.end());
    std::ranges::sort(sorted, {}, [](const fs::path& path) { return path.generic_string(); });
    return sorted;
}

namespace {

// One file: read, found in an earlier collection, or left out.
struct FileRead {
    Collection collection;  // if it was read
    Piece piece;            // where it is; no collection: left out
    std::vector<std::string> warnings;
    std::optional<Error> unreadable;  // what the system says
};

}  // namespace

static std::string read_contents(const fs::path& path, FileRead& result) {
    try {
        return kvmem::read_file(path);
    } catch (const Error& e) {
        result.unreadable = e;
        throw;  // to where warnings are made
    }
}

static FileRead read_one(const fs::path& path, const ReadOptions& options, const Collection* earlier) {
    FileRead result;
    const std::string name = path.generic_string();
    try {
        std::error_code unknown;
        const std::uintmax_t size = fs::file_size(path, unknown);
        if (!unknown && size > max_file_bytes)
            throw error_in(name, "the file is too large for a document", "up to 256 MiB",
                           std::to_string(size) + " bytes");
        const std::string bytes = read_contents(path, result);
        const Layout layout = options.layout ? *options.layout : find_layout(path, bytes);
        if (earlier) {
            const auto old = std::ranges::lower_bound(earlier->files, name, {}, &File::path);
            if (old != earlier->files.end() && old->path == name && old->layout == layout && old->hash == xxh3(bytes)) {
                result.piece = {earlier, old - earlier->files.begin()};
                return result;
            }
        }
        result.collection =
            read_bytes(name, bytes, layout, [&](const std::string& w) { result.warnings.push_back(w); });
        result.piece.collection = &result.collection;
    } catch (const Error& e) {
        result.warnings = {std::string("left out: ") + e.what()};
    }
    return result;
}

static std::vector<Piece> pieces_of(const std::vector<FileRead>& files, const ReadOptions& options,
                                    const Collection* earlier, ReadReport& report) {
    std::vector<Piece> pieces;
    for (const FileRead& file : files) {
        if (file.unreadable && !options.skip_unreadable) {
            Problem problem = file.unreadable->problem();
            problem.hint = skip_hint;
            throw Error(problem);
        }
        for (const std::string& warning : file.warnings)
            if (options.warn) options.warn(warning);
        if (!file.piece.collection) {
            ++report.left_out;
            continue;
        }
        ++(file.piece.collection == earlier ? report.unchanged : report.read);
        pieces.push_back(file.piece);
    }
    return pieces;
}

// The number of files that an earlier collection has and that are not among `names`, which rise.
static Index count_removed(const Collection* earlier, const std::vector<fs::path>& paths) {
    if (!earlier) return 0;
    return std::ranges::count_if(earlier->files, [&](const File& file) {
        return !std::ranges::binary_search(paths, file.path, {}, [](const fs::path& p) { return p.generic_string(); });
    });
}

Collection read_documents(std::span<const fs::path> paths, const ReadOptions& options, const Collection* earlier,
                          ReadReport* report) {
    const std::vector<fs::path> found = find_files(paths, options);
    if (earlier && earlier->reader != current_reader) earlier = nullptr;
    const Index all = std::ssize(found);
    std::vector<FileRead> files(found.size());
    for (Index done = 0; done < all; done += files_between_reports) {
        if (options.progress) options.progress(done, all);
        const Index count = std::min(files_between_reports, all - done);
        parallel_for(count, 1, [&](Index first, Index last) {
            for (Index i = done + first; i < done + last; ++i) files[i] = read_one(found[i], options, earlier);
        });
    }
    for (FileRead& file : files)  // moved since
        if (file.piece.collection && file.piece.collection != earlier) file.piece.collection = &file.collection;
    ReadReport counts;
    const std::vector<Piece> pieces = pieces_of(files, options, earlier, counts);
    counts.removed = count_removed(earlier, found);
    if (report) *report = counts;
    Collection collection = merge(pieces);
    if (collection.passages.empty())
        throw Error({.what = "there is nothing to read",
                     .expected = "documents with words",
                     .got = std::to_string(all) + " files",
                     .hint = "see 'kvmem import documents --help' for what is read"});
    return collection;
}

}  // namespace kvmem::documents
