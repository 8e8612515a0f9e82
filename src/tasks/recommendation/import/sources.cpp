#include "tasks/recommendation/import/sources.hpp"

#include "kvmem/core/file.hpp"
#include "kvmem/core/number.hpp"

namespace kvmem {

Source read_events_source(const std::filesystem::path& path) {
    if (path == "-") return {"standard input", read_standard_input()};
    return read_needed_source(path, "a file of events");
}

std::vector<EventsSource> read_events_sources(std::span<const EventsFile> files) {
    std::vector<EventsSource> sources;
    for (const EventsFile& file : files) sources.push_back({read_events_source(file.path), file.mark});
    if (sources.empty()) throw usage_error("nothing to import", "files of events");
    return sources;
}

void add_event(EventsBuilder& builder, const EventRow& row, const Location& location) {
    for (const auto& [name, what] : {std::pair(row.user, "a user"), std::pair(row.object, "an object"),
                                     std::pair(row.action, "an action"), std::pair(row.group, "a group")})
        require_name(name, what, location);
    try {
        builder.add(row);
    } catch (const Error& e) {
        throw location.error(e.problem().what, e.problem().expected, e.problem().got);
    }
}

double number_in(std::string_view field, const char* what, const Location& location) {
    const auto number = number_of<double>(field);
    if (!number) throw location.error(std::string(what) + " is wrong", "a number", "'" + std::string(field) + "'");
    return *number;
}

EventsDataset finish_import(EventsBuilder& builder, const EventsImport& options, const std::string& where) {
    if (builder.size() == 0) throw error_in(where, "the data have no events", "one or more");
    EventsDataset dataset = builder.finish();
    dataset.info = options.info;
    return dataset;
}

}  // namespace kvmem
