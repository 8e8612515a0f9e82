#include "svg.hpp"

#include "kvmem/core/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kvmem::apps {

std::string escaped(std::string_view text) {
    static constexpr std::string_view special = "&<>\"'";
    static constexpr const char* entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    std::string safe;
    for (const char c : printable(text))
        if (const std::size_t at = special.find(c); at != special.npos)
            safe += entities[at];
        else
            safe += c;
    return safe;
}

std::string decimal(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, std::abs(value) < 1e15 ? "%.*f" : "%.*g", digits, value);
    std::string number = text;
    if (number.find('.') != std::string::npos && number.find('e') == std::string::npos) {
        number.erase(number.find_last_not_of('0') + 1);
        if (number.back() == '.') number.pop_back();
    }
    return number == "-0" ? "0" : number;
}

static std::string percentage(double share) { return decimal(100 * share, 2) + " %"; }

// Attributes of a tag. Their values are numbers and texts without special characters, or escaped.
using Attributes = std::vector<std::pair<const char*, std::string>>;

static std::string open(const char* name, const Attributes& attributes) {
    std::string tag = std::string("<") + name;
    for (const auto& [key, value] : attributes) tag += std::string(" ") + key + "=\"" + value + "\"";
    return tag + ">";
}

static std::string element(const char* name, const Attributes& attributes, const std::string& inside = {}) {
    return open(name, attributes) + inside + "</" + name + ">";
}

static std::string tooltip(const std::string& text) { return "<title>" + escaped(text) + "</title>"; }

static std::string text_at(double x, double y, const char* anchor, const std::string& text,
                           const std::string& colour = "soft") {
    return element("text", {{"x", decimal(x)}, {"y", decimal(y)}, {"text-anchor", anchor}, {"class", colour}},
                   escaped(text));
}

static std::string line_at(double x1, double y1, double x2, double y2, const char* kind) {
    return element(
        "line", {{"x1", decimal(x1)}, {"y1", decimal(y1)}, {"x2", decimal(x2)}, {"y2", decimal(y2)}, {"class", kind}});
}

static std::string picture(double width, double height, const std::string& label, const std::string& inside) {
    const std::string w = decimal(width, 0), h = decimal(height, 0);
    return open("svg", {{"viewBox", "0 0 " + w + " " + h},
                        {"width", w},
                        {"height", h},
                        {"role", "img"},
                        {"aria-label", escaped(label)}}) +
           inside + "</svg>\n";
}

namespace {

// Maps values to coordinates.
struct Axis {
    double low, high, from, to, step;

    double at(double value) const { return from + (value - low) / (high - low) * (to - from); }
    std::vector<double> ticks() const {
        std::vector<double> all;
        for (double k = std::ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k) all.push_back(k * step);
        return all;
    }
};

}  // namespace

// An axis around [low, high] with about `count` round ticks and a step of at least `min_step`.
static Axis axis(double low, double high, double from, double to, int count, double min_step = 0) {
    if (!(high > low)) high = low + std::max(1.0, std::abs(low));
    const double rough = std::max((high - low) / count, min_step), power = std::pow(10, std::floor(std::log10(rough)));
    double step = 10 * power;
    for (const double factor : {5.0, 2.0, 1.0})
        if (factor * power >= rough * (1 - 1e-9)) step = factor * power;
    return {low, high, from, to, step};
}

static constexpr double chart_width = 620, chart_height = 260, left = 56, right = 84, top = 16, bottom = 44;

static std::string axes(const LineChart& chart, const Axis& x, const Axis& y) {
    std::string all;
    for (const double tick : y.ticks())
        all += line_at(x.from, y.at(tick), x.to, y.at(tick), "grid") +
               text_at(x.from - 6, y.at(tick) + 4, "end", decimal(tick));
    for (const double tick : x.ticks()) all += text_at(x.at(tick), y.from + 16, "middle", decimal(tick));
    all += line_at(x.from, y.from, x.to, y.from, "axis");
    all += text_at((x.from + x.to) / 2, y.from + 36, "middle", chart.x_label);
    all += element("text",
                   {{"transform", "translate(14," + decimal((y.from + y.to) / 2) + ") rotate(-90)"},
                    {"text-anchor", "middle"},
                    {"class", "soft"}},
                   escaped(chart.y_label));
    for (const LineChart::Mark& mark : chart.marks)
        all += line_at(x.at(mark.x), y.from, x.at(mark.x), y.to, "mark") +
               text_at(x.at(mark.x) + 4, y.to + 10, "start", mark.name);
    return all;
}

