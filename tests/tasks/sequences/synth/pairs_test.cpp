#include "kvmem/core/error.hpp"
#include "kvmem/core/file.hpp"
#include "kvmem/tasks/sequences/import.hpp"
#include "kvmem/tasks/sequences/synth_pairs.hpp"
#include "support/temporary_directory.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

using namespace kvmem;
using Catch::Matchers::Contains;

namespace {

// The pair of a line, with the text that each token of the target came from.
struct Line {
    std::string source, target;
    std::vector<std::string> origins;
};

std::vector<Line> lines_of(const PairsDataset& dataset, const std::string& name) {
    const PairSplit& split = dataset.split(name);
    std::vector<Line> lines;
    for (Index i = 0; i < split.size(); ++i) {
        Line line{dataset.source.decode(split.source[i]), dataset.target.decode(split.target[i]), {}};
        for (Index token = 0; token < static_cast<Index>(split.target[i].size()); ++token) {
            std::vector<Token> origins;
            for (const Index at : split.origins(i, token))
                origins.push_back(split.source[i][static_cast<std::size_t>(at)]);
            line.origins.push_back(dataset.source.decode(origins));
        }
        lines.push_back(line);
    }
    return lines;
}

std::vector<Line> made(PairTask task, Index train = 300) {
    return lines_of(synth_pairs({.task = task, .train = train, .valid = 0, .test = 0}), "train");
}

std::vector<std::string> words_of(const std::string& text) {
    const std::string_view texts[] = {text};
    const Units units = Units::learn(UnitKind::words, texts);
    std::vector<std::string> words;
    for (const Token token : units.encode(text)) words.push_back(units.text(token));
    return words;
}

// What a command of SCAN does, by the rules of its paper.
std::string actions(std::string command) {
    const auto ends = [&](const std::string& word) {
        if (!command.ends_with(" " + word)) return false;
        command.resize(command.size() - word.size() - 1);
        return true;
    };
    const auto both = [](const std::string& a, const std::string& b) {
        return a.empty() || b.empty() ? a + b : a + " " + b;
    };
    if (const auto at = command.find(" and "); at != command.npos)
        return both(actions(command.substr(0, at)), actions(command.substr(at + 5)));
    if (const auto at = command.find(" after "); at != command.npos)
        return both(actions(command.substr(at + 7)), actions(command.substr(0, at)));
    for (const int times : {2, 3})
        if (ends(times == 2 ? "twice" : "thrice")) {
            const std::string once = actions(command);
            return times == 2 ? both(once, once) : both(once, both(once, once));
        }
    const bool left = ends("left"), right = !left && ends("right");
    if (left || right) {
        const std::string turn = left ? "I_TURN_LEFT" : "I_TURN_RIGHT";
        const bool opposite = ends("opposite"), around = !opposite && ends("around");
        const std::string quarter = both(opposite ? both(turn, turn) : turn, actions(command));
        return around ? both(both(quarter, quarter), both(quarter, quarter)) : quarter;
    }
    if (command == "turn") return "";
    std::transform(command.begin(), command.end(), command.begin(), [](char c) { return static_cast<char>(c - 32); });
    return "I_" + command;
}

}  // namespace

TEST_CASE("reversed, copied and sorted words come from where they were", "[synth_pairs]") {
    for (const PairTask task : {PairTask::reverse, PairTask::copy, PairTask::sort})
        for (const Line& line : made(task)) {
            std::vector<std::string> expected = words_of(line.source);
            if (task == PairTask::reverse) std::ranges::reverse(expected);
            if (task == PairTask::sort)
                std::ranges::sort(expected, {}, [](const std::string& word) { return std::stoi(word); });
            CHECK(words_of(line.target) == expected);
            for (std::size_t i = 0; i < expected.size(); ++i) {
                const bool known = task != PairTask::sort || std::ranges::count(expected, expected[i]) == 1;
                CHECK(line.origins[i] == (known ? expected[i] : ""));
            }
        }
}

