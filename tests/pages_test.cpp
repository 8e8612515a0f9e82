// Holds the pages of the project against its files: links lead somewhere, and C++ is cut from what is compiled and run.
#include "kvmem/core/file.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

const fs::path source = KVMEM_SOURCE_DIR;

std::vector<fs::path> pages() {
    std::vector<fs::path> all;
    for (const char* folder :
         {"", "apps", "apps/examples", "include/kvmem", "src", "src/store/files", "src/tasks/qa", "src/tasks/qa/synth",
          "src/tasks/recommendation", "tests", "tests/bench", "tests/golden", "datasets", "datasets/almanac"})
        for (const auto& entry : fs::directory_iterator(source / folder))
            if (entry.path().extension() == ".md") all.push_back(entry.path());
    return all;
}

// Its lines, with a mark for those of a block of code.
struct Line {
    std::string text, language;  // of the block that it is in; "" outside, "-" if none is named
};
std::vector<Line> lines_of(const fs::path& page) {
    std::vector<Line> all;
    std::string language;
    std::istringstream text(kvmem::read_file(page));
    for (std::string line; std::getline(text, line);) {
        if (line.rfind("```", 0) != 0)
            all.push_back({line, language});
        else if (language.empty())
            language = line.size() > 3 ? line.substr(3) : "-";
        else
            language.clear();
    }
    all.push_back({});
    return all;
}

// What "#..." calls a heading.
std::string anchor_of(const std::string& heading) {
    std::string anchor;
    for (const char c : heading.substr(heading.find_first_not_of("# ")))
        if (c == ' ' || c == '-')
            anchor += '-';
        else if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80))
            anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return anchor;
}

bool has_heading(const fs::path& page, const std::string& anchor) {
    const std::vector<Line> lines = lines_of(page);
    return std::any_of(lines.begin(), lines.end(), [&](const Line& line) {
        return line.language.empty() && line.text.rfind('#', 0) == 0 && anchor_of(line.text) == anchor;
    });
}

// A line without what stands between backticks.
std::string without_code(const std::string& line) {
    std::string text;
    bool code = false;
    for (const char c : line)
        if (c == '`')
            code = !code;
        else if (!code)
            text += c;
    return text;
}

// The targets "](target)" of a page's links within the project.
std::vector<std::string> links_of(const fs::path& page) {
    std::vector<std::string> all;
    for (const Line& line : lines_of(page)) {
        const std::string text = line.language.empty() ? without_code(line.text) : "";
        for (std::size_t at = 0; (at = text.find("](", at)) != std::string::npos;) {
            at += 2;
            const std::string target = text.substr(at, text.find(')', at) - at);
            if (target.find("://") == std::string::npos) all.push_back(target);
        }
    }
    return all;
}

// Lines without what they are indented by.
std::string unindented(const std::string& text) {
    std::string all;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        all += line.substr(std::min(line.find_first_not_of(' '), line.size())) + "\n";
    return all;
}

}  // namespace

TEST_CASE("every link of a page leads to a file and a heading of the project", "[pages]") {
    for (const fs::path& page : pages())
        for (const std::string& link : links_of(page)) {
            CAPTURE(page, link);
            const std::size_t hash = std::min(link.find('#'), link.size());
            const fs::path target = hash == 0 ? page : page.parent_path() / link.substr(0, hash);
            CHECK(fs::exists(target));
            if (hash < link.size()) CHECK(has_heading(target, link.substr(hash + 1)));
        }
}

TEST_CASE("the C++ of a page is a part of an example", "[pages]") {
    std::string examples;
    for (const auto& entry : fs::directory_iterator(source / "apps/examples"))
        if (entry.path().extension() == ".cpp") examples += unindented(kvmem::read_file(entry.path()));
    for (const char* page : {"README.md", "include/kvmem/README.md"}) {
        std::string block;
        for (const Line& line : lines_of(source / page)) {
            if (line.language == "cpp" && line.text.find("// ...") == std::string::npos) {
                block += line.text + "\n";
            } else if (!block.empty()) {
                CAPTURE(page, block);
                CHECK(examples.find(unindented(block)) != std::string::npos);
                block.clear();
            }
        }
    }
}

TEST_CASE("the map of headers links every public header", "[pages]") {
    const fs::path folder = source / "include/kvmem";
    const std::string map = kvmem::read_file(folder / "README.md");
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        const std::string name = entry.path().lexically_relative(folder).string();
        CAPTURE(name);
        if (entry.path().extension() == ".hpp") CHECK(map.find("(" + name + ")") != std::string::npos);
    }
}
