// Tables of events whose columns the caller names.
#include "io/time_text.hpp"
#include "tasks/recommendation/import/sources.hpp"

#include <array>
#include <unordered_map>

namespace kvmem {

namespace {

// The columns of one table, by their numbers.
struct EventTable {
    const EventsSource& source;
    const EventColumns& columns;
    const EventsImport& options;

    TableReader table() const {
        TableForm form = table_form_of(source.source.name);
        if (columns.separator) form.separator = columns.separator;
        form.header = columns.header;
        return TableReader(source.source, form, options.progress);
    }
    // The number of a column, or none where the table has no such.
    static std::optional<std::size_t> number(TableReader& table, const std::string& name) {
        return name.empty() ? std::nullopt : std::optional(table.column(name));
    }
    void see_times(TimeGuess& guess) const;
    void add_to(EventsBuilder& builder, std::optional<TimeForm> form,
                std::unordered_map<std::string, Index>& days) const;
};

}  // namespace

// The lines that are bad otherwise are told of when they are added.
void EventTable::see_times(TimeGuess& guess) const {
    TableReader rows = table();
    const std::size_t time = rows.column(columns.time);
    EventsImport quiet;
    if (options.on_bad_line) quiet.on_bad_line = [](const Error&) {};
    for_each_row(rows, quiet, [&] { guess.see(rows.field(time), rows.location()); });
}

static EventMark mark_named(std::string_view name, const Location& location) {
    constexpr std::array<std::string_view, 4> names = {"none", "train", "valid", "test"};
    for (std::size_t i = 0; i < names.size(); ++i)
        if (name == names[i]) return static_cast<EventMark>(i);
    throw location.error("this is no split", "train, valid, test or none", "'" + std::string(name) + "'");
}

static Index time_in(std::string_view field, TimeForm form, const Location& location) {
    const auto time = parse_time(field, form);
    if (!time)
        throw location.error("this is no time", std::string("one of the form ") + name_of(form),
                             "'" + std::string(field.substr(0, 40)) + "'");
    return *time;
}

void EventTable::add_to(EventsBuilder& builder, std::optional<TimeForm> form,
                        std::unordered_map<std::string, Index>& days) const {
    TableReader rows = table();
    const auto user = rows.column(columns.user), object = rows.column(columns.object);
    const auto time = number(rows, columns.time), action = number(rows, columns.action);
    const auto group = number(rows, columns.group), value = number(rows, columns.value);
    const auto basket = number(rows, columns.basket), mark = number(rows, columns.mark);
    for_each_row(rows, options, [&] {
        EventRow row{.user = rows.field(user), .object = rows.field(object)};
        row.group = group ? rows.field(*group) : std::string_view(columns.all_group);
        row.action = action ? rows.field(*action) : std::string_view(columns.all_action);
        if (value && !rows.field(*value).empty()) row.value = number_in(rows.field(*value), "a value", rows.location());
        if (basket) row.basket = rows.field(*basket);
        row.mark = mark ? mark_named(rows.field(*mark), rows.location()) : source.mark;
        row.time = form ? time_in(rows.field(*time), *form, rows.location()) : 0;
        if (!form) row.time = 86400 * ++days[std::string(row.user)];
        add_event(builder, row, rows.location());
    });
}

EventsDataset events_from(std::span<const EventsSource> sources, const EventColumns& columns,
                          std::span<const ObjectsSource> objects, const EventsImport& options) {
    if (sources.empty()) throw usage_error("nothing to import", "files of events");
    std::optional<TimeForm> form;
    if (!columns.no_time) form = time_form_named(columns.time_form, "time_form");
    if (!columns.no_time && !form) {
        TimeGuess guess;
        for (const EventsSource& source : sources) EventTable{source, columns, options}.see_times(guess);
        form = guess.form(sources.front().source.name);
    }
    EventsBuilder builder;
    std::unordered_map<std::string, Index> days;
    for (const EventsSource& source : sources) EventTable{source, columns, options}.add_to(builder, form, days);
    for (const ObjectsSource& table : objects) add_objects(builder, table, options);
    return finish_import(builder, options, sources.front().source.name);
}

EventsDataset import_events(std::span<const EventsFile> files, const EventColumns& columns,
                            std::span<const ObjectColumns> objects, const EventsImport& options) {
    std::vector<ObjectsSource> tables;
    for (const ObjectColumns& table : objects)
        tables.push_back({read_needed_source(table.path, "a table of objects"), table});
    return events_from(read_events_sources(files), columns, tables, options);
}

}  // namespace kvmem