TEST_CASE("sums are right", "[synth_pairs]") {
    for (const Line& line : made(PairTask::add)) {
        const std::size_t plus = line.source.find('+');
        CHECK(std::stoi(line.target) == std::stoi(line.source) + std::stoi(line.source.substr(plus + 1)));
        CHECK(line.origins[0].empty());
    }
}

TEST_CASE("commands are carried out as the grammar says, each action from its word", "[synth_pairs]") {
    const std::map<std::string, std::string> words{{"I_TURN_LEFT", "left"}, {"I_TURN_RIGHT", "right"},
                                                   {"I_WALK", "walk"},      {"I_LOOK", "look"},
                                                   {"I_RUN", "run"},        {"I_JUMP", "jump"}};
    for (const Line& line : made(PairTask::scan, 2000)) {
        CAPTURE(line.source);
        CHECK(line.target == actions(line.source));
        const std::vector<std::string> done = words_of(line.target);
        for (std::size_t i = 0; i < done.size(); ++i) CHECK(line.origins[i] == words.at(done[i]));
    }
}

TEST_CASE("the grammar has 20,910 commands", "[synth_pairs][slow]") {
    const auto size = [](Index train) {
        return synth_pairs({.task = PairTask::scan, .train = train, .valid = 1, .test = 1});
    };
    CHECK(size(16'000).split("train").size() == 16'000);
    CHECK_THROWS_WITH(size(17'500), Contains("lines: expected at most 16") && Contains("no more"));
}

TEST_CASE("commands that training has not are those with more actions, or those of jump with other words",
          "[synth_pairs]") {
    SynthPairs options{.task = PairTask::scan, .train = 2000, .valid = 100, .test = 500};
    const auto check = [&](auto is_new) {
        const PairsDataset made = synth_pairs(options);
        for (const char* split : {"train", "valid", "test"})
            for (const Line& line : lines_of(made, split)) {
                CAPTURE(line.source);
                CHECK(is_new(line) == (std::string(split) == "test"));
                CHECK(line.target == actions(line.source));
            }
        return made;
    };
    options.split = CommandSplit::length, options.max_actions = 26;
    CHECK_THAT(check([](const Line& line) { return line.origins.size() > 26; }).info.generator,
               Catch::Matchers::EndsWith("--split length --max-actions 26"));
    for (const Index wrong : {-1, 0, 48}) {
        options.max_actions = wrong;
        CHECK_THROWS_WITH(synth_pairs(options), Contains("max_actions"));
    }
    options.split = CommandSplit::add_jump;
    const PairsDataset made =
        check([](const Line& line) { return line.source != "jump" && line.source.find("jump") != line.source.npos; });
    CHECK(std::ranges::count(lines_of(made, "train"), "jump", &Line::source) == 200);
    for (const char* split : {"train", "valid", "test"}) {
        std::set<std::string> others;
        for (const Line& line : lines_of(made, split))
            CHECK((others.insert(line.source).second || line.source == "jump"));
        CHECK(others.contains("jump") == (std::string(split) == "train"));
    }
    options.task = PairTask::copy;
    CHECK_THROWS_WITH(synth_pairs(options), Contains("split") && Contains("simple for other tasks than scan"));
}

TEST_CASE("dates are what their texts say", "[synth_pairs]") {
    std::set<std::string> seen;
    static const char* const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
    for (const Line& line : made(PairTask::dates, 3000)) {
        CAPTURE(line.source, line.target);
        REQUIRE(line.target.size() == 10);
        std::string source = line.source;
        std::transform(source.begin(), source.end(), source.begin(),
                       [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        const std::string year = line.target.substr(0, 4), month = line.target.substr(5, 2),
                          day = line.target.substr(8);
        CHECK((line.source.find(year) != line.source.npos || line.source.find(year.substr(2)) != line.source.npos));
        const int number = std::stoi(month);
        CHECK((source.find(months[number - 1]) != source.npos || source.find(std::to_string(number)) != source.npos));
        for (std::size_t i = 0; i < 10; ++i) {
            const std::string& origin = line.origins[i];
            const bool hyphen = i == 4 || i == 7, digits = !origin.empty() && '0' <= origin[0] && origin[0] <= '9';
            CHECK(origin.empty() == hyphen);
            if (digits) CHECK((origin.back() == line.target[i] || origin.size() == 2 || line.target[i] == '0'));
        }
        seen.insert(source.substr(0, 3));
    }
    CHECK(seen.count("the") == 1);
    CHECK(seen.count("wed") == 1);
}

// Zeller's congruence: 0 is Saturday.
static int weekday_of(const std::string& date) {
    int year = std::stoi(date), month = std::stoi(date.substr(5, 2));
    if (month < 3) month += 12, --year;
    return (std::stoi(date.substr(8)) + 13 * (month + 1) / 5 + year + year / 4 - year / 100 + year / 400) % 7;
}

TEST_CASE("dates have the right day of the week", "[synth_pairs]") {
    static const char* const days[] = {"Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"};
    int found = 0;
    for (const Line& line : made(PairTask::dates, 3000))
        for (const char* day : days)
            if (line.source.starts_with(day)) {
                ++found;
                CHECK(std::string(day) == days[weekday_of(line.target)]);
            }
    CHECK(found > 300);
}

TEST_CASE("no source is in two splits or twice in one, whatever the seed", "[synth_pairs]") {
    for (const PairTask task : {PairTask::dates, PairTask::reverse, PairTask::add, PairTask::scan}) {
        std::map<std::string, std::string> splits;
        for (const std::uint64_t seed : {1, 2}) {
            const PairsDataset dataset =
                synth_pairs({.task = task, .seed = seed, .train = 500, .valid = 100, .test = 100});
            dataset.validate("what was made");
            for (const auto& [name, split] : dataset.splits) {
                std::set<std::string> sources;
                for (const Line& line : lines_of(dataset, name)) {
                    CHECK(sources.insert(line.source).second);
                    CHECK(splits.emplace(line.source, name).first->second == name);
                }
            }
        }
    }
}

TEST_CASE("the same seed makes the same pairs, and a larger number more of them", "[synth_pairs]") {
    const SynthPairs options{.task = PairTask::dates, .train = 50, .valid = 5, .test = 0};
    SynthPairs more = options, other = options;
    more.train = 60;
    other.seed = 2;
    CHECK(synth_pairs(options) == synth_pairs(options));
    CHECK_FALSE(synth_pairs(options) == synth_pairs(other));
    const auto few = lines_of(synth_pairs(options), "train"), many = lines_of(synth_pairs(more), "train");
    for (std::size_t i = 0; i < few.size(); ++i) CHECK(few[i].source == many[i].source);
    CHECK(synth_pairs(options).splits.count("test") == 0);
}

TEST_CASE("numbers of pairs that cannot be are refused", "[synth_pairs]") {
    CHECK_THROWS_AS(synth_pairs({.train = 0}), UsageError);
    CHECK_THROWS_AS(synth_pairs({.valid = -1}), UsageError);
    CHECK_THROWS_AS(synth_pairs({.test = max_pairs + 1}), UsageError);
}

TEST_CASE("pairs are written as a data set and as lines that an import reads", "[synth_pairs]") {
    const test::TemporaryDirectory folder;
    const SynthPairs options{.task = PairTask::scan, .train = 400, .valid = 20, .test = 10};
    const auto files = write_pairs(folder / "pairs", options);
    CHECK(files.size() == 4);
    const PairsDataset written = load_pairs(folder / "pairs" / "pairs.h5");
    CHECK(written == synth_pairs(options));
    SequenceImport import;
    import.train = {folder / "pairs" / "train.tsv"};
    import.test = {folder / "pairs" / "test.tsv"};
    const PairsDataset imported = import_pairs(import, {UnitKind::words}, {UnitKind::words});
    CHECK(imported.source == written.source);
    CHECK(imported.split("train").target == written.split("train").target);
    CHECK(imported.split("test").source == written.split("test").source);
    folder.write("file", "");
    CHECK_THROWS_AS(write_pairs(folder / "file", options), Error);
}
