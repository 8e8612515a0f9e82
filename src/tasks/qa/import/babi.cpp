// The bAbI tasks (Weston et al. 2015, "Towards AI-Complete Question Answering"): stories in which questions are asked.
#include "tasks/qa/import/builder.hpp"
#include "tasks/qa/import/sources.hpp"

#include "kvmem/core/number.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace kvmem {

namespace fs = std::filesystem;

// "17" -> 17; nothing unless it is all of a number from 1.
static std::optional<Index> number_in(std::string_view text) {
    const std::optional<Index> number = number_of<Index>(text);
    return number && *number >= 1 ? number : std::nullopt;
}

// What the name of a file tells: "qa7_counting_train.txt", "qa7_train.txt".
std::optional<BabiName> babi_name(std::string_view file) {
    if (!file.starts_with("qa") || !file.ends_with(".txt")) return std::nullopt;
    file.remove_prefix(2);
    file.remove_suffix(4);
    const std::size_t digits = file.find('_'), last = file.rfind('_');
    if (digits == std::string_view::npos) return std::nullopt;
    const auto task = number_in(file.substr(0, digits));
    const std::string_view split = file.substr(last + 1);
    if (!task || (split != "train" && split != "valid" && split != "test")) return std::nullopt;
    std::string name = "qa" + std::to_string(*task);
    if (last > digits) name += "_" + std::string(file.substr(digits + 1, last - digits - 1));
    return BabiName{*task, std::move(name), std::string(split)};
}

namespace {

// A story as far as it has been read.
struct Story {
    std::map<Index, Index> slot_of;  // by the number of the line
    std::vector<RawQuestion::Slot> slots;

    std::vector<Index> support(std::string_view numbers, const Location& loc) const {
        std::vector<Index> slots_read;
        for (const std::string_view field : split_fields(numbers, ' ')) {
            if (field.empty()) continue;
            const auto line = number_in(field);
            const auto slot = line ? slot_of.find(*line) : slot_of.end();
            if (slot == slot_of.end())
                throw loc.error("no such supporting line", "the number of a line of this story", std::string(field));
            slots_read.push_back(slot->second);
        }
        return slots_read;
    }
};

}  // namespace

static void read_stories(DatasetBuilder& builder, const BabiSource& file, Index& stories,
                         const ImportOptions& options) {
    const Index task = builder.task(file.name.task);
    LineReader lines(file.source, options);
    Story story;
    Index last = 0;
    for (std::string_view line; lines.next(line);) {
        const Location loc = lines.location();
        const std::size_t blank = std::min(line.find(' '), line.size());
        const auto number = number_in(line.substr(0, blank));
        if (!number) throw loc.error("not a line of a story", "'NUMBER text'", std::string(line.substr(0, 40)));
        if (*number <= last && *number != 1)
            throw loc.error("the lines are not in order", "1, or above " + std::to_string(last),
                            std::to_string(*number));
        if (*number == 1) {
            story = {};
            ++stories;
        }
        last = *number;
        const std::vector<std::string_view> fields = split_fields(line.substr(blank), '\t');
        if (fields.size() == 1) {
            story.slot_of[*number] = static_cast<Index>(story.slots.size());
            story.slots.push_back({builder.text(fields[0]), std::nullopt});
            continue;
        }
        if (fields.size() > 3)
            throw loc.error("not a question", "question<TAB>answer<TAB>supporting lines",
                            counted_fields(fields.size()));
        // An answer of several parts, "milk,football", is one answer: the field's convention.
        const auto support = fields.size() == 3 ? story.support(fields[2], loc) : std::vector<Index>{};
        builder.add_question(file.name.split, {.loc = loc,
                                               .text = builder.keep(fields[0]),
                                               .answers = builder.answers({fields[1]}, loc),
                                               .task = task,
                                               .local = std::make_unique<RawQuestion::LocalMemory>(
                                                   RawQuestion::LocalMemory{story.slots, support, stories})});
    }
}

QaDataset babi_from(const std::vector<BabiSource>& files, const ImportOptions& options) {
    DatasetBuilder builder(options);
    Index stories = 0;
    for (const BabiSource& file : files) read_stories(builder, file, stories, options);
    return builder.finish({.avoid_common_words = false});
}

// The files of one folder that no earlier one had, by task and split.
static void find_files(const fs::path& folder,
                       std::map<std::pair<Index, std::string>, std::pair<BabiName, fs::path>>& found) {
    std::error_code failed;
    const auto before = found;
    for (fs::directory_iterator at(folder, failed); !failed && at != fs::directory_iterator(); at.increment(failed)) {
        const fs::path path = at->path();
        auto name = babi_name(path.filename().string());
        if (!name) continue;
        const std::pair key{name->number, name->split};
        if (before.count(key)) continue;
        const auto [first, added] = found.emplace(key, std::pair{std::move(*name), path});
        if (!added)
            throw Error({.what = "two files of one task",
                         .expected = "one for each task and split",
                         .got = first->second.second.filename().string() + " and " + path.filename().string(),
                         .where = folder.string(),
                         .hint = {}});
    }
    if (failed)
        throw Error({.what = "cannot read the folder",
                     .expected = "a folder of bAbI tasks",
                     .got = failed.message(),
                     .where = folder.string(),
                     .hint = {}});
}

static void require_tasks(const std::vector<Index>& tasks, const std::set<Index>& there, const fs::path& folder) {
    for (const Index task : tasks)
        if (!there.count(task))
            throw Error({.what = "no such task",
                         .expected = "a file qa" + std::to_string(task) + "_..._train.txt, _valid.txt or _test.txt",
                         .got = "none",
                         .where = folder.string(),
                         .hint = {}});
    if (there.empty())
        throw Error({.what = "no bAbI tasks here",
                     .expected = "files like qa1_train.txt or qa1_single-supporting-fact_train.txt",
                     .got = "none",
                     .where = folder.string(),
                     .hint = {}});
}

QaDataset import_babi(const std::vector<fs::path>& folders, const std::vector<Index>& tasks,
                      const ImportOptions& options) {
    require_valid_fraction(options);
    if (folders.empty())
        throw UsageError(
            {.what = "nothing to import", .expected = "a folder of bAbI tasks", .got = {}, .where = {}, .hint = {}});
    std::map<std::pair<Index, std::string>, std::pair<BabiName, fs::path>> found;
    for (const fs::path& folder : folders) find_files(folder, found);
    std::set<Index> there;
    for (const auto& [key, file] : found) there.insert(key.first);
    require_tasks(tasks, there, folders.front());
    std::map<Index, std::string> names;  // a task's longest: its files may be called differently
    for (const auto& [key, file] : found)
        if (file.first.task.size() > names[key.first].size()) names[key.first] = file.first.task;
    std::vector<BabiSource> files;
    for (auto& [key, file] : found) {
        if (!tasks.empty() && std::find(tasks.begin(), tasks.end(), key.first) == tasks.end()) continue;
        if (options.valid_fraction > 0 && key.second == "valid")
            throw UsageError({.what = "validation questions are asked for twice",
                              .expected = "files of them or a fraction of the training questions",
                              .got = "both",
                              .where = file.second.string(),
                              .hint = "leave --valid-fraction out"});
        file.first.task = names[key.first];
        files.push_back({std::move(file.first), *read_source(file.second)});
    }
    return babi_from(files, options);
}

}  // namespace kvmem
