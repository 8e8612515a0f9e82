// MovieLens (Harper, Konstan 2015), in the layout of ml-latest.
#include "io/time_text.hpp"
#include "tasks/recommendation/import/sources.hpp"

namespace kvmem {

static Index seconds_in(std::string_view field, const Location& location) {
    const auto time = parse_time(field, TimeForm::seconds);
    if (!time) throw location.error("a time is wrong", "seconds since 1970", "'" + std::string(field) + "'");
    return *time;
}

// The year in "Toy Story (1995)", or "".
static std::string_view year_of(std::string_view title) {
    title = trim(title);
    if (title.size() < 6 || !title.ends_with(')') || title[title.size() - 6] != '(') return {};
    const std::string_view year = title.substr(title.size() - 5, 4);
    return year.find_first_not_of("0123456789") == std::string_view::npos ? year : std::string_view();
}

static void add_ratings(EventsBuilder& builder, const Source& source, const EventsImport& options) {
    TableReader table(source, {}, options.progress);
    const auto user = table.column("userId"), movie = table.column("movieId");
    const auto rating = table.column("rating"), time = table.column("timestamp");
    for_each_row(table, options, [&] {
        add_event(builder,
                  {.user = table.field(user),
                   .object = table.field(movie),
                   .time = seconds_in(table.field(time), table.location()),
                   .action = "rate",
                   .value = number_in(table.field(rating), "a rating", table.location())},
                  table.location());
    });
}

static void add_tags(EventsBuilder& builder, const Source& source, const EventsImport& options) {
    TableReader table(source, {}, options.progress);
    const auto user = table.column("userId"), tag = table.column("tag"), time = table.column("timestamp");
    for_each_row(table, options, [&] {
        add_event(builder,
                  {.user = table.field(user),
                   .object = trim(table.field(tag)),
                   .time = seconds_in(table.field(time), table.location()),
                   .group = "tag",
                   .action = "tag"},
                  table.location());
    });
}

static void add_movies(EventsBuilder& builder, const Source& source, const EventsImport& options) {
    TableReader table(source, {}, options.progress);
    const auto id = table.column("movieId"), title = table.column("title"), genres = table.column("genres");
    for_each_row(table, options, [&] {
        require_name(table.field(id), "a movie's id", table.location());
        const Token movie = builder.object("item", table.field(id));
        builder.set_text("item", movie, table.field(title));
        for (const std::string_view genre : split_fields(table.field(genres), '|'))
            if (!genre.empty() && genre != "(no genres listed)") builder.add_value("item", movie, "genre", genre);
        if (const std::string_view year = year_of(table.field(title)); !year.empty())
            builder.add_value("item", movie, "year", year);
    });
}

EventsDataset movielens_from(const Source& ratings, const Source& movies, const std::optional<Source>& tags,
                             const EventsImport& options) {
    EventsBuilder builder;
    add_ratings(builder, ratings, options);
    if (tags) add_tags(builder, *tags, options);
    add_movies(builder, movies, options);
    return finish_import(builder, options, ratings.name);
}

EventsDataset import_movielens(const std::filesystem::path& folder, bool tags, const EventsImport& options) {
    const auto read = [&](const char* name) { return *read_source(folder / name); };
    return movielens_from(read("ratings.csv"), read("movies.csv"),
                          tags ? std::optional(read("tags.csv")) : std::nullopt, options);
}

}  // namespace kvmem