static std::string curve_of(const LineChart::Curve& curve, const Axis& x, const Axis& y, bool faint) {
    std::string path, dots;
    const std::size_t every = curve.points.size() / 200 + 1;  // every n-th point has a tooltip
    for (std::size_t i = 0; i < curve.points.size(); ++i) {
        const auto& [px, py] = curve.points[i];
        const std::string cx = decimal(x.at(px), 1), cy = decimal(y.at(py), 1);
        path += (path.empty() ? "M" : "L") + cx + " " + cy;
        if (i % every == 0 || i + 1 == curve.points.size())
            dots += element("circle", {{"cx", cx}, {"cy", cy}, {"r", "4"}, {"class", "dot " + curve.colour}},
                            tooltip(curve.name + ", " + decimal(px) + ": " + decimal(py, 4)));
    }
    return element("path", {{"d", path}, {"class", "curve " + curve.colour + (faint ? " faint" : "")}},
                   tooltip(curve.name)) +
           dots;
}

std::string svg(const LineChart& chart) {
    double x_low = 0, x_high = 1, y_high = 0, y_low = 0;
    for (const LineChart::Curve& curve : chart.curves)
        for (const auto& [px, py] : curve.points)
            x_high = std::max(x_high, px), y_high = std::max(y_high, py), y_low = std::min(y_low, py);
    const Axis x = axis(x_low, x_high, left, chart_width - right, 8, 1);
    const Axis y = axis(y_low, y_high, chart_height - bottom, top, 5);
    std::string inside = axes(chart, x, y);
    const bool many = chart.curves.size() > 2;
    double last_label = -100;
    for (const LineChart::Curve& curve : chart.curves) {
        if (curve.points.empty()) continue;
        inside += curve_of(curve, x, y, many);
        if (many) continue;
        double label = y.at(curve.points.back().second) + 4;
        if (std::abs(label - last_label) < 13) label = last_label + (label < last_label ? -13 : 13);
        last_label = label;
        inside += text_at(x.at(curve.points.back().first) + 8, label, "start", curve.name, "label " + curve.colour);
    }
    return picture(chart_width, chart_height, chart.y_label + " over " + chart.x_label, inside);
}

// Up to `max` characters, with "…" for further ones.
static std::string shortened(const std::string& text, std::size_t max) {
    std::size_t end = 0, count = 0;
    for (; end < text.size(); ++end) {
        const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
        if (begins && count++ == max) return text.substr(0, end) + "…";
    }
    return text;
}

static constexpr double letter = 7.2;  // approximate width of a character

std::string svg(const BarChart& chart) {
    std::size_t longest = 0;
    double max = 0.1;
    for (const BarChart::Bar& bar : chart.bars) {
        longest = std::max(longest, std::min<std::size_t>(bar.name.size(), 40));
        max = std::max(max, bar.share);
    }
    constexpr double height = 20;
    const double from = letter * static_cast<double>(longest) + 16, to = from + 400;
    const double base = height * static_cast<double>(chart.bars.size()) + 14;
    const Axis x = axis(0, max, from, to, 5);
    std::string inside;
    for (const double tick : x.ticks())
        inside += line_at(x.at(tick), 14, x.at(tick), base, "grid") +
                  text_at(x.at(tick), base + 16, "middle", decimal(100 * tick, 2));
    if (chart.mark > 0)
        inside += line_at(x.at(chart.mark), 10, x.at(chart.mark), base, "mark") +
                  text_at(x.at(chart.mark), 8, "middle", chart.mark_name);
    for (std::size_t i = 0; i < chart.bars.size(); ++i) {
        const BarChart::Bar& bar = chart.bars[i];
        const double y = 14 + height * static_cast<double>(i), end = x.at(std::max(bar.share, 0.0));
        inside += text_at(from - 8, y + 14, "end", shortened(bar.name, 38), "label");
        inside += element("rect",
                          {{"x", decimal(from)},
                           {"y", decimal(y + 3)},
                           {"width", decimal(std::max(end - from, 1.0))},
                           {"height", decimal(height - 6)},
                           {"class", bar.bad ? "bar bad" : "bar"}},
                          tooltip(bar.tooltip));
        inside += text_at(end + 6, y + 14, "start", percentage(bar.share), "soft value");
    }
    inside += text_at((from + to) / 2, base + 36, "middle", chart.x_label);
    return picture(to + 70, base + 44, chart.x_label, inside);
}

