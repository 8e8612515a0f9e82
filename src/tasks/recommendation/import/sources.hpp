// The importers of kvmem/tasks/recommendation/import.hpp on texts in memory. They ignore the paths of the options.
#pragma once

#include "io/table.hpp"
#include "io/text_source.hpp"
#include "kvmem/tasks/recommendation/events_builder.hpp"
#include "kvmem/tasks/recommendation/import.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// A text of events, and the split of them all.
struct EventsSource {
    Source source;
    EventMark mark = EventMark::train;
};

// The text of a file, or of standard input for "-". Throws Error.
Source read_events_source(const std::filesystem::path& path);
std::vector<EventsSource> read_events_sources(std::span<const EventsFile> files);

// A table of objects and its columns.
struct ObjectsSource {
    Source source;
    ObjectColumns columns;
};

EventsDataset events_from(std::span<const EventsSource> sources, const EventColumns& columns,
                          std::span<const ObjectsSource> objects, const EventsImport& options);
EventsDataset movielens_from(const Source& ratings, const Source& movies, const std::optional<Source>& tags,
                             const EventsImport& options);
EventsDataset retail_from(const Source& source, const EventsImport& options);
EventsDataset otto_from(std::span<const EventsSource> sources, const EventsImport& options);
EventsDataset item_sequences_from(std::span<const EventsSource> sources, const EventsImport& options);
EventsDataset recbole_from(std::span<const EventsSource> sources, const std::optional<Source>& items,
                           const EventsImport& options);
EventsDataset git_from(std::span<const EventsSource> sources, const EventsImport& options);

// Adds the objects of a table with their texts and features.
void add_objects(EventsBuilder& builder, const ObjectsSource& objects, const EventsImport& options);

// read_new_items() of a text in memory.
std::vector<NewItem> new_items_from(ObjectsSource objects, std::span<const Feature> known);

// The rows of a table that are good, each given to use().
template <class Use>
void for_each_row(TableReader& table, const EventsImport& options, Use use) {
    for_each_good_line(table, options.on_bad_line, [&](TableReader& reader) {
        if (!reader.next()) return false;
        use();
        return true;
    });
}

// Adds an event that errors place at a location.
void add_event(EventsBuilder& builder, const EventRow& row, const Location& location);

// The number in a field. Throws Error; `what` says what it is.
double number_in(std::string_view field, const char* what, const Location& location);

// The data set of a builder that has events. Throws Error for none.
EventsDataset finish_import(EventsBuilder& builder, const EventsImport& options, const std::string& where);

}  // namespace kvmem
