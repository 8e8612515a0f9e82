// Tables in text: comma-separated values (RFC 4180), other separators, and lines of JSON. Not installed.
#pragma once

#include "io/text_source.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kvmem {

// How a table is written.
struct TableForm {
    char separator = ',';  // '\0': each line is an object of JSON
    bool quoted = true;    // fields may be in quotes, and then hold separators, line ends and doubled quotes
    bool header = true;    // the first row names the columns; otherwise they are called 1, 2, ...
};

// The form that the ending of a file's name says: ".tsv", ".tab", ".inter", ".item" and ".user" have tabs and no
// quotes,
// ".jsonl", ".json" and ".ndjson" are lines of JSON, and others have commas.
TableForm table_form_of(std::string_view name);

// Reads a table row by row.
class TableReader {
  public:
    // Source and progress must outlive the reader. Throws Error for a blank source, for a wrong header, and for a
    // header of one column in which another separator stands.
    TableReader(const Source& source, TableForm form, const LineProgress& progress);

    // The number of a column. Throws Error with the names of all columns. Any member of JSON's objects is one.
    std::size_t column(const std::string& name);
    // The names of the columns.
    const std::vector<std::string>& columns() const { return names_; }

    // Reads the next row, or returns false at the end. Throws Error for a row that is not of this form or has another
    // number of fields than the first one, behind which the next call goes on.
    bool next();
    // A field of the row, as it is written but for quotes, valid until the next call. Of JSON, texts and numbers, and
    // the elements of lists with "|" between them; "" for null and for members that are missing.
    std::string_view field(std::size_t column) const { return fields_[column]; }
    // Where the row begins.
    const Location& location() const { return location_; }

  private:
    void read_header();
    void require_separator() const;
    void split(std::string_view line);
    void read_quoted(std::string_view& rest, std::string& field);
    void read_json(std::string_view line);

    TableForm form_;
    LineReader lines_;
    Location location_;
    std::vector<std::string> names_, fields_;
    bool header_is_row_ = false;  // without a header, the first row is read for the number of its fields
};

}  // namespace kvmem
