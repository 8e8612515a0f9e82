// Charts as inline SVG for a page of HTML. Texts are escaped, tooltips show numbers, and colours are CSS classes.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmem::apps {

// Text for the inside of an element or of a quoted attribute, after printable().
std::string escaped(std::string_view text);
// "0.031" or "12": up to `digits` digits after the point, without trailing zeros.
std::string decimal(double value, int digits = 3);

// Curves over one axis, such as epochs.
struct LineChart {
    struct Curve {
        std::string name;
        std::string colour;  // a CSS class: "first" or "second"
        std::vector<std::pair<double, double>> points;
    };
    struct Mark {
        double x;
        std::string name;
    };
    std::string x_label, y_label;
    std::vector<Curve> curves;
    std::vector<Mark> marks;  // vertical lines
};
std::string svg(const LineChart& chart);

// Bars to the right of their names, of shares from 0 to 1 shown as percentages.
struct BarChart {
    struct Bar {
        std::string name;
        double share;
        bool bad;
        std::string tooltip;
    };
    std::string x_label;
    std::vector<Bar> bars;
    double mark = 0;  // a vertical line
    std::string mark_name;
};
std::string svg(const BarChart& chart);

// Points in a plane whose axes have one scale. Points have tooltips, and labels as far as there is room, the first ones
// first.
struct ScatterChart {
    struct Point {
        double x, y;
        std::string name;
        std::string colour;  // a CSS class: "first" or "second"
    };
    std::string x_label, y_label;
    std::vector<Point> points;
    std::size_t labels = 0;  // at most
};
std::string svg(const ScatterChart& chart);

// A weight for each row and column. Columns are in groups, and the rows' texts are on the right.
struct HeatMap {
    struct Row {
        std::string name, text;
        bool marked;
    };
    struct Column {
        std::string name;
        std::vector<double> weights;  // of each row
    };
    struct Group {
        std::string name;
        std::vector<Column> columns;
    };
    std::vector<Row> rows;
    std::vector<Group> groups;
    std::string column = "head";  // what a column is, for tooltips
    std::string title = "Weights of slots, for each hop and head";
};
std::string svg(const HeatMap& map);

}  // namespace kvmem::apps
