#include "io/units_file.hpp"

#include "kvmem/core/error.hpp"
#include "kvmem/core/number.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>

namespace kvmem {

static UnitKind read_kind(const hdf5::Reader& file, const std::string& group) {
    const std::string name = file.attribute(group, "kind");
    const auto names = choices(UnitKind{});
    const auto kind = std::ranges::find(names, name);
    if (kind == names.end())
        throw Error(
            {.what = "these units are of an unknown kind", .expected = "chars, words or bpe", .got = "'" + name + "'"});
    return static_cast<UnitKind>(kind - names.begin());
}

static std::vector<Units::Merge> read_merges(const hdf5::Reader& file, const std::string& group) {
    const std::vector<Token> tokens = file.int32s(group + "/merges");
    if (tokens.size() % 2 != 0)
        throw Error(
            {.what = "a merge has one token", .expected = "two for each", .got = std::to_string(tokens.size())});
    std::vector<Units::Merge> merges;
    for (std::size_t i = 0; i < tokens.size(); i += 2) merges.emplace_back(tokens[i], tokens[i + 1]);
    return merges;
}

// The names of the marks, which are the last of the texts: "<fra>" is the mark fra.
static std::vector<std::string> read_marks(const hdf5::Reader& file, const std::string& group,
                                           std::span<const std::string> texts) {
    const std::string text = file.attribute(group, "marks");
    const std::optional<std::size_t> count = text.empty() ? 0 : number_of<std::size_t>(text);
    if (!count || *count > texts.size() - std::min<std::size_t>(Units::specials, texts.size()))
        throw Error({.what = "the number of marks is wrong", .expected = "at most that of the units", .got = text});
    std::vector<std::string> names;
    for (const std::string& mark : texts.last(*count))
        names.push_back(mark.size() < 2 ? mark : mark.substr(1, mark.size() - 2));
    return names;
}

static Units read_group(const hdf5::Reader& file, const std::string& group) {
    const UnitKind kind = read_kind(file, group);
    const std::vector<std::string> texts = file.strings(group), marks = read_marks(file, group, texts);
    const std::span<const std::string> others(texts.data(), texts.size() - marks.size());
    const auto symbols = others.subspan(std::min<std::size_t>(Units::specials, others.size()));
    Units units = (kind == UnitKind::bpe ? Units(read_merges(file, group)) : Units(kind, symbols)).with_marks(marks);
    bool same = std::cmp_equal(texts.size(), units.size());
    for (Token token = 0; same && token < units.size(); ++token)
        same = units.text(token) == texts[static_cast<std::size_t>(token)];
    if (!same)
        throw Error({.what = "the texts of the units are wrong", .expected = "those of the specials and their tokens"});
    return units;
}

Units read_units(const hdf5::Reader& file, const std::string& group) {
    try {
        return read_group(file, group);
    } catch (const Error& e) {
        if (!e.problem().where.empty()) throw;
        throw Error(e.problem_at(file.name() + ": " + group));
    }
}

void write_units(hdf5::Writer& file, const std::string& group, const Units& units) {
    std::vector<std::string> texts;
    texts.reserve(static_cast<std::size_t>(units.size()));
    for (Token token = 0; token < units.size(); ++token) texts.push_back(units.text(token));
    file.write(group, std::span<const std::string>(texts));
    file.attribute(group, "kind", choices(units.kind())[static_cast<std::size_t>(units.kind())]);
    if (units.marks() > 0) file.attribute(group, "marks", std::to_string(units.marks()));
    if (units.kind() != UnitKind::bpe) return;
    std::vector<Token> merges;
    for (const auto& [left, right] : units.merges()) merges.insert(merges.end(), {left, right});
    file.write(group + "/merges", std::span<const Token>(merges));
}

std::string units_json(const Units& units) {
    boost::json::object json{{"kind", choices(units.kind())[static_cast<std::size_t>(units.kind())]}};
    if (units.kind() == UnitKind::bpe) {
        boost::json::array& merges = json["merges"].emplace_array();
        for (const auto& [left, right] : units.merges()) merges.push_back({left, right});
    } else {
        boost::json::array& texts = json["texts"].emplace_array();
        for (Token token = 0; token < units.size(); ++token) texts.emplace_back(units.text(token));
    }
    if (units.marks() > 0) {
        boost::json::array& marks = json["marks"].emplace_array();
        for (Token token = units.size() - units.marks(); token < units.size(); ++token)
            marks.emplace_back(units.text(token));
    }
    return boost::json::serialize(json);
}

}  // namespace kvmem
