// Layouts of a user or a session a line, and logs of git.
#include "io/strict_json.hpp"
#include "io/time_text.hpp"
#include "kvmem/core/number.hpp"
#include "tasks/recommendation/import/sources.hpp"

#include <cstdio>

#define XXH_INLINE_ALL
#include <xxhash.h>
#include <string>
#include <unordered_map>
#include <vector>

namespace kvmem {

namespace json = boost::json;

static constexpr Index day = 86400;
static constexpr std::size_t max_session_bytes = std::size_t{16} << 20;

// Calls use(line, location) for the good lines of a source.
template <class Use>
static void for_each_event_line(const Source& source, const EventsImport& options, Use use) {
    LineReader lines(source, options.progress, max_session_bytes);
    for_each_good_line(lines, options.on_bad_line, [&](LineReader& reader) {
        std::string_view line;
        if (!reader.next(line)) return false;
        use(line, reader.location());
        return true;
    });
}

// The member of an object, of any kind, or null.
static const json::value& member(const json::value& object, const char* name) {
    static const json::value null;
    const json::value* found = object.is_object() ? object.as_object().if_contains(name) : nullptr;
    return found ? *found : null;
}

// The text or whole number that a member is.
static std::string scalar(const json::value& object, const char* name, const Location& location) {
    const json::value& value = member(object, name);
    if (value.is_string()) return std::string(value.as_string());
    if (value.is_int64() || value.is_uint64()) return json::serialize(value);
    throw location.error("a member is missing or no text or whole number", name);
}

static void add_session(EventsBuilder& builder, const json::value& session, EventMark mark, const Location& location) {
    const std::string user = scalar(session, "session", location);
    const json::value& events = member(session, "events");
    if (!events.is_array()) throw location.error("this is no session", "a list 'events'");
    struct Row {
        std::string item, action;
        Index time;
    };
    std::vector<Row> rows;  // before any is added: a bad line adds nothing
    for (const json::value& event : events.as_array()) {
        const auto time = parse_time(scalar(event, "ts", location), TimeForm::milliseconds);
        if (!time) throw location.error("a time is wrong", "milliseconds since 1970");
        rows.push_back({scalar(event, "aid", location), scalar(event, "type", location), *time});
    }
    for (const auto& [item, action, time] : rows)
        add_event(builder, {.user = user, .object = item, .time = time, .action = action, .mark = mark}, location);
}

EventsDataset otto_from(std::span<const EventsSource> sources, const EventsImport& options) {
    EventsBuilder builder;
    for (const auto& [source, mark] : sources)
        for_each_event_line(source, options, [&, mark = mark](std::string_view line, const Location& location) {
            add_session(builder, parse_line(line, location), mark, location);
        });
    return finish_import(builder, options, sources.front().source.name);
}

EventsDataset item_sequences_from(std::span<const EventsSource> sources, const EventsImport& options) {
    EventsBuilder builder;
    std::unordered_map<std::string, Index> days;  // of each user, over all files
    for (const auto& [source, mark] : sources)
        for_each_event_line(source, options, [&, mark = mark](std::string_view line, const Location& location) {
            std::string_view user;
            Index* last = nullptr;
            for (const std::string_view field : split_fields(line, ' ')) {
                if (field.empty()) continue;
                if (user.empty()) {
                    user = field;
                    last = &days[std::string(user)];
                } else {
                    add_event(builder, {.user = user, .object = field, .time = ++*last * day, .mark = mark}, location);
                }
            }
        });
    return finish_import(builder, options, sources.front().source.name);
}

namespace {

// The commit whose files follow.
struct Commit {
    std::string hash, author;
    Index time = 0;
};

}  // namespace

// A hash of 16 digits. It hides an address from readers, not from a search among known ones.
static std::string hashed(std::string_view address) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx",
                  static_cast<unsigned long long>(XXH3_64bits(address.data(), address.size())));
    return digits;
}

// The commit of a line "<TAB>hash<TAB>seconds<TAB>address".
static Commit commit_of(std::string_view line, const Location& location) {
    const auto fields = split_fields(line, '\t', 4, location, "this is no commit", "a tab, hash, seconds, address");
    const auto time = number_of<Index>(fields[2]);
    if (!time) throw location.error("a commit's time is wrong", "seconds since 1970", std::string(fields[2]));
    return {std::string(fields[1]), hashed(fields[3]), *time};
}

static void add_file_features(EventsBuilder& builder, Token file, std::string_view path) {
    const std::size_t name = path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1;
    for (std::size_t end = path.find('/'); end < path.size(); end = path.find('/', end + 1))
        if (end > 0) builder.add_value("item", file, "folder", path.substr(0, end));
    if (const std::size_t dot = path.rfind('.'); dot != path.npos && dot > name && dot + 1 < path.size())
        builder.add_value("item", file, "ending", path.substr(dot + 1));
}

EventsDataset git_from(std::span<const EventsSource> sources, const EventsImport& options) {
    EventsBuilder builder;
    Token files = 0;  // those that have features
    for (const auto& [source, mark] : sources) {
        std::optional<Commit> commit;
        for_each_event_line(source, options, [&, mark = mark](std::string_view line, const Location& location) {
            if (line.starts_with('\t')) {
                commit.reset();
                commit = commit_of(line, location);
                return;
            }
            if (!commit) throw location.error("a file comes before its commit", "a line that begins with a tab");
            add_event(builder,
                      {.user = commit->author,
                       .object = line,
                       .time = commit->time,
                       .action = "change",
                       .basket = commit->hash,
                       .mark = mark},
                      location);
            const Token file = builder.object("item", line);
            if (file == files) add_file_features(builder, files++, line);
        });
    }
    return finish_import(builder, options, sources.front().source.name);
}

EventsDataset import_otto(std::span<const EventsFile> files, const EventsImport& options) {
    return otto_from(read_events_sources(files), options);
}

EventsDataset import_item_sequences(std::span<const EventsFile> files, const EventsImport& options) {
    return item_sequences_from(read_events_sources(files), options);
}

EventsDataset import_git(std::span<const EventsFile> files, const EventsImport& options) {
    return git_from(read_events_sources(files), options);
}

}  // namespace kvmem
