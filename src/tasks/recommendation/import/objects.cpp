// Tables of objects and users, with their features.
#include "kvmem/core/number.hpp"
#include "kvmem/text/tokenizer.hpp"
#include "tasks/recommendation/import/sources.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace kvmem {

// A name fit for a feature: in lower case, with "_" for all but letters, digits and "-".
static std::string plain_name(std::string_view column) {
    std::string name;
    for (const char c : column) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '-';
        name += plain ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '_';
    }
    return name;
}

FeatureChoice feature_choice(std::string_view text) {
    const std::size_t colon = std::min(text.rfind(':'), text.size());
    const std::string_view form = text.substr(std::min(colon + 1, text.size()));
    FeatureChoice choice{std::string(text.substr(0, colon)), plain_name(text.substr(0, colon))};
    const std::optional<Index> ranges = number_of<Index>(form);
    if (form == "words")
        choice.form = FeatureChoice::Form::words;
    else if (form == "blanks")
        choice.form = FeatureChoice::Form::blanks;
    else if (ranges && *ranges >= 2 && *ranges <= 1000)
        choice.form = FeatureChoice::Form::ranges, choice.ranges = *ranges;
    if (choice.column.empty() || (colon < text.size() && choice.form == FeatureChoice::Form::parts))
        throw UsageError({.what = "bad choice of a feature",
                          .expected = "COLUMN, COLUMN:words, COLUMN:blanks or COLUMN:N, in 2 to 1000 ranges",
                          .got = "'" + std::string(text) + "'"});
    return choice;
}

namespace {

// Where values of a table's objects go.
struct ObjectTable {
    EventsBuilder& builder;
    const ObjectsSource& source;
    const EventsImport& options;
    bool users = source.columns.group == "user";
    // A number of each object, for features in ranges.
    std::vector<std::vector<std::pair<double, Token>>> numbers =
        std::vector<std::vector<std::pair<double, Token>>>(source.columns.features.size());

    void read();
    void add_row(TableReader& table, std::size_t id, std::size_t text, const std::vector<std::size_t>& features);
    void add(Token object, const std::string& feature, std::string_view value) {
        if (users)
            builder.add_user_value(object, feature, value);
        else
            builder.add_value(source.columns.group, object, feature, value);
    }
    void add_parts(Token object, const std::string& feature, std::string_view field, char separator) {
        for (const std::string_view part : split_fields(field, separator))
            if (!part.empty()) add(object, feature, part);
    }
    void add_feature(Token object, std::size_t feature, std::string_view field, const Location& location);
    void add_ranges(const FeatureChoice& feature, std::vector<std::pair<double, Token>>& objects);
};

}  // namespace

void ObjectTable::add_feature(Token object, std::size_t feature, std::string_view field, const Location& location) {
    const FeatureChoice& choice = source.columns.features[feature];
    if (choice.form == FeatureChoice::Form::parts) add_parts(object, choice.name, field, '|');
    if (choice.form == FeatureChoice::Form::blanks) add_parts(object, choice.name, field, ' ');
    if (choice.form == FeatureChoice::Form::words)
        for (const Word& word : split_words(field)) add(object, choice.name, word.text);
    if (choice.form == FeatureChoice::Form::ranges && !trim(field).empty())
        numbers[feature].emplace_back(number_in(trim(field), "a feature's number", location), object);
}

// Cuts the objects, sorted by their numbers, into equal ranges; equal numbers are in one range.
void ObjectTable::add_ranges(const FeatureChoice& feature, std::vector<std::pair<double, Token>>& objects) {
    std::sort(objects.begin(), objects.end());
    Index range = 0;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        if (i == 0 || objects[i].first != objects[i - 1].first)
            range = static_cast<Index>(i) * feature.ranges / static_cast<Index>(objects.size());
        add(objects[i].second, feature.name, "range " + std::to_string(range + 1));
    }
}