std::string svg(const HeatMap& map) {
    constexpr double cell = 20, gap = 10, max = 100;
    const bool heads = std::ranges::any_of(map.groups, [](const auto& group) { return group.columns.size() > 1; });
    const double above = heads ? 33 : 20;
    double x = 34, longest = 0;
    std::string inside;
    for (const HeatMap::Group& group : map.groups) {
        const double width = cell * static_cast<double>(group.columns.size());
        inside += text_at(x + width / 2, 12, "middle", group.name, "label");
        for (const HeatMap::Column& column : group.columns) {
            if (group.columns.size() > 1) inside += text_at(x + cell / 2, 27, "middle", column.name);
            for (std::size_t row = 0; row < map.rows.size(); ++row) {
                const double weight = column.weights[row];
                const std::string head = group.columns.size() > 1 ? ", " + map.column + " " + column.name : "";
                inside += element("rect",
                                  {{"x", decimal(x + 1)},
                                   {"y", decimal(above + cell * static_cast<double>(row))},
                                   {"width", decimal(cell - 2)},
                                   {"height", decimal(cell - 2)},
                                   {"class", "cell"},
                                   {"fill-opacity", decimal(std::clamp(weight, 0.0, 1.0))}},
                                  tooltip(group.name + head + ", " + map.rows[row].name + ": " + percentage(weight)));
            }
            x += cell;
        }
        x = std::max(x + gap, x - width + letter * static_cast<double>(group.name.size()) + gap);
    }
    for (std::size_t row = 0; row < map.rows.size(); ++row) {
        const auto& [name, text, marked] = map.rows[row];
        const double y = above + cell * static_cast<double>(row) + 14;
        longest = std::max(longest, std::min(static_cast<double>(text.size()), max + 1));
        inside += text_at(28, y, "end", name, marked ? "label support" : "soft");
        inside +=
            text_at(x + 2, y, "start", (marked ? "● " : "") + shortened(text, 100), marked ? "label support" : "label");
    }
    return picture(x + letter * (longest + 4), above + 7 + cell * static_cast<double>(map.rows.size()), map.title,
                   inside);
}

namespace {
// Where a label lies: its left end, its baseline and its width.
struct Label {
    double x, y, width;

    bool overlaps(const Label& other) const {
        return x < other.x + other.width && other.x < x + width && std::abs(y - other.y) < 13;
    }
};
}  // namespace

std::string svg(const ScatterChart& chart) {
    constexpr double width = 760, height = 560, right_margin = 110;
    double reach = 1e-12;
    for (const ScatterChart::Point& point : chart.points)
        reach = std::max({reach, std::abs(point.x), std::abs(point.y)});
    const double x_reach = reach * (width - left - right_margin) / (height - bottom - top);
    const Axis x = axis(-x_reach, x_reach, left, width - right_margin, 6),
               y = axis(-reach, reach, height - bottom, top, 6);
    std::string inside = axes({chart.x_label, chart.y_label, {}, {}}, x, y), names;
    std::vector<Label> placed;
    for (const auto& [px, py, name, colour] : chart.points) {
        const std::string text = shortened(name, 24);
        const Label label{x.at(px) + 6, y.at(py) + 4,
                          letter * static_cast<double>(std::min<std::size_t>(text.size(), 24))};
        inside += element(
            "circle",
            {{"cx", decimal(x.at(px), 1)}, {"cy", decimal(y.at(py), 1)}, {"r", "3"}, {"class", "point " + colour}},
            tooltip(name));
        if (placed.size() >= chart.labels ||
            std::ranges::any_of(placed, [&](auto& other) { return label.overlaps(other); }))
            continue;
        names += text_at(label.x, label.y, "start", text, "label value");
        placed.push_back(label);
    }
    return picture(width, height, chart.y_label + " over " + chart.x_label, inside + names);
}

}  // namespace kvmem::apps
