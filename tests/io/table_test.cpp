#include "io/table.hpp"

#include <catch2/catch.hpp>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

using Rows = std::vector<std::vector<std::string>>;

// All fields of these columns.
Rows rows_of(const std::string& name, const std::string& text, const std::vector<std::string>& columns,
             TableForm form = {}) {
    const Source source{name, text};
    const LineProgress progress;
    TableReader table(source, form, progress);
    std::vector<std::size_t> numbers;
    for (const std::string& column : columns) numbers.push_back(table.column(column));
    Rows rows;
    while (table.next()) {
        rows.emplace_back();
        for (const std::size_t number : numbers) rows.back().emplace_back(table.field(number));
    }
    return rows;
}

std::string fault(const std::string& text, TableForm form = {}) {
    try {
        rows_of("t.csv", text, {}, form);
    } catch (const Error& e) {
        return e.what();
    }
    return {};
}

constexpr TableForm json_lines{.separator = '\0', .quoted = false};

}  // namespace

TEST_CASE("fields in quotes hold separators, quotes and line ends", "[table]") {
    CHECK(rows_of("t.csv", "\ufeffa,b\r\n\"x, \"\"y\"\"\",2\r\n\r\n\"one\r\ntwo\",\n", {"b", "a"}) ==
          Rows{{"2", "x, \"y\""}, {"", "one\ntwo"}});
    CHECK(rows_of("t.csv", "a;b\n1;\"\"\n", {"a", "b"}, {.separator = ';'}) == Rows{{"1", ""}});
    CHECK(rows_of("t.tsv", "a\tb\n \"x\ty\" \n", {"a", "b"}, table_form_of("t.tsv")) == Rows{{" \"x", "y\" "}});
    CHECK(rows_of("t.csv", "5,6\n7,8\n", {"2"}, {.header = false}) == Rows{{"6"}, {"8"}});
}

TEST_CASE("rows that are not of the table's form are refused with their line", "[table]") {
    CHECK_THAT(fault("a,b\n1,2\n1\n"), Contains("t.csv:3") && Contains("2 fields") && Contains("1 field"));
    CHECK_THAT(fault("a,b\n1,x\"y\n"), Contains("t.csv:2") && Contains("a quote is inside"));
    CHECK_THAT(fault("a,b\n1,\"y\" z\n"), Contains("t.csv:2") && Contains("text follows"));
    CHECK_THAT(fault("a,b\n1,2\n1,\"y\nz\n"), Contains("t.csv:3") && Contains("does not end"));
    CHECK_THAT(fault("a\n\"" + std::string(max_line_bytes - 9, 'x') + "\nyyyyyyyyyyyyyyyy\n"), Contains("too long"));
    CHECK_THAT(fault(""), Contains("empty"));
}

TEST_CASE("a column that a table lacks or has twice is refused with the names of all", "[table]") {
    CHECK_THROWS_WITH(rows_of("t.csv", "a,b\n", {"c"}), Contains("no such column") && Contains("one of a, b"));
    CHECK_THROWS_WITH(rows_of("t.csv", "a,b,a\n", {"a"}), Contains("twice"));
}

TEST_CASE("members of lines of JSON are fields", "[table]") {
    CHECK(rows_of("t.jsonl",
                  "{\"u\": \"ann\", \"t\": 1.50, \"c\": [[\"x\", \"y\"], 7]}\n\n{\"t\": true, \"u\": null}\n",
                  {"u", "t", "c", "none"}, json_lines) == Rows{{"ann", "1.50", "x|y|7", ""}, {"", "true", "", ""}});
    CHECK_THAT(fault("{\"a\": 1}\n{\"a\": \n", json_lines), Contains("t.csv:2") && Contains("not JSON"));
    CHECK_THAT(fault("{\"a\": 1, \"a\": 2}\n", json_lines), Contains("t.csv:1") && Contains("twice"));
    CHECK_THAT(fault("[1]\n", json_lines), Contains("no object"));
}
