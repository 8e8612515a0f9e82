// Importers of events (datasets/README.md lists them). Errors name file and line ("ratings.csv:17").
//
// Files are UTF-8 with or without a byte order mark, and have any line ends. All events are marked `train` unless their
// file or a column says otherwise; split_events() (splits.hpp) divides them.
#pragma once

#include "kvmem/core/error.hpp"
#include "kvmem/tasks/recommendation/add_items.hpp"
#include "kvmem/tasks/recommendation/dataset.hpp"

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// The options of all importers.
struct EventsImport {
    DatasetInfo info{};  // what the data set will say about itself
    // If not empty, called with the error of each bad line, which is then left out. Otherwise the error is thrown.
    std::function<void(const Error& bad)> on_bad_line{};
    // If not empty, called with a sentence on good lines that an importer leaves out, and their number.
    std::function<void(const std::string& what, Index lines)> on_left_out{};
    // If not empty, called at times with the name of the file being read and the number of its lines that are done.
    std::function<void(const std::string& what, Index lines)> progress{};
};

// A file of events, and the split of them all. "-" is standard input.
struct EventsFile {
    std::filesystem::path path;         // of the file
    EventMark mark = EventMark::train;  // of its events
};

// The columns of tables of events; "" for those that a table lacks.
struct EventColumns {
    // As in EventRow. `mark` has train, valid, test or none.
    std::string user, object, time, action{}, group{}, value{}, basket{}, mark{};
    std::string all_action = "event";  // of all events, without a column
    std::string all_group = "item";    // of all objects, without a column
    // "auto", or how times are written: seconds, milliseconds, microseconds, compact, year-first, day-first,
    // month-first, named (datasets/README.md).
    std::string time_form = "auto";
    char separator = 0;    // between fields; 0: what the ending of the file's name says
    bool header = true;    // whether the first row names the columns, which are otherwise called 1, 2, ...
    bool no_time = false;  // `time` is "", and the n-th row of a user has day n
};

// A column that becomes a feature.
struct FeatureChoice {
    // How a field becomes values.
    enum class Form {
        parts,   // the parts of a field between "|"
        blanks,  // the parts between blanks
        words,   // the words of a text, in lower case (text/tokenizer.hpp)
        ranges   // a number as one of `ranges` ranges that hold equally many objects
    };
    std::string column, name;  // of the table, and of the feature
    Form form = Form::parts;   // of this column
    Index ranges = 0;          // 2 to 1000
};
// The choice of "genres", "title:words", "tags:blanks" or "price:10". Throws UsageError.
FeatureChoice feature_choice(std::string_view text);

// A table of objects or users.
struct ObjectColumns {
    std::filesystem::path path;             // of the table
    std::string group = "item";             // "user": the table is of users
    std::string id;                         // the column of the id
    std::string text{};                     // the column of the text to show, or ""
    std::vector<FeatureChoice> features{};  // the columns that become features
    char separator = 0;                     // as in EventColumns
};

// Imports tables of events: CSV, TSV or lines of JSON. Of objects that no event names, only those of `objects` are
// there.
EventsDataset import_events(std::span<const EventsFile> files, const EventColumns& columns,
                            std::span<const ObjectColumns> objects, const EventsImport& options);

// The items of a table, for add_items(), whose features are named as those of `known`. Of `columns` what is "" or empty
// is taken from the table: the first column is the id, columns named as features are these, and the one other column
// with words is the text. Features in ranges are errors: where the ranges of an import begin is not stored.
std::vector<NewItem> read_new_items(ObjectColumns columns, std::span<const Feature> known);

// Imports a folder of MovieLens with ratings.csv and movies.csv: action "rate" with its value; features genre and year.
// With `tags`, tags.csv makes events "tag" with objects of the group "tag".
EventsDataset import_movielens(const std::filesystem::path& folder, bool tags, const EventsImport& options);

// Imports a table of invoices with the columns of UCI Online Retail. Invoices are baskets of action "buy", cancelled
// ones give "return"; values are quantities; features are the words of descriptions and the countries of customers.
// Rows without a customer, and with codes that are no products, are left out.
EventsDataset import_retail(const std::filesystem::path& path, const EventsImport& options);

// Imports lines of JSON as OTTO has them: {"session": 1, "events": [{"aid": 2, "ts": milliseconds, "type": "clicks"}]}.
EventsDataset import_otto(std::span<const EventsFile> files, const EventsImport& options);

// Imports lines "user item item ...". The n-th item of a user has day n.
EventsDataset import_item_sequences(std::span<const EventsFile> files, const EventsImport& options);

// Imports RecBole's atomic files: X.inter with user_id, item_id, and maybe timestamp and rating, and X.item beside it
// if `items` names it. Columns of tokens become features.
EventsDataset import_recbole(std::span<const EventsFile> files, const std::filesystem::path& items,
                             const EventsImport& options);

// Imports what `git -c core.quotePath=off log --no-merges --no-renames --name-only --format=%x09%H%x09%at%x09%ae`
// prints: authors change files, and each commit is a basket. An author's id is a hash of the address, which hides
// it from readers, not from a search among known addresses. Features are the folders and endings of files.
EventsDataset import_git(std::span<const EventsFile> files, const EventsImport& options);

}  // namespace kvmem