void ObjectTable::add_row(TableReader& table, std::size_t id, std::size_t text,
                          const std::vector<std::size_t>& features) {
    const ObjectColumns& columns = source.columns;
    require_name(table.field(id), "an id", table.location());
    const Token object = users ? builder.user(table.field(id)) : builder.object(columns.group, table.field(id));
    if (!columns.text.empty() && !users) builder.set_text(columns.group, object, table.field(text));
    for (std::size_t i = 0; i < features.size(); ++i)
        add_feature(object, i, table.field(features[i]), table.location());
}

void ObjectTable::read() {
    const ObjectColumns& columns = source.columns;
    TableForm form = table_form_of(source.source.name);
    if (columns.separator) form.separator = columns.separator;
    TableReader table(source.source, form, options.progress);
    const std::size_t id = table.column(columns.id);
    const std::size_t text = columns.text.empty() ? 0 : table.column(columns.text);
    std::vector<std::size_t> features;
    for (const FeatureChoice& feature : columns.features) features.push_back(table.column(feature.column));
    for_each_row(table, options, [&] { add_row(table, id, text, features); });
    for (std::size_t i = 0; i < numbers.size(); ++i) add_ranges(columns.features[i], numbers[i]);
}

void add_objects(EventsBuilder& builder, const ObjectsSource& objects, const EventsImport& options) {
    ObjectTable{builder, objects, options}.read();
}

// The one column besides ids and features that has words in a row, or "" where there are none or several.
static std::string text_column(TableReader& table, const ObjectColumns& columns) {
    std::vector<std::uint8_t> has_words(table.columns().size());
    while (table.next())
        for (std::size_t i = 0; i < has_words.size(); ++i) {
            const std::string_view field = trim(table.field(i));
            if (!field.empty() && !number_of<double>(field)) has_words[i] = 1;
        }
    std::string found;
    for (std::size_t i = 0; i < has_words.size(); ++i) {
        const std::string& name = table.columns()[i];
        const bool is_feature =
            std::ranges::find(columns.features, name, &FeatureChoice::column) != columns.features.end();
        if (!has_words[i] || name == columns.id || is_feature) continue;
        if (!found.empty()) return {};
        found = name;
    }
    return found;
}

// What a table says where the columns are not named.
static void name_columns(ObjectsSource& objects, std::span<const Feature> known) {
    ObjectColumns& columns = objects.columns;
    TableForm form = table_form_of(objects.source.name);
    if (columns.separator) form.separator = columns.separator;
    const LineProgress silent;
    TableReader table(objects.source, form, silent);
    const std::vector<std::string>& names = table.columns();
    if (columns.id.empty() && names.empty()) throw usage_error("JSON has no first column", "the column of the ids");
    if (columns.id.empty()) columns.id = names.front();
    if (columns.features.empty())
        for (const std::string& name : names)
            if (name != columns.id && std::ranges::find(known, plain_name(name), &Feature::name) != known.end())
                columns.features.push_back({name, plain_name(name)});
    if (columns.text.empty()) columns.text = text_column(table, columns);
}

std::vector<NewItem> new_items_from(ObjectsSource objects, std::span<const Feature> known) {
    name_columns(objects, known);
    for (const FeatureChoice& choice : objects.columns.features)
        if (choice.form == FeatureChoice::Form::ranges)
            throw usage_error("a new item's feature is in ranges", "the name of the range, such as 'range 3'");
    EventsBuilder builder;
    add_objects(builder, objects, {});
    const EventsDataset table = builder.finish();
    std::vector<NewItem> items;
    for (const ObjectGroup& group : table.groups)
        for (Token i = 0; i < group.size(); ++i) {
            NewItem& item = items.emplace_back(NewItem{group.ids[i], group.texts.empty() ? "" : group.texts[i]});
            for (const FeatureColumn& column : group.columns)
                for (const Token value : column.rows[i])
                    item.values.emplace_back(table.features[column.feature].name,
                                             table.features[column.feature].values[value]);
        }
    return items;
}

std::vector<NewItem> read_new_items(ObjectColumns columns, std::span<const Feature> known) {
    Source source = read_needed_source(columns.path, "a table of new items");
    return new_items_from({std::move(source), std::move(columns)}, known);
}

}  // namespace kvmem
