// RecBole's atomic files (Zhao et al. 2021): tab-separated tables whose header names the types of columns.
#include "tasks/recommendation/import/sources.hpp"

namespace kvmem {

// The names of the columns of a table.
static std::vector<std::string> header_of(const Source& source) {
    return TableReader(source, {.separator = '\t', .quoted = false}, {}).columns();
}

// The column "name:type" of this name, or "".
static std::string typed_column(const std::vector<std::string>& columns, std::string_view name) {
    for (const std::string& column : columns)
        if (column == name || column.starts_with(std::string(name) + ":")) return column;
    return {};
}

static std::string needed_column(const Source& source, std::string_view name) {
    std::string column = typed_column(header_of(source), name);
    if (column.empty()) throw error_in(source.name, "a column is missing", std::string(name));
    return column;
}

// Columns of tokens as features.
static ObjectColumns object_columns(const Source& items) {
    ObjectColumns columns{.path = {}, .id = needed_column(items, "item_id"), .separator = '\t'};
    for (const std::string& column : header_of(items)) {
        const bool sequence = column.ends_with(":token_seq");
        if (column == columns.id || (!sequence && !column.ends_with(":token"))) continue;
        FeatureChoice feature = feature_choice(column.substr(0, column.rfind(':')));
        feature.column = column;
        feature.form = sequence ? FeatureChoice::Form::blanks : FeatureChoice::Form::parts;
        if (columns.text.empty() && column.find("title") != column.npos)
            columns.text = column;
        else
            columns.features.push_back(std::move(feature));
    }
    return columns;
}

EventsDataset recbole_from(std::span<const EventsSource> sources, const std::optional<Source>& items,
                           const EventsImport& options) {
    if (sources.empty()) throw usage_error("nothing to import", "files of events");
    const Source& first = sources.front().source;
    EventColumns columns{
        .user = needed_column(first, "user_id"), .object = needed_column(first, "item_id"), .time = {}};
    columns.time = typed_column(header_of(first), "timestamp");
    columns.value = typed_column(header_of(first), "rating");
    columns.no_time = columns.time.empty();
    columns.separator = '\t';
    std::vector<ObjectsSource> objects;
    if (items) objects.push_back({*items, object_columns(*items)});
    return events_from(sources, columns, objects, options);
}

EventsDataset import_recbole(std::span<const EventsFile> files, const std::filesystem::path& items,
                             const EventsImport& options) {
    return recbole_from(read_events_sources(files), read_source(items), options);
}

}  // namespace kvmem
